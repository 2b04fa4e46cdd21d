"""The live panel: lines that fit, the model's numbers, earlier tokens read again, nobody looking where nothing shows."""

import dataclasses
import math

import numpy as np
import pytest
from foreign_models import GRANITE, make
from rich.cells import cell_len

from mlxgpt import jobs
from mlxgpt.events import TokenGenerated
from tests.tui.conftest import drive, screen_text, until
from tui.app import MlxgptApp
from tui.screens.chat import ChatPage
from tui.widgets.lines import cells_of
from tui.widgets.live import LivePanel, LiveStrip
from tui.widgets.live_state import LEVELS, LiveState, empty, shown_head
from tui.widgets.live_strip import strip
from tui.widgets.live_view import panel
from tui.widgets.prompt import Prompt
from tui.widgets.transcript import Transcript


@pytest.fixture(scope="module")
def watch():
    return jobs.watch(jobs.open_chat("nano-pt", {}, device="cpu"))


@pytest.fixture(scope="module")
def step(watch):
    """After "Era uma vez um", of which " gato" came."""
    ids = watch.tokenizer.encode("Era uma vez um gato")
    return watch.read(ids[:-1], layer=2, drawn=ids[-1])


@pytest.fixture
def recurrent(workplace):
    """A recurrent model after three steps of training."""
    lines = workplace.preset.read_text().splitlines()
    kept = [line for line in lines if not line.startswith(("norm", "ffn", "bias", "position"))]
    workplace.preset.write_text("\n".join(kept).replace("[model]", '[model]\nblock = "rwkv6"\nposition = "none"'))
    workplace.train(steps=3)
    return str(workplace.path / "run")


def text_of(lines):
    return "\n".join("".join(part for part, _ in line) for line in lines)


# ---- what is said, without a screen ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["attention", "state", "effective"])
def test_every_line_fits_whatever_the_room(step, kind):
    if kind != "attention":
        signed = step.weights * np.where(np.arange(step.weights.shape[1]) % 2, 1, -1)
        norms, changes = np.linspace(0.5, 90, 6), np.linspace(0, 2, 6)
        weights = signed if kind == "effective" else step.weights[:, :0]
        step = dataclasses.replace(step, kind=kind, weights=weights, norms=norms, changes=changes, context=0)
    for level in LEVELS:
        state = LiveState(step=step, level=level, surprisals=[0.1, 5.0, 2.0] * 40, speed=123.4, first_seconds=0.01)
        for width in (16, 20, 31, 44, 60, 100):
            for height in (1, 5, 12, 20, 33, 60):
                for lines in (panel(state, width, height), strip(state, width, min(height, 3))):
                    assert len(lines) == min(height, 3) or len(lines) == height
                    assert all(cells_of(line) <= width for line in lines), text_of(lines)


def test_the_panel_says_what_the_model_says(step):
    shown = text_of(panel(LiveState(step=step), 60, 50))
    assert f"H {step.entropy:.2f} nats" in shown
    assert "after « um» came « gato»" in shown and "read again" in shown
    assert f"{step.likely_probability[0]:.1%}" in shown and f"{step.probability:.1%}" in shown
    assert "other 4,0" in shown
    head = shown_head(LiveState(step=step))
    best = int(step.weights[head].argmax())
    assert f"L2 H{head}" in shown and f"«{step.passage.pieces[best]}» {step.weights[head, best]:.2f}" in shown
    assert f"{len(step.passage)} of 256 positions" in shown
    for token, share in zip(step.top.tolist(), step.top_probability.tolist(), strict=True):
        assert f"{step.pieces[token].strip()} {share:.0%}" in shown, shown


def test_a_state_is_not_called_attention(step):
    norms, changes = np.array([3.0, 9.0]), np.array([0.5, 0.1])
    state = dataclasses.replace(
        step, kind="state", weights=step.weights[:2, :0], norms=norms, changes=changes, context=0
    )
    shown = text_of(panel(LiveState(step=state), 60, 50))
    assert "attention of" not in shown and "KV" not in shown
    assert "no attention here" in shown and "H1 █ 9.0 Δ10%" in shown and "the same for any text" in shown


def test_hostile_tokens_stay_on_their_line_and_send_nothing(step):
    evil = "\x1b]52;c;x\x07\n[b]\u202e"
    passage = dataclasses.replace(step.passage, pieces=tuple(evil for _ in step.passage.pieces))
    bad = dataclasses.replace(step, passage=passage, pieces=dict.fromkeys(step.pieces, evil))
    for level in LEVELS:
        state = LiveState(step=bad, level=level)
        for lines in (panel(state, 44, 40), strip(state, 80, 3)):
            shown = text_of(lines)
            assert len(shown.split("\n")) == len(lines)
            assert not set(shown) & {"\x1b", "\x07", "\u202e"}


def test_surprisals_are_those_of_the_message_that_is_shown():
    state = LiveState()
    tokens = [TokenGenerated(id=i, text="", probability=p) for i, p in enumerate((0.5, 0.25, 1.0, None))]
    for token in tokens:
        state.heard(token)
    assert state.surprisals == pytest.approx([math.log(2), math.log(4), 0.0])
    state.selected(tokens, 0)
    assert state.surprisals == pytest.approx([math.log(2)])
    state.restarted()
    assert state.surprisals == [] and state.writing


def test_words_stand_long_enough_to_be_read(step):
    state = LiveState(writing=True)
    first, soon, later = (dataclasses.replace(step, seconds=seconds) for seconds in (1.0, 1.1, 1.9))
    state.saw(first)
    state.saw(soon)
    assert state.step is soon and state.told is first
    state.saw(later)
    assert state.told is later


def test_an_empty_panel_says_what_to_do():
    assert "Write something" in " ".join(empty(LiveState(), 40))
    assert all(cell_len(line) <= 20 for line in empty(LiveState(), 20))


# ---- on the chat page ------------------------------------------------------------------------------------------------


async def answered(pilot, text="Era uma vez", **settings):
    """The chat page after an answer, the live view of its last step done."""
    await until(pilot, lambda: pilot.app.bridge.opened is not None and pilot.app.chat_page.live.watch is not None)
    page: ChatPage = pilot.app.chat_page

    def change():
        page.bridge.chat.config = page.bridge.chat.config.with_(**{"seed": 5, "max_tokens": 12, **settings})

    await page.bridge.ask(change)
    page.query_one(Prompt).put(text)
    await pilot.press("enter")
    await until(pilot, lambda: page.writing is None and len(page.talk.path()) == 2)
    await until(pilot, lambda: page.live.state.chunks is not None and not page.live.state.loading)
    return page


def test_the_last_step_stands_in_the_panel_and_keys_choose_head_layer_and_words():
    async def story(pilot):
        page = await answered(pilot)
        last = page.talk.path()[-1].tokens[-1]
        step = page.live.state.step
        assert step.drawn == last.id and step.probability == pytest.approx(last.probability, rel=1e-3)
        assert "next token" in screen_text(pilot.app) and "one chunk of" in screen_text(pilot.app)
        page.query_one(LivePanel).focus()
        head = shown_head(page.live.state)
        await pilot.press("right")
        assert shown_head(page.live.state) == (head + 1) % 6
        await pilot.press("up")
        await until(pilot, lambda: page.live.state.step.layer == 0)
        assert page.live.state.step.again and f"L0 H{(head + 1) % 6}" in screen_text(pilot.app)
        await pilot.press("e", "e")
        assert page.live.state.level == "code" and "resid_post[0, " in screen_text(pilot.app).replace("\n", " ")

    drive(MlxgptApp("nano-pt", device="cpu"), story, (120, 40))


def test_a_click_on_the_arrow_turns_the_head():
    async def story(pilot):
        page = await answered(pilot)
        widget, head = page.query_one(LivePanel), shown_head(page.live.state)
        row = next(y for y, line in enumerate(widget._lines) if any(role == "mark@head(1)" for _, role in line))
        column = next(x for x in range(widget.size.width) if "".join(text for text, _ in widget._lines[row])[x] == "▸")
        await pilot.click(LivePanel, offset=(column, row))
        assert shown_head(page.live.state) == (head + 1) % 6

    drive(MlxgptApp("nano-pt", device="cpu"), story, (120, 40))


def test_an_earlier_token_shows_the_step_that_drew_it():
    async def story(pilot):
        page = await answered(pilot)
        message = page.talk.path()[-1]
        page.on_selection(message, 2)
        await until(pilot, lambda: page.live.state.step.drawn == message.tokens[2].id and not page.live.state.loading)
        step = page.live.state.step
        assert step.again and step.probability == pytest.approx(message.tokens[2].probability, rel=1e-3)
        assert list(step.passage.ids[-2:]) == [token.id for token in message.tokens[:2]]
        assert len(page.live.state.surprisals) == 3
        assert "read again" in screen_text(pilot.app)

    drive(MlxgptApp("nano-pt", device="cpu"), story, (120, 40))


def test_another_conversation_forgets_the_last_one():
    async def story(pilot):
        page = await answered(pilot)
        page.action_new_chat()
        page.on_selection(None, None)
        await pilot.pause()
        assert page.live.state.step is None and "Write something" in screen_text(pilot.app)

    drive(MlxgptApp("nano-pt", device="cpu"), story, (120, 40))


def test_a_narrow_terminal_has_the_strip_and_nobody_looks_when_it_is_off():
    async def story(pilot):
        page = await answered(pilot)
        assert page.query_one(LiveStrip).display and not page.query_one("#live").display
        await until(pilot, lambda: "next " in screen_text(pilot.app) and "lens" in screen_text(pilot.app))
        page.density = "off"
        await pilot.pause()
        assert not page.query_one(LiveStrip).display and not page.live.watch.on
        page.density = "strip"
        assert page.live.watch.on
        await pilot.resize_terminal(120, 40)
        page.density = "panel"
        await pilot.pause()
        assert page.query_one("#live").display and not page.query_one(LiveStrip).display
        assert page.query_one(Transcript).size.width > 60

    drive(MlxgptApp("nano-pt", device="cpu"), story, (80, 24))


def test_a_recurrent_model_shows_its_state_and_read_again_whose_values_it_takes(recurrent):
    async def story(pilot):
        page = await answered(pilot, "a casa")
        message = page.talk.path()[-1]
        page.on_selection(message, 3)
        await until(pilot, lambda: page.live.state.step.kind == "effective" and not page.live.state.loading)
        shown = screen_text(pilot.app)
        assert "effective attention of" in shown and "the same for any text" in shown and "KV" not in shown

    drive(MlxgptApp(recurrent, device="cpu"), story, (120, 40))


def test_a_foreign_model_chats_and_the_panel_says_why_it_is_empty(tmp_path):
    directory = make(tmp_path / "granite", GRANITE)

    async def story(pilot):
        await until(pilot, lambda: pilot.app.bridge.opened is not None)
        await until(pilot, lambda: "not visible" in screen_text(pilot.app))
        await pilot.press("a", "b", "enter")
        await until(pilot, lambda: "tok/s" in screen_text(pilot.app))
        assert "not visible" in screen_text(pilot.app)

    drive(MlxgptApp(str(directory), settings={"max_tokens": 4}, device="cpu", page="chat"), story, (160, 40))
