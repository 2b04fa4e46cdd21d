"""RWKV-6 as flash-linear-attention stores it, in the official names.

There the five mixes stand in the order r, w, k, v, g, here w, k, v, r, g.  Only models that were converted to that form
are read: those trained in it have narrower keys (expand_k) and another epsilon in the norm of the heads.
"""

from collections.abc import Mapping

import mlx.core as mx

from mlxgpt.convert.files import Json
from mlxgpt.errors import ConversionError

_TOP = {
    "model.embeddings.weight": "emb.weight",
    "model.norm.weight": "ln_out.weight",
    "model.norm.bias": "ln_out.bias",
    "lm_head.weight": "head.weight",
}
_PARTS = {"pre_norm": "ln0", "attn_norm": "ln1", "ffn_norm": "ln2"}
_ATTENTION = {
    **{
        f"{x}_proj.linear.weight": f"{name}.weight"
        for x, name in zip("rkvg", ("receptance", "key", "value", "gate"), strict=True)
    },
    "o_proj.weight": "output.weight",
    "g_norm.weight": "ln_x.weight",
    "g_norm.bias": "ln_x.bias",
    "bonus": "time_faaaa",
    "x_proj.0.mu": "time_maa_x",
    "w_proj.linear.lora.2.bias": "time_decay",
}
_FFN = {
    "key.mu": "time_maa_k",
    "receptance.mu": "time_maa_r",
    "key.linear.weight": "key.weight",
    "receptance.linear.weight": "receptance.weight",
    "value.weight": "value.weight",
}
THEIRS, OURS = "rwkvg", "wkvrg"


def is_fla(values: Json) -> bool:
    """Whether a config.json is that of this form."""
    return values.get("model_type") == "rwkv6" and "proj_low_rank_dim" in values


def official_tensors(values: Json, tensors: Mapping[str, mx.array], source: str) -> dict[str, mx.array]:
    """The tensors under their official names and in their official shapes; raises `ConversionError` for what does not fit."""
    for key, wanted in (("expand_k", 1.0), ("expand_v", 1.0), ("norm_first", True), ("attn", None)):
        if values.get(key, wanted) != wanted:
            raise ConversionError(
                f"{source}: {key} = {values.get(key)!r} is not supported.", hint=f"What would fit: {wanted}."
            )
    official: dict[str, mx.array] = {}
    for name, tensor in tensors.items():
        if name in _TOP:
            official[_TOP[name]] = tensor
            continue
        words = name.split(".", 4)
        if len(words) < 5 or words[:2] != ["model", "layers"]:
            raise ConversionError(f"{source} has the unexpected {name}.", hint="Is it an RWKV-6 model?")
        block, part, leaf = f"blocks.{words[2]}", words[3], words[4]
        if part in _PARTS:
            official[f"{block}.{_PARTS[part]}.{leaf}"] = tensor
        elif part == "ffn" and leaf in _FFN:
            official[f"{block}.ffn.{_FFN[leaf]}"] = tensor
        elif part == "attn":
            official |= {f"{block}.att.{ours}": value for ours, value in _attention(leaf, tensor, source).items()}
        else:
            raise ConversionError(f"{source} has the unexpected {name}.", hint="Is it an RWKV-6 model?")
    return official


def _attention(leaf: str, tensor: mx.array, source: str) -> dict[str, mx.array]:
    order = [THEIRS.index(x) for x in OURS]
    if leaf in _ATTENTION:
        return {_ATTENTION[leaf]: tensor}
    match leaf, tensor.shape:
        case "x_bias", (5, _):
            return {f"time_maa_{x}": tensor[i] for x, i in zip(OURS, order, strict=True)}
        case "x_proj.0.linear.weight", (rows, C) if rows % 5 == 0:  # 5 ranks of rows, one mix below the other
            return {"time_maa_w1": tensor.reshape(5, -1, C)[mx.array(order)].reshape(rows, C).T}
        case "x_proj.2.weight", (C, columns) if columns % 5 == 0:
            return {"time_maa_w2": tensor.reshape(C, 5, -1)[:, mx.array(order)].transpose(1, 2, 0)}
        case (("w_proj.linear.lora.0.weight" | "w_proj.linear.lora.2.weight"), (_, _)):
            return {"time_decay_w1" if ".0." in leaf else "time_decay_w2": tensor.T}
    raise ConversionError(f"{source} has the unexpected attn.{leaf} of shape {list(tensor.shape)}.")
