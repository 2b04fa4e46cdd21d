"""The live panel: lines that fit, the model's numbers, earlier tokens read again, nobody looking where nothing shows."""

import dataclasses
import math

import numpy as np
import pytest
from foreign_models import GRANITE, make
from rich.cells import cell_len

from mlxgpt import jobs
from mlxgpt.events import TokenGenerated
from mlxgpt.inspection.explain import explain
from mlxgpt.inspection.focus import Focus
from tests.tui.chatting import written
from tests.tui.conftest import drive, screen_text, until
from tui.app import MlxgptApp
from tui.screens.chat import ChatPage
from tui.widgets.lines import cells_of
from tui.widgets.live_lines import LivePanel, LiveStrip
from tui.widgets.live_state import LEVELS, LiveState, empty, shown_head
from tui.widgets.live_strip import strip
from tui.widgets.live_view import chunks, panel
from tui.widgets.prompt import Prompt
from tui.widgets.token_card import TokenCard
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


def test_a_token_that_was_given_is_not_said_to_be_drawn(step):
    for level in LEVELS:
        said = " ".join(line.text for line in explain(dataclasses.replace(step, given=True), Focus(head=0), level))
        assert "raw" not in said or "not drawn" in said or "no draw" in said, said
    assert "“ gato” was given" in " ".join(line.text for line in explain(dataclasses.replace(step, given=True)))
    assert "Drawn was “ gato”" in " ".join(line.text for line in explain(step))


def test_a_guess_of_the_last_layer_is_not_kept_to_the_end(step):
    last = dataclasses.replace(step, top=np.array([*[int(step.top[-1]) + 1] * (len(step.top) - 1), step.top[-1]]))
    said = " ".join(line.text for line in explain(last))
    assert f"Only the last layer, {len(step.top) - 2}, comes to this guess" in said and "to the end" not in said


def test_a_state_is_not_called_attention(step):
    norms, changes = np.array([3.0, 9.0]), np.array([0.5, 0.1])
    state = dataclasses.replace(
        step, kind="state", weights=step.weights[:2, :0], norms=norms, changes=changes, context=0
    )
    shown = text_of(panel(LiveState(step=state), 60, 50))
    assert "attention of" not in shown and "KV" not in shown
    assert (
        "no attention: state length, Δ share changed, of each head" in shown
        and "H1 █ 9.0 Δ10%" in shown
        and "the same for any text" in shown
    )


def test_words_below_a_state_are_whole_in_a_narrow_panel(step):
    state = dataclasses.replace(step, kind="state", norms=np.array([3.0]), changes=np.array([0.5]), context=0)
    assert "no attention: state length, Δ share changed\n" in text_of(panel(LiveState(step=state), 44, 50))
    assert "no attention: state length\n" in text_of(panel(LiveState(step=state), 42, 50))


def test_figures_of_chunks_are_whole_or_left_out(step):
    chat = jobs.open_chat("nano-pt", {}, device="cpu")
    text = "Era uma vez um gato. " * 12 + "Ele morava longe, perto do mar e do vento. " * 12
    state = LiveState(step=step, chunks=jobs.chunk_context(text, chat))
    (_, [(whole, _)]) = chunks(state, 200, 2)
    parts = whole.split(", ")
    assert len(parts) == 4 and "alike" in parts[-1]
    for kept in (1, 2, 3):
        wide = cell_len(", ".join(parts[:kept]))
        assert chunks(state, wide, 2)[1] == [(", ".join(parts[:kept]), "number")]


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


def test_another_version_of_an_answer_brings_its_own_figures():
    async def story(pilot):
        page = await answered(pilot)
        first = page.talk.path()[-1]
        await pilot.press("escape", "r")
        await until(pilot, lambda: page.writing is None and page.talk.path()[-1] is not first)
        second = page.talk.path()[-1]
        assert [token.id for token in first.tokens] != [token.id for token in second.tokens]
        for key, message in (("comma", first), ("full_stop", second)):
            await pilot.press(key)
            await until(pilot, lambda message=message: read_of(page) == [token.id for token in message.tokens])
            last = message.tokens[-1]
            assert page.live.state.step.probability == pytest.approx(last.probability, rel=1e-3)
            assert len(page.live.state.surprisals) == len(message.tokens)

    drive(MlxgptApp("nano-pt", device="cpu"), story, (120, 40))


def read_of(page):
    """The tokens of the answer whose last step the panel shows, as far as they are its own."""
    step = page.live.state.step
    ids = [*step.passage.ids, step.drawn]
    return ids[-len(page.talk.path()[-1].tokens) :]


def test_of_another_models_tokens_the_panel_says_so():
    async def story(pilot):
        page = await answered(pilot)
        talk = written()
        talk.path()[-1].model = "modern-micro"
        page.open_talk(talk)
        await until(pilot, lambda: "modern-micro wrote this" in screen_text(pilot.app))
        assert page.live.state.step is None

    drive(MlxgptApp("nano-pt", device="cpu"), story, (120, 40))


def test_a_token_that_was_typed_is_explained_as_given():
    async def story(pilot):
        page = await answered(pilot)
        message = page.talk.path()[-1]
        message.forced = 3
        message.tokens[2] = dataclasses.replace(message.tokens[2], draw=None)
        page.on_selection(message, 2)
        await until(pilot, lambda: page.live.state.step.drawn == message.tokens[2].id and not page.live.state.loading)
        assert page.live.state.step.given
        page.on_selection(message, 3)
        await until(pilot, lambda: page.live.state.step.drawn == message.tokens[3].id and not page.live.state.loading)
        assert not page.live.state.step.given

    drive(MlxgptApp("nano-pt", device="cpu"), story, (120, 40))


def test_from_the_tokens_e_changes_the_words_of_the_panel():
    async def story(pilot):
        page = await answered(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: page.query_one(Transcript).has_focus and "e Explain" in screen_text(pilot.app))
        await pilot.press("e")
        await until(pilot, lambda: page.live.state.level == "maths")

    drive(MlxgptApp("nano-pt", device="cpu"), story, (200, 60))


def test_from_the_tokens_e_says_in_words_what_a_strip_has_no_room_for():
    async def story(pilot):
        page = await answered(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: page.query_one(Transcript).has_focus and not page.live.state.loading)
        await pilot.press("e")
        await until(pilot, lambda: "plain: After" in screen_text(pilot.app))
        await pilot.press("escape")
        await until(pilot, lambda: page.query_one(Transcript).has_focus)

    drive(MlxgptApp("nano-pt", device="cpu"), story, (80, 24))


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


@pytest.mark.parametrize("theme", ["mlxgpt-dark", "mlxgpt-light", "textual-light"])
def test_figures_and_frames_are_seen_on_every_ground(theme):
    async def story(pilot):
        await until(pilot, lambda: pilot.app.bridge.opened is not None)
        pilot.app.theme = theme
        await pilot.pause()
        page = pilot.app.chat_page
        for widget in (page.query_one(LivePanel), page.query_one(TokenCard)):
            for role in ("title", "dim", "number"):
                style = widget.rich_style + widget._style(role)
                assert contrast(style.color, style.bgcolor) >= (3 if theme == "textual-light" else 4.5), (
                    type(widget),
                    role,
                    style,
                )
        for widget in (page.query_one(Prompt), page.query_one(TokenCard)):
            widget.add_class("-card")
            page.set_focus(None)
            await pilot.pause()
            frame = widget.styles.border_top[1].rich_color
            assert theme == "textual-light" or contrast(frame, widget.rich_style.bgcolor) >= 3, (widget, frame)

    drive(MlxgptApp("nano-pt", device="cpu"), story, (120, 40))


def contrast(one, other):
    """As WCAG 2 has it: 1 for the same, 21 for black on white."""
    darker, lighter = sorted(luminance(colour) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    parts = [part / 255 for part in colour.get_truecolor()]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_a_foreign_model_chats_and_the_panel_says_why_it_is_empty(tmp_path):
    directory = make(tmp_path / "granite", GRANITE)

    async def story(pilot):
        await until(pilot, lambda: pilot.app.bridge.opened is not None)
        await until(pilot, lambda: "not visible" in screen_text(pilot.app))
        await pilot.press("a", "b", "enter")
        await until(pilot, lambda: "tok/s" in screen_text(pilot.app))
        assert "not visible" in screen_text(pilot.app)

    drive(MlxgptApp(str(directory), settings={"max_tokens": 4}, device="cpu", page="chat"), story, (160, 40))
