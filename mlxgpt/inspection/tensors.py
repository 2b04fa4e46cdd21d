"""Tensors in numbers: weights, activations on a text, and the gradients of that text's loss.

B batch = 1 · T time · C channels · L layers
"""

import math

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_flatten

from mlxgpt.inspection.lens import stream_names
from mlxgpt.inspection.reports import Passage, TensorsReport, TensorSummary
from mlxgpt.inspection.trace import Trace
from mlxgpt.model.gpt import GPT
from mlxgpt.training.losses import next_token_loss

BINS = 24
NOWHERE = np.zeros((0, 0), dtype=np.float32)


def weights(model: GPT, name: str) -> TensorsReport:
    """Every parameter of a model."""
    return _report(name, "weights", dict(tree_flatten(model.parameters())))


def activations(model: GPT, passage: Passage) -> TensorsReport:
    """Every point of the forward pass on a text, and how long the residual stream is."""
    trace = Trace("*")
    trace.run(model, passage.ids)
    streams = np.stack([np.linalg.norm(trace.numpy(name)[0], axis=-1) for name in stream_names(model.config.n_layer)])
    values = {name: trace[name] for name in trace.names}
    return _report(passage.model, "activations", values, passage, streams)


def gradients(model: GPT, passage: Passage) -> TensorsReport:
    """The gradient of the mean surprisal of a text for every parameter."""
    ids = mx.array([passage.ids])
    loss, tree = nn.value_and_grad(model, lambda model: next_token_loss(model, ids[:, :-1], ids[:, 1:]))(model)
    mx.eval(loss, tree)
    return _report(passage.model, "gradients", dict(tree_flatten(tree)), passage, loss=float(loss.item()))


def _report(
    model: str, kind: str, tensors: dict[str, mx.array], passage: Passage | None = None,
    stream_norms: np.ndarray = NOWHERE, loss: float = math.nan,
) -> TensorsReport:  # fmt: skip
    return TensorsReport(
        model=model, kind=kind, passage=passage, stream_norms=stream_norms, loss=loss,
        tensors=tuple(summary(name, tensor) for name, tensor in tensors.items()),
    )  # fmt: skip


def summary(name: str, tensor: mx.array) -> TensorSummary:
    """One tensor in numbers, reckoned in float64 from the finite ones."""
    values = np.array(tensor.astype(mx.float32)).astype(np.float64)
    finite = values[np.isfinite(values)]
    empty = finite.size == 0
    counts, edges = np.histogram(finite, bins=BINS) if not empty else (np.zeros(BINS, int), np.linspace(0, 1, BINS + 1))
    return TensorSummary(
        name=name,
        shape=tuple(tensor.shape),
        dtype=str(tensor.dtype).removeprefix("mlx.core."),
        mean=math.nan if empty else float(finite.mean()),
        sd=math.nan if empty else float(finite.std()),
        least=math.nan if empty else float(finite.min()),
        most=math.nan if empty else float(finite.max()),
        norm=float(np.linalg.norm(finite)),
        nans=int(np.isnan(values).sum()),
        infinities=int(np.isinf(values).sum()),
        counts=counts.astype(np.int64),
        edges=edges.astype(np.float32),
    )
