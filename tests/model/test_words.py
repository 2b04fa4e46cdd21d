"""What must hold for every word of a config: the tables prove themselves, and a new entry tests itself."""

import itertools

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_flatten

from mlxgpt.errors import ConfigError
from mlxgpt.model import functional, linux_cpu
from mlxgpt.model.attention import explicit, fused
from mlxgpt.model.cache import KVCache, RotatingKVCache, causal_mask
from mlxgpt.model.config import BIASES, PLACEMENTS, WORDS, ModelConfig
from mlxgpt.model.gpt import BLOCKS, GPT
from mlxgpt.model.initialize import INITS, build
from mlxgpt.model.layers import FFNS, NORMS
from mlxgpt.model.positions import POSITIONS
from mlxgpt.model.shapes import parameter_shapes
from mlxgpt.model.tap import NO_TAP

SMALL = {"vocab_size": 50, "context_length": 24, "n_layer": 2, "n_head": 4, "n_embd": 32}
IDS = mx.random.randint(0, 50, (2, 20), key=mx.random.key(5))
AMOUNTS = {
    "grouped heads": {"n_kv_head": 2},
    "one kv head": {"n_kv_head": 1},
    "wide heads": {"head_dim": 16},
    "narrow ffn": {"d_ffn": 24},
    "attention scale": {"attn_scale": 0.5},
    "attention soft-cap": {"attn_softcap": 2.0},
    "logit soft-cap": {"logit_softcap": 3.0},
    "window": {"sliding_window": 5},
    "window in some layers": {"sliding_window": 5, "layer_pattern": "SF", "position": "rope", "rope_local_theta": 50.0},
    "embedding scale": {"embed_scale": 4.0},
    "untied": {"tie_embeddings": False},
    "dropout, which rests": {"dropout": 0.5},
    **{
        f"{block} {what}": {"block": block, "position": "none"} | change
        for block in ("rwkv6", "rwkv7")
        for what, change in {
            "ranks": {"decay_rank": 8, "d_ffn": 24, "tie_embeddings": False},
            "learned state": {"learned_state": True},
            "documents that end": {"document_end": int(IDS[0, 7].item())},
            "wide vocabulary scale": {"embed_scale": 4.0, "logit_softcap": 3.0},
        }.items()
    },
}
# a word alone changes little where another hides it: RoPE is stretched only with RoPE
WITH = {
    "block": {"position": "none"},
    "rope_scaling": {"position": "rope", "rope_factor": 4.0, "rope_original_context": 8},
}
WORD_CASES = [(field, {field: word} | WITH.get(field, {})) for field, words in WORDS.items() for word in words]
CASES = [pytest.param(change, id=f"{field}={change[field]}") for field, change in WORD_CASES] + [
    pytest.param(change, id=name) for name, change in AMOUNTS.items()
]
PAIRS = [
    pytest.param(
        {"norm": norm, "norm_placement": place, "position": position, "bias": bias, "qk_norm": qk}, id="-".join(words)
    )
    for words in itertools.product(
        *(WORDS[field] for field in ("norm", "norm_placement", "position", "bias", "qk_norm"))
    )
    for norm, place, position, bias, qk in [words]
]


def model_of(change, seed=1) -> GPT:
    """A model with no zeros in it, so that every part has a say."""
    model = build(ModelConfig(**{**SMALL, **change}), seed)
    parameters = tree_flatten(model.parameters())
    keys = mx.random.split(mx.random.key(seed), len(parameters))
    noisy = [
        (name, p + mx.random.normal(p.shape, key=key) * 0.1) for (name, p), key in zip(parameters, keys, strict=True)
    ]
    model.load_weights(noisy)
    return model


def close(a, b, tolerance=2e-5):
    assert a.shape == b.shape
    assert mx.abs(a - b).max().item() <= tolerance


class Everything:
    """A tap that wants all there is."""

    def __init__(self):
        self.names = []

    def __call__(self, name, value):
        self.names.append(name)
        return value

    def wants(self, name):
        return True


@pytest.mark.usefixtures("formulation")
@pytest.mark.parametrize("change", CASES)
class TestEveryWord:
    def test_a_later_token_never_changes_earlier_logits(self, change):
        model = model_of(change)
        changed = mx.concatenate([IDS[:, :12], (IDS[:, 12:] + 7) % 50], axis=1)
        before, after = model(IDS), model(changed)
        # RWKV-7 sees the decays of a chunk from its middle: a rounding, and no more, reaches back
        close(before[:, :12], after[:, :12], 1e-5 if change.get("block") == "rwkv7" else 0.0)
        assert not mx.array_equal(before[:, 12:], after[:, 12:])

    @pytest.mark.parametrize("sizes", [[1] * 20, [9, 1, 6, 4]], ids=["tokens", "chunks"])
    def test_cached_decoding_equals_the_full_pass(self, change, sizes):
        model = model_of(change)
        cache, pieces = model.make_cache(), []
        for start, size in zip(np.cumsum([0, *sizes]).tolist(), sizes, strict=False):
            pieces.append(model(IDS[:, start : start + size], cache))
        close(mx.concatenate(pieces, axis=1), model(IDS))

    def test_watching_never_changes_the_logits(self, change):
        model, tap = model_of(change), Everything()
        close(model(IDS, tap=tap), model(IDS))
        for name in (
            "embed",
            "blocks.0.resid_pre",
            "blocks.1.attn.pattern",
            "blocks.1.ffn_out",
            "final_norm",
            "logits",
        ):
            assert name in tap.names

    def test_every_parameter_has_a_gradient(self, change):
        model = model_of(change)

        def loss(model):
            return functional.cross_entropy(model(IDS[:, :-1]), IDS[:, 1:]).mean()

        import mlx.nn as nn

        gradients = tree_flatten(nn.value_and_grad(model, loss)(model)[1])
        assert {name for name, _ in gradients} == parameter_shapes(model.config).keys()
        # a bias of keys moves all scores of a query alike: its gradient is zero
        assert all(mx.abs(g).max().item() > 0 for name, g in gradients if not name.endswith("k_proj.bias"))


@pytest.mark.parametrize("change", [*CASES, *PAIRS])
def test_shapes_are_those_of_the_model(change):
    config = ModelConfig(**{**SMALL, **change})
    real = {name: parameter.shape for name, parameter in tree_flatten(GPT(config).parameters())}
    assert parameter_shapes(config) == real


def test_the_words_are_the_tables_of_parts():
    tables = {"block": BLOCKS, "norm": NORMS, "norm_placement": PLACEMENTS, "ffn": FFNS, "position": POSITIONS}
    tables |= {"bias": BIASES, "init": INITS}
    for field, table in tables.items():
        assert set(WORDS[field]) == set(table), field


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"norm": "layer_norm"}, "norm = 'layer_norm'"),
        ({"n_embd": 30}, "cannot be divided into n_head = 4"),
        ({"n_kv_head": 3}, "not a multiple of n_kv_head = 3"),
        ({"n_layer": 0}, "n_layer must be at least 1"),
        ({"vocab_size": -1}, "vocab_size must not be negative"),
        ({"dropout": 1.0}, "dropout must be in"),
        ({"layer_pattern": "SX"}, "layer_pattern"),
        ({"layer_pattern": ""}, "layer_pattern"),
        ({"norm_eps": float("nan")}, "norm_eps must be a finite number"),
        ({"rope_theta": float("inf")}, "rope_theta must be a finite number"),
        ({"rope_theta": 0.0}, "rope_theta must be above zero"),
        ({"n_layer": 10**9}, "n_layer = 1000000000 is beyond any model"),
        ({"n_embd": 10**12}, "n_embd = 1000000000000 is beyond any model"),
        ({"rope_scaling": "llama3"}, "needs rope_original_context"),
        ({"position": "rope", "head_dim": 7}, "even width"),
        ({"block": "rwkv6"}, "knows the order of tokens by itself"),
        ({"block": "rwkv7", "position": "none", "norm": "rmsnorm"}, "block 'rwkv7' has no norm"),
        ({"block": "rwkv7", "position": "none", "head_dim": 16}, "must be n_embd / n_head wide"),
        ({"learned_state": True}, "learned_state is a setting of recurrent blocks"),
        ({"block": "rwkv7", "position": "none", "document_end": 50}, "document_end = 50"),
        ({"position": "sinusoidal", "n_embd": 33, "n_head": 3}, "even n_embd"),
    ],
)
def test_a_shape_that_cannot_be_built_is_refused_with_its_name(change, what):
    with pytest.raises(ConfigError) as caught:
        ModelConfig(**{**SMALL, **change})
    assert what in caught.value.message


def test_a_wrong_word_names_the_nearest():
    with pytest.raises(ConfigError) as caught:
        ModelConfig(norm="rms_norm")
    assert caught.value.hint == "Did you mean 'rmsnorm'?"


def test_grouped_attention_is_multi_head_with_repeated_keys():
    grouped = model_of({"n_kv_head": 2})
    whole = GPT(grouped.config.with_(n_kv_head=0))
    weights = dict(tree_flatten(grouped.parameters()))
    for name, value in weights.items():
        if ".k_proj." in name or ".v_proj." in name:
            heads = value.reshape(2, 8, *value.shape[1:])
            weights[name] = mx.repeat(heads, 2, axis=0).reshape(32, *value.shape[1:])
    whole.load_weights(list(weights.items()))
    close(whole(IDS), grouped(IDS), 1e-5)


def test_attention_for_linux_cpus_makes_no_denormal_numbers():
    """With gradients of a usual size, 1e-5; a weight of e^-80 times one of them would be below 1e-38."""
    q, k, v = mx.random.normal((3, 1, 1, 32, 8), key=mx.random.key(0))
    z, weights, _ = linux_cpu._attention(q, k, v, linux_cpu._mask_bias(1, 1, 1, 32, 32, 0))
    assert mx.abs(weights).min().item() * 1e-5 > 1e-37
    close(z, explicit(q, k, v, scale=1.0, mask="causal"), 1e-5)


@pytest.mark.usefixtures("formulation")
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("window", [0, 5])
def test_fused_attention_equals_explicit(kv_heads, window):
    keys = mx.random.split(mx.random.key(2), 3)
    q = mx.random.normal((2, 4, 20, 8), key=keys[0])
    k, v = (mx.random.normal((2, kv_heads, 20, 8), key=key) for key in keys[1:])
    mask = causal_mask(20, window=window) if window else "causal"
    one = fused(q, k, v, scale=0.7, mask=mask, window=window)
    close(one, explicit(q, k, v, scale=0.7, mask=mask), 1e-5)


@pytest.mark.parametrize(("max_size", "keep"), [(8, 2), (6, 0), (12, 4)])
@pytest.mark.parametrize("first", [1, 5, 8])
def test_a_rotating_cache_is_a_mask_of_sink_and_recent_tokens(max_size, keep, first):
    """Keys keep the position they had when they came, so one layer sees just what a mask would let it see."""
    attention = model_of({"n_layer": 1, "position": "rope"}).blocks[0].attn
    positions = model_of({"n_layer": 1, "position": "rope"}).positions
    x = mx.random.normal((1, 20, 32), key=mx.random.key(4))
    cache = RotatingKVCache(max_size, keep=keep)
    pieces = [attention(x[:, :first], positions, cache)]
    pieces += [attention(x[:, i : i + 1], positions, cache) for i in range(first, 20)]
    query, key = mx.arange(20)[:, None], mx.arange(20)[None]
    mask = (key <= query) & ((key < keep) | (key > query - (max_size - keep)))
    attention.mask = lambda length, cache: mask
    expected = attention(x, positions, None, Everything())  # explicit, with this mask
    close(mx.concatenate(pieces, axis=1), expected, 1e-5)


def test_a_rotating_cache_holds_no_more_than_its_size():
    model = model_of({"position": "rope"})
    cache = [RotatingKVCache(6, keep=2) for _ in model.layers]
    model(IDS, cache)
    assert cache[0].keys.shape[2] == 6
    for token in IDS[0].tolist():
        model(mx.array([[token], [token]]), cache)
        assert cache[0].keys.shape[2] == 6
    assert cache[0].offset == 40


def test_a_trimmed_cache_continues_as_if_the_tokens_had_not_been():
    model = model_of({})
    cache = model.make_cache()
    model(IDS, cache)
    for layer in cache:
        assert layer.trim(8) == 8
    close(model(IDS[:, 12:], cache), model(IDS)[:, 12:])


def test_a_cache_grows_past_its_step(monkeypatch):
    monkeypatch.setattr(KVCache, "step", 4)
    model = model_of({})
    cache = model.make_cache()
    close(mx.concatenate([model(IDS[:, :3], cache), model(IDS[:, 3:], cache)], axis=1), model(IDS))


def test_dropout_needs_a_key_and_then_acts():
    model = model_of({"dropout": 0.5})
    assert mx.array_equal(model(IDS), model(IDS))
    one, two = model(IDS, key=mx.random.key(1)), model(IDS, key=mx.random.key(2))
    assert not mx.array_equal(one, two)
    assert mx.array_equal(one, model(IDS, key=mx.random.key(1)))


@pytest.mark.parametrize("init", WORDS["init"])
def test_the_same_seed_gives_the_same_model(init):
    config = ModelConfig(**SMALL, init=init)
    one, two, other = (dict(tree_flatten(build(config, seed).parameters())) for seed in (1, 1, 2))
    assert all(mx.array_equal(one[name], two[name]) for name in one)
    assert not mx.array_equal(one["embedding.weight"], other["embedding.weight"])


@pytest.mark.parametrize("function", ["silu", "gelu", "gelu_tanh", "relu_squared"])
def test_linux_formulations_equal_the_kernels_over_a_wide_range(function, monkeypatch):
    x = mx.concatenate([mx.linspace(-30, 30, 4001), mx.array([-1e5, -3e3, -90.0, 90.0, 3e3, 1e5, 0.0, 1e-20])])
    answers = []
    for on_linux in (False, True):
        monkeypatch.setattr(functional, "on_linux_cpu", lambda x, on_linux=on_linux: on_linux)
        (y,), (dy,) = mx.vjp(lambda x: [getattr(functional, function)(x)], [x], [mx.ones_like(x)])
        answers.append((y, dy))
    (y, dy), (linux_y, linux_dy) = answers
    assert (mx.abs(y - linux_y) <= 1e-6 * mx.maximum(1.0, mx.abs(x))).all().item()
    assert mx.abs(dy - linux_dy).max().item() <= 1e-5 * mx.abs(dy).max().item()


def test_linux_cross_entropy_equals_the_kernel(monkeypatch):
    logits = mx.random.normal((40, 30), key=mx.random.key(1)) * 20
    targets = mx.random.randint(0, 30, (40,), key=mx.random.key(2))
    plain = functional.cross_entropy(logits, targets)
    monkeypatch.setattr(functional, "on_linux_cpu", lambda x: True)
    close(functional.cross_entropy(logits, targets), plain)


def test_no_tap_is_what_a_model_runs_with():
    assert NO_TAP("anything", 3) == 3
    assert not NO_TAP.wants("pattern")
