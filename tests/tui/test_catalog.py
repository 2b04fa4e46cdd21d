"""The list of models and the tree of parameters: nothing is lost, and the numbers of a module are those of what it holds."""

import math

import numpy as np
import pytest

from mlxgpt.inspection.reports import TensorSummary
from mlxgpt.listing import Entry
from tui.catalog import figures, grown, is_open, listed, node_line, visible_nodes

SHAPES = {
    "embedding.weight": (10, 4), "blocks.0.attn.q_proj.weight": (4, 4), "blocks.0.attn.o_proj.weight": (4, 4),
    "blocks.0.attn_norm.before.weight": (4,), "blocks.1.attn.q_proj.weight": (4, 4), "final_norm.weight": (4,),
}  # fmt: skip


def tensor(name, shape, dtype="bfloat16"):
    none = {"mean": 0.0, "sd": 0.0, "least": 0.0, "most": 0.0, "norm": 0.0, "nans": 0, "infinities": 0}
    return TensorSummary(name=name, shape=shape, dtype=dtype, counts=np.zeros(1, int), edges=np.zeros(2), **none)


def entry(name, **changes):
    return Entry(**{"path": f"/x/{name}", "name": name, "labels": (), "parameters": 5, "bytes": 10} | changes)


@pytest.fixture
def root():
    return grown([tensor(name, shape) for name, shape in SHAPES.items()])


def test_a_module_counts_what_it_holds(root):
    total = sum(map(math.prod, SHAPES.values()))
    assert (root.parameters, root.bytes) == (total, 2 * total)
    assert sum(child.parameters for child in root.children.values()) == total
    assert root.children["blocks"].children["0"].parameters == 36


def test_modules_that_hold_one_thing_are_written_with_it(root):
    names = [node.name for _, node in visible_nodes(root, {"blocks", "blocks.0"})]
    assert names == [
        "embedding.weight",
        "blocks",
        "0",
        "attn",
        "attn_norm.before.weight",
        "1.attn.q_proj.weight",
        "final_norm.weight",
    ]
    paths = {node.path for _, node in visible_nodes(root, {"blocks", "blocks.0", "blocks.0.attn"}) if node.tensor}
    assert paths == set(SHAPES)
    assert "100" in node_line(root, root.parameters) and "100.0%" in node_line(root, root.parameters)


def test_checkpoints_stand_under_their_run():
    rows = listed([entry("nano"), entry("other"), entry("a/step-1"), entry("a/step-2"), entry("b/step-1")])
    assert [row.title for row in rows if row.entry is None] == ["shipped and imported", "run a", "run b"]
    assert [row.title for row in rows if row.entry] == ["nano", "other", "step-1", "step-2", "step-1"]
    assert listed([]) == []


def test_figures_say_what_is_known_and_a_problem_instead():
    text = figures(entry("a", step=1200, validation_loss=1.5, parameters=2_700_000))
    assert "step 1,200" in text and "validation loss 1.500" in text and "2.7 M" in text
    assert figures(entry("a", problem="no weights")) == "unusable: no weights"


def test_the_open_model_is_found_through_links(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert is_open(entry("x", path=str(tmp_path / "link")), tmp_path / "real")
    assert not is_open(entry("x"), None)
