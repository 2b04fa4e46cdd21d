"""Our models in llama.cpp's words: which of them it can compute, under which names, and what has to be turned around.

Only what differs from our own form needs doing: Llama's queries and keys are stored for RoPE on neighbouring pairs, not on
halves; Gemma's norms as their whole gain; GPT-2's q, k and v as one matrix; RWKV's thin matrices the other way round.
Source: src/llama-arch.cpp (names) and src/models/*.cpp (shapes, formulas) of ggml-org/llama.cpp.
"""

from collections.abc import Iterator, Mapping

import mlx.core as mx

from mlxgpt.convert.gguf import KINDS, Tensor, Value, fits, quantised
from mlxgpt.convert.huggingface import implied_parameters
from mlxgpt.convert.targets import facts, hf_target
from mlxgpt.errors import ConversionError
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.positions import scaled_wavelengths

Parameters = Mapping[str, mx.array]

# Published architecture -> llama.cpp's name for it
ARCHITECTURES = {
    **{name: name for name in ("gpt2", "llama", "qwen2", "qwen3", "olmo2", "gemma2", "rwkv6", "rwkv7")},
    "olmo3": "olmo2",  # with a sliding window
    "gemma3_text": "gemma3",
}

# What llama.cpp fixes beyond what the architecture does
_NO_LLAMA3 = {"rope_scaling": {"none", "linear"}}
_OWN_SCALE = {"attn_scale": {"1/sqrt(head_dim)"}}
LIMITS: dict[str, dict[str, set[str]]] = {
    "gemma2": _OWN_SCALE,
    "gemma3_text": _OWN_SCALE,
    "olmo2": _NO_LLAMA3 | {"bias": {"none"}},
    "olmo3": {"bias": {"none"}},
    "qwen2": _NO_LLAMA3,
    "qwen3": _NO_LLAMA3,
}

# What its kernels take at once, whether a head has so many or not (GGML_F32_STEP with AVX-512, WKV_VECTOR_SIZE): a narrower
# head is computed with numbers from beyond it.  Measured: logits off by 0.1, and NaN.
HEADS = {"rwkv6": 16, "rwkv7": 64}


def architecture(config: ModelConfig) -> str:
    """The published architecture that llama.cpp computes this model as; `ConversionError` says what stands against it."""
    target = hf_target(config)
    told = facts(config)
    limits = LIMITS.get(target.model_type, {})
    reasons = target.reasons or tuple(
        f"{fact} is {told[fact]}, but {target.model_type} in llama.cpp has {' or '.join(sorted(allowed))}"
        for fact, allowed in limits.items()
        if told[fact] not in allowed
    )
    hint = f"Train with a preset whose first line says what it is saved as; {', '.join(ARCHITECTURES)} fit."
    if config.head_width % HEADS.get(target.model_type, 1):
        step = HEADS[target.model_type]
        reasons = (f"a head is {config.head_width} wide, but its CPU kernel takes {step} numbers of a head at a time",)
        hint = f"Train one whose heads (n_embd / n_head) are 64 wide, as those of the preset {target.model_type}-140m."
    if reasons:
        raise ConversionError(
            f"llama.cpp cannot compute this model: {'; '.join(reasons)}.",
            hint=hint,
        )
    return target.model_type


# ---- keys ------------------------------------------------------------------------------------------------------------


def model_keys(config: ModelConfig, name: str, kind: str) -> dict[str, Value]:
    """The keys that say what the model is."""
    model_type = architecture(config)
    word = ARCHITECTURES[model_type]
    keys = _rwkv(config) if config.recurrent else _transformer(config, model_type)
    general: dict[str, Value] = {
        "general.architecture": word,
        "general.name": name,
        "general.file_type": KINDS[kind].file_type,
        "general.quantization_version": 2,
    }
    return general | {f"{word}.{key}": value for key, value in keys.items()}


def _common(config: ModelConfig) -> dict[str, Value]:
    return {
        "vocab_size": config.vocab_size,
        "context_length": config.context_length,
        "embedding_length": config.n_embd,
        "block_count": config.n_layer,
        "feed_forward_length": config.ffn_width,
        "attention.head_count": config.n_head,
    }


def _transformer(config: ModelConfig, model_type: str) -> dict[str, Value]:
    D = config.head_width
    keys = _common(config)
    if model_type == "gpt2":
        return keys | {"attention.layer_norm_epsilon": config.norm_eps}
    keys |= {
        "attention.head_count_kv": config.kv_heads,
        "attention.layer_norm_rms_epsilon": config.norm_eps,
        "attention.key_length": D,
        "attention.value_length": D,
        "rope.dimension_count": D,
        "rope.freq_base": config.rope_theta,
    }
    if config.rope_scaling == "linear":
        keys |= {"rope.scaling.type": "linear", "rope.scaling.factor": config.rope_factor}
    if model_type == "gemma2":
        keys["attn_logit_softcapping"], keys["final_logit_softcapping"] = config.attn_softcap, config.logit_softcap
        keys["attention.sliding_window"] = config.sliding_window or config.context_length
    elif config.sliding_window:
        keys["attention.sliding_window"] = config.sliding_window
        keys["attention.sliding_window_pattern"] = [config.slides(layer) for layer in range(config.n_layer)]
        keys["rope.freq_base_swa"] = config.rope_local_theta or config.rope_theta
    return keys


def _rwkv(config: ModelConfig) -> dict[str, Value]:
    ranks = config.ranks
    keys = _common(config) | {
        "attention.head_count": 0,
        "attention.layer_norm_epsilon": config.norm_eps,
        "wkv.head_size": config.head_width,
        "token_shift_count": 2,
    }
    if config.block == "rwkv6":
        return keys | {"time_mix_extra_dim": ranks["mix"], "time_decay_extra_dim": ranks["decay"]}
    names = {"decay": "decay", "rate": "iclr", "value": "value_residual_mix", "gate": "gate"}
    return keys | {f"attention.{theirs}_lora_rank": ranks[ours] for ours, theirs in names.items()}


# ---- tensors ---------------------------------------------------------------------------------------------------------


def tensors(config: ModelConfig, parameters: Parameters, kind: str) -> Iterator[Tensor]:
    """What the file holds: matrices as `kind`, everything else as float32.

    A matrix whose rows are no whole blocks of `kind` becomes float16, and the token table, which suffers most, has 8 bits at
    least.
    """
    model_type = architecture(config)
    for name, array in _named(config, dict(parameters), model_type):
        part = name.removesuffix(".weight").rpartition(".")[2]
        stored = "F32"
        if name.endswith(".weight") and part in MATRICES:
            stored = "Q8_0" if part in ("token_embd", "output") and kind == "Q4_0" else kind
            stored = stored if fits(array, stored) or not quantised(stored) else "F16"
        yield Tensor(name=name, array=array, kind=stored)


def _named(config: ModelConfig, ours: dict[str, mx.array], model_type: str) -> Iterator[tuple[str, mx.array]]:
    """Their name and form of every tensor."""
    if model_type == "gpt2":
        ours |= implied_parameters(config)
    if model_type in NEEDS_HEAD and "head.weight" not in ours:
        ours["head.weight"] = ours["embedding.weight"]
    if config.rope_scaling == "llama3":
        plain = config.rope_theta ** (mx.arange(0, config.head_width, 2) / config.head_width)
        stretched = scaled_wavelengths(config)
        assert stretched is not None
        yield "rope_freqs.weight", stretched / plain
    if config.recurrent:
        yield from _named_rwkv(config, ours)
        return
    for name, array in ours.items():
        part, _, leaf = name.rpartition(".")
        layer, place = _place(part)
        if model_type == "gpt2" and place in ("attn.q_proj", "attn.k_proj", "attn.v_proj"):
            if place == "attn.q_proj":
                three = [ours[f"blocks.{layer}.attn.{which}_proj.{leaf}"] for which in "qkv"]
                yield f"blk.{layer}.attn_qkv.{leaf}", mx.concatenate(three)
            continue
        if model_type == "llama" and place in ("attn.q_proj", "attn.k_proj"):
            array = neighbours(array, config.n_head if place == "attn.q_proj" else config.kv_heads)
        if model_type.startswith("gemma") and "norm" in place:
            array = array.astype(mx.float32) + 1.0
        yield (f"blk.{layer}." if layer else "") + f"{PARTS[place]}.{leaf}", array


def _place(part: str) -> tuple[str, str]:
    """The layer of a part, "" outside the blocks, and its place there."""
    if not part.startswith("blocks."):
        return "", part
    _, layer, place = part.split(".", 2)
    return layer, place


def neighbours(array: mx.array, heads: int) -> mx.array:
    """Rows of each head reordered so that the two halves of a RoPE pair, D/2 apart, stand side by side."""
    rows = array.reshape(heads, 2, -1, *array.shape[1:])  # (H, 2, D/2, …)
    return mx.contiguous(rows.swapaxes(1, 2)).reshape(array.shape)


def _named_rwkv(config: ModelConfig, ours: dict[str, mx.array]) -> Iterator[tuple[str, mx.array]]:
    C = config.n_embd
    for layer in range(config.n_layer):
        prefix, theirs = f"blocks.{layer}.", f"blk.{layer}."
        if config.block == "rwkv7":
            shifts = [ours.pop(f"{prefix}att.x_{name}") for name in "rwkvag"]
            yield f"{theirs}time_mix_lerp_fused.weight", mx.stack(shifts).reshape(6, 1, 1, C)
            if layer == 0:  # llama.cpp asks for what the first block has no use for, in the rank of the rate
                rank = config.ranks["rate"]
                yield from (
                    (f"{theirs}time_mix_v{i}.weight", mx.zeros(shape))
                    for i, shape in enumerate(((C,), (rank, C), (C, rank)))
                )
        for name in [name for name in ours if name.startswith(prefix)]:
            place, array = name.removeprefix(prefix), ours.pop(name)
            leaf = "bias" if place.endswith(".bias") else "weight"
            place = place.removesuffix(f".{leaf}")
            if place == "ln0":
                yield f"token_embd_norm.{leaf}", array
            elif place in RWKV_PARTS:
                yield f"{theirs}{RWKV_PARTS[place]}.{leaf}", array
            else:
                mix, _, word = place.partition(".")
                if place == "att.time_maa_w2":
                    array = mx.contiguous(array.swapaxes(1, 2))  # (5, C, M)
                elif word[-1] in "12" and array.ndim == 2:
                    array = mx.contiguous(array.T)
                elif "maa" in word or word.startswith("x_"):
                    array = array.reshape(1, 1, C)
                elif word == "r_k":
                    array = array.reshape(C)
                yield f"{theirs}{MIXES[mix]}{_rwkv_word(word)}.{leaf}", array
    for name, array in ours.items():
        part, _, leaf = name.rpartition(".")
        yield f"{PARTS[part]}.{leaf}", array


def _rwkv_word(word: str) -> str:
    """`time_maa_x` -> `lerp_x`, `time_maa_w1` -> `w1`, `time_faaaa` -> `first`, `w1` -> `w1`."""
    if word in ("time_maa_w1", "time_maa_w2"):
        return word[-2:]
    if word.startswith("x_"):
        return "lerp_" + word[2:]
    return word.replace("time_maa_", "lerp_").replace("time_faaaa", "first").replace("time_decay", "decay")


# ---- the names -------------------------------------------------------------------------------------------------------

PARTS = {
    "embedding": "token_embd",
    "positions": "position_embd",
    "final_norm": "output_norm",
    "head": "output",
    **{f"attn.{x}_proj": f"attn_{x}" for x in "qkv"},
    "attn.o_proj": "attn_output",
    "attn.q_norm": "attn_q_norm",
    "attn.k_norm": "attn_k_norm",
    **{f"ffn.{x}_proj": f"ffn_{x}" for x in ("gate", "up", "down")},
    "attn_norm.before": "attn_norm",
    "ffn_norm.before": "ffn_norm",
    "attn_norm.after": "post_attention_norm",
    "ffn_norm.after": "post_ffw_norm",
}
RWKV_PARTS = {
    "ln1": "attn_norm",
    "ln2": "attn_norm_2",
    "att.ln_x": "time_mix_ln",
}
MIXES = {"att": "time_mix_", "ffn": "channel_mix_"}

NEEDS_HEAD = ("olmo2", "olmo3", "rwkv6", "rwkv7")  # llama.cpp ties no head of theirs

MATRICES = {
    *("token_embd", "output", "attn_qkv", "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"),
    *(f"time_mix_{x}" for x in ("receptance", "key", "value", "gate", "output")),
    *(f"channel_mix_{x}" for x in ("receptance", "key", "value")),
}  # fmt: skip
