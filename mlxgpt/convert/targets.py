"""Which published architecture a model can be saved as.

`TARGETS` lists what each architecture allows, as facts about a model in plain words.  Allowed is only what both
transformers and mlx-lm read correctly; INTEROP measured where they differ.  A model that fits none is saved under our
own names, for mlxgpt alone.
"""

import math
from dataclasses import dataclass

from mlxgpt.model.config import ModelConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The architecture a model is saved as.  "mlxgpt" is our own; then `reasons` says what the closest one lacks."""

    model_type: str
    reasons: tuple[str, ...] = ()


def hf_target(config: ModelConfig) -> Target:
    """The first published architecture that computes what `config` says."""
    lacking = {model_type: reasons_against(config, model_type) for model_type in TARGETS}
    closest = min(lacking, key=lambda model_type: distance(lacking[model_type]))
    if not lacking[closest]:
        return Target(model_type=closest)
    return Target(model_type="mlxgpt", reasons=lacking[closest])


def distance(reasons: tuple[str, ...]) -> tuple[int, int]:
    """How far a model is from an architecture: of two that lack as much, nearer is the one that only lacks biases."""
    return len(reasons), sum(not reason.startswith("bias ") for reason in reasons)


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
        "learned_state": "on" if config.learned_state else "off",
        "document_end": "off" if config.document_end < 0 else "on",
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
    "learned_state": {"off"},
    "document_end": {"off"},
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
    "rwkv6": {"block": {"rwkv6"}, "embed_scale": {"1"}},
    "rwkv7": {"block": {"rwkv7"}, "embed_scale": {"1"}},
}
