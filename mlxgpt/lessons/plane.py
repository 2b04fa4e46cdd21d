"""A landscape of loss that can be drawn: the real loss of a model, as two directions of its weights are walked.

The weights that move are the last matrix of the last block (the `down_proj` of its feed-forward network), so what comes
before is computed once.  Each direction goes against the gradient of one text; its unit is where the loss of both texts
together, walked along that direction alone, is lowest.

T time · C channels (n_embd) · F inner width
"""

import mlx.core as mx
import numpy as np

from mlxgpt.inspection.trace import Trace
from mlxgpt.lessons.subject import Subject
from mlxgpt.model import functional

TOKENS = 12  # of each text
REACHES = [2.0**k for k in range(-6, 9)]  # tried to find the unit of a direction


class Plane:
    """loss(a, b): the mean loss of two texts with the weights W + a D1 + b D2."""

    def __init__(self, subject: Subject) -> None:
        self.model = subject.model
        self.block = self.model.blocks[-1]
        documents = subject.corpus.split("\n\n")
        texts = [subject.ids(text)[: TOKENS + 1] for text in (documents[0], documents[len(documents) // 2])]
        length = min(map(len, texts))
        ids = mx.array([text[:length] for text in texts])  # (2, T + 1)
        layer = self.model.config.n_layer - 1
        trace = Trace(f"blocks.{layer}.resid_mid", f"blocks.{layer}.ffn.hidden")
        trace.run(self.model, ids[:, :-1])
        self.before, self.hidden = trace[f"blocks.{layer}.resid_mid"], trace[f"blocks.{layer}.ffn.hidden"]
        self.targets = ids[:, 1:]
        self.weight = self.block.ffn.down_proj.weight  # (C, F)
        first, second = (self._downhill(text) for text in range(2))
        second = second - (second * first).sum() * first  # at a right angle to the first
        self.first, self.second = (self._scaled(way / mx.sqrt((way * way).sum())) for way in (first, second))
        self._outs = [self.hidden @ weight.T for weight in (self.weight, self.first, self.second)]  # (2, T, C) each

    def loss(self, at: mx.array) -> mx.array:
        """The mean loss at (a, b), given as (2,); of many places (N, 2) at once, (N,)."""
        still, first, second = self._outs
        a, b = (at[..., axis, None, None, None] for axis in range(2))
        return self._after(still + a * first + b * second).mean(axis=(-2, -1))

    def slopes(self, places: mx.array) -> tuple[mx.array, mx.array]:
        """Losses (N,) and gradients (N, 2) at many places (N, 2)."""

        def total(places: mx.array) -> tuple[mx.array, mx.array]:
            losses = self.loss(places)
            return losses.sum(), losses

        (_, losses), gradients = mx.value_and_grad(total)(places)
        return losses, gradients

    def heights(self, xs: np.ndarray, ys: np.ndarray) -> np.ndarray:
        """The loss at every (x, y), (len(ys), len(xs)), a row at a time."""
        rows = [self.loss(mx.array(np.stack([xs, np.full_like(xs, y)], axis=1).astype(np.float32))) for y in ys]
        return np.stack([np.array(row) for row in rows])

    def _losses(self, weight: mx.array) -> mx.array:
        """The loss of every token of both texts, (2, T), with another last matrix."""
        return self._after(self.hidden @ weight.T)

    def _after(self, out: mx.array) -> mx.array:
        """The loss of every token, (…, 2, T), from what the last matrix gave, (…, 2, T, C)."""
        down = self.block.ffn.down_proj
        out = out + down.bias if "bias" in down else out
        norms = self.block.ffn_norm
        x = norms.apply("outer", self.before + norms.apply("after", out))
        x = self.model.final_norm(x) if "final_norm" in self.model else x
        logits = self.model.unembed(x)  # (…, 2, T, V)
        return functional.cross_entropy(logits, mx.broadcast_to(self.targets, logits.shape[:-1]))

    def _downhill(self, text: int) -> mx.array:
        """Against the gradient of one text, (C, F), of length one."""
        way = -mx.grad(lambda weight: self._losses(weight)[text].mean())(self.weight)
        return way / mx.sqrt((way * way).sum())

    def _scaled(self, way: mx.array) -> mx.array:
        """The direction, as long as the walk along it that lowers the loss most."""
        return way * min(REACHES, key=lambda reach: self._losses(self.weight + reach * way).mean().item())
