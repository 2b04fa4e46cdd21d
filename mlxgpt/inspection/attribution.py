"""Direct logit attribution: which part of the model speaks for a token (Elhage et al. 2021, "residual stream").

What the head reads is a sum: the token's embedding, its position, what each head and each feed-forward network added, and
biases.  Norms on the way are linear once their scale is held at what it was in this run, so every part passes them alone
and the parts add up to the logit.  Where a model caps its logits, they add up to the logit before the cap.

A recurrent model is the same sum: its time mixing has heads, and its channel mixing stands for the feed-forward network.

B batch = 1 · T time · C channels · H heads · D head dim · P parts · V vocab
"""

from collections.abc import Callable

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from mlxgpt.inspection.reports import AttributionReport, Part, Passage
from mlxgpt.inspection.trace import Trace
from mlxgpt.model.gpt import GPT
from mlxgpt.model.layers import LayerNorm, RMSNormPlusOne

Parts = dict[Part, mx.array]  # the share of the residual stream (C,) that each part made


def attribution(
    model: GPT, passage: Passage, position: int, token: int | None, against: int | None, piece: Callable[[int], str]
) -> AttributionReport:
    """What speaks at `position` for `token` (the model's best guess unless given), or for it rather than for `against`."""
    heads = "gated" if model.config.recurrent else "z"
    trace = Trace("embed", "blocks.*.resid_pre", "blocks.*.resid_mid", f"blocks.*.attn.{heads}", "blocks.*.*_out")
    logits = trace.run(model, passage.ids)[0, position].astype(mx.float32)  # (V,)
    chosen = int(logits.argmax().item()) if token is None else token
    direction = unembedding(model, chosen) - (0.0 if against is None else unembedding(model, against))  # (C,)
    parts = stream_parts(model, trace, passage.ids[position], position)
    shares = mx.stack([part @ direction for part in parts.values()])
    cap = model.config.logit_softcap
    raw = mx.arctanh(logits / cap) * cap if cap else logits
    other = 0.0 if against is None else raw[against]
    return AttributionReport(
        passage=passage,
        position=position,
        token=chosen,
        against=against,
        pieces={i: piece(i) for i in (chosen, against) if i is not None},
        parts=tuple(parts),
        shares=np.array(shares),
        logit=float((raw[chosen] - other).item()),
        capped=bool(cap),
    )


def unembedding(model: GPT, token: int) -> mx.array:
    """The row of the head that a token's logit is the product with, (C,)."""
    return (model.embedding if model.config.tie_embeddings else model.head).weight[token].astype(mx.float32)


def stream_parts(model: GPT, trace: Trace, token: int, position: int) -> Parts:
    """What the head reads at `position`, (C,), as a sum of parts."""
    config = model.config
    if config.recurrent:
        return _recurrent_parts(model, trace, position)
    embed = trace["embed"][0, position]
    own = model.embedding.weight[token].astype(embed.dtype) * config.embed_scale
    parts: Parts = {Part(kind="token"): own}
    if config.position in ("learned", "sinusoidal"):
        parts[Part(kind="position")] = embed - own
    for layer, block in enumerate(model.blocks):
        attn_bias, ffn_bias = Part(kind="attn bias", layer=layer), Part(kind="ffn bias", layer=layer)
        before, attn_out, middle, ffn_out = (
            trace[f"blocks.{layer}.{name}"][0, position] for name in ("resid_pre", "attn_out", "resid_mid", "ffn_out")
        )
        parts |= attention_parts(block, layer, trace[f"blocks.{layer}.attn.z"][0, :, position])
        parts = through(block.attn_norm.get("outer"), before + attn_out, parts, attn_bias)
        parts[Part(kind="ffn", layer=layer)] = ffn_out
        parts = through(block.ffn_norm.get("outer"), middle + ffn_out, parts, ffn_bias)
    return through(model.get("final_norm"), sum(parts.values()), parts, Part(kind="final bias"))


def _recurrent_parts(model: GPT, trace: Trace, position: int) -> Parts:
    """The same sum of a recurrent model, whose first block normalises the embedding of the token."""
    H = model.config.n_head
    parts: Parts = {Part(kind="token"): trace["blocks.0.resid_pre"][0, position]}
    for layer, block in enumerate(model.blocks):
        gated = trace[f"blocks.{layer}.attn.gated"][0, position].reshape(H, -1)  # (H, N)
        parts |= head_parts(block.att.output.weight, layer, gated)
        parts[Part(kind="channel mixing", layer=layer)] = trace[f"blocks.{layer}.ffn_out"][0, position]
    return through(model.get("final_norm"), sum(parts.values()), parts, Part(kind="final bias"))


def head_parts(weight: mx.array, layer: int, z: mx.array) -> Parts:
    """What each head, z (H, D), adds to the stream by a projection (C, H D)."""
    H, D = z.shape
    heads = mx.einsum("chd,hd->hc", weight.reshape(-1, H, D), z)  # (H, C)
    return {Part(kind="head", layer=layer, head=head): heads[head] for head in range(H)}


def attention_parts(block: nn.Module, layer: int, z: mx.array) -> Parts:
    """What each head, z (H, D), adds to the stream, and what comes whatever they say."""
    linear, bias = block.attn.o_proj, Part(kind="attn bias", layer=layer)
    parts = head_parts(linear.weight, layer, z)
    if "bias" in linear:
        parts[bias] = linear.bias
    return through(block.attn_norm.get("after"), sum(parts.values()), parts, bias)


def through(norm: nn.Module | None, x: mx.array, parts: Parts, bias: Part) -> Parts:
    """`parts` of `x` after a norm whose scale is held at what it is for `x`; the norm's own bias joins the part `bias`."""
    if norm is None:
        return parts
    gain = 1.0 + norm.weight if isinstance(norm, RMSNormPlusOne) else norm.weight
    centre: Callable[[mx.array], mx.array] = (lambda v: v - v.mean()) if isinstance(norm, LayerNorm) else (lambda v: v)
    scale = gain * mx.rsqrt(mx.square(centre(x)).mean() + norm._eps)
    passed = {part: centre(value) * scale for part, value in parts.items()}
    if "bias" in norm:
        passed[bias] = passed.get(bias, mx.zeros_like(x)) + norm.bias
    return passed
