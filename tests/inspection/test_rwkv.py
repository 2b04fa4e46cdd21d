"""What is shown of a recurrent model is what it computes."""

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten, tree_unflatten

from mlxgpt.errors import ConfigError, DataError
from mlxgpt.inspection import rwkv
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.model.initialize import build

IDS = [int(i) for i in np.random.default_rng(3).integers(0, 50, 150)]


@pytest.fixture(params=["rwkv6", "rwkv7"])
def model(request) -> GPT:
    made = build(ModelConfig(block=request.param, vocab_size=50, n_layer=2, n_embd=32, n_head=2, position="none"))
    noise = [
        (name, p + mx.random.normal(p.shape, key=mx.random.key(i)) * 0.1)
        for i, (name, p) in enumerate(tree_flatten(made.parameters()))
    ]
    made.update(tree_unflatten(noise))
    return made


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
    report, watch = rwkv.effective_attention(model, IDS), Watch()
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
    lives, watch = rwkv.half_lives(model, IDS), Watch()
    model(mx.array([IDS]), tap=watch)
    w = np.array(watch.kept["blocks.1.attn.w"])[0]
    decay = np.exp(-np.exp(w)) if model.config.block == "rwkv6" else np.exp(w)
    assert np.allclose(np.median(decay ** lives.usual[1][:, None], axis=1), 0.5, atol=0.02)
    assert (lives.shortest <= lives.usual).all() and (lives.usual <= lives.longest).all()


def test_a_state_that_was_written_once_has_rank_one_and_its_bytes_never_change(model):
    course = rwkv.state_course(model, IDS[:40])
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
        report = rwkv.token_shift(model, IDS[:9])
        assert report.share.shape == (2, len(report.parts), 32)
        key = model.layers[1].att["time_maa_k" if block == "rwkv6" else "x_k"]
        assert np.allclose(report.share[1, report.parts.index("key")], np.array(key), atol=1e-6)


def test_what_cannot_be_looked_at_is_refused(model):
    with pytest.raises(DataError, match="from 1 to 1024"):
        rwkv.half_lives(model, [])
    with pytest.raises(DataError, match="ids from 0 to 49"):
        rwkv.state_course(model, [50])
    with pytest.raises(ConfigError, match="has attention"):
        rwkv.effective_attention(build(ModelConfig(vocab_size=50)), IDS)
