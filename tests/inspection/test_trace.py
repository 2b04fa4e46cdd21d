"""Watching changes nothing, edits change what they say, and all points are heard."""

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt.errors import ConfigError, DataError
from mlxgpt.inspection.trace import (
    BLOCK_POINTS,
    Trace,
    averaged,
    patterns,
    point_names,
    replaced,
    require_attention,
    zeroed,
)


def largest(a: mx.array, b: mx.array) -> float:
    assert a.shape == b.shape
    return mx.abs(a - b).max().item()


def test_hidden_states_and_attention_maps_are_those_of_pytorch(case):
    trace = Trace("embed", "*.resid_post", "*.attn.pattern", "final_norm")
    logits = trace.run(case.model, case.ids)
    layers = range(case.model.config.n_layer)
    hidden = ["embed", *(f"blocks.{layer}.resid_post" for layer in layers[:-1]), "final_norm"]
    assert np.abs(np.stack([trace.numpy(name) for name in hidden]) - case.expected["hidden_states"]).max() <= 5e-5
    assert np.abs(patterns(case.model, case.ids) - case.expected["attentions"]).max() <= 1e-5
    assert np.abs(np.array(logits) - case.expected["logits"]).max() <= 5e-5


def test_every_point_has_a_name_and_every_name_a_point(case):
    trace = Trace("*")
    trace.run(case.model, case.ids)
    assert trace.names == point_names(case.model.config)


def test_watching_all_but_the_pattern_changes_no_bit(case):
    points = [point for point in BLOCK_POINTS if point != "attn.pattern"]
    trace = Trace("embed", "final_norm", "logits", *(f"blocks.*.{point}" for point in points))
    assert not trace.wants("blocks.0.attn.pattern")
    assert mx.array_equal(trace.run(case.model, case.ids), case.model(mx.array(case.ids)))


def test_watching_the_pattern_changes_no_logit_beyond_rounding(case):
    watched = Trace("*").run(case.model, case.ids)
    assert largest(watched, case.model(mx.array(case.ids))) <= 5e-5


@pytest.mark.parametrize("sizes", [[1] * 24, [9, 1, 1, 13]], ids=["tokens", "chunks"])
def test_a_trace_with_a_cache_joins_to_the_trace_of_the_whole(case, sizes):
    ids = case.ids[:, :24]
    whole, pieces, cache = Trace("*"), Trace("*"), case.model.make_cache()
    whole.run(case.model, ids)
    for start, size in zip(np.cumsum([0, *sizes]), sizes, strict=False):
        pieces.run(case.model, ids[:, start : start + size], cache)
    for name in whole.names:
        assert largest(whole[name], pieces[name]) <= 5e-5, name


def test_an_edit_that_keeps_the_value_keeps_the_logits(case):
    trace = Trace(edits={"blocks.*.resid_mid": lambda value: value})
    assert mx.array_equal(trace.run(case.model, case.ids), case.model(mx.array(case.ids)))


def test_a_zeroed_head_is_a_head_without_output_weights(case):
    model, layer, head = case.model, 1, 2
    edited = Trace(edits={f"blocks.{layer}.attn.z": zeroed(head=head)}).run(model, case.ids)
    weight = model.blocks[layer].attn.o_proj.weight
    D = model.config.head_width
    weight[:, head * D : (head + 1) * D] = 0.0
    assert largest(edited, model(mx.array(case.ids))) <= 1e-5


def test_patching_the_whole_stream_gives_the_other_run(case):
    clean, corrupt = mx.array(case.ids[:1]), mx.array(case.ids[1:])
    source = Trace("blocks.1.resid_pre")
    logits = source.run(case.model, clean)
    patched = Trace(edits={"blocks.1.resid_pre": replaced(source["blocks.1.resid_pre"])}).run(case.model, corrupt)
    assert mx.array_equal(patched, logits)


def test_patching_one_position_changes_no_earlier_logit(case):
    clean, corrupt, position = mx.array(case.ids[:1]), mx.array(case.ids[1:]), 5
    source = Trace("blocks.1.resid_pre")
    source.run(case.model, clean)
    edits = {"blocks.1.resid_pre": replaced(source["blocks.1.resid_pre"], position=position)}
    patched, before = Trace(edits=edits).run(case.model, corrupt), case.model(corrupt)
    assert mx.array_equal(patched[:, :position], before[:, :position])
    assert largest(patched[:, position:], before[:, position:]) > 1e-3


def test_averaging_leaves_the_mean_over_positions(case):
    trace = Trace("blocks.0.ffn_out", edits={"blocks.0.ffn_out": averaged()})
    trace.run(case.model, case.ids)
    kept = trace.numpy("blocks.0.ffn_out")
    assert np.abs(kept - kept.mean(axis=1, keepdims=True)).max() <= 1e-6


def test_a_pattern_that_matches_nothing_names_the_nearest_point(case):
    with pytest.raises(ConfigError, match=r"attn\.patern") as refused:
        Trace("blocks.0.attn.patern").run(case.model, case.ids)
    assert "blocks.0.attn.pattern" in refused.value.hint


def test_an_edit_of_another_shape_and_a_head_where_none_is_are_misuse(case):
    with pytest.raises(ValueError, match="embed"):
        Trace(edits={"embed": lambda value: value[:, :1]}).run(case.model, case.ids)
    with pytest.raises(ValueError, match="heads"):
        Trace(edits={"embed": zeroed(head=0)}).run(case.model, case.ids)


def test_a_model_without_attention_offers_its_other_views():
    class Recurrent:
        config = type("Config", (), {"block": "rwkv7", "name": "r"})

    with pytest.raises(DataError, match="no attention") as refused:
        require_attention(Recurrent.config)
    assert "inspect state" in refused.value.hint
