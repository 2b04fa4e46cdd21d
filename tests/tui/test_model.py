"""The Model page: models are listed, opened and looked into; parameters unfold to real numbers; words are compared."""

import numpy as np
import pytest
from rich.cells import cell_len
from rich.style import Style
from textual.widgets import Input

from mlxgpt.inspection.close_reports import ValuesReport
from mlxgpt.inspection.reports import TensorSummary
from tests.tui.conftest import SIZES, drive, screen_text, until
from tests.tui.test_inspect import check_masked_snapshot, rest
from tui.app import MlxgptApp
from tui.catalog import grown
from tui.screens.model_view import VIEWS
from tui.widgets.model_list import ModelList
from tui.widgets.parameter_tree import ParameterTree
from tui.widgets.tensor_view import tensor_picture


def modelling(model="nano-pt"):
    return MlxgptApp(model, device="cpu", page="model")


async def read(pilot):
    await until(pilot, lambda: getattr(pilot.app.screen, "weights", None) is not None)
    await until(pilot, lambda: bool(pilot.app.screen.query_one(ModelList).rows))
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_every_view_looks_as_it_did(size):
    async def story(pilot):
        await read(pilot)
        page = pilot.app.screen
        for name in VIEWS:
            page._open_view(name)
            if name == "words":
                await until(pilot, lambda: page.embeddings is not None)
            await rest(pilot)
            check_masked_snapshot(pilot.app, f"model-{name}-{size[0]}x{size[1]}")
        for small in ((20, 8), (300, 100)):
            await pilot.resize_terminal(*small)
            await pilot.pause()

    drive(modelling(), story, size)


def test_a_tensor_of_the_tree_is_drawn_with_its_real_numbers():
    async def story(pilot):
        await read(pilot)
        page, tree = pilot.app.screen, pilot.app.screen.query_one(ParameterTree)
        await pilot.press("tab", "down", "down", "right", "down", "down", "right", "down")
        await until(pilot, lambda: tree.values is not None and tree.values.name.startswith("blocks.0.attn."))
        node = tree.node
        assert node.tensor.shape == tree.values.shape
        await pilot.pause()
        assert f"norm {node.tensor.norm:.4g}" in screen_text(pilot.app)
        await pilot.press("left")
        assert tree.node.path == "blocks.0.attn"
        await pilot.press("left")
        assert tree.node.path == "blocks.0.attn" and "blocks.0.attn" not in tree.opened
        assert page.weights.kind == "weights"

    drive(modelling(), story)


def summary(shape: tuple[int, int], most: float) -> TensorSummary:
    return TensorSummary(
        name="embedding.weight", shape=shape, dtype="float32", mean=0.0, sd=1.0, least=-most, most=most, norm=1.0, nans=0,
        infinities=0, counts=np.arange(24), edges=np.linspace(-most, most, 25),
    )  # fmt: skip


@pytest.mark.parametrize("width", [20, 40, 58, 70, 120])
def test_what_does_not_fit_beside_a_tensor_ends_in_dots(width):
    tree = ParameterTree(id="parameters")
    tree.root = grown([summary((204_800, 128), 1.0)])
    (line,) = [line.plain for line in tree.paint(width, 9) if "weight" in line.plain or "…" in line.plain]
    assert cell_len(line) <= width and line.endswith(("204800×128 f32", "…"))
    assert line.endswith("f32") == (width >= 70)


@pytest.mark.parametrize("width", [30, 58, 70])
def test_the_title_of_a_picture_has_only_whole_parts(width):
    tensor = summary((2048, 128), 1.23e-5)
    values = ValuesReport(
        model="a", name=tensor.name, kind="weights", shape=tensor.shape, dtype=tensor.dtype, head=None,
        table=np.zeros((94, 64)), each=(22, 2), row=np.zeros(128), at=0,
    )  # fmt: skip
    title = tensor_picture(values, tensor, width, 9, True, Style())[0].plain
    assert title.endswith({30: "…", 58: "█ 1.23e-05", 70: "1.23e-05 · a pixel: max of 22×2"}[width])
    assert cell_len(title) <= width


def test_words_are_typed_and_memory_is_measured_and_saved(tmp_path):
    async def story(pilot):
        await read(pilot)
        page = pilot.app.screen
        await pilot.press("w")
        page.query_one("#typed", Input).value = "gato menina"
        await pilot.press("enter")
        await until(pilot, lambda: page.embeddings is not None and page.embeddings.words == ("gato", "menina"))
        await pilot.press("shift+tab", "m")
        await until(pilot, lambda: page.memory is not None)
        await pilot.pause()
        assert "reckoned" in screen_text(pilot.app)
        await pilot.press("s")
        await pilot.pause()
        pilot.app.screen.query_one(Input).value = str(tmp_path / "memory.svg")
        await pilot.press("enter")
        await until(pilot, lambda: (tmp_path / "memory.svg").is_file())

    drive(modelling(), story)


def test_checkpoints_are_opened_from_the_list_and_a_broken_one_says_why(workplace):
    workplace.train(steps=4, checkpoint_every=2, out=workplace.runs / "tiny")
    broken = workplace.runs / "tiny" / "checkpoints" / "step-00000002" / "model.safetensors"
    broken.write_bytes(b"nothing \x1b[31m")

    async def story(pilot):
        await read(pilot)
        models = pilot.app.screen.query_one(ModelList)
        titles = [row.title for row in models.rows]
        steps = titles[titles.index("run tiny") + 1 :]
        assert steps[0] < steps[-1] == "step-00000004" and "step-00000002" in steps
        await pilot.click(ModelList, offset=(6, titles.index("step-00000004")))
        await pilot.pause()
        assert models.entry.name == "tiny/step-00000004"
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.bridge.opened.word.endswith("step-00000004"))
        await until(pilot, lambda: pilot.app.screen.weights is not None)
        await until(pilot, lambda: "▸● step-00000004" in screen_text(pilot.app))
        await pilot.click(ModelList, offset=(6, titles.index("step-00000002")))
        await pilot.press("enter")
        await until(pilot, lambda: "unusable" in screen_text(pilot.app))
        assert pilot.app.bridge.opened.word.endswith("step-00000004") and "\x1b" not in screen_text(pilot.app)
        await pilot.press("o")
        await pilot.pause()
        pilot.app.screen.query_one(Input).value = "nobody"
        await pilot.press("enter")
        await until(pilot, lambda: "nobody is not a model" in screen_text(pilot.app))
        await pilot.click(ModelList, offset=(6, titles.index("step-00000004")))
        await pilot.press("i")
        await until(pilot, lambda: pilot.app.screen.NAME == "inspect" and pilot.app.screen.look.stream is not None)
        assert pilot.app.screen.look.word.endswith("step-00000004")

    drive(modelling(), story)
