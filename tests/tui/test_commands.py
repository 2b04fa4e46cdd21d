"""Commands on the chat page: completed as they are typed, carried out, and told when something is wrong."""

import pytest

from mlxgpt.commands.registry import COMMANDS
from tests.tui.conftest import drive, screen_text, until
from tui.app import MlxgptApp
from tui.commands import ACTS
from tui.completion import candidates
from tui.modals.reading import Reading
from tui.modals.sessions import Sessions
from tui.widgets.completion import Completion
from tui.widgets.prompt import Prompt

# ---- what a line could become ----------------------------------------------------------------------------------------


def lines(typed):
    return [each.line for each in candidates(typed, COMMANDS)]


def test_every_command_is_offered_and_what_is_typed_narrows_it():
    assert len(lines("/")) == len(COMMANDS)
    assert lines("/te")[0] == "/temp " and lines("/TEM")[0] == "/temp "
    assert lines("/tkd") == ["/tokens-demo "]  # letters in order
    assert lines("/quit")[0] == "/exit" and "/top-k " in lines("/top")
    assert lines("/stats") == ["/stats", "/chunk-stats"]


def test_arguments_are_offered_where_they_are_known(tmp_path):
    assert lines("/chunk-strategy se")[:2] == ["/chunk-strategy sentence", "/chunk-strategy semantic"]
    assert lines("/help tem")[0] == "/help temp"
    assert "/explain loss" in lines("/explain ")
    assert lines("/density p") == ["/density panel", "/density strip"]
    assert "/model nano-pt" in lines("/model ")
    assert lines("/compare nano-pt nan") == ["/compare nano-pt nano-pt"]
    (tmp_path / "carta velha.txt").touch()
    (tmp_path / "pasta").mkdir()
    assert lines(f"/load {tmp_path}/car") == [f"/load {tmp_path}/carta velha.txt"]
    assert lines(f"/export md {tmp_path}/p") == [f"/export md {tmp_path}/pasta/"]
    assert lines("/load /nonexistent/x") == []


def test_what_is_no_command_is_not_completed():
    for line in ("", "a", "//etc", "/a\nb", "/nothing-like-it x"):
        assert lines(line) == []


def test_the_app_can_do_what_only_it_can():
    assert {command.name for command in COMMANDS.values() if command.app} <= set(ACTS) <= set(COMMANDS)


# ---- on the page -----------------------------------------------------------------------------------------------------


async def ready(pilot):
    await until(pilot, lambda: pilot.app.bridge.opened is not None)


async def typed(pilot, line):
    """Type a line and send it."""
    pilot.app.chat_page.query_one(Prompt).put(line)
    await pilot.pause()
    await pilot.press("enter")


def no_answer_yet(pilot):
    page = pilot.app.chat_page
    return page.writing is not None or not page.talk.messages


async def answered(pilot, text="Era uma vez"):
    await typed(pilot, "/tokens 8")
    await typed(pilot, "/seed 1")
    await typed(pilot, text)
    await until(pilot, lambda: not no_answer_yet(pilot))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (40, 12)])
def test_commands_are_listed_above_the_prompt_and_tab_takes_one(size):
    async def story(pilot):
        await ready(pilot)
        await pilot.press("slash", "t", "e")
        await until(pilot, lambda: "▸ /temp NUMBER" in screen_text(pilot.app))
        await pilot.press("tab", "0", ".", "5", "enter")
        await until(pilot, lambda: pilot.app.bridge.chat.config.sampling.temperature == 0.5)
        await until(pilot, lambda: "temp is now 0.5" in screen_text(pilot.app))
        assert not pilot.app.chat_page.query_one(Completion).open

    drive(MlxgptApp(), story, size)


def test_arrows_mark_another_and_enter_takes_it():
    async def story(pilot):
        await ready(pilot)
        await pilot.press("slash", "d", "e", "n", "s", "enter")
        await until(pilot, lambda: pilot.app.chat_page.query_one(Prompt).text == "/density ")
        await pilot.press("down", "enter")
        await until(pilot, lambda: pilot.app.chat_page.density == "strip")
        await pilot.press("slash", "escape")
        assert not pilot.app.chat_page.query_one(Completion).open
        assert pilot.app.chat_page.query_one(Prompt).text == "/"

    drive(MlxgptApp(), story)


def test_a_click_takes_one():
    async def story(pilot):
        await ready(pilot)
        await pilot.press("slash", "m")
        await until(pilot, lambda: pilot.app.chat_page.query_one(Completion).open)
        await pilot.pause()
        await pilot.click("Completion", offset=(3, 1))
        await until(pilot, lambda: pilot.app.chat_page.query_one(Prompt).text == lines("/m")[1])

    drive(MlxgptApp(), story)


def test_a_long_answer_is_shown_over_the_page_and_closed():
    async def story(pilot):
        await ready(pilot)
        await answered(pilot)
        for line, shown in (
            ("/help", "/temp NUMBER"),
            ("/explain", "plain:"),
            ("/chunk-stats", "Sizes"),
            ("/stats", "messages"),
        ):
            await typed(pilot, line)
            await until(pilot, lambda: isinstance(pilot.app.screen, Reading))
            await until(pilot, lambda shown=shown: shown in screen_text(pilot.app) and pilot.app.screen.focused)
            await pilot.press("escape")
            await until(pilot, lambda: not isinstance(pilot.app.screen, Reading))

    drive(MlxgptApp(), story, (120, 60))


def test_what_is_wrong_is_said_with_range_and_value():
    async def story(pilot):
        await ready(pilot)
        for line, said in (
            ("/temp 99", "Now it is"), ("/xyz", "There is no command /xyz"), ("/theme nope", "There is no theme"),
            ("/density x", "off, strip, panel"), ("/branch 1", "No token is selected"), ("/export x.doc", "needs a file"),
            ("/inspect", "no answer"), ("/retry", "nothing to go on"), ("/attn 0", "no head"), ("/load", "needs a file"),
        ):  # fmt: skip
            pilot.app.clear_notifications()
            await typed(pilot, line)
            if line == "/export x.doc":
                said = "nothing to export"
            await until(pilot, lambda said=said: said in " ".join(screen_text(pilot.app).split()))

    drive(MlxgptApp(), story, (140, 50))


def test_pages_are_opened_with_what_was_written():
    async def story(pilot):
        await ready(pilot)
        await answered(pilot)
        page = pilot.app.chat_page
        for line, name in (
            ("/tokens-demo", "tokens"),
            ("/chunk-demo x", "chunks"),
            ("/lens", "inspect"),
            ("/attn 0.1", "inspect"),
            ("/ablate 1.2", "inspect"),
        ):
            await typed(pilot, line)
            await until(pilot, lambda name=name: name == pilot.app.screen.NAME)
            if line.startswith("/ablate"):
                await until(pilot, lambda: "without 1.2:" in screen_text(pilot.app))
                assert pilot.app.screen.look.silenced == ((1, 2),)
            await pilot.app.go("chat")
            await until(pilot, lambda: pilot.app.screen is page)

    drive(MlxgptApp(), story)


def test_retry_and_continue_and_branch_work_on_the_tree(tmp_path):
    async def story(pilot):
        await ready(pilot)
        await answered(pilot)
        page = pilot.app.chat_page
        await typed(pilot, "/retry")
        await until(pilot, lambda: len(page.talk.messages) == 3 and page.writing is None)
        before = page.talk.path()[-1].text
        await typed(pilot, "/continue")
        await until(pilot, lambda: page.writing is None and page.talk.path()[-1].text != before)
        await typed(pilot, f"/export {tmp_path / 'a.md'}")
        await until(pilot, lambda: (tmp_path / "a.md").exists())
        assert "Era uma vez" in (tmp_path / "a.md").read_text()
        await typed(pilot, "/reset")
        await until(pilot, lambda: page.talk.messages == {})

    drive(MlxgptApp(), story)


def test_sessions_are_searched_from_the_prompt():
    async def story(pilot):
        await ready(pilot)
        await answered(pilot)
        await typed(pilot, "/search era vez")
        await until(pilot, lambda: isinstance(pilot.app.screen, Sessions) and len(pilot.app.screen._entries) == 1)
        await pilot.press("escape")

    drive(MlxgptApp(), story)


def test_the_palette_finds_commands_and_begins_those_that_need_more():
    async def story(pilot):
        await ready(pilot)
        await pilot.press("ctrl+p")
        await pilot.pause()
        await pilot.press(*"chunk-strat")
        await until(pilot, lambda: "looked through" in screen_text(pilot.app))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.chat_page.query_one(Prompt).text == "/chunk-strategy ")

    drive(MlxgptApp(), story)


def test_quit_ends_the_app():
    async def story(pilot):
        await ready(pilot)
        await typed(pilot, "/quit")
        await until(pilot, lambda: pilot.app._exit)

    drive(MlxgptApp(), story)


def test_what_chat_was_started_with_holds_in_the_app():
    async def story(pilot):
        await ready(pilot)
        chat = pilot.app.bridge.chat
        assert chat.config.sampling.temperature == 0.1 and chat.config.max_tokens == 7 and chat.system == "breve"
        assert chat.config.alternatives > 0
        pilot.app.open_model("nano-pt")
        await until(pilot, lambda: pilot.app.bridge.chat is not chat)
        assert pilot.app.bridge.chat.config == chat.config

    settings = {"max_tokens": 7, "temperature": 0.1, "top_p": None, "seed": None}
    drive(MlxgptApp(settings=settings, system="breve"), story)
