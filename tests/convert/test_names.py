"""The mapping of names works for whatever is keyed by parameter names."""

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten

from mlxgpt.convert.names import LAYOUTS, Layout, from_hf, slots, to_hf
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.initialize import build
from mlxgpt.model.shapes import parameter_shapes

GPT2 = ModelConfig(vocab_size=32, context_length=16, n_layer=2, n_head=2, n_embd=16)
MODERN = ModelConfig(
    vocab_size=32, n_layer=2, n_head=2, n_embd=16, norm="rmsnorm", position="rope", ffn="swiglu", bias="none"
)
FINCH = ModelConfig(vocab_size=32, n_layer=2, n_head=2, n_embd=16, block="rwkv6", position="none", tie_embeddings=False)
GOOSE = FINCH.with_(block="rwkv7")
CASES = [
    (FINCH, "rwkv6"),
    (GOOSE, "rwkv7"),
    (FINCH, "mlxgpt"),
    (GPT2, "gpt2"),
    (MODERN, "llama"),
    (MODERN, "phi3"),
    (MODERN, "mlxgpt"),
    (GPT2, "mlxgpt"),
]


@pytest.mark.parametrize(("config", "model_type"), CASES)
def test_there_and_back_is_bit_for_bit(config, model_type):
    tensors = dict(tree_flatten(build(config, 1).parameters()))
    theirs = to_hf(config, tensors, model_type)
    assert {name: tensor.shape for name, tensor in theirs.items()} == {
        s.name: s.shape for s in slots(config, model_type)
    }
    again = from_hf(config, theirs, model_type)
    assert again.keys() == tensors.keys()
    assert all(mx.array_equal(again[name], tensors[name]) for name in tensors)


def test_the_prefix_may_be_missing():
    tensors = dict(tree_flatten(build(GPT2, 1).parameters()))
    bare = {name.removeprefix("transformer."): tensor for name, tensor in to_hf(GPT2, tensors).items()}
    assert from_hf(GPT2, bare).keys() == tensors.keys()


def test_some_tensors_are_enough():
    moments = {"blocks.1.ffn.up_proj.weight": mx.arange(64 * 16.0).reshape(64, 16)}
    theirs = to_hf(GPT2, moments)
    assert list(theirs) == ["transformer.h.1.mlp.c_fc.weight"]
    assert mx.array_equal(theirs["transformer.h.1.mlp.c_fc.weight"], moments["blocks.1.ffn.up_proj.weight"].T)


def test_gpt2_stores_q_k_v_side_by_side():
    tensors = {f"blocks.0.attn.{part}_proj.weight": mx.full((16, 16), i) for i, part in enumerate("qkv")}
    whole = to_hf(GPT2, tensors)["transformer.h.0.attn.c_attn.weight"]
    assert whole.shape == (16, 48)
    assert whole[0].tolist() == [0.0] * 16 + [1.0] * 16 + [2.0] * 16


def test_a_name_that_is_no_parameter_is_a_misuse():
    for convert in (to_hf, from_hf):
        with pytest.raises(ValueError, match="not parameters of this model: nonsense"):
            convert(GPT2, {"nonsense": mx.zeros(1)})


def test_two_parts_never_share_a_name_unless_they_are_one_matrix():
    for config in (FINCH, GOOSE):
        assert len({slot.name for slot in slots(config, config.block)}) == len(parameter_shapes(config))
    for name, layout in LAYOUTS.items():
        if not isinstance(layout, Layout):
            continue
        theirs = [
            part
            for part in layout.block.values()
            if "qkv" not in part and "gate_up" not in part and "c_attn" not in part
        ]
        assert len(theirs) == len(set(theirs)), name
