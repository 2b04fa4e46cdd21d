"""Reading config.json: other people's models, both spellings of RoPE, and what must be refused."""

import importlib
import json
from pathlib import Path

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten, tree_map

from mlxgpt.convert import huggingface
from mlxgpt.convert.architectures import READERS, read_fields
from mlxgpt.convert.names import LAYOUTS
from mlxgpt.convert.targets import TARGETS
from mlxgpt.convert.writing import ARCHITECTURES, WRITERS
from mlxgpt.errors import CheckpointError, ConversionError

TRANSFORMERS = sorted(p.parent for p in (Path(__file__).parents[1] / "golden" / "architectures").glob("*/config.json"))
IDS = mx.random.randint(5, 96, (2, 24), key=mx.random.key(3))
LLAMA = {
    "model_type": "llama",
    "vocab_size": 96,
    "hidden_size": 64,
    "intermediate_size": 72,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-3,
    "tie_word_embeddings": False,
}
GPT2 = {"model_type": "gpt2", "vocab_size": 96, "n_positions": 32, "n_embd": 32, "n_layer": 2, "n_head": 2}
GEMMA = LLAMA | {"head_dim": 8, "query_pre_attn_scalar": 12, "tie_word_embeddings": True}

# Models as mlx-lm has them: made there with random values, saved under its names, loaded by us.  (Not gemma: there
# mlx-lm takes the exact GELU; nor mistral's window, which it drops.)
FOREIGN = {
    "llama": LLAMA | {"rope_theta": 300.0, "attention_bias": True, "mlp_bias": True, "head_dim": 24},
    "mistral": LLAMA | {"model_type": "mistral", "rope_theta": 5e4, "sliding_window": None},
    "qwen2": LLAMA | {"model_type": "qwen2", "rope_theta": 2e4, "rope_scaling": {"type": "linear", "factor": 2.5}},
    "qwen3": LLAMA
    | {"model_type": "qwen3", "head_dim": 32, "rope_parameters": {"rope_theta": 3e3, "rope_type": "default"}},
    "gemma2": GEMMA | {"model_type": "gemma2", "attn_logit_softcapping": 2.0, "sliding_window": 64},
    "gemma3_text": GEMMA
    | {"model_type": "gemma3_text", "sliding_window": 6, "sliding_window_pattern": 3, "rope_theta": 2e3}
    | {"rope_local_base_freq": 50.0, "rope_scaling": {"rope_type": "linear", "factor": 4.0}},
    "olmo2": LLAMA | {"model_type": "olmo2", "rope_theta": 5e5},
    "olmo3": LLAMA | {"model_type": "olmo3", "rope_theta": 5e5, "sliding_window": 6},
    "olmo3-stretched": LLAMA
    | {"model_type": "olmo3", "rope_theta": 200.0, "sliding_window": 6}
    | {"rope_scaling": {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 16}},
    "phi3": LLAMA | {"model_type": "phi3", "original_max_position_embeddings": 64},
    "smollm3": LLAMA | {"model_type": "smollm3", "no_rope_layers": [1, 1, 1, 1], "rope_theta": 2e6},
    "starcoder2": LLAMA
    | {
        "model_type": "starcoder2",
        "hidden_act": "gelu",
        "norm_epsilon": 1e-2,
        "tie_word_embeddings": True,
        "rope_theta": 9e3,
    },
}


@pytest.mark.parametrize("name", FOREIGN)
def test_models_made_by_mlx_lm_load_and_compute_the_same(name, tmp_path):
    values = FOREIGN[name]
    module = {"mistral": "llama"}.get(values["model_type"], values["model_type"])
    theirs = importlib.import_module(f"mlx_lm.models.{module}")
    model = theirs.Model(theirs.ModelArgs.from_dict(values))
    if values["model_type"] == "gemma3_text":
        model.sanitize({})  # ties the head
    keys = iter(mx.random.split(mx.random.key(1), 200))
    model.update(tree_map(lambda p: p + mx.random.normal(p.shape, key=next(keys)) * 0.1, model.parameters()))
    mx.save_safetensors(str(tmp_path / "model.safetensors"), dict(tree_flatten(model.parameters())))
    (tmp_path / "config.json").write_text(json.dumps(values))
    ours = huggingface.load(tmp_path)(IDS)
    assert mx.abs(ours - model(IDS)).max().item() <= 5e-5


def fields(values, tmp_path):
    return read_fields(values, tmp_path / "config.json")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {"rope_theta": 10000.0}),
        ({"rope_theta": 7.0}, {"rope_theta": 7.0}),
        ({"rope_parameters": {"rope_theta": 7.0, "rope_type": "default"}, "rope_theta": 9.0}, {"rope_theta": 7.0}),
        ({"rope_scaling": None, "rope_theta": 7}, {"rope_theta": 7.0}),
        ({"rope_scaling": {"type": "linear", "factor": 2}}, {"rope_scaling": "linear", "rope_factor": 2.0}),
        (
            {"rope_parameters": {"rope_type": "llama3", "factor": 8.0, "rope_theta": 5.0}},
            {"rope_scaling": "llama3", "rope_original_context": 64, "rope_theta": 5.0, "rope_high_freq_factor": 4.0},
        ),
        (
            {"rope_scaling": {"rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 16}},
            {"rope_original_context": 16},
        ),
        ({"head_dim": None}, {"head_dim": 0}),
        ({"num_key_value_heads": None}, {"n_kv_head": 4}),
        ({"hidden_act": "gelu_pytorch_tanh"}, {"ffn": "geglu_tanh"}),
        ({"hidden_act": "relu"}, {"ffn": "reglu"}),
        ({"attention_bias": True}, {"bias": "attention"}),
        ({"mlp_bias": True}, {"bias": "ffn"}),
        ({"sliding_window": 8, "model_type": "mistral"}, {"sliding_window": 8, "layer_pattern": "S"}),
        ({"model_type": "mistral"}, {"sliding_window": 4096}),
        ({"model_type": "qwen2", "sliding_window": 8}, {"bias": "qkv", "attn_scale": None}),
        (
            {"model_type": "qwen2", "use_sliding_window": True, "sliding_window": 8, "max_window_layers": 3},
            {"sliding_window": 8, "layer_pattern": "FFFS"},
        ),
        ({"model_type": "gemma2", "attn_logit_softcapping": None}, {"attn_softcap": 0.0, "logit_softcap": 30.0}),
        ({"model_type": "gemma3_text"}, {"layer_pattern": "S", "rope_theta": 1e6, "rope_local_theta": 1e4}),
    ],
)
def test_keys_are_read_with_the_defaults_of_the_reference(values, expected, tmp_path):
    read = fields(LLAMA | values, tmp_path)
    assert {name: read.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, {"ffn": "gelu_tanh", "d_ffn": 128, "norm_eps": 1e-5, "tie_embeddings": True}),
        ({"n_inner": 50, "activation_function": "relu"}, {"d_ffn": 50, "ffn": "relu"}),
        ({"activation_function": "gelu"}, {"ffn": "gelu"}),
        ({"scale_attn_weights": False}, {"attn_scale": 1.0}),
        ({"tie_word_embeddings": False, "layer_norm_epsilon": 0.5}, {"tie_embeddings": False, "norm_eps": 0.5}),
    ],
)
def test_gpt2_keys(values, expected, tmp_path):
    read = fields(GPT2 | values, tmp_path)
    assert {name: read.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("values", "key"),
    [
        (LLAMA | {"rope_scaling": {"rope_type": "yarn", "factor": 2.0}}, "rope_type = yarn"),
        (LLAMA | {"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "type = dynamic"),
        (LLAMA | {"partial_rotary_factor": 0.5}, "partial_rotary_factor = 0.5"),
        (LLAMA | {"rope_parameters": {"partial_rotary_factor": 0.5}}, "partial_rotary_factor = 0.5"),
        (LLAMA | {"hidden_act": "quick_gelu"}, "hidden_act = quick_gelu"),
        (LLAMA | {"hidden_act": "relu2"}, "hidden_act = relu2"),
        (LLAMA | {"num_local_experts": 8}, "num_local_experts = 8"),
        (LLAMA | {"quantization": {"bits": 4}}, "quantization = "),
        (LLAMA | {"layer_types": ["sliding_attention"] * 4, "sliding_window": 4}, "layer_types = "),
        (LLAMA | {"model_type": "qwen2", "layer_types": ["linear_attention"] * 4}, "layer_types = "),
        (LLAMA | {"model_type": "smollm3"}, "no_rope_layer_interval"),
        (LLAMA | {"model_type": "smollm3", "no_rope_layers": [1, 1, 1, 0]}, "no_rope_layers = "),
        (LLAMA | {"model_type": "gemma2", "use_bidirectional_attention": True}, "use_bidirectional_attention = True"),
        (LLAMA | {"model_type": "gemma3_text", "attn_logit_softcapping": 50.0}, "attn_logit_softcapping = 50.0"),
        (GPT2 | {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx = True"),
        (GPT2 | {"add_cross_attention": True}, "add_cross_attention = True"),
        (GPT2 | {"activation_function": "tanh"}, "activation_function = tanh"),
        ({"model_type": "mixtral"}, "'mixtral'"),
        ({"model_type": "gemma3", "text_config": {"model_type": "gemma3_text"}}, "'gemma3_text'"),
        ({}, "unknown"),
    ],
)
def test_what_our_words_cannot_say_is_refused_by_name(values, key, tmp_path):
    with pytest.raises(ConversionError, match=r"config\.json") as refused:
        fields(values, tmp_path)
    assert key in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"hidden_size": "64"}, "hidden_size must be a whole number"),
        ({"hidden_size": None}, "does not say hidden_size"),
        ({"hidden_size": 10**30}, "hidden_size|n_embd"),
        ({"hidden_size": -64}, "zero or more"),
        ({"num_hidden_layers": 10**9}, "num_hidden_layers must be at most"),
        ({"num_attention_heads": 0}, "n_head must be at least 1"),
        ({"num_attention_heads": 10**7, "head_dim": None}, "n_embd = 64"),
        ({"num_key_value_heads": 3}, "not a multiple"),
        ({"rms_norm_eps": "1e-5"}, "rms_norm_eps must be a finite number"),
        ({"rms_norm_eps": 10**400}, "rms_norm_eps must be a finite number"),
        ({"rope_theta": -1.0}, "rope_theta must be above zero"),
        ({"rope_scaling": [1]}, "rope_scaling must be an object"),
        ({"rope_scaling": {"rope_type": "linear", "factor": 0}}, "rope_factor must be above zero"),
        ({"model_type": "gemma2", "layer_types": ["full_attention"]}, "layer_types must be a list of 4"),
        ({"attention_bias": "yes"}, "attention_bias must be true or false"),
        ({"vocab_size": 0}, "vocab_size must be at least 1"),
        ({"model_type": "gemma2", "query_pre_attn_scalar": 0}, "query_pre_attn_scalar"),
    ],
)
def test_a_config_with_impossible_values_is_damage_with_a_name(change, what, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(LLAMA | change))
    with pytest.raises(CheckpointError, match=what) as refused:
        huggingface.read_config(tmp_path)
    assert str(tmp_path) in refused.value.message
    assert refused.value.hint


def test_the_tables_know_the_same_architectures():
    assert READERS.keys() | {"mlxgpt"} == LAYOUTS.keys() - {"gpt2-packed"}
    assert TARGETS.keys() == WRITERS.keys() == ARCHITECTURES.keys() - {"mlxgpt"}
    assert TARGETS.keys() <= READERS.keys()


@pytest.mark.parametrize("style", ["new", "old"])
@pytest.mark.parametrize("directory", TRANSFORMERS, ids=lambda directory: directory.name)
def test_models_made_by_transformers_load_and_compute_the_same(directory, style, tmp_path):
    """With RoPE as transformers 5 writes it, and as versions before did."""
    expected = mx.load(str(directory / "expected.safetensors"))
    values = json.loads((directory / "config.json").read_text())
    (tmp_path / "model.safetensors").symlink_to(directory / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(values if style == "new" else old_style(values)))
    logits = huggingface.load(tmp_path)(expected["ids"])
    assert mx.abs(logits - expected["logits"]).max().item() <= 2e-5


def old_style(values):
    """The same config in the spelling of transformers 4."""
    old = dict(values)
    rope = old.pop("rope_parameters", None) or {}
    local = rope.get("sliding_attention", {})
    rope = dict(rope.get("full_attention", rope))
    theta = rope.pop("rope_theta", None)
    old |= {"rope_theta": theta, "rope_scaling": rope if rope.get("rope_type", "default") != "default" else None}
    return old | {"rope_local_base_freq": local["rope_theta"]} if old["model_type"] == "gemma3_text" else old
