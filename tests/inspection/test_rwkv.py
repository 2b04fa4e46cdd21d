"""What is shown of a recurrent model is what it computes."""

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt.errors import DataError
from mlxgpt.inspection import attention, attribution, roles, rwkv
from mlxgpt.inspection.memory import memory
from mlxgpt.inspection.reports import Part, Passage
from mlxgpt.inspection.trace import Trace, point_names
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.model.initialize import build

IDS = [int(i) for i in np.random.default_rng(3).integers(0, 50, 150)]


def passage(ids: list[int]) -> Passage:
    """Ids as a text."""
    return Passage(model="tiny", text="x" * len(ids), ids=tuple(ids), pieces=tuple(map(str, ids)))


PASSAGE = passage(IDS)


@pytest.fixture
def model(recurrent) -> GPT:
    return recurrent.model


class Watch:
    """Keeps the values and what the first block's heads read."""

    def __init__(self) -> None:
        self.kept: dict[str, mx.array] = {}

    def __call__(self, name, value):
        self.kept[name] = value
        return value

    def wants(self, name):
        return False


def test_effective_attention_times_values_is_what_is_read(model):
    report, watch = rwkv.effective_attention(model, PASSAGE), Watch()
    model(mx.array([IDS]), tap=watch)
    assert report.pattern.shape == (2, 2, 150, 150)
    assert not np.triu(report.pattern, 1).any()
    for layer in range(2):
        v, z = (np.array(watch.kept[f"blocks.{layer}.attn.{name}"])[0] for name in ("v", "z"))
        assert np.abs(report.pattern[layer] @ v - z).max() <= 1e-4 * np.abs(z).max()
    assert (report.own > 0).all() and (report.own < 1).all()
    assert (report.reach >= 1).all()


def test_half_lives_are_those_of_the_decays(model):
    """A state that only fades has half its size after its half-life."""
    lives, watch = rwkv.decay(model, PASSAGE), Watch()
    model(mx.array([IDS]), tap=watch)
    w = np.array(watch.kept["blocks.1.attn.w"])[0]
    decay = np.exp(-np.exp(w)) if model.config.block == "rwkv6" else np.exp(w)
    assert np.allclose(np.median(decay ** lives.usual[1][:, None], axis=1), 0.5, atol=0.02)
    assert (lives.shortest <= lives.usual).all() and (lives.usual <= lives.longest).all()


def test_a_state_that_was_written_once_has_rank_one_and_its_bytes_never_change(model):
    course = rwkv.state(model, passage(IDS[:40]))
    assert course.norm.shape == (2, 2, 40)
    assert np.allclose(course.rank[..., 0], 1.0, atol=1e-3)
    assert (course.rank[..., -1] > 2).all() and (course.rank <= course.head_size).all()
    cache = model.make_cache()
    model(mx.array([IDS[:40]]), cache)
    norm = mx.linalg.norm(cache[1].wkv[0].reshape(2, -1), axis=-1)
    assert np.allclose(np.array(norm), course.norm[1, :, -1], rtol=1e-4)
    assert course.nbytes == sum(state.nbytes for state in cache)


def test_the_token_shift_of_a_new_model_is_its_initial_one():
    for block in ("rwkv6", "rwkv7"):
        model = build(ModelConfig(block=block, vocab_size=50, n_layer=2, n_embd=32, n_head=2, position="none"))
        report = rwkv.shift(model, passage(IDS[:9]))
        assert report.share.shape == (2, len(report.parts), 32)
        key = model.layers[1].att["time_maa_k" if block == "rwkv6" else "x_k"]
        assert np.allclose(report.share[1, report.parts.index("key")], np.array(key), atol=1e-6)


def test_a_state_that_nothing_was_written_to_has_no_rank():
    norm, rank = rwkv.fullness(np.zeros((2, 4, 4), np.float32))
    assert not norm.any() and not rank.any()
    norm, rank = rwkv.fullness(np.eye(4, dtype=np.float32)[None])
    assert (norm, rank) == (pytest.approx([2.0]), pytest.approx([4.0]))


def test_the_parts_of_a_recurrent_model_add_up_to_its_logit(model):
    for t, against in ((3, None), (149, 7)):
        report = attribution.attribution(model, PASSAGE, t, 11, against, str)
        logits = np.array(model(mx.array([IDS])))[0, t]
        assert report.logit == pytest.approx(logits[11] - (0 if against is None else logits[against]), abs=1e-5)
        assert report.shares.sum() == pytest.approx(report.logit, abs=1e-5)
    kinds = [part.kind for part in report.parts]
    assert kinds == ["token", *["head", "head", "channel mixing"] * 2, "final bias"]


def test_what_a_head_adds_is_what_lacks_without_its_channels(model):
    output, trace = model.blocks[1].att.output, Trace("blocks.1.attn.gated", "blocks.1.attn_out")
    trace.run(model, IDS)
    gated, added = trace["blocks.1.attn.gated"][0, -1], trace["blocks.1.attn_out"][0, -1]  # (C,)
    parts = attribution.head_parts(output.weight, 1, gated.reshape(2, 16))
    for part, channels in (
        (Part(kind="head", layer=1, head=0), slice(16)),
        (Part(kind="head", layer=1, head=1), slice(16, 32)),
    ):
        rest = mx.array(gated)
        rest[channels] = 0.0
        assert mx.allclose(parts[part], added - output(rest), atol=1e-5)


def test_every_point_of_a_recurrent_model_is_heard_and_watching_changes_nothing(model):
    trace = Trace("*")
    logits = trace.run(model, IDS)
    assert set(trace.names) == set(point_names(model.config))
    assert len(trace.names) == len(set(trace.names))
    quiet = Trace(*(name for name in trace.names if not name.endswith(".attn.pattern")))
    assert mx.array_equal(quiet.run(model, IDS), model(mx.array([IDS])))
    assert mx.allclose(logits, model(mx.array([IDS])), atol=1e-4)


def test_pieces_of_several_calls_are_joined_along_time(model):
    whole, pieces, cache = Trace("*.attn.w", "*.attn.gated"), Trace("*.attn.w", "*.attn.gated"), model.make_cache()
    whole.run(model, IDS)
    for part in (IDS[:70], IDS[70:]):
        pieces.run(model, part, cache)
    for name in whole.names:
        assert np.allclose(whole.numpy(name), pieces.numpy(name), atol=1e-4), name


def test_memory_of_a_recurrent_model_is_a_state_that_does_not_grow(model):
    short, long = memory(model, passage(IDS[:2])), memory(model, PASSAGE)
    for report in (short, long):
        for part in ("weights", "state", "gradients", "optimizer (AdamW)"):
            assert report.predicted[part] == report.measured[part] > 0, part
        assert not any("cache" in part for part in report.measured)
    assert short.measured["state"] == long.measured["state"]


def test_what_cannot_be_looked_at_is_refused(model):
    transformer = build(ModelConfig(vocab_size=50))
    for look in (rwkv.effective_attention, rwkv.decay, rwkv.state, rwkv.shift):
        with pytest.raises(DataError, match="not a state"):
            look(transformer, PASSAGE)
    for look in (roles.find_roles, lambda model: attention.attention(model, PASSAGE, None)):
        with pytest.raises(DataError, match="no attention") as refused:
            look(model)
        assert "inspect state" in refused.value.hint


def test_own_and_reach_of_a_map_that_is_reckoned_by_hand():
    pattern = np.array([[2, 0, 0], [-1, 1, 0], [-3, 0, 1]], np.float32)
    assert rwkv.own(pattern) == pytest.approx(4 / 8)
    assert rwkv.reach(pattern) == pytest.approx((1 * 1 + 3 * 2) / 4)  # by size, so a minus takes nothing away


def test_half_lives_of_decays_that_are_known():
    half = np.log(0.5)  # a decay of one half: half is left after one token
    assert rwkv.half_lives(np.array([np.log(-half), np.log(-half / 8)]), "rwkv6") == pytest.approx([1.0, 8.0])
    assert rwkv.half_lives(np.array([half, half / 8]), "rwkv7") == pytest.approx([1.0, 8.0])
    assert rwkv.half_lives(np.array([0.0]), "rwkv7") == [np.inf]
