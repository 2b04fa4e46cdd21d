"""A model's config.json: the keys that transformers and mlx-lm read, in the spelling of each."""

import dataclasses
from collections.abc import Callable

from mlxgpt.convert.files import Json
from mlxgpt.convert.rwkv import write_rwkv6, write_rwkv7
from mlxgpt.model.config import ModelConfig

ARCHITECTURES = {
    "gpt2": "GPT2LMHeadModel",
    "llama": "LlamaForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "gemma2": "Gemma2ForCausalLM",
    "gemma3_text": "Gemma3ForCausalLM",
    "olmo2": "Olmo2ForCausalLM",
    "olmo3": "Olmo3ForCausalLM",
    "rwkv6": "Rwkv6ForCausalLM",
    "rwkv7": "RWKV7ForCausalLM",
    "mlxgpt": "MlxgptForCausalLM",
}


def config_keys(config: ModelConfig, model_type: str) -> Json:
    """The keys of config.json that say what the model is.

    The table "mlxgpt" repeats it in our own words, with what no architecture has a key for (name, init …).
    """
    write = WRITERS.get(model_type)
    common: Json = {
        "architectures": [ARCHITECTURES[model_type]],
        "model_type": model_type,
        "vocab_size": config.vocab_size,
        "tie_word_embeddings": config.tie_embeddings,
        "initializer_range": 0.02,
        "use_cache": True,
    }
    return common | (write(config) if write else {}) | {"mlxgpt": dataclasses.asdict(config)}


def _gpt2(config: ModelConfig) -> Json:
    return {
        "n_positions": config.context_length,
        "n_ctx": config.context_length,  # mlx-lm insists
        "n_embd": config.n_embd,
        "n_head": config.n_head,
        "n_layer": config.n_layer,
        "n_inner": None,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": config.norm_eps,
        "scale_attn_weights": True,
        **dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), config.dropout),
    }


def _decoder(config: ModelConfig) -> Json:
    return {
        "hidden_size": config.n_embd,
        "intermediate_size": config.ffn_width,
        "num_hidden_layers": config.n_layer,
        "num_attention_heads": config.n_head,
        "num_key_value_heads": config.kv_heads,
        "head_dim": config.head_width,
        "max_position_embeddings": config.context_length,
        "rms_norm_eps": config.norm_eps,
        "hidden_act": "silu",
        "attention_dropout": 0.0,
        "attention_bias": config.has_bias("qkv"),
        "mlp_bias": config.has_bias("ffn"),
        **_rope(config),
    }


def _rope(config: ModelConfig) -> Json:
    """Both spellings: older readers know rope_theta and rope_scaling, newer ones rope_parameters.

    Some readers silently ignore the one they do not know.
    """
    scaling: Json = {}
    if config.rope_scaling != "none":
        scaling = {"rope_type": config.rope_scaling, "factor": config.rope_factor}
    if config.rope_scaling == "llama3":
        scaling |= {
            "low_freq_factor": config.rope_low_freq_factor,
            "high_freq_factor": config.rope_high_freq_factor,
            "original_max_position_embeddings": config.rope_original_context,
        }
    both: Json = {"rope_theta": config.rope_theta}
    both["rope_parameters"] = {"rope_type": "default", **scaling, "rope_theta": config.rope_theta}
    return both | {"rope_scaling": scaling} if scaling else both


def _qwen2(config: ModelConfig) -> Json:
    keys = _decoder(config) | {"use_sliding_window": False, "sliding_window": None, "max_window_layers": config.n_layer}
    del keys["attention_bias"], keys["mlp_bias"], keys["head_dim"]
    return keys


def _qwen3(config: ModelConfig) -> Json:
    return _qwen2(config) | {"attention_bias": False, "head_dim": config.head_width}


def _olmo2(config: ModelConfig) -> Json:
    keys = _decoder(config)
    del keys["mlp_bias"], keys["head_dim"]
    return keys


def _olmo3(config: ModelConfig) -> Json:
    keys = _olmo2(config)
    each = {"rope_type": "default", "rope_theta": config.rope_theta}
    keys["rope_parameters"] = {"full_attention": each, "sliding_attention": each}
    return keys | {"sliding_window": config.sliding_window, "layer_types": _layer_types(config)}


def _gemma2(config: ModelConfig) -> Json:
    keys = _decoder(config) | {
        "hidden_act": "gelu_pytorch_tanh",
        "hidden_activation": "gelu_pytorch_tanh",
        "query_pre_attn_scalar": round(config.attn_scale**-2) if config.attn_scale else config.head_width,
        "attn_logit_softcapping": config.attn_softcap,
        "final_logit_softcapping": config.logit_softcap,
        "sliding_window": config.sliding_window or config.context_length,
        "layer_types": _layer_types(config),
    }
    del keys["mlp_bias"]
    return keys


def _gemma3(config: ModelConfig) -> Json:
    """mlx-lm reads the period and `rope_local_base_freq`, transformers `layer_types` and one RoPE table for each
    kind."""
    types = _layer_types(config)
    local_theta = config.rope_local_theta or config.rope_theta
    keys = _gemma2(config) | {
        "attn_logit_softcapping": None,
        "final_logit_softcapping": None,
        "sliding_window_pattern": types.index("full_attention") + 1,
        "rope_local_base_freq": local_theta,
    }
    keys["rope_parameters"] = {
        "full_attention": {"rope_type": "default", "rope_theta": config.rope_theta},
        "sliding_attention": {"rope_type": "default", "rope_theta": local_theta},
    }
    return keys


def _layer_types(config: ModelConfig) -> list[str]:
    return ["sliding_attention" if config.slides(layer) else "full_attention" for layer in range(config.n_layer)]


WRITERS: dict[str, Callable[[ModelConfig], Json]] = {
    "gpt2": _gpt2,
    "llama": _decoder,
    "qwen2": _qwen2,
    "qwen3": _qwen3,
    "olmo2": _olmo2,
    "olmo3": _olmo3,
    "gemma2": _gemma2,
    "gemma3_text": _gemma3,
    "rwkv6": write_rwkv6,
    "rwkv7": write_rwkv7,
}
