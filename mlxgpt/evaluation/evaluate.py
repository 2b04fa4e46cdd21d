"""How well a model predicts text it has not seen: loss, perplexity and bits per byte.

Bits per byte compares models with different tokenizers: it asks what each costs for a byte of the original text, however
the text was cut into tokens.
"""

import math
import threading
from dataclasses import dataclass

import mlx.core as mx

from mlxgpt.data.loader import validation_batches
from mlxgpt.data.packing import Stream
from mlxgpt.model import functional
from mlxgpt.model.gpt import GPT


class Stopped(Exception):
    """Somebody asked to stop before there was a score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """The result of an evaluation: `loss` in nats per token, over `tokens` that stand for `text_bytes` of UTF-8."""

    loss: float
    tokens: int
    text_bytes: float

    @property
    def perplexity(self) -> float:
        """e^loss: among how many equally likely tokens the model seems to choose."""
        return math.exp(min(self.loss, 700.0))

    @property
    def bits_per_byte(self) -> float:
        """All nats / ln 2 / bytes of text."""
        return self.loss * self.tokens / math.log(2) / max(1.0, self.text_bytes)


def evaluate(
    model: GPT,
    stream: Stream,
    *,
    context_length: int,
    batch_size: int,
    most_tokens: int = 0,
    stop: threading.Event | None = None,
) -> Score:
    """The mean loss over the tokens of `stream` that are to be predicted; with `most_tokens`, the first so many of all.

    Raises `Stopped` between two batches once `stop` is set: a score of less text is not comparable.
    """
    nats, tokens = 0.0, 0.0
    for batch in validation_batches(stream, context_length, batch_size, most_tokens=most_tokens):
        if stop is not None and stop.is_set():
            raise Stopped
        losses = functional.cross_entropy(model(mx.array(batch.inputs)), mx.array(batch.targets))  # (B, T)
        weights = mx.ones_like(losses) if batch.weights is None else mx.array(batch.weights)
        total, count = (losses * weights).sum(), weights.sum()
        mx.eval(total, count)
        nats += total.item()
        tokens += count.item()
    read = min(most_tokens or len(stream.ids), len(stream.ids) - 1) + 1  # the first token is read, not predicted
    return Score(loss=nats / max(tokens, 1.0), tokens=int(tokens), text_bytes=stream.bytes_before(read))
