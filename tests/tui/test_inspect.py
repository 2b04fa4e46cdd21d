"""The Inspect page by keyboard and mouse: a text is read, heads are silenced and patched, checkpoints scrubbed through."""

import json
import os
import re

import pytest
from foreign_models import GRANITE, make
from textual.widgets import Input

from tests.tui.conftest import SIZES, SNAPSHOTS, drive, screen_text, until
from tui.app import MlxgptApp
from tui.modals.reading import Reading
from tui.page import Request
from tui.screens.inspect_view import VIEWS
from tui.widgets.head_grid import HeadGrid
from tui.widgets.lens_grid import LensGrid
from tui.widgets.passage_strip import PassageStrip
from tui.widgets.patch_table import PatchTable
from tui.widgets.tensor_view import TensorView

TRANSFORMERS = ("norm", "position", "ffn", "bias")  # settings of the tiny preset that recurrent models do not have
HOSTILE = "a\x1b]52;c;aGk=\x07 [/b][@click=app.quit()]x[/] \u202e\u200b fim"


def inspecting(model="nano-pt"):
    return MlxgptApp(model, device="cpu", page="inspect")


async def read(pilot):
    """Wait until all about the text has come."""
    await until(
        pilot, lambda: getattr(pilot.app.screen, "look", None) is not None and pilot.app.screen.look.stream is not None
    )
    await pilot.pause()


async def rest(pilot):
    """Wait until nothing is being asked any more."""
    await until(pilot, lambda: not any(worker.is_running for worker in pilot.app.workers))
    await pilot.pause()


def check_masked_snapshot(app, name):
    """The page without its numbers and the lengths of its bars, which may differ a little between machines."""
    text = re.sub(r"[-+]?\d[\d.,]*(e[-+]?\d+)?", "#", screen_text(app).partition("\n")[2])
    text = re.sub("[▁▂▃▄▅▆▇█▏▎▍▋▊▉]+ *", "▒", text)
    path, shown = SNAPSHOTS / f"{name}.txt", re.sub(" {2,}", "  ", text) + "\n"
    if os.environ.get("MLXGPT_SNAPSHOTS") == "update":
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8"), f"{path.name} differs; the screen shows:\n{shown}"


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_view_is_drawn_and_looks_as_it_did(size):
    async def story(pilot):
        await read(pilot)
        page = pilot.app.screen
        for name in VIEWS:
            page._open_view(name)
            if name == "tensors":
                await until(pilot, lambda: page.look.values is not None)
            if name == "attribution":
                await until(pilot, lambda: page.look.attribution is not None)
            await rest(pilot)
            check_masked_snapshot(pilot.app, f"inspect-{name}-{size[0]}x{size[1]}")

    drive(inspecting(), story, size)


def test_heads_are_selected_opened_silenced_together_and_heard_again():
    async def story(pilot):
        await read(pilot)
        page = pilot.app.screen
        await pilot.press("j", "l", "l", "x", "down", "right", "x")
        await until(pilot, lambda: page.look.silence is not None and len(page.look.silence.heads) == 2)
        assert page.look.silenced == ((1, 2), (2, 3))
        text = screen_text(pilot.app)
        assert "1.2✗" in text and "2.3✗" in text and "without 1.2 2.3" in text and "→" in text
        await pilot.press("enter")
        await pilot.pause()
        text = screen_text(pilot.app)
        assert "layer 2 head 3" in text and "gives" in text
        key = page.query_one("#map").key
        await pilot.press("left")
        assert page.query_one("#map").key == max(key - 1, 0)
        await pilot.press("escape", "X")
        await pilot.pause()
        assert page.look.silenced == () and "✗" not in screen_text(pilot.app)

    drive(inspecting(), story)


def test_the_cursor_moves_over_tokens_by_key_and_mouse_and_the_lens_follows():
    async def story(pilot):
        await read(pilot)
        page = pilot.app.screen
        last = page.look.at
        await pilot.press("left_square_bracket", "left_square_bracket")
        assert page.look.at == last - 2
        await pilot.click(PassageStrip, offset=(9, 0))
        await pilot.pause()
        assert page.look.at == 1 and "[Era]" in screen_text(pilot.app)
        await pilot.press("tab", "down", "right")
        await pilot.pause()
        assert page.view == "lens" and page.look.at == 2
        assert page.query_one("#lens", LensGrid).at_row == len(page.look.lens.top) - 2
        await pilot.press("m")
        await pilot.pause()
        assert "entropy in nats" in screen_text(pilot.app)

    drive(inspecting(), story)


def test_a_click_selects_a_head_and_two_open_it():
    async def story(pilot):
        await read(pilot)
        page, grid = pilot.app.screen, pilot.app.screen.query_one(HeadGrid)
        await pilot.click(HeadGrid, offset=(2 * grid._cell + 2, grid._tall + 3))
        await pilot.pause()
        assert (page.look.layer, page.look.head) == (1, 2)
        await pilot.click(HeadGrid, offset=(2 * grid._cell + 2, grid._tall + 3), times=2)
        await pilot.pause()
        assert page._zoomed

    drive(inspecting(), story)


def test_a_typed_text_is_read_and_digits_in_it_are_text():
    async def story(pilot):
        await read(pilot)
        page = pilot.app.screen
        await pilot.press("i")
        page.query_one(Input).value = ""
        await pilot.press(*"um 2 3", "enter")
        await until(pilot, lambda: page.look.text == "um 2 3" and page.look.stream is not None)
        assert page.NAME == "inspect" and "".join(page.look.passage.pieces[1:]) == "um 2 3"

    drive(inspecting(), story)


def test_a_text_without_tokens_is_said_and_the_page_goes_on():
    async def story(pilot):
        await read(pilot)
        page = pilot.app.screen
        page.receive(Request(text=""))  # nothing asked: the text stays
        await read(pilot)
        await pilot.press("i")
        page.query_one(Input).value = ""
        await pilot.press("enter")
        await until(pilot, lambda: "no text to look at" in screen_text(pilot.app))
        page.receive(Request(text="Era uma vez", position=2, layer=3, head=2))
        await read(pilot)
        assert (page.look.passage.pieces[page.look.at], page.look.layer, page.look.head) == (" uma", 3, 2)

    drive(inspecting(), story)


def test_an_answer_about_another_text_is_dropped():
    async def story(pilot):
        await read(pilot)
        page, old = pilot.app.screen, pilot.app.screen.look

        def late(inspector, look):
            page.look = page.look.afresh(text="outro texto")
            return inspector.silence(look.text, "0.0", position=look.at)

        await page._fill("silence", "late", late)
        assert page.look.text == "outro texto" and page.look.silence is None and old.tokens is not None

    drive(inspecting(), story)


def test_hostile_text_steers_nothing():
    async def story(pilot):
        await read(pilot)
        page = pilot.app.screen
        page.receive(Request(text=HOSTILE))
        await read(pilot)
        for name in VIEWS:
            page._open_view(name)
            await pilot.pause(0.2)
            text = screen_text(pilot.app)
            assert not any(bad in text for bad in ("\x1b", "\x07", "\u202e", "\u200b"))
        assert "@click" in "".join(page.look.passage.pieces)

    drive(inspecting(), story)


def test_tensors_are_walked_and_their_values_are_those_of_the_model():
    async def story(pilot):
        await read(pilot)
        page = pilot.app.screen
        await pilot.press("tab", "tab")
        await until(pilot, lambda: page.look.values is not None)
        await pilot.press("right", *["down"] * 6)
        await until(pilot, lambda: page.look.values is not None and page.look.values.name == "blocks.1.attn.pattern")
        row = page.look.heads.pattern[1, page.look.head, page.look.at]
        assert page.look.values.row == pytest.approx(row, abs=1e-6)
        await pilot.press("m")
        view = page.query_one(TensorView)
        await until(
            pilot,
            lambda: page.look.walk is not None and page.look.walk.kind == "weights" and page.look.values is not None,
        )
        assert view.kind == "weights" and "q_proj" in screen_text(pilot.app)

    drive(inspecting(), story)


def test_patching_fills_its_table_and_texts_of_other_lengths_are_refused():
    async def story(pilot):
        await read(pilot)
        page = pilot.app.screen
        page.receive(Request(text="um gato era"))
        await read(pilot)
        await pilot.press("p")
        await pilot.pause()
        pilot.app.screen.query_one(Input).value = "um menino era"
        await pilot.press("enter")
        await until(pilot, lambda: page.look.patch is not None and page._feed is None)
        assert page.look.patch.corrupt.text == "um menino era" and "recovers" in screen_text(pilot.app)
        await pilot.press("right")
        assert page.query_one(PatchTable).column >= 1
        await pilot.press("p")
        await pilot.pause()
        pilot.app.screen.query_one(Input).value = "um menino era muito alto"
        await pilot.press("enter")
        await until(pilot, lambda: "patching needs as many" in screen_text(pilot.app))

    drive(inspecting(), story)


def test_silencing_each_head_can_be_stopped():
    async def story(pilot):
        await read(pilot)
        page = pilot.app.screen
        await pilot.press("a")
        await until(pilot, lambda: page.look.patch is not None)
        await pilot.press("escape")
        await pilot.pause()
        assert page._feed is None and page.view == "patch"

    drive(inspecting(), story)


def test_explanations_change_level_and_language_and_show_where_numbers_are_from():
    async def story(pilot):
        await read(pilot)
        await pilot.press("shift+tab")
        await pilot.pause(0.3)
        assert "← blocks.0.attn.pattern[0, 0, 18" in screen_text(pilot.app)
        await pilot.press("e", "g")
        await pilot.pause()
        assert "EXPLAIN · maths · pt" in screen_text(pilot.app)
        await pilot.press("c")
        await until(pilot, lambda: isinstance(pilot.app.screen, Reading))
        assert "def explain(" in screen_text(pilot.app)
        await pilot.press("escape")

    drive(inspecting(), story)


def test_what_is_shown_is_saved_as_the_name_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    async def story(pilot):
        await read(pilot)
        for name in ("heads.svg", "heads.json", "heads"):
            await pilot.press("s")
            await pilot.pause()
            pilot.app.screen.query_one(Input).value = name
            await pilot.press("enter")
            await pilot.pause(0.3)
        await until(pilot, lambda: "does not say what to write" in screen_text(pilot.app))
        assert (tmp_path / "heads.svg").read_text().startswith("<svg")
        assert len(json.loads((tmp_path / "heads.json").read_text())["pattern"]) == 5

    drive(inspecting(), story)


def test_checkpoints_of_a_run_are_scrubbed_through_and_the_place_stays(workplace):
    workplace.train(steps=6, checkpoint_every=2, eval_every=2, out=workplace.runs / "tiny")

    async def story(pilot):
        await read(pilot)
        page = pilot.app.screen
        page.receive(Request(text="a casa azul", position=4))
        await read(pilot)
        at, first = page.look.at, page.look.tokens.loss
        await pilot.press("left_curly_bracket")
        await until(pilot, lambda: page.look.name == "step-00000004" and page.look.stream is not None)
        await pilot.pause()
        assert page.look.at == at and page.look.tokens.loss != first
        assert f"loss {first:.3f} → {page.look.tokens.loss:.3f}" in screen_text(pilot.app)
        await pilot.press("right_curly_bracket")
        await until(pilot, lambda: page.look.name == "step-00000006" and page.look.stream is not None)
        assert page.look.tokens.loss == pytest.approx(first)

    drive(inspecting(str(workplace.runs / "tiny" / "checkpoints" / "step-00000006")), story)


@pytest.mark.parametrize("block", ["rwkv6", "rwkv7"])
def test_recurrent_models_show_what_they_have(block, workplace):
    preset = workplace.path / "r.toml"
    lines = [line for line in workplace.preset.read_text().splitlines() if line.split(" ")[0] not in TRANSFORMERS]
    lines.insert(lines.index("[model]") + 1, f'block = "{block}"\nposition = "none"')
    preset.write_text("\n".join(lines))
    workplace.train(preset=str(preset), steps=2, out=workplace.runs / "r")

    async def story(pilot):
        await until(
            pilot,
            lambda: getattr(pilot.app.screen, "look", None) is not None and pilot.app.screen.look.state is not None,
        )
        page = pilot.app.screen
        page._open_view("states")
        await pilot.pause()
        assert "half-lives" in screen_text(pilot.app)
        page._open_view("heads")
        await pilot.press("x")
        await until(pilot, lambda: page.look.silence is not None)
        assert "takes of" in screen_text(pilot.app) and "half-life" in screen_text(pilot.app)
        await pilot.press("X")
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: "‖S‖" in screen_text(pilot.app))  # no figure of the head is cut
        assert all(word in screen_text(pilot.app) for word in ("takes of", "itself", "half-life", "/8"))
        await pilot.press("tab", "tab", "tab")
        await until(pilot, lambda: page.look.values is not None)
        page.query_one(TensorView).block = 1
        page.receive(Request(word="nano-pt", layer=4))  # another kind of model, without states
        await read(pilot)
        await pilot.pause()
        assert "states" not in page.tabs.titles and page.look.state is None and page.look.layer == 4

    drive(inspecting(str(workplace.runs / "r")), story)


def test_states_are_glyphs_where_there_is_no_colour(workplace, monkeypatch):
    preset = workplace.path / "r.toml"
    lines = [line for line in workplace.preset.read_text().splitlines() if line.split(" ")[0] not in TRANSFORMERS]
    lines.insert(lines.index("[model]") + 1, 'block = "rwkv7"\nposition = "none"')
    preset.write_text("\n".join(lines))
    workplace.train(preset=str(preset), steps=2, out=workplace.runs / "r")
    monkeypatch.setenv("NO_COLOR", "1")

    async def story(pilot):
        await read(pilot)
        await until(pilot, lambda: pilot.app.screen.look.state is not None)
        pilot.app.screen._open_view("states")
        await pilot.pause()
        rows = re.findall(r"│ \d\.\d ([·░▒▓█]{8,}) \d", screen_text(pilot.app))
        assert len(rows) == 12 and any(len(set(row)) > 1 for row in rows), screen_text(pilot.app)

    drive(inspecting(str(workplace.runs / "r")), story, (200, 60))


def test_no_size_is_too_small_or_too_large():
    async def story(pilot):
        await read(pilot)
        for size in ((20, 8), (300, 100)):
            await pilot.resize_terminal(*size)
            for name in VIEWS:
                pilot.app.screen._open_view(name)
                await pilot.pause()
            screen_text(pilot.app)

    drive(inspecting(), story)


def test_the_pictures_say_themselves_why_nothing_is_seen_of_a_foreign_model(tmp_path):
    directory = make(tmp_path / "granite", GRANITE)

    async def story(pilot):
        await until(pilot, lambda: pilot.app.screen.look.problem)
        await rest(pilot)
        for name in ("heads", "lens", "tensors", "attribution", "explain"):
            pilot.app.screen._open_view(name)
            await pilot.pause()
            said = " ".join(line[: 60 if name == "heads" else 70] for line in screen_text(pilot.app).splitlines())
            assert "from inside" in said and "being" not in said, name

    drive(inspecting(str(directory)), story, (160, 50))
