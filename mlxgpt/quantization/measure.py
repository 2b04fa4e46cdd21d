"""What quantising costs: the same text through both models, and every matrix beside what it became.

B batch · T time · V vocab
"""

import math
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_unflatten

from mlxgpt.data.loader import Batch, validation_batches
from mlxgpt.data.packing import Stream
from mlxgpt.model import functional
from mlxgpt.model.gpt import GPT
from mlxgpt.model.packing import packings_of
from mlxgpt.quantization.report import MatrixError

_BATCH = 4  # sequences at once


@dataclass(frozen=True, slots=True, kw_only=True)
class TextError:
    """Two models on one text.  Losses and the divergence are in nats per token."""

    tokens: int
    text_bytes: float
    loss_before: float
    loss_after: float
    divergence: float  # mean of KL(before || after), what is lost of the distribution
    agreement: float  # share of places where both have the same best token

    def perplexity(self, loss: float) -> float:
        """e^loss."""
        return math.exp(min(loss, 700.0))

    def bits_per_byte(self, loss: float) -> float:
        """All nats / ln 2 / bytes of text."""
        return loss * self.tokens / math.log(2) / max(1.0, self.text_bytes)


def text_error(before: GPT, after: GPT, stream: Stream, tokens: int, told: Callable[[float], object]) -> TextError:
    """The first `tokens` tokens of `stream` through both models; `told` hears how much of it is done, 0 … 1."""
    sums = [0.0] * 5
    batches = list(_batches(stream, before.config.context_length, tokens))
    for i, batch in enumerate(batches):
        inputs, targets = mx.array(batch.inputs), mx.array(batch.targets)
        p, q = (logits - mx.logsumexp(logits, axis=-1, keepdims=True) for logits in
                (model(inputs).astype(mx.float32) for model in (before, after)))  # fmt: skip
        weights = mx.ones(targets.shape) if batch.weights is None else mx.array(batch.weights).astype(mx.float32)
        told_of = (
            functional.cross_entropy(p, targets),
            functional.cross_entropy(q, targets),
            (mx.exp(p) * (p - q)).sum(axis=-1),
            mx.argmax(p, axis=-1) == mx.argmax(q, axis=-1),
            mx.ones_like(weights),
        )
        totals = [(figure * weights).sum() for figure in told_of]
        mx.eval(totals)
        sums = [total + new.item() for total, new in zip(sums, totals, strict=True)]
        told((i + 1) / len(batches))
    count = max(1.0, sums[-1])
    return TextError(
        tokens=int(count), text_bytes=stream.bytes_before(int(count) + 1), loss_before=sums[0] / count,
        loss_after=sums[1] / count, divergence=max(0.0, sums[2] / count), agreement=sums[3] / count,
    )  # fmt: skip


def _batches(stream: Stream, context_length: int, tokens: int) -> Iterator[Batch]:
    return validation_batches(stream, min(context_length, tokens), _BATCH, most_tokens=tokens)


# ---- matrices --------------------------------------------------------------------------------------------------------


class Listening(nn.Module):
    """An ordinary matrix in its place, with its packed twin beside it: both answer, the ordinary one is heard."""

    def __init__(self, plain: nn.Module, packed: nn.Module) -> None:
        super().__init__()
        self.plain, self._packed = plain, packed  # what begins with an underscore is no part of the model
        self._sums: list[mx.array] = []

    def __call__(self, x: mx.array) -> mx.array:
        y = self.plain(x)
        off = (self._packed(x) - y).astype(mx.float32)
        bias = self.plain.get("bias")
        bare = (y if bias is None else y - bias).astype(mx.float32)
        self._sums.append(mx.stack([(off * off).sum(), (bare * bare).sum()]))
        return y

    @property
    def error(self) -> float | None:
        """|W' x - W x| / |W x| over everything heard."""
        if not self._sums:
            return None
        off, whole = mx.stack(self._sums).sum(axis=0).tolist()
        return math.sqrt(off / whole) if whole else 0.0


def matrix_errors(before: GPT, after: GPT, stream: Stream) -> list[MatrixError]:
    """The packed matrices of `after`, the worst first, on one batch of the text."""
    packings = packings_of(after)
    plain, packed = dict(before.named_modules()), dict(after.named_modules())
    heard = {
        name: Listening(plain[name], packed[name])
        for name in packings
        if isinstance(plain[name], nn.Linear)
    }  # fmt: skip
    before.update_modules(tree_unflatten(list(heard.items())))
    try:
        batch = next(_batches(stream, before.config.context_length, before.config.context_length * _BATCH))
        mx.eval(before(mx.array(batch.inputs)), [each._sums for each in heard.values()])
    finally:
        before.update_modules(tree_unflatten([(name, plain[name]) for name in heard]))
    errors = [
        MatrixError(
            name=name, bits=packing.bits, weight_error=_weight_error(plain[name].weight, packed[name]),
            output_error=heard[name].error if name in heard else None,
        )
        for name, packing in packings.items()
    ]  # fmt: skip
    return sorted(errors, key=lambda error: -(error.weight_error if error.output_error is None else error.output_error))


def _weight_error(weight: mx.array, packed: nn.Module) -> float:
    back = mx.dequantize(
        packed.weight, packed.scales, packed.get("biases"),
        group_size=packed.group_size, bits=packed.bits, mode=packed.mode,
    )  # fmt: skip
    weight = weight.astype(mx.float32)
    return (mx.linalg.norm(back.astype(mx.float32) - weight) / mx.maximum(mx.linalg.norm(weight), 1e-30)).item()


# ---- speed -----------------------------------------------------------------------------------------------------------


def speeds(models: tuple[GPT, ...], *, tokens: int = 32, rounds: int = 3) -> list[float]:
    """Tokens a second that each model decodes, one text, the median of rounds that take turns."""
    rates: list[list[float]] = [[] for _ in models]
    for _ in range(rounds + 1):
        for model, rate in zip(models, rates, strict=True):
            caches = model.make_cache()
            token = mx.zeros((1, 1), mx.int32)
            mx.eval(model(token, caches))
            began = time.perf_counter()
            for _ in range(min(tokens, model.config.context_length - 1)):
                token = mx.argmax(model(token, caches)[:, -1:], axis=-1)
                mx.eval(token)
            rate.append(tokens / (time.perf_counter() - began))
    return [statistics.median(rate[1:]) for rate in rates]  # the first round warms up
