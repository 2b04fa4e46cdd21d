"""Whom the model read to choose a token: the head that looked hardest at one place, and where it looked.

L layers · H heads · T tokens
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

from mlxgpt.inspection.reports import Numbers
from mlxgpt.inspection.trace import Trace
from mlxgpt.model.gpt import GPT

MOST = 512  # tokens of a recurrent model's text: its map grows with their square


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """Where one head looked from the last token of a text: (token id, how far back, weight), the most first.

    `kind` is attention, whose weights of all tokens add up to one, or effective: what a recurrent layer takes of each
    token's value, which may be negative.  `others` is the weight, by size, on the tokens that are not listed.
    """

    kind: str
    layer: int
    head: int
    sources: tuple[tuple[int, int, float], ...]
    others: float


def reads(model: GPT, ids: Sequence[int], *, top: int = 4) -> Reads:
    """What the step that reads the last of `ids` looked at, computed again in one pass.

    Of all heads the one is shown that puts most weight on a single token which is neither the first nor the last: there a
    head rests that looks for nothing (Xiao et al. 2023).  Texts longer than the context count by their last tokens.
    """
    recurrent = model.config.recurrent
    seen = list(ids)[-(MOST if recurrent else model.config.context_length) :]
    weights = _weights(model, seen)  # (L, H, T)
    size = np.abs(weights)
    inner = size[..., 1:-1] if len(seen) > 2 else size
    layer, head = np.unravel_index(int(inner.max(axis=-1).argmax()), inner.shape[:2])
    row, strength = weights[layer, head], size[layer, head]
    best = np.argsort(-strength, kind="stable")[:top]
    return Reads(
        kind="effective" if recurrent else "attention",
        layer=int(layer),
        head=int(head),
        sources=tuple((seen[place], len(seen) - 1 - int(place), float(row[place])) for place in best),
        others=float(strength.sum() - strength[best].sum()),
    )


def _weights(model: GPT, ids: Sequence[int]) -> Numbers:
    """What every head of every layer takes of each token, at the last one.  (L, H, T)"""
    config = model.config
    point = "pattern" if config.recurrent else "q"
    trace, caches = Trace(f"blocks.*.attn.{point}"), model.make_cache()
    model(mx.array([list(ids)]), caches, tap=trace)
    rows = []
    for layer in range(config.n_layer):
        values = trace[f"blocks.{layer}.attn.{point}"]
        row = (
            values[0, :, -1] if config.recurrent else model.blocks[layer].attn.row(values[:, :, -1:], caches[layer])[0]
        )
        rows.append(row.astype(mx.float32))
    return np.array(mx.stack(rows))
