"""The chat page by its keys and the mouse: every token an object, branches, steps, edits, and nothing lost by stopping."""

import dataclasses

import pytest

from mlxgpt.errors import ConfigError
from mlxgpt.events import TokenGenerated
from mlxgpt.inspection.reads import Reads
from tests.tui.chatting import EVIL, RAW, save_endless, token, written
from tests.tui.conftest import SIZES, check_snapshot, drive, screen_text, until
from tui.app import MlxgptApp
from tui.conversation import Conversation
from tui.screens.chat import welcome
from tui.widgets.blocks import Block, Look
from tui.widgets.prompt import Prompt
from tui.widgets.token_card import TokenCard
from tui.widgets.transcript import Transcript


@pytest.fixture(scope="module")
def endless(tmp_path_factory):
    return save_endless(tmp_path_factory.mktemp("model"))


async def ready(pilot, **settings):
    """The page, once the model is there; settings are those of generation."""
    await until(pilot, lambda: pilot.app.bridge.opened is not None)
    page = pilot.app.chat_page

    def change():
        page.bridge.chat.config = page.bridge.chat.config.with_(**{"seed": 5, "max_tokens": 12, "top_k": 20} | settings)

    await page.bridge.ask(change)
    await pilot.pause()
    return page


async def said(pilot, page, text="Oi"):
    """Type, send, and wait for the answer."""
    await pilot.press(*text, "enter")
    await until(pilot, lambda: len(page.talk.path()) > 1 and page.writing is None)
    return page.talk.path()[-1]


def tell(app, story, size=SIZES[1]):
    drive(app, story, size)


def test_what_is_written_is_made_of_tokens_that_are_known(endless):
    async def story(pilot):
        page = await ready(pilot)
        message = await said(pilot, page)
        assert len(message.tokens) == 12 and message.reason == "length" and message.seed == 5
        assert message.text == "".join(each.text for each in message.tokens)
        for each in message.tokens:
            assert isinstance(each, TokenGenerated) and len(each.alternatives) == 8
            assert each.slice[0] - 1e-6 <= each.draw <= each.slice[1] + 1e-6
        assert "12 tok" in screen_text(pilot.app) and "seed 5" in screen_text(pilot.app)

    tell(MlxgptApp(endless), story)


def test_arrows_and_letters_move_the_mouse_selects_and_enter_opens(endless):
    async def story(pilot):
        page = await ready(pilot)
        message = await said(pilot, page, "Ola")
        await pilot.press("escape")
        await until(pilot, lambda: page.chosen == (message, 11))
        await pilot.press("left", "h")
        await until(pilot, lambda: page.chosen == (message, 9))
        await pilot.press("l", "enter")
        await pilot.pause()
        card = page.query_one(TokenCard)
        assert card.has_class("-card")
        assert f"rank {message.tokens[10].rank}" in screen_text(pilot.app)
        await pilot.press("escape", "escape")
        assert page.query_one(Prompt).has_focus
        transcript = page.query_one(Transcript)
        line, column = transcript._place((message.id, 2))
        await pilot.click(Transcript, offset=(column + 1, line))
        await until(pilot, lambda: page.chosen == (message, 2) and transcript.has_focus)

    tell(MlxgptApp(endless), story)


@pytest.mark.parametrize("size", [(50, 30), (80, 24), (120, 40)])
def test_no_word_of_the_welcome_is_cut_and_the_legend_follows(endless, size):
    async def story(pilot):
        await until(pilot, lambda: pilot.app.bridge.opened is not None and "send; esc" in screen_text(pilot.app))
        opened = dataclasses.replace(pilot.app.bridge.opened, name=f"a-{'long-' * 12}name/step-00000025")
        transcript = pilot.app.screen.query_one(Transcript)
        transcript.welcome = welcome(opened)
        transcript.refresh()
        await pilot.pause()
        width = transcript.scrollable_content_region.width
        lines = ["".join(segment.text for segment in transcript.render_line(y)).strip() for y in range(20)]
        shown = "".join("".join(lines).split())
        assert all("".join(said.split()) in shown for said in transcript.welcome)
        legend = next(y for y, line in enumerate(lines) if line.startswith("below 1 nat"))
        assert lines[legend - 1].endswith("surprisal:") and "send" in "".join(lines[legend + 1 : legend + 3])
        assert all(len(line) <= width for line in lines)

    tell(MlxgptApp(endless), story, size)


@pytest.mark.parametrize("width", range(12, 90))
def test_a_heading_has_only_whole_parts(width):
    talk = written()
    answer = talk.path()[-1]
    answer.model, parts = "a-run/step-00000025", ["a-run/step-00000025", "T 0.8", "p 0.95"]
    who, known, where = Block(answer, Look(width=width, place=(1, 2))).heading()
    whole = [" · ".join(parts[:many]) for many in (1, 2, 3)]
    assert known in whole or known in ("", "a") or (known.endswith("…") and " · " not in known)
    assert len(f"{who}  {known} {where}") <= max(width, len(f"{who}   {where}"))
    assert width < 60 or known == "a-run/step-00000025 · T 0.8 · p 0.95"


def test_a_branch_keeps_the_beginning_and_goes_on_from_the_alternative(endless):
    async def story(pilot):
        page = await ready(pilot)
        first = await said(pilot, page)
        await pilot.press("escape", *["left"] * 8, "enter")
        index = page.chosen[1]
        wanted = first.tokens[index].alternatives[page.marked][0]
        await pilot.press("b")
        await until(pilot, lambda: page.writing is None and page.talk.path()[-1] is not first)
        other = page.talk.path()[-1]
        assert other.tokens[:index] == first.tokens[:index]
        assert other.tokens[index].id == wanted != first.tokens[index].id
        assert other.tokens[index].draw is None and other.forced == index + 1
        assert len(other.tokens) == index + 13
        await until(pilot, lambda: page.chosen == (other, index))
        assert "2 of 2" in screen_text(pilot.app)
        await pilot.press("comma")
        await pilot.pause()
        assert page.talk.path()[-1] is first and "1 of 2" in screen_text(pilot.app)
        await pilot.press("full_stop")
        assert page.talk.path()[-1] is other

    tell(MlxgptApp(endless), story)


def test_again_writes_another_answer_even_with_a_fixed_seed_and_continue_goes_on(endless):
    async def story(pilot):
        page = await ready(pilot)
        first = await said(pilot, page)
        await pilot.press("escape", "r")
        await until(pilot, lambda: page.writing is None and page.talk.path()[-1] is not first)
        other = page.talk.path()[-1]
        assert (first.seed, other.seed) == (5, 6) and other.text != first.text
        await pilot.press("u")
        await until(pilot, lambda: page.writing is None and len(other.tokens) == 24)
        assert page.talk.path()[-1] is other

    tell(MlxgptApp(endless), story)


def test_step_by_step_is_the_text_at_once_and_shows_the_number_drawn(endless):
    async def story(pilot):
        page = await ready(pilot, max_tokens=6)
        at_once = await said(pilot, page)
        await ready(pilot, max_tokens=1)
        await pilot.press("escape", "r")
        await until(pilot, lambda: page.writing is None and page.talk.path()[-1] is not at_once)
        message = page.talk.path()[-1]
        message.tokens.clear()
        message.text, message.seed = "", 5
        for count in range(1, 7):
            await pilot.press("space")
            await until(pilot, lambda count=count: page.writing is None and len(message.tokens) == count)
        assert [each.id for each in message.tokens] == [each.id for each in at_once.tokens]
        await until(pilot, lambda: page.chosen == (message, 5))
        await pilot.pause()
        assert f"u {message.tokens[5].draw:.4f}" in screen_text(pilot.app)

    tell(MlxgptApp(endless), story)


def test_escape_stops_at_once_and_what_is_written_stays(endless):
    async def story(pilot):
        page = await ready(pilot, max_tokens=5000)
        await pilot.press("a", "enter")
        await until(pilot, lambda: page.writing is not None and len(page.writing.tokens) > 3)
        message = page.writing
        await pilot.press("escape")
        known = len(message.tokens)
        await until(pilot, lambda: page.writing is None)
        assert message.reason == "stopped" and known <= len(message.tokens) < 2000
        assert page.query_one(Prompt).has_focus
        assert message.text == "".join(each.text for each in message.tokens)
        await pilot.press("escape")
        assert page.query_one(Transcript).has_focus

    tell(MlxgptApp(endless), story)


def test_edits_of_both_sides_are_siblings(endless):
    async def story(pilot):
        page = await ready(pilot)
        first = await said(pilot, page, "Um")
        question = page.talk.path()[0]
        await pilot.press("escape", *["left"] * 12)
        await until(pilot, lambda: page.chosen == (question, -1))
        await pilot.press("E")
        prompt = page.query_one(Prompt)
        await until(pilot, lambda: prompt.text == "Um" and prompt.has_class("-editing") and prompt.has_focus)
        await pilot.press("a", "enter")
        await until(pilot, lambda: page.writing is None and page.talk.path()[-1] is not first)
        assert [message.text for message in page.talk.siblings(question)] == ["Um", "Uma"]
        answer = page.talk.path()[-1]
        await pilot.press("escape")
        page.query_one(Transcript).select(answer, 0)
        await until(pilot, lambda: page.chosen == (answer, 0))
        await pilot.press("E")
        await until(pilot, lambda: page.editing is answer and prompt.has_focus)
        prompt.text = "Zebra"
        await pilot.press("enter")
        await until(pilot, lambda: page.writing is None and page.talk.path()[-1] is not answer)
        rewritten = page.talk.path()[-1]
        assert rewritten.text.startswith("Zebra") and rewritten.forced == 5
        assert all(each.probability is not None for each in rewritten.tokens)
        await pilot.press("escape", "E")
        await until(pilot, lambda: page.editing is rewritten and prompt.has_focus)
        await pilot.press("escape")  # an edit that is left changes nothing
        await until(pilot, lambda: page.editing is None and prompt.text == "")

    tell(MlxgptApp(endless), story)


def test_the_footer_says_what_the_keys_do_while_a_token_is_open(endless):
    async def story(pilot):
        page = await ready(pilot)
        message = await said(pilot, page)
        await pilot.press("escape")
        await until(pilot, lambda: "←→↑↓ Token  ⏎ Open" in screen_text(pilot.app))
        await pilot.press("enter")
        await until(pilot, lambda: "↑↓ Mark  ←→ Token  ⏎ Branch" in screen_text(pilot.app))
        marked = page.marked
        await pilot.press("down")
        await until(pilot, lambda: page.marked == marked + 1)
        await pilot.press("k", "left")
        await until(pilot, lambda: page.chosen == (message, 10))
        await pilot.press("down", "enter")
        await until(pilot, lambda: page.writing is None and page.talk.path()[-1] is not message)
        assert page.talk.path()[-1].forced == 11

    tell(MlxgptApp(endless), story)


def test_an_end_that_is_drawn_again_makes_no_other_version(endless):
    async def story(pilot):
        page = await ready(pilot)
        message = await said(pilot, page)
        # as if the model had ended here, and it will draw this end again: the best one, always
        message.reason, message.tokens[-1] = "eos", dataclasses.replace(message.tokens[-1], text="")
        identity = message.tokens[-1].id
        page.bridge.tokenizer.__dict__["stop_ids"] = frozenset([identity])
        await page.bridge.ask(lambda: page.bridge.chat.window.clear())
        await pilot.press("escape", "u")
        await until(pilot, lambda: page.writing is None and "drew the end again" in screen_text(pilot.app))
        assert page.talk.path()[-1] is message and len(page.talk.messages) == 2
        assert len(message.tokens) == 12

    tell(MlxgptApp(endless, settings={"temperature": 0.0}), story)


@pytest.mark.parametrize("size", SIZES[:2])
def test_what_is_said_stands_above_the_prompt_and_only_the_newest(size):
    async def story(pilot):
        await ready(pilot)
        for number in range(5):
            pilot.app.notify(f"word number {number} of those that are said, which is a long one", title="")
        await until(pilot, lambda: "word number 4" in screen_text(pilot.app))
        lines = screen_text(pilot.app).splitlines()
        assert "word number 3" not in "".join(lines)
        prompt = next(y for y, line in enumerate(lines) if "Write…" in line)
        assert all("said" not in line for line in lines[prompt - 1 :])
        assert lines[prompt].rstrip()[-1] == "│"
        pilot.app.chat_page.show_problem(ConfigError("What was wrong.", hint="What to do."))
        await until(pilot, lambda: "What was wrong." in screen_text(pilot.app))
        assert "Config" not in screen_text(pilot.app)

    drive(MlxgptApp("nano-pt", device="cpu"), story, size)


def test_an_edit_that_is_stopped_at_once_keeps_every_word(endless):
    async def story(pilot):
        page = await ready(pilot, max_tokens=5000)
        first = await said_briefly(pilot, page)
        text = "Zebras não são azuis… é! " * 20
        await pilot.press("E")
        page.query_one(Prompt).text = text
        await pilot.press("enter")
        page.action_stop()
        await until(pilot, lambda: page.writing is None and page.talk.path()[-1] is not first)
        other = page.talk.path()[-1]
        assert other.text.startswith(text) and other.reason == "stopped"
        assert other.text == "".join(each.text for each in other.tokens)
        assert len(other.tokens) >= other.forced == len(page.bridge.tokenizer.encode(text))
        await pilot.press("escape", "u")  # and the model goes on from all of it
        await until(pilot, lambda: page.writing is not None and len(other.tokens) > other.forced + 3)
        page.action_stop()
        await until(pilot, lambda: page.writing is None)
        assert other.text.startswith(text)

    tell(MlxgptApp(endless), story)


async def said_briefly(pilot, page):
    """An answer that was stopped, its last token selected."""
    await pilot.press("a", "enter")
    await until(pilot, lambda: page.writing is not None and len(page.writing.tokens) > 3)
    await pilot.press("escape")
    await until(pilot, lambda: page.writing is None)
    await pilot.press("escape")
    await until(pilot, lambda: page.chosen is not None)
    return page.talk.path()[-1]


def test_history_newlines_pasted_commands_and_escaped_slashes(endless):
    async def story(pilot):
        page = await ready(pilot, max_tokens=1)
        prompt = page.query_one(Prompt)
        await said(pilot, page, "um")
        await said(pilot, page, "dois")
        await pilot.press("x", "up")
        assert prompt.text == "dois"
        await pilot.press("up", "up")
        assert prompt.text == "um"
        await pilot.press("down", "down")
        assert prompt.text == "x"
        await pilot.press("ctrl+j", "y", "up")
        assert prompt.text == "x\ny" and prompt.cursor_location[0] == 0
        prompt.clear()
        prompt.insert("/etc\nfoi lido")
        await pilot.press("enter")
        await until(pilot, lambda: page.writing is None and len(page.talk.path()) == 6)
        assert page.talk.path()[-2].text == "/etc\nfoi lido"
        prompt.insert("//etc")
        await pilot.press("enter")
        await until(pilot, lambda: page.writing is None and len(page.talk.path()) == 8)
        assert page.talk.path()[-2].text == "/etc"
        await pilot.press(*"/temp", "space", *"0.3", "enter")
        await until(pilot, lambda: page.writer.config.sampling.temperature == 0.3)
        assert "T 0.3" in screen_text(pilot.app)
        await pilot.press(*"/tempp", "enter")
        await until(pilot, lambda: "/temp" in screen_text(pilot.app))

    tell(MlxgptApp(endless), story)


def test_a_prompt_is_the_beginning_of_a_completed_text_and_a_new_one_is_a_new_text(endless):
    async def story(pilot):
        page = await ready(pilot)
        await said(pilot, page, "Era")
        await said(pilot, page, "Foi")
        path = page.talk.path()
        assert page.writer.unseen == {path[0].id, path[1].id}
        shown = screen_text(pilot.app)
        assert "no longer read" in shown and "you" not in shown.split()

    tell(MlxgptApp(endless), story)


@pytest.mark.parametrize("size", SIZES)
def test_a_conversation_with_a_token_open(size, monkeypatch):
    reads = Reads(kind="attention", layer=2, head=1, sources=((40, 2, 0.61), (50, 1, 0.2), (60, 9, 0.1)), others=0.09)
    monkeypatch.setattr("mlxgpt.jobs.what_was_read", lambda *_: reads)
    monkeypatch.setattr("tui.terminal.new_hints", lambda *_: [])

    async def story(pilot):
        page = await ready(pilot)
        page.density = "off"
        talk = written()
        talk.path()[-1].model = page.bridge.opened.name  # of another model's tokens nothing is computed
        page.open_talk(talk)
        await pilot.press("escape", *["left"] * 7, "enter")
        await until(pilot, lambda: "L2H1" in screen_text(pilot.app))
        check_snapshot(pilot.app, f"chat-{size[0]}x{size[1]}")

    drive(MlxgptApp("nano-pt", device="cpu"), story, size)


def test_hostile_text_of_people_models_and_notes_is_only_shown(endless):
    async def story(pilot):
        page = await ready(pilot)
        talk = Conversation(title=EVIL)
        talk.add("user", text=EVIL)
        answer = talk.add("assistant", text=EVIL)
        answer.model, answer.settings, answer.notes, answer.reason = EVIL, EVIL, [EVIL], "stopped"
        answer.tokens = [token(EVIL, draw=0.1)]
        page.open_talk(talk)
        await pilot.press("escape", "enter")
        await pilot.pause(0.5)
        shown = screen_text(pilot.app)
        assert "[b]e[/b]" in shown
        assert not any(raw in shown for raw in RAW)
        await pilot.press("E")
        assert "␛" in page.query_one(Prompt).text
        assert not any(raw in screen_text(pilot.app) for raw in RAW)

    tell(MlxgptApp(endless), story, (200, 60))


def test_tokens_of_another_model_are_shown_and_not_gone_on_from(endless):
    async def story(pilot):
        page = await ready(pilot)
        page.open_talk(written())
        await pilot.press("escape", *["left"] * 3, "enter", "b", "u", "space")
        await until(pilot, lambda: "its tokens are not" in screen_text(pilot.app))
        assert page.writing is None and len(page.talk.messages) == 2
        await pilot.press("r")
        await until(pilot, lambda: page.writing is None and len(page.talk.messages) == 3)
        assert page.talk.path()[-1].model == "endless"

    tell(MlxgptApp(endless), story)


def test_every_size_while_the_model_writes(endless):
    async def story(pilot):
        page = await ready(pilot, max_tokens=5000)
        await pilot.press("a", "enter")
        for width, height in [(20, 8), (300, 100), (79, 24), (21, 50), (141, 12), (120, 40)]:
            await pilot.resize_terminal(width, height)
            await pilot.pause(0.05)
            assert page.query_one(Transcript).size.width <= width
        await pilot.press("escape")
        await until(pilot, lambda: page.writing is None)

    tell(MlxgptApp(endless), story)


def test_only_lines_that_changed_are_made_again_and_nothing_is_laid_out(endless):
    async def story(pilot):
        page = await ready(pilot)
        talk = written()
        page.open_talk(talk)
        await pilot.pause()
        transcript, message = page.query_one(Transcript), talk.path()[-1]
        made, laid_out = [], []
        original = transcript._strip
        transcript._strip = lambda block, line: made.append(line) or original(block, line)
        page._refresh_layout = lambda *_, **__: laid_out.append(1)
        for number in range(30):
            message.tokens.append(token(f" p{number}"))
            transcript.grow()
            await pilot.pause()
        assert len(made) <= 30 * 3 and not laid_out
        assert "p29" in screen_text(pilot.app)

    tell(MlxgptApp(endless), story)


def test_the_end_is_followed_unless_somebody_scrolled(endless):
    async def story(pilot):
        page = await ready(pilot)
        talk = written()
        message = talk.path()[-1]
        page.open_talk(talk)
        transcript = page.query_one(Transcript)

        async def more(count):
            for number in range(count):
                message.tokens.append(token(f" p{number}\n"))
            transcript.grow()
            await pilot.pause()

        await more(80)
        assert transcript.scroll_y == transcript.max_scroll_y > 0
        transcript.scroll_to(y=5, animate=False, immediate=True)
        await more(10)
        assert transcript.scroll_y == 5
        transcript.scroll_to(y=transcript.max_scroll_y, animate=False, immediate=True)
        await more(10)
        assert transcript.scroll_y == transcript.max_scroll_y

    tell(MlxgptApp(endless), story)
