"""Heads silenced together, one block step by step, the values of a tensor: each against the run that it is about."""

import json
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt.display import pictures
from mlxgpt.errors import ConfigError
from mlxgpt.inspection.code import FUNCTIONS, sources
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.trace import Trace, zeroed
from mlxgpt.inspection.walk import scores, small, steps

TEXT = "Era uma vez um gato chamado Tico, que vivia num sítio."


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_silencing_a_set_is_zeroing_each_of_its_heads_in_one_run(nano):
    report = nano.silence(TEXT, [(2, 3), (2, 4), (4, 4)], position=4)

    def both(z):
        return zeroed(head=4)(zeroed(head=3)(z))

    trace = Trace(edits={"blocks.2.attn.z": both, "blocks.4.attn.z": zeroed(head=4)})
    after = softmax(np.array(trace.run(nano.model, report.passage.ids)[0, 4], dtype=np.float64))
    before = softmax(np.array(nano.model(mx.array([report.passage.ids]))[0, 4], dtype=np.float64))
    assert report.after == pytest.approx(after[report.tokens], rel=1e-4)
    assert report.before == pytest.approx(before[report.tokens], rel=1e-4)
    assert (report.guess, report.guess_after) == (before.argmax(), after.argmax())
    assert report.divergence == pytest.approx((before * np.log(before / after)).sum(), rel=1e-3)
    assert np.all(np.diff(np.abs(report.delta)) <= 1e-6)
    assert {report.guess, report.guess_after} <= set(report.tokens.tolist())
    assert report.surprisal[1:] == pytest.approx(nano.tokens(TEXT).surprisal[1:], abs=1e-4)


def test_one_silenced_head_is_what_ablation_finds(nano):
    report = nano.silence(TEXT, [(1, 5)], position=5)
    ablation = nano.ablation(TEXT, position=5)
    at = report.tokens.tolist().index(report.guess)
    logits = np.array(nano.model(mx.array([report.passage.ids]))[0, 5])
    assert ablation.token == report.guess and logits[report.guess] == pytest.approx(ablation.clean, abs=1e-4)
    trace = Trace(edits={"blocks.1.attn.z": zeroed(head=5)})
    edited = np.array(trace.run(nano.model, report.passage.ids)[0, 5], dtype=np.float64)
    assert edited[report.guess] == pytest.approx(ablation.values[1, 5], abs=1e-4)
    assert report.after[at] == pytest.approx(softmax(edited)[report.guess], rel=1e-4)


def test_silencing_no_head_changes_nothing_and_an_unknown_one_is_refused(nano):
    assert np.abs(nano.silence(TEXT, []).delta).max() < 1e-6
    with pytest.raises(ConfigError, match=r"no head 9\.0"):
        nano.silence(TEXT, [(9, 0)])
    assert nano.silence(TEXT, "2.3, 4.1").heads == ((2, 3), (4, 1))
    with pytest.raises(ConfigError, match="'2-3' is no head"):
        nano.silence(TEXT, "2-3")
    with pytest.raises(ConfigError, match="ablation"):
        nano.silence(TEXT, [(0, 0)], kind="loud")


@pytest.mark.parametrize("layer", [0, 3])
def test_the_scores_of_a_walk_give_its_pattern(nano, layer):
    found = steps(nano.model, nano.passage(TEXT), layer)
    names = [name.removeprefix(f"blocks.{layer}.") for name in found]
    assert names[:3] == ["resid_pre", "attn_norm", "attn.q"] and names.index("attn.scores") < names.index(
        "attn.pattern"
    )
    raw = np.array(found[f"blocks.{layer}.attn.scores"], dtype=np.float64)
    T = raw.shape[-1]
    masked = np.where(np.tril(np.ones((T, T), bool)), raw, -np.inf)
    assert np.allclose(softmax(masked), np.array(found[f"blocks.{layer}.attn.pattern"]), atol=1e-5)


def test_scores_of_models_with_shared_keys_and_caps_give_their_pattern(case):
    attn, passage = case.model.blocks[0].attn, case.passage()
    trace = Trace("blocks.0.attn.q", "blocks.0.attn.k", "blocks.0.attn.pattern")
    trace.run(case.model, passage.ids)
    raw = np.array(scores(attn, trace["blocks.0.attn.q"], trace["blocks.0.attn.k"]), dtype=np.float64)
    pattern = trace.numpy("blocks.0.attn.pattern")
    masked = np.where(pattern > 0, raw, -np.inf)
    assert np.allclose(softmax(masked), pattern, atol=1e-5)


def test_the_norm_of_a_walk_is_what_attention_reads(nano):
    found = steps(nano.model, nano.passage(TEXT), 1)
    block = nano.model.blocks[1]
    v = np.array(block.attn.v_proj(found["blocks.1.attn_norm"]))[0]  # (T, K D)
    tapped = np.array(found["blocks.1.attn.v"])[0].swapaxes(0, 1).reshape(len(v), -1)
    assert np.allclose(v, tapped, atol=1e-5)
    outside = [tensor.name for tensor in nano.walk(TEXT, None).tensors]
    assert outside == ["embed", "final_norm", "logits"]


def test_values_are_those_of_the_head_and_position_asked_for(nano):
    passage = nano.passage(TEXT)
    trace = Trace("blocks.2.attn.z")
    trace.run(nano.model, passage.ids)
    report = nano.values("blocks.2.attn.z", TEXT, head=4, position=3)
    assert report.head == 4 and report.at == 3
    assert np.array_equal(report.row, trace.numpy("blocks.2.attn.z")[0, 4, 3])
    assert np.array_equal(report.table, trace.numpy("blocks.2.attn.z")[0, 4])


def test_values_of_weights_and_gradients(nano):
    report = nano.values("embedding.weight", kind="weights", position=17)
    assert np.array_equal(report.row, np.array(nano.model.embedding.weight[17].astype(mx.float32)))
    assert report.table.shape == (96, 96) and report.each == (43, 2)
    gradient = nano.values("final_norm.weight", TEXT, kind="gradients")
    norm = next(t.norm for t in nano.tensors("gradients", TEXT).tensors if t.name == "final_norm.weight")
    assert np.linalg.norm(gradient.row) == pytest.approx(norm, rel=1e-4)
    report = nano.walk(TEXT, 2, kind="gradients")
    assert report.loss == pytest.approx(nano.tensors("gradients", TEXT).loss)
    assert {t.name.split(".")[1] for t in report.tensors} == {"2"}
    names = {t.name for layer in (None, 0, 1, 2, 3, 4) for t in nano.walk("", layer, kind="weights").tensors}
    assert names == {t.name for t in nano.tensors().tensors}
    with pytest.raises(ConfigError, match="no tensor"):
        nano.values("blocks.0.nothing", TEXT)


def test_a_table_shows_what_is_no_number_and_else_the_largest():
    matrix = np.zeros((200, 3), np.float32)
    matrix[5, 1], matrix[4, 1], matrix[150, 2] = -3.0, 2.0, np.nan
    table, each = small(matrix, 100)
    assert each == (2, 1) and table[2, 1] in (-3.0, 2.0) and np.isnan(table[75, 2])
    assert small(matrix[:6], 3)[0][2, 1] == -3.0


def test_recurrent_models_can_be_walked_and_silenced(recurrent):
    tensors = recurrent.walk("abc", 1).tensors
    assert tensors[0].name == "blocks.1.resid_pre" and tensors[-1].name == "blocks.1.resid_post"
    for tensor in tensors:
        assert recurrent.values(tensor.name, "abc", head=1).row.size
    assert np.abs(recurrent.silence("abc", [(0, 0), (1, 1)]).delta).max() > 1e-4


def test_a_patch_grows_layer_by_layer_to_the_whole(nano):
    parts = list(nano.patch_live("um gato era", "um menino era"))
    whole = nano.patch("um gato era", "um menino era")
    assert len(parts) == nano.model.config.n_layer
    for layer, part in enumerate(parts):
        assert np.isnan(part.values[layer + 1 :]).all() and np.array_equal(
            part.values[: layer + 1], whole.values[: layer + 1]
        )
    *_, last = nano.ablation_live("um gato era")
    assert np.array_equal(last.values, nano.ablation("um gato era").values)


@pytest.mark.parametrize("view", FUNCTIONS)
def test_the_source_of_every_view_is_there_and_is_what_its_file_says(view):
    for piece in sources(view):
        text = Path(piece.file).read_text(encoding="utf-8").splitlines()
        assert text[piece.line - 1 :][: len(piece.text.splitlines())] == piece.text.splitlines()
        assert piece.name.rsplit(".", 1)[-1] in piece.text


def test_the_ending_of_a_long_text_is_what_stands_before_the_position(nano):
    text = TEXT * 30
    ids = nano.tokenizer.encode(text)
    longest = nano.model.config.context_length
    for position in (longest, longest + 7, len(ids), -1):
        part, place = nano.ending(text, position)
        passage = nano.passage(part)
        assert place == len(passage) - 1 and len(passage) <= longest
        assert passage.ids[place] == ids[(position - 1) if position > 0 else -1] and part in text
    for position in (3, longest - 1):
        assert nano.ending(text, position) == (text, position)
    assert nano.ending(TEXT, -1) == (TEXT, len(nano.passage(TEXT)) - 1)


def test_silence_is_a_command_whose_data_is_the_report(mlxgpt, nano):
    answer = mlxgpt("inspect", "silence", "--heads", "2.3 4.1", "--text", TEXT, "--json", "--device", "cpu")
    found = json.loads(answer.out)
    assert found["heads"] == [[2, 3], [4, 1]] and found["tokens"] == nano.silence(TEXT, "2.3 4.1").tokens.tolist()
    answer = mlxgpt("inspect", "silence", "--heads", "2.3", "--text", TEXT, "--device", "cpu")
    assert "with 2.3 silenced" in answer.out and "→" in answer.out and answer.code == 0
    assert mlxgpt("inspect", "silence", "--heads", "9.9", "--text", TEXT).code != 0


def test_silence_is_drawn(nano, tmp_path):
    pictures.save(nano.silence(TEXT, "2.3"), Focus(), tmp_path / "x.svg", "svg")
    assert "without 2.3" in (tmp_path / "x.svg").read_text()
