"""The tokens page: what is typed is cut, walked over, taken apart and compared."""

import pytest

from mlxgpt import jobs
from tests.tui.conftest import SIZES, check_snapshot, drive, screen_text, until
from tui.app import MlxgptApp
from tui.page import Request
from tui.screens.tokens import TokensPage
from tui.token_view import about_token, notes_of
from tui.widgets.edit_area import EditArea
from tui.widgets.merge_pane import MergePane
from tui.widgets.token_strip import TokenStrip, arrange, piece


def open_page(story, size=SIZES[1]):
    """Drive an app that shows the tokens page, once it has cut its text."""

    async def run(pilot):
        page = pilot.app.screen
        assert isinstance(page, TokensPage)
        await until(pilot, lambda: "tokens ·" in screen_text(pilot.app) and pilot.app.bridge.opened is not None)
        await story(pilot, page)

    drive(MlxgptApp(page="tokens", device="cpu"), run, size)


async def write(pilot, page, text):
    page.query_one(EditArea).load_text(text)
    await until(pilot, lambda: bool(page._found) and page._found[0].text == text)
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
def test_the_page_at_every_size(size):
    async def story(pilot, page):
        await pilot.press("right", "right")
        await pilot.pause()
        check_snapshot(pilot.app, f"tokens-{size[0]}x{size[1]}")

    open_page(story, size)


def test_typing_cuts_and_escape_gives_the_keys_back():
    async def story(pilot, page):
        page.query_one(EditArea).load_text("")
        await pilot.press("e", "1", "2", "space", "q", "escape")
        await until(pilot, lambda: page._found[0].text == "12 q")
        assert page.focused.id == "one" and "4 characters" in screen_text(pilot.app)
        await pilot.press("4")
        assert pilot.app.screen.NAME == "chunks"

    open_page(story)


def test_a_click_chooses_a_token_and_its_merges_are_stepped_through():
    async def story(pilot, page):
        await write(pilot, page, "o coração bate")
        await pilot.click("#one", offset=(6, 1))
        strip, merges = page.query_one("#one", TokenStrip), page.query_one(MergePane)
        assert strip.cursor == 1 and "« coração»" in screen_text(pilot.app)
        count = len(merges._steps.merged)
        assert merges.stage == count > 3
        for _ in range(count):
            await pilot.press("b")
        assert merges.stage == 0 and "step 0 of" in screen_text(pilot.app)
        await pilot.press("space")
        assert merges.stage == 1
        await pilot.click("#merges", offset=(6, 7))
        assert merges.stage == 3

    open_page(story)


def test_a_second_tokenizer_is_compared_and_its_cursor_follows():
    async def story(pilot, page):
        await write(pilot, page, "o coração bate")
        page._load("two", "byte")
        await until(pilot, lambda: len(page._found) == 2)
        await pilot.press("right")
        text = screen_text(pilot.app)
        assert "byte · 265 entries" in text and "╳" in text and "ends alone" in text
        assert page.query_one("#two", TokenStrip).cursor == 1
        await pilot.press("c")
        await until(pilot, lambda: "no comparison" in screen_text(pilot.app))
        await pilot.press("enter")
        await until(pilot, lambda: len(page._found) == 1)
        assert not page.query_one("#two").display

    open_page(story)


def test_specials_are_read_when_asked_for():
    async def story(pilot, page):
        await write(pilot, page, "a<EOS>")
        before = len(page._found[0].ids)
        await pilot.press("x")
        await until(pilot, lambda: len(page._found[0].ids) == 2 < before)
        await pilot.press("right")
        assert "no merge: a special" in screen_text(pilot.app)

    open_page(story)


def test_hostile_text_is_drawn_as_pictures_and_counted_as_it_is():
    hostile = "a\x1b]52;c;eA==\x07\x9b31m\u202e[b]x[/b]\t\0"

    async def story(pilot, page):
        page.receive(Request(text=hostile, position=2))
        await until(pilot, lambda: page._found[0].text == hostile)
        await pilot.press("e", "escape", "right", "v", "space")
        await until(pilot, lambda: "␛]52" in screen_text(pilot.app))
        shown = screen_text(pilot.app)
        await pilot.press("c")
        await until(pilot, lambda: "each byte" in screen_text(pilot.app))
        shown += screen_text(pilot.app)
        assert not any(character in shown for character in "\x1b\x07\x9b\u202e\0") and "␛]52" in shown

    open_page(story)


def test_a_tokenizer_that_is_not_there_is_said():
    async def story(pilot, page):
        page._load("one", "no-such-tokenizer")
        await until(pilot, lambda: "no-such-tokenizer is not" in screen_text(pilot.app).replace("\n", " "))
        assert page._one.word == "nano-pt"

    open_page(story)


def test_a_long_text_is_drawn_in_part_and_counted_whole():
    text = "uma casa azul, " * 20_000

    async def story(pilot, page):
        await write(pilot, page, text)
        assert "300,000 characters" in screen_text(pilot.app) and "10,000 are drawn" in screen_text(pilot.app)
        await pilot.press("end")
        assert page.query_one("#one", TokenStrip).cursor == 9_999

    open_page(story)


def test_an_empty_text_says_what_to_do_and_no_size_raises():
    async def story(pilot, page):
        await write(pilot, page, "")
        assert "Nothing is written yet" in screen_text(pilot.app)
        await pilot.press("right", "down", "end", "space", "i", "v")
        for size in ((20, 8), (40, 12), (300, 100), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            await pilot.press("tab")

    open_page(story)


def test_the_panes_take_turns_where_there_is_room_for_one():
    async def story(pilot, page):
        seen = []
        for _ in range(6):
            await pilot.press("tab")
            await pilot.pause()
            shown = [name for name in ("card", "figures", "merges") if page.query_one(f"#{name}").display]
            seen.append((page.focused.id, *shown))
        assert {("one", "figures"), ("merges", "merges"), ("text", "card")} <= set(seen)

    open_page(story, SIZES[0])


def test_rows_break_where_lines_do_and_at_the_width():
    cells = arrange(["aa", "bb", "c\n", "dd"], [], [False, False, True, False], 4, 0)
    assert [(cell.row, cell.column) for cell in cells] == [(0, 0), (0, 2), (1, 0), (2, 0)]
    assert piece("x" * 100).endswith("…") and piece("\u202e") == "\ufffd"


def test_what_is_said_of_half_a_character():
    tokenizer = jobs.open_tokenizer("byte")
    found, merging = jobs.token_spans(tokenizer, "é"), jobs.watch_merges(tokenizer)
    said = dict(about_token(found, merging, 1))
    assert said["bytes"] == "a9  (1)" and said["character"] == "0 (a part of one)"
    assert notes_of(found, "bytes") == ["c3", "a9"]
