"""`mlxgpt info`: figures that agree with the models they describe."""

import dataclasses
import json
import math

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten

from mlxgpt.convert.targets import hf_target
from mlxgpt.model.config import ModelConfig, load_preset, presets, read_preset
from mlxgpt.model.gpt import GPT
from mlxgpt.model.report import examine, examine_preset, flops_per_token
from mlxgpt.model.shapes import count, parameter_shapes
from mlxgpt.training.prepare import load_config

NAMES = sorted(presets())


def counted(config: ModelConfig) -> int:
    return sum(math.prod(parameter.shape) for _, parameter in tree_flatten(GPT(config).parameters()))


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_is_counted_as_the_model_it_builds(name):
    report = examine_preset(name)
    config = load_preset(name, {"vocab_size": report.vocab_size})
    assert report.parameters == counted(config)
    assert sum(report.parameters_by_part.values()) == report.parameters
    assert sum(line.parameters for line in report.tree if line.depth == 1) == report.parameters
    assert sum(line.parameters for line in report.tree if line.depth == 2) == report.tree[3].parameters
    assert json.loads(json.dumps(dataclasses.asdict(report)))["parameters"] == report.parameters
    assert report.about


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_holds_only_known_tables(name):
    assert read_preset(name).keys() <= {"about", "model", "tokenizer", "train"}
    load_config({"preset": name})  # what [train] and [tokenizer] may hold


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("gpt2-124m", 124_439_808), ("small-transformer", 402_816), ("mini-gpt", 957_184)],
)
def test_sizes_that_are_known(name, parameters):
    vocabulary = {"small-transformer": 49}.get(name)
    config = load_preset(name, {"vocab_size": vocabulary or examine_preset(name).vocab_size})
    assert count(parameter_shapes(config)) == parameters


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"small-transformer", "modern-char"}))
def test_these_presets_load_in_transformers_and_mlx_lm(name):
    expected = "gemma2" if name == "modern-softcap" else "qwen3" if name.startswith("modern") else "gpt2"
    expected = load_preset(name).block if name.startswith("rwkv") else expected
    assert hf_target(load_preset(name)).model_type == expected


@pytest.mark.parametrize(
    ("name", "millions", "state_megabytes"),
    [
        *(("rwkv6-140m", 145.4, 2.43), ("rwkv6-400m", 404, 6.49), ("rwkv6-800m", 852, 9.73), ("rwkv6-1b", 1137, 11.35)),
        *(
            ("rwkv6-1b5", 1462, 12.98),
            ("rwkv7-140m", 139.5, 2.43),
            ("rwkv7-400m", 385, 6.49),
            ("rwkv7-1b5", 1393, 12.98),
        ),
    ],
)
def test_sizes_of_recurrent_presets_and_their_states(name, millions, state_megabytes):
    report = examine_preset(name)
    assert report.parameters / 1e6 == pytest.approx(millions, rel=2e-3)
    assert report.state_bytes["float32"] / 1e6 == pytest.approx(state_megabytes, rel=2e-3)
    assert not report.cache_bytes_per_token


def test_a_state_is_as_large_as_is_said():
    config = load_preset("rwkv-nano", {"vocab_size": 50})
    model = GPT(config)
    cache = model.make_cache()
    model(mx.array([[1, 2, 3]]), cache)
    assert sum(state.nbytes for state in cache) == examine(config).state_bytes["float32"]


def test_the_official_sizes_are_counted():
    """The published RWKV-6 of 24 x 2048 is called 1B6, and RWKV-7 of 24 x 1024 has 450.77 million."""
    six = load_preset("rwkv6-1b5", {"vocab_size": 65536})
    assert count(parameter_shapes(six)) == pytest.approx(1599.9e6, rel=1e-4)
    ranks = {"decay_rank": 64, "rate_rank": 64, "value_rank": 32, "gate_rank": 128}
    seven = load_preset("rwkv7-400m", {"vocab_size": 65536, **ranks})
    assert count(parameter_shapes(seven)) == pytest.approx(450.77e6, rel=1e-4)


def test_the_heads_of_modern_presets_are_a_multiple_of_32_wide():
    assert all(load_preset(name).head_width % 32 == 0 for name in NAMES if name.startswith("modern"))


def test_flops_of_a_model_small_enough_to_count_by_hand():
    config = ModelConfig(vocab_size=10, context_length=3, n_layer=1, n_head=1, n_embd=4, position="none")
    matrices = 4 * 4 * 4 + 2 * 4 * 16 + 10 * 4  # q, k, v, o; up and down; the tied head
    assert flops_per_token(config) == 2 * matrices + 4 * 4 * 3


def test_a_window_saves_attention_and_cache():
    full = ModelConfig(vocab_size=10, context_length=64, n_kv_head=1)
    local = full.with_(sliding_window=16, layer_pattern="SF")
    report, shorter = examine(full), examine(local)
    assert report.cache_bytes_per_token == {"bfloat16": 2 * 4 * 32 * 2, "float32": 2 * 4 * 32 * 4}
    weights = 4 * report.parameters
    assert report.running_bytes["float32"] == weights + 64 * 2 * 4 * 32 * 4
    assert shorter.running_bytes["float32"] == weights + (16 + 64) * 2 * 2 * 32 * 4
    assert shorter.flops_per_token < report.flops_per_token
    assert report.training_bytes["total"] == sum(
        report.training_bytes[part] for part in ("weights", "gradients", "optimizer", "activations")
    )
