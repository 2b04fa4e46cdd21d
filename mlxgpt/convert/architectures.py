"""Published architectures in our words: one entry of `READERS` each.

A reader takes the keys that its reference implementation reads (transformers 5.23), with the defaults that one has.
What our words cannot say is refused: a model that computes something else is worse than one that does not load.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlxgpt.convert import rwkv
from mlxgpt.convert.files import Json
from mlxgpt.convert.keys import Fields, Keys, activation, biases, gated, layers, rope, same_window, windows
from mlxgpt.errors import ConversionError

# Keys that change what a model computes and that none of our words says, with the values at which they change nothing.
NEUTRAL: dict[str, tuple[Any, ...]] = {  # Any: plain JSON values
    "partial_rotary_factor": (1,),
    "rope_interleaved": (False,),
    "rope_traditional": (False,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
    "is_encoder_decoder": (False,),
    "use_bidirectional_attention": (False,),
    "quantization": ({},),
    "quantization_config": ({},),
    "clip_qkv": (0,),
    "logit_scale": (1,),
    "logits_scaling": (1,),
    "residual_multiplier": (1,),
    "embedding_multiplier": (1,),
    "use_parallel_residual": (False,),
    "parallel_attn": (False,),
    "alibi": (False,),
    **dict.fromkeys(("num_experts", "num_local_experts", "n_routed_experts", "moe_intermediate_size"), (0,)),
}


def read_fields(values: Json, path: Path) -> Fields:
    """The fields of a ModelConfig that a published config.json describes."""
    keys = Keys(values, path)
    model_type = keys.word("model_type", "")
    if model_type not in READERS:
        inner = keys.table("text_config").get("model_type")
        raise ConversionError(
            f"{path}: mlxgpt does not know models of type {model_type or 'unknown'!r} from inside, which "
            "inspecting, training, importing, exporting and quantising need."
            + (f"  Inside is a text model of type {inner!r}; give a directory that holds only that." if inner else ""),
            hint=f"Known from inside: {', '.join(READERS)}.",
        )
    for name, neutral in NEUTRAL.items():
        if keys.get(name) is not None and keys.get(name) not in neutral:
            keys.refuse(name, f"{neutral[0]}, or no such key")
    fields = {"bias": "none", "init": "modern", **READERS[model_type](keys)}
    local_matters = fields.get("rope_scaling", "none") != "none" or fields.get("rope_local_theta") != fields.get(
        "rope_theta"
    )
    if not fields.get("sliding_window") or not local_matters:
        fields.pop("rope_local_theta", None)
    return fields


def gpt2(keys: Keys) -> Fields:
    """GPT-2 (Radford et al. 2019).  Its dropout rates belong to training and are not taken over."""
    n_embd = keys.whole("n_embd", "hidden_size")
    return {
        "vocab_size": keys.whole("vocab_size"),
        "context_length": keys.whole("n_positions", "max_position_embeddings", "n_ctx"),
        "n_layer": keys.whole("n_layer", "num_hidden_layers"),
        "n_head": keys.whole("n_head", "num_attention_heads"),
        "n_embd": n_embd,
        "d_ffn": keys.whole("n_inner", default=4 * n_embd),
        "ffn": activation(keys, "activation_function", "gelu_new"),
        "norm": "layernorm",
        "norm_eps": keys.number("layer_norm_epsilon", 1e-5),
        "position": "learned",
        "bias": "all",
        "attn_scale": 0.0 if keys.flag("scale_attn_weights", True) else 1.0,
        "tie_embeddings": keys.flag("tie_word_embeddings", True),
        "init": "gpt2",
    }


def decoder(
    keys: Keys,
    *,
    eps: float = 1e-6,
    tied: bool = False,
    act: str = "hidden_act",
    act_default: str = "silu",
    theta: float = 1e4,
) -> Fields:
    """What nearly all architectures since Llama share: RMSNorm, RoPE, grouped heads, a gated feed-forward network."""
    heads = keys.whole("num_attention_heads")
    return {
        "vocab_size": keys.whole("vocab_size"),
        "context_length": keys.whole("max_position_embeddings"),
        "n_layer": keys.whole("num_hidden_layers"),
        "n_head": heads,
        "n_kv_head": keys.whole("num_key_value_heads", default=heads),
        "n_embd": keys.whole("hidden_size"),
        "head_dim": keys.whole("head_dim", default=0),
        "d_ffn": keys.whole("intermediate_size"),
        "ffn": gated(keys, act, act_default),
        "norm": "rmsnorm",
        "norm_eps": keys.number("rms_norm_eps", eps),
        "position": "rope",
        "tie_embeddings": keys.flag("tie_word_embeddings", tied),
        **rope(keys, theta),
    }


def llama(keys: Keys) -> Fields:
    """Llama 1 to 3.2 (Touvron et al. 2023, Dubey et al. 2024)."""
    return decoder(keys) | biases(keys) | same_window(keys, 0)


def mistral(keys: Keys) -> Fields:
    """Mistral 7B (Jiang et al. 2023): every layer slides, unless `sliding_window` is null."""
    window = keys.whole("sliding_window", default=0 if "sliding_window" in keys.values else 4096)
    return decoder(keys) | same_window(keys, window)


def qwen2(keys: Keys) -> Fields:
    """Qwen 2 and 2.5: biases on q, k and v; with `use_sliding_window` the layers from `max_window_layers` on slide."""
    window = keys.whole("sliding_window", default=4096) if keys.flag("use_sliding_window", False) else 0
    first = keys.whole("max_window_layers", default=28)
    kinds = layers(keys, lambda layer: window > 0 and layer >= first)
    return decoder(keys) | {"bias": "qkv"} | windows(keys, window, kinds)


def qwen3(keys: Keys) -> Fields:
    """Qwen 3: RMSNorm over each query and key head."""
    fields = qwen2(keys) | {"qk_norm": "head", "head_dim": keys.whole("head_dim", default=128)}
    return fields | {"bias": "attention" if keys.flag("attention_bias", False) else "none"}


def smollm3(keys: Keys) -> Fields:
    """SmolLM 3, as far as every layer has RoPE."""
    count, every = keys.whole("num_hidden_layers"), keys.whole("no_rope_layer_interval", default=4)
    has_rope = keys.get("no_rope_layers")
    if has_rope is None and 0 < every <= count:
        keys.refuse("no_rope_layer_interval", "RoPE in every layer, which is no_rope_layers = [1, 1, …]")
    if has_rope is not None and (not isinstance(has_rope, list) or 0 in has_rope[:count]):
        keys.refuse("no_rope_layers", "RoPE in every layer, which is no_rope_layers = [1, 1, …]")
    return decoder(keys, tied=True, theta=2e6) | biases(keys) | same_window(keys, 0)


def phi3(keys: Keys) -> Fields:
    """Phi 3 with 4k context: q, k, v in one matrix, gate and up in another."""
    window = keys.whole("sliding_window", default=0)
    return decoder(keys, eps=1e-5) | same_window(keys, window)


def starcoder2(keys: Keys) -> Fields:
    """StarCoder 2: LayerNorm, RoPE, a plain feed-forward network, biases everywhere."""
    window = keys.whole("sliding_window", default=0)
    if not keys.flag("use_bias", True):
        keys.refuse("use_bias", "true: norms with biases need biases everywhere")
    fields = decoder(keys, tied=True, act_default="gelu_pytorch_tanh")
    plain = {"ffn": activation(keys, "hidden_act", "gelu_pytorch_tanh"), "norm": "layernorm", "bias": "all"}
    eps = {"norm_eps": keys.number("norm_epsilon", 1e-5)}
    return fields | plain | eps | same_window(keys, window)


def gemma(keys: Keys) -> Fields:
    """Gemma 1: GeGLU, gains of 1 + weight, embeddings multiplied by sqrt(n_embd).

    "gelu" was written for what was trained with the tanh approximation (transformers says so too).
    """
    fields = _gemma(keys, "hidden_act")
    if keys.get("hidden_act") == "gelu":
        fields["ffn"] = "geglu_tanh"
    if keys.get("hidden_activation") is not None and gated(keys, "hidden_activation", "") != fields["ffn"]:
        keys.refuse("hidden_activation", "the same function as hidden_act")
    return fields | same_window(keys, 0)


def gemma2(keys: Keys) -> Fields:
    """Gemma 2: norms before and after each branch, soft-caps, every other layer slides."""
    return (
        _gemma(keys, "hidden_activation")
        | _sandwich(keys)
        | {
            "attn_softcap": keys.number(
                "attn_logit_softcapping", 0.0 if "attn_logit_softcapping" in keys.values else 50.0
            )
        }
        | {
            "logit_softcap": keys.number(
                "final_logit_softcapping", 0.0 if "final_logit_softcapping" in keys.values else 30.0
            )
        }
        | windows(keys, keys.whole("sliding_window", default=4096), layers(keys, lambda layer: layer % 2 == 0))
    )


def gemma3(keys: Keys) -> Fields:
    """Gemma 3, text: RMSNorm of queries and keys, five sliding layers to a full one, each kind with its RoPE base."""
    if keys.get("attn_logit_softcapping") is not None:
        keys.refuse("attn_logit_softcapping", "null: transformers ignores it in this architecture")
    period = keys.whole("sliding_window_pattern", "_sliding_window_pattern", default=6)
    kinds = layers(keys, lambda layer: period > 0 and (layer + 1) % period != 0)
    return (
        _gemma(keys, "hidden_activation", theta=1e6)
        | rope(keys, 1e6, local_theta=1e4)
        | _sandwich(keys)
        | {"qk_norm": "head", "logit_softcap": keys.number("final_logit_softcapping", 0.0)}
        | windows(keys, keys.whole("sliding_window", default=4096), kinds)
    )


def _gemma(keys: Keys, act: str, theta: float = 1e4) -> Fields:
    fields = decoder(keys, tied=True, act=act, act_default="gelu_pytorch_tanh", theta=theta)
    own = {"norm": "rmsnorm_plus_one", "embed_scale": math.sqrt(keys.whole("hidden_size"))}
    bias = {"bias": "attention" if keys.flag("attention_bias", False) else "none"}
    return fields | own | bias | {"head_dim": keys.whole("head_dim", default=256)}


def _sandwich(keys: Keys) -> Fields:
    scalar = keys.number("query_pre_attn_scalar", 256)
    if scalar <= 0:
        keys.wrong("query_pre_attn_scalar", "above zero")
    return {"norm_placement": "sandwich", "attn_scale": scalar**-0.5}


def olmo2(keys: Keys) -> Fields:
    """OLMo 2: norms after each branch only, RMSNorm of whole queries and keys."""
    fields = decoder(keys, eps=1e-5) | {"bias": "attention" if keys.flag("attention_bias", False) else "none"}
    return fields | {"norm_placement": "post", "qk_norm": "width"} | same_window(keys, 0)


def olmo3(keys: Keys) -> Fields:
    """OLMo 3: as OLMo 2, and three sliding layers to a full one; RoPE is stretched in full layers only."""
    window = keys.whole("sliding_window", default=4096)
    base = olmo2(Keys({**keys.values, "layer_types": None}, keys.path)) | rope(keys, 5e5)
    base.setdefault("rope_local_theta", base["rope_theta"])
    return base | windows(keys, window, layers(keys, lambda layer: (layer + 1) % 4 != 0))


READERS: dict[str, Callable[[Keys], Fields]] = {
    "gpt2": gpt2,
    "llama": llama,
    "mistral": mistral,
    "qwen2": qwen2,
    "qwen3": qwen3,
    "smollm3": smollm3,
    "phi3": phi3,
    "starcoder2": starcoder2,
    "gemma": gemma,
    "gemma2": gemma2,
    "gemma3_text": gemma3,
    "olmo2": olmo2,
    "olmo3": olmo3,
    "rwkv6": rwkv.rwkv6,
    "rwkv7": rwkv.rwkv7,
}
