"""The tuned lens (Belrose et al. 2023): an affine map for each layer, trained so that its prediction comes near the final one.

The logit lens asks early layers to speak the last layer's language; the tuned lens translates.  x + x A' + b starts as the
logit lens (A = 0, b = 0) and lowers KL(final ‖ lens), on texts, with the model held fixed.

B batch · T time · C channels · R rows: the embedding and every block but the last
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np

from mlxgpt import whole
from mlxgpt.convert import huggingface
from mlxgpt.convert.files import read_header
from mlxgpt.errors import CheckpointError, DataError
from mlxgpt.events import Event, LensStepFinished
from mlxgpt.inspection.lens import decode, stream_names
from mlxgpt.inspection.trace import Trace
from mlxgpt.model.gpt import GPT
from mlxgpt.training.optimizers import AdamW, Now, Optimizer, Tree

LEARNING_RATE = 1e-3


class TunedLens:
    """The maps of a model, one for each row of its lens but the last."""

    def __init__(self, weights: Tree) -> None:
        self.weights = weights

    @staticmethod
    def start(model: GPT) -> "TunedLens":
        """The lens that changes nothing: the logit lens."""
        C = model.config.n_embd
        weights: Tree = {}
        for row in range(model.config.n_layer):
            weights |= {f"{row}.weight": mx.zeros((C, C)), f"{row}.bias": mx.zeros((C,))}
        return TunedLens(weights)

    def translate(self, row: int, x: mx.array) -> mx.array:
        """A residual stream (…, C) as the last layer would say it."""
        return _translate(self.weights, row, x)

    def save(self, path: Path) -> None:
        """Write the maps as safetensors."""
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}.safetensors")  # MLX insists on the suffix
        try:
            mx.save_safetensors(str(aside), self.weights)
            whole.write_bytes(path, aside.read_bytes())
        finally:
            aside.unlink(missing_ok=True)

    @staticmethod
    def load(path: Path, model: GPT) -> "TunedLens":
        """The maps in a file; `CheckpointError` when they are not for this model."""
        weights = huggingface.read_tensors(read_header(path))
        expected = {name: value.shape for name, value in TunedLens.start(model).weights.items()}
        if {name: value.shape for name, value in weights.items()} != expected:
            raise CheckpointError(
                f"{path} is not a tuned lens of this model.",
                hint="Train one: mlxgpt inspect tune-lens --model … --data …",
            )
        return TunedLens(weights)


def _translate(weights: Tree, row: int, x: mx.array) -> mx.array:
    return x + x @ weights[f"{row}.weight"].T + weights[f"{row}.bias"]


def tune(
    model: GPT, lens: TunedLens, ids: np.ndarray, *, steps: int, batch_size: int = 1, seed: int = 0
) -> Iterator[Event]:
    """Train `lens` on random windows of a stream of ids (N,); yields the mean KL before each step, and after the last."""
    T = min(model.config.context_length, 256)
    if len(ids) < T:
        raise DataError(f"The text has {len(ids):,} tokens; tuning a lens reads {T} at a time.", hint="Give more text.")
    random = np.random.default_rng(seed)
    optimizer = Optimizer(adamw=AdamW(decay=0.0), clip=1.0)
    state = optimizer.start(lens.weights)
    for step in range(steps + 1):
        starts = random.integers(len(ids) - T + 1, size=batch_size)
        streams, final = _targets(model, mx.array(np.stack([ids[start : start + T] for start in starts])))
        divergence, gradients = mx.value_and_grad(_divergence)(lens.weights, model, streams, final)
        if step < steps:
            now = Now.of(optimizer.scalars(step + 1, LEARNING_RATE * (1 - step / steps), 0.0))
            lens.weights, state = optimizer.update(lens.weights, gradients, state, now)
        mx.eval(divergence, lens.weights, state)
        yield LensStepFinished(step=step, steps=steps, divergence=float(divergence.item()))


def _targets(model: GPT, tokens: mx.array) -> tuple[list[mx.array], mx.array]:
    """The residual streams (B, T, C) of all rows but the last, and the final log p (B, T, V)."""
    trace = Trace("embed", "blocks.*.resid_post")
    logits = trace.run(model, tokens)
    names = stream_names(model.config.n_layer)[:-1]
    return [trace[name] for name in names], logits - mx.logsumexp(logits, axis=-1, keepdims=True)


def _divergence(weights: Tree, model: GPT, streams: list[mx.array], final: mx.array) -> mx.array:
    """KL(final ‖ lens), the mean over rows and positions."""
    total: Any = 0.0
    for row, stream in enumerate(streams):
        logits = decode(model, _translate(weights, row, stream))
        log_p = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        total = total + (mx.exp(final) * (final - log_p)).sum(axis=-1).mean()
    return total / len(streams)
