"""Directories we write, read by the libraries they are written for; theirs, read by us."""

import json

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten, tree_map

from mlxgpt.convert import huggingface
from mlxgpt.convert.targets import hf_target
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT

MODERN = {
    "vocab_size": 96,
    "context_length": 64,
    "n_layer": 4,
    "n_head": 4,
    "n_kv_head": 2,
    "n_embd": 64,
    "ffn": "swiglu",
    "norm": "rmsnorm",
    "norm_eps": 1e-3,
    "position": "rope",
    "rope_theta": 700.0,
    "bias": "none",
}
GEMMA = MODERN | {
    "ffn": "geglu_tanh",
    "norm": "rmsnorm_plus_one",
    "norm_placement": "sandwich",
    "embed_scale": 8.0,
    "head_dim": 8,
    "attn_scale": 12**-0.5,
}
LLAMA3 = {"rope_scaling": "llama3", "rope_factor": 4.0, "rope_original_context": 16}

# architecture -> models that are written as it
MODELS = {
    "gpt2": [
        {"vocab_size": 96, "context_length": 48, "norm_eps": 1e-3},
        {"vocab_size": 96, "context_length": 48, "bias": "none"},
        {"vocab_size": 96, "context_length": 48, "bias": "linear", "position": "sinusoidal", "dropout": 0.1},
    ],
    "llama": [
        MODERN,
        MODERN | {"tie_embeddings": False, "head_dim": 24, "n_kv_head": 1},
        MODERN | LLAMA3 | {"bias": "linear"},
        MODERN | {"rope_scaling": "linear", "rope_factor": 3.0, "bias": "attention", "d_ffn": 40},
    ],
    "qwen2": [MODERN | {"bias": "qkv"}],
    "qwen3": [MODERN | {"qk_norm": "head", "head_dim": 32}, MODERN | LLAMA3 | {"qk_norm": "head"}],
    "gemma2": [
        GEMMA | {"attn_softcap": 3.0, "logit_softcap": 4.0},
        GEMMA
        | {"attn_softcap": 3.0, "logit_softcap": 4.0, "sliding_window": 64, "layer_pattern": "SF", "attn_scale": 0.0},
    ],
    "gemma3_text": [
        GEMMA | {"qk_norm": "head"},
        GEMMA | {"qk_norm": "head", "sliding_window": 6, "layer_pattern": "SF", "rope_local_theta": 90.0},
        GEMMA | {"qk_norm": "head", "sliding_window": 6, "layer_pattern": "SSSF"},
    ],
    "olmo2": [MODERN | {"norm_placement": "post", "qk_norm": "width"}],
    "olmo3": [MODERN | {"norm_placement": "post", "qk_norm": "width", "sliding_window": 5, "layer_pattern": "SF"}],
}
CASES = [(model_type, fields) for model_type, models in MODELS.items() for fields in models]
IDS = mx.random.randint(5, 96, (2, 24), key=mx.random.key(3))


def random_model(config: ModelConfig) -> GPT:
    """Large values everywhere, so that a misread key is seen."""
    model = GPT(config)
    keys = iter(mx.random.split(mx.random.key(1), len(tree_flatten(model.parameters()))))

    def draw(parameter):
        gain = parameter if parameter.ndim == 1 else 0.0
        return gain + mx.random.normal(parameter.shape, key=next(keys)) * (0.2 if parameter.ndim == 1 else 0.12)

    model.update(tree_map(draw, model.parameters()))
    return model


@pytest.mark.parametrize(("model_type", "fields"), CASES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(CASES)])
class TestWritten:
    def test_it_comes_back_bit_for_bit(self, model_type, fields, tmp_path):
        model = random_model(ModelConfig(**fields, name="a", init="vaswani"))
        assert huggingface.save(model, tmp_path) == model_type
        again = huggingface.load(tmp_path)
        assert again.config == model.config
        ours, theirs = dict(tree_flatten(model.parameters())), dict(tree_flatten(again.parameters()))
        assert ours.keys() == theirs.keys()
        assert all(mx.array_equal(ours[name], theirs[name]) for name in ours)

    def test_its_config_json_alone_says_the_same(self, model_type, fields, tmp_path):
        model = random_model(ModelConfig(**fields))
        huggingface.save(model, tmp_path)
        values = json.loads((tmp_path / "config.json").read_text())
        del values["mlxgpt"]
        (tmp_path / "config.json").write_text(json.dumps(values))
        close(huggingface.load(tmp_path)(IDS), model(IDS), 1e-6)

    def test_mlx_lm_computes_the_same(self, model_type, fields, tmp_path):
        from mlx_lm.utils import load_model

        model = random_model(ModelConfig(**fields))
        huggingface.save(model, tmp_path)
        close(load_model(tmp_path)[0](IDS), model(IDS), 5e-5)

    def test_transformers_reads_the_config_as_we_mean_it(self, model_type, fields, tmp_path):
        from transformers import AutoConfig

        config = ModelConfig(**fields)
        huggingface.save(random_model(config), tmp_path)
        read = AutoConfig.from_pretrained(tmp_path)
        assert type(read).model_type == model_type
        assert (read.hidden_size, read.num_hidden_layers, read.vocab_size) == (config.n_embd, config.n_layer, 96)
        assert read.max_position_embeddings == config.context_length
        assert read.tie_word_embeddings == config.tie_embeddings
        if model_type == "gpt2":
            return
        rope = read.rope_parameters
        full = rope.get("full_attention", rope)
        assert full["rope_theta"] == config.rope_theta
        assert full["rope_type"] == config.rope_scaling.replace("none", "default")
        if config.rope_scaling != "none":
            assert full["factor"] == config.rope_factor
        if model_type in ("gemma2", "gemma3_text", "olmo3"):
            slides = [config.slides(layer) for layer in range(config.n_layer)]
            assert [kind == "sliding_attention" for kind in read.layer_types] == slides
            assert read.sliding_window == (config.sliding_window or config.context_length)
        if model_type == "gemma3_text":
            assert rope["sliding_attention"]["rope_theta"] == (config.rope_local_theta or config.rope_theta)
        if model_type.startswith("gemma"):
            assert read.query_pre_attn_scalar**-0.5 == (config.attn_scale or config.head_width**-0.5)

    def test_transformers_computes_the_same(self, model_type, fields, tmp_path):
        torch = pytest.importorskip("torch")
        from transformers import AutoModelForCausalLM

        model = random_model(ModelConfig(**fields))
        huggingface.save(model, tmp_path)
        theirs = AutoModelForCausalLM.from_pretrained(tmp_path, attn_implementation="eager", dtype=torch.float32)
        with torch.no_grad():
            logits = theirs(torch.tensor(IDS.tolist())).logits
        close(mx.array(logits.numpy()), model(IDS), 5e-5)


def close(a: mx.array, b: mx.array, tolerance: float) -> None:
    assert a.shape == b.shape
    assert mx.abs(a - b).max().item() <= tolerance


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ffn": "relu2"}, "ffn is relu2"),
        ({"logit_softcap": 30.0}, "logit_softcap is on"),
        ({"sliding_window": 8}, "sliding_window is shorter"),
        ({"position": "none"}, "position is none"),
    ],
)
def test_what_no_architecture_says_is_saved_as_our_own_with_the_reason(change, reason, tmp_path):
    model = random_model(ModelConfig(**MODERN | change))
    target = hf_target(model.config)
    assert target.model_type == "mlxgpt"
    assert any(reason in line for line in target.reasons)
    assert huggingface.save(model, tmp_path) == "mlxgpt"
    assert mx.array_equal(huggingface.load(tmp_path)(IDS), model(IDS))


def test_a_bfloat16_file_keeps_its_type_unless_asked(tmp_path):
    model = random_model(ModelConfig(**MODERN))
    huggingface.save(model, tmp_path, dtype=mx.bfloat16)
    assert huggingface.load(tmp_path).embedding.weight.dtype == mx.bfloat16
    wide = huggingface.load(tmp_path, dtype=mx.float32)
    assert wide.embedding.weight.dtype == mx.float32
    close(wide(IDS), model(IDS), 0.1)


def test_a_gpt2_written_without_biases_keeps_those_that_others_gave_it(tmp_path):
    huggingface.save(random_model(ModelConfig(vocab_size=96, bias="none")), tmp_path)
    tensors = mx.load(str(tmp_path / "model.safetensors"))
    tensors["h.0.mlp.c_fc.bias"] = tensors["h.0.mlp.c_fc.bias"] + 1.0
    mx.save_safetensors(str(tmp_path / "model.safetensors"), tensors)
    model = huggingface.load(tmp_path)
    assert model.config.bias == "all"
    assert model.blocks[0].ffn.up_proj.bias.min().item() == 1.0


def test_a_key_changed_by_others_is_believed_over_our_own_table(tmp_path):
    huggingface.save(random_model(ModelConfig(**MODERN)), tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    values["rope_theta"] = values["rope_parameters"]["rope_theta"] = 123.0
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert huggingface.read_config(tmp_path).rope_theta == 123.0


def test_special_ids_are_written_with_the_end_of_sequence_first(tmp_path):
    class Special:
        bos_id, eos_id, pad_id, stop_ids = 2, 3, 0, frozenset({8, 3})

    huggingface.save(random_model(ModelConfig(**MODERN)), tmp_path, Special())
    for name in ("config.json", "generation_config.json"):
        values = json.loads((tmp_path / name).read_text())
        assert (values["bos_token_id"], values["eos_token_id"], values["pad_token_id"]) == (2, [3, 8], 0)
