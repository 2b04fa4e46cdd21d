"""Our words as a published config.json, where some architecture says the same.

`TARGETS` lists what each architecture allows, as facts about a model in plain words.  Allowed is only what both
transformers and mlx-lm read correctly; INTEROP measured where they differ.  A model that fits none is saved under our own
names, for mlxgpt alone.
"""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

from mlxgpt.convert.files import Json
from mlxgpt.model.config import ModelConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The architecture a model is saved as.  "mlxgpt" is our own; then `reasons` says what the closest one lacks."""

    model_type: str
    reasons: tuple[str, ...] = ()


def hf_target(config: ModelConfig) -> Target:
    """The first published architecture that computes what `config` says."""
    lacking = {model_type: reasons_against(config, model_type) for model_type in TARGETS}
    closest = min(lacking, key=lambda model_type: len(lacking[model_type]))
    if not lacking[closest]:
        return Target(model_type=closest)
    return Target(model_type="mlxgpt", reasons=lacking[closest])


def reasons_against(config: ModelConfig, model_type: str) -> tuple[str, ...]:
    """What keeps `config` from being saved as this architecture; empty when nothing does."""
    told = facts(config)
    return tuple(
        f"{fact} is {told[fact]}, but {model_type} has {' or '.join(sorted(allowed))}"
        for fact, allowed in (EVERYWHERE | TARGETS[model_type]).items()
        if told[fact] not in allowed
    )


def facts(config: ModelConfig) -> dict[str, str]:
    """What a model is, one plain word a question; only what matters for its output."""
    D, C = config.head_width, config.n_embd
    slides = [config.slides(layer) for layer in range(config.n_layer)]
    short = config.sliding_window < config.context_length
    return {
        "block": config.block,
        "norm": config.norm,
        "norm_placement": config.norm_placement,
        "ffn": config.ffn,
        "position": config.position,
        "rope_scaling": config.rope_scaling if config.position == "rope" else "none",
        "bias": effective_bias(config),
        "qk_norm": config.qk_norm,
        "kv heads": "n_head" if config.kv_heads == config.n_head else "fewer",
        "head_dim": "n_embd / n_head" if config.n_head * D == C else "its own" if C % config.n_head == 0 else "odd",
        "d_ffn": "4 n_embd" if config.ffn_width == 4 * C else "its own",
        "attn_scale": "1/sqrt(head_dim)" if config.attn_scale in (0.0, D**-0.5) else _root(config.attn_scale),
        "attn_softcap": "on" if config.attn_softcap else "off",
        "logit_softcap": "on" if config.logit_softcap else "off",
        "sliding_window": "off" if not any(slides) else "shorter" if short else "as long as the context",
        "layer_pattern": _pattern(slides),
        "rope_local_theta": "its own" if any(slides) and config.rope_local_theta else "rope_theta",
        "embed_scale": "1"
        if config.embed_scale == 1.0
        else "sqrt(n_embd)"
        if config.embed_scale == math.sqrt(C)
        else "its own",
        "head": "tied" if config.tie_embeddings else "untied",
    }


def effective_bias(config: ModelConfig) -> str:
    """The bias word without what has no effect: RMSNorms have no biases."""
    return "linear" if config.bias == "all" and config.norm != "layernorm" else config.bias


def _root(scale: float) -> str:
    whole = round(scale**-2)
    return "1/sqrt(whole number)" if whole and whole**-0.5 == scale else "its own"


def _pattern(slides: list[bool]) -> str:
    if not any(slides):
        return "full attention"
    period = slides.index(False) + 1 if False in slides else 0
    regular = period and slides == [(layer + 1) % period != 0 for layer in range(len(slides))]
    return "every n-th layer full" if regular else "its own"


EVERYWHERE = {
    "block": {"transformer"},
    "head_dim": {"n_embd / n_head", "its own"},
    "rope_local_theta": {"rope_theta"},
    "sliding_window": {"off"},
    "attn_softcap": {"off"},
    "logit_softcap": {"off"},
    "attn_scale": {"1/sqrt(head_dim)"},
}

_LLAMA = {
    "norm": {"rmsnorm"},
    "norm_placement": {"pre"},
    "ffn": {"swiglu"},
    "position": {"rope"},
    "bias": {"none", "attention", "ffn", "linear"},
    "qk_norm": {"none"},
    "embed_scale": {"1"},
}
_GEMMA = {
    "norm": {"rmsnorm_plus_one"},
    "norm_placement": {"sandwich"},
    "ffn": {"geglu_tanh"},
    "position": {"rope"},
    "rope_scaling": {"none"},
    "bias": {"none"},
    "attn_scale": {"1/sqrt(head_dim)", "1/sqrt(whole number)"},
    "embed_scale": {"sqrt(n_embd)"},
    "head": {"tied"},
}
_ONE_WIDTH = {"head_dim": {"n_embd / n_head"}}

TARGETS: dict[str, dict[str, set[str]]] = {
    "llama": _LLAMA,
    "qwen3": _LLAMA | {"bias": {"none"}, "qk_norm": {"head"}},
    "qwen2": _LLAMA | _ONE_WIDTH | {"bias": {"qkv"}},
    "olmo2": _LLAMA | _ONE_WIDTH | {"norm_placement": {"post"}, "qk_norm": {"width"}, "bias": {"none", "attention"}},
    "olmo3": _LLAMA
    | _ONE_WIDTH
    | {"norm_placement": {"post"}, "qk_norm": {"width"}, "bias": {"none", "attention"}, "rope_scaling": {"none"}}
    | {"sliding_window": {"shorter", "as long as the context"}, "layer_pattern": {"every n-th layer full"}},
    "gemma2": _GEMMA
    | {"qk_norm": {"none"}, "attn_softcap": {"on"}, "logit_softcap": {"on"}}
    | {"sliding_window": {"off", "as long as the context"}},
    "gemma3_text": _GEMMA
    | {"qk_norm": {"head"}, "rope_local_theta": {"rope_theta", "its own"}}
    | {"sliding_window": {"off", "shorter", "as long as the context"}}
    | {"layer_pattern": {"full attention", "every n-th layer full"}},
    "gpt2": _ONE_WIDTH
    | {
        "norm": {"layernorm"},
        "norm_placement": {"pre"},
        "ffn": {"gelu_tanh"},
        "position": {"learned", "sinusoidal"},
        "qk_norm": {"none"},
        "kv heads": {"n_head"},
        "d_ffn": {"4 n_embd"},
        "embed_scale": {"1"},
        "head": {"tied"},
    },
}


# ---- config.json ---------------------------------------------------------------------------------------------------------

ARCHITECTURES = {
    "gpt2": "GPT2LMHeadModel",
    "llama": "LlamaForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "gemma2": "Gemma2ForCausalLM",
    "gemma3_text": "Gemma3ForCausalLM",
    "olmo2": "Olmo2ForCausalLM",
    "olmo3": "Olmo3ForCausalLM",
    "mlxgpt": "MlxgptForCausalLM",
}


def config_keys(config: ModelConfig, model_type: str) -> Json:
    """The keys of config.json that say what the model is.

    The table "mlxgpt" repeats it in our own words, with what no architecture has a key for (name, init …).
    """
    common: Json = {
        "architectures": [ARCHITECTURES[model_type]],
        "model_type": model_type,
        "vocab_size": config.vocab_size,
        "tie_word_embeddings": config.tie_embeddings,
        "initializer_range": 0.02,
        "use_cache": True,
    }
    return common | WRITERS.get(model_type, _none)(config) | {"mlxgpt": dataclasses.asdict(config)}


def _none(config: ModelConfig) -> Json:
    return {}


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
    """Both spellings: older readers know rope_theta and rope_scaling, newer ones rope_parameters; either alone is silently
    ignored by some."""
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
    """mlx-lm reads the period and `rope_local_base_freq`, transformers `layer_types` and one RoPE table for each kind."""
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
}
