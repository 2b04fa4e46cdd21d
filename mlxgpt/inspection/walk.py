"""One block step by step, and the numbers of one tensor: what the points of the trace leave out is reckoned from them.

B batch = 1 · T time · C channels · H heads · K kv heads · D head dim
"""

import math

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_flatten

from mlxgpt.errors import ConfigError, nearest
from mlxgpt.inspection.close_reports import ValuesReport
from mlxgpt.inspection.reports import Numbers, Passage, TensorsReport
from mlxgpt.inspection.tensors import NOWHERE, summary
from mlxgpt.inspection.trace import Trace, block_points
from mlxgpt.model import functional
from mlxgpt.model.gpt import GPT
from mlxgpt.training.losses import next_token_loss

MOST = 96  # rows and columns of a table
OUTSIDE = ("embed", "final_norm", "logits")


def walk(model: GPT, passage: Passage | None, layer: int | None, *, kind: str, called: str) -> TensorsReport:
    """Activations of one block in the order in which they happen, or its weights or gradients; without a layer, what lies
    outside the blocks."""
    found, loss = tensors_of(model, passage, kind, layer)
    return TensorsReport(
        model=called, kind=kind, passage=passage, stream_norms=NOWHERE, loss=loss,
        tensors=tuple(summary(name, value) for name, value in found.items()),
    )  # fmt: skip


def tensors_of(model: GPT, passage: Passage | None, kind: str, layer: int | None) -> tuple[dict[str, mx.array], float]:
    """The tensors of a kind in one block, or outside all; and for gradients the loss, else NaN."""
    loss, found = math.nan, {}
    match kind:
        case "weights":
            found = dict(tree_flatten(model.parameters()))
        case "activations" if passage is not None:
            return steps(model, passage, layer), loss
        case "gradients" if passage is not None:
            ids = mx.array([passage.ids])
            mean, tree = nn.value_and_grad(model, lambda model: next_token_loss(model, ids[:, :-1], ids[:, 1:]))(model)
            mx.eval(mean, tree)
            found, loss = dict(tree_flatten(tree)), float(mean.item())
        case _:
            raise ConfigError(f"There are no {kind!r}.", hint=nearest(kind, ("weights", "activations", "gradients")))
    prefix = "blocks." if layer is None else f"blocks.{layer}."
    return {name: value for name, value in found.items() if name.startswith(prefix) == (layer is not None)}, loss


def steps(model: GPT, passage: Passage, layer: int | None) -> dict[str, mx.array]:
    """The tensors of one block by name.  Norms and scores, which no tap hears, are reckoned from what taps hear."""
    if layer is None:
        trace = Trace(*OUTSIDE)
        trace.run(model, passage.ids)
        return {name: trace[name] for name in trace.names}
    prefix = f"blocks.{layer}."
    trace = Trace(prefix + "*")
    trace.run(model, passage.ids)
    heard = {name.removeprefix(prefix): trace[name] for name in trace.names}
    if not model.config.recurrent:
        block = model.blocks[layer]
        heard["attn_norm"] = block.attn_norm.apply("before", heard["resid_pre"])
        heard["attn.scores"] = scores(block.attn, heard["attn.q"], heard["attn.k"])
        heard["ffn_norm"] = block.ffn_norm.apply("before", heard["resid_mid"])
    mx.eval(heard)
    order = _ORDER if not model.config.recurrent else tuple(block_points(model.config))
    return {prefix + name: heard[name] for name in order if name in heard}


_ORDER = (
    *("resid_pre", "attn_norm", "attn.q", "attn.k", "attn.v", "attn.scores", "attn.pattern", "attn.z", "attn_out"),
    *("resid_mid", "ffn_norm", "ffn.hidden", "ffn_out", "resid_post"),
)


def scores(attn: nn.Module, q: mx.array, k: mx.array) -> mx.array:
    """q·k scaled and capped, before mask and softmax, (B, H, T, T)."""
    k = mx.repeat(k, q.shape[1] // k.shape[1], axis=1)
    return functional.soft_cap((q * attn._scale) @ k.swapaxes(-1, -2), attn._softcap)


def values(
    model: GPT, passage: Passage | None, name: str, *, kind: str, head: int = 0, position: int = -1, called: str
) -> ValuesReport:
    """The numbers of one tensor.  `position` is a token of an activation, a row of anything else."""
    layer = int(name.split(".")[1]) if name.startswith("blocks.") else None
    found, _ = tensors_of(model, passage, kind, layer)
    if name not in found:
        raise ConfigError(f"There is no tensor {name!r} among the {kind}.", hint=nearest(name, list(found)))
    tensor = found[name]
    whole = np.array(tensor.astype(mx.float32))
    seen = None
    if kind == "activations":
        whole = whole[:, 0] if name.endswith(".attn.mix") else whole[0]
        if whole.ndim == 3:  # heads, or the five parts of a mix; keys and values are shared by groups of heads
            seen = (
                head * whole.shape[0] // max(model.config.n_head, 1) if whole.shape[0] <= model.config.n_head else head
            )
            seen = min(seen, whole.shape[0] - 1)
            whole = whole[seen]
    matrix = whole.reshape(-1, whole.shape[-1]) if whole.ndim else whole.reshape(1, 1)
    at = min(max(position % len(matrix) if position < 0 else position, 0), len(matrix) - 1)
    table, each = small(matrix)
    return ValuesReport(
        model=called, name=name, kind=kind, shape=tuple(tensor.shape), head=seen,
        dtype=str(tensor.dtype).removeprefix("mlx.core."), table=table, each=each, row=matrix[at].copy(), at=at,
    )  # fmt: skip


def small(matrix: Numbers, most: int = MOST) -> tuple[Numbers, tuple[int, int]]:
    """A matrix made at most `most` high and wide, each cell the largest by size of those it stands for; and how many."""
    each = -(-matrix.shape[0] // most), -(-matrix.shape[1] // most)
    if each == (1, 1):
        return matrix, each
    padded = np.pad(matrix, [(0, -size % step) for size, step in zip(matrix.shape, each, strict=True)])
    R, C = padded.shape[0] // each[0], padded.shape[1] // each[1]
    cells = padded.reshape(R, each[0], C, each[1]).swapaxes(1, 2).reshape(R, C, -1)
    sizes = np.where(np.isnan(cells), np.inf, np.abs(cells))  # what is no number must be seen
    largest = sizes.argmax(axis=-1, keepdims=True)
    return np.take_along_axis(cells, largest, axis=-1)[..., 0].astype(np.float32), each
