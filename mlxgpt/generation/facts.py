"""What there is to say of a token that was drawn: how likely it was, its rivals, and where the dart fell.

Computed by NumPy from the scores, beside the model: while it happens the device is at the next token, whose graph is not a
third longer for it.

V vocab · k alternatives
"""

from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np

Numbers = np.ndarray[Any, np.dtype[Any]]


class Fact(NamedTuple):
    """What is known of one token, as plain values; the fields of `events.TokenGenerated`."""

    token: int
    probability: float | None = None
    rank: int | None = None
    entropy: float | None = None
    draw: float | None = None
    slice: tuple[float, float] | None = None
    alternatives: tuple[tuple[int, float], ...] = ()
    slices: tuple[tuple[float, float], ...] = ()


class Dart(NamedTuple):
    """The random number that chose a token, and where each token's slice of [0, 1) ends, after all filters.

    The slices end a rounding away from 1; that of a token that was ruled out ends where it begins.
    """

    chance: mx.array  # (B, 1)
    ends: mx.array  # (B, V)


class Drawn(NamedTuple):
    """The next token of each text, and where asked for what there is to judge it by; no dart where none was thrown."""

    token: mx.array  # (B, 1)
    logits: mx.array | None = None  # (B, V), the model's own
    dart: Dart | None = None

    def facts(self, alternatives: int = 0) -> list[Fact]:
        """The same as plain values, one for each text; this waits for the device.

        The best `alternatives` tokens come first the likeliest, and of equal ones the first in the vocabulary.
        """
        tokens: Any = self.token.tolist()  # Any: MLX's stub does not know the depth of a list
        facts = [Fact(token) for (token,) in tokens]
        if self.logits is not None:
            facts = [
                judged(row, fact.token, alternatives) for row, fact in zip(_numpy(self.logits), facts, strict=True)
            ]
        if self.dart is not None:
            chances, ends = _numpy(self.dart.chance), _numpy(self.dart.ends)
            facts = [located(fact, float(chances[i, 0]), ends[i]) for i, fact in enumerate(facts)]
        return facts


def judged(logits: Numbers, token: int, k: int) -> Fact:
    """What `token` and the `k` best tokens are in softmax(logits), whose entropy is in nats; rank 1 is the likeliest.

    logits: (V,).
    """
    k = min(k, len(logits))
    shifted = logits - logits.max()
    e = np.exp(shifted)
    total = e.sum()
    best = np.argpartition(logits, len(logits) - k)[len(logits) - k :] if k else np.zeros(0, np.int64)
    best = best[np.lexsort((best, -logits[best]))]
    return Fact(
        token,
        probability=float(e[token] / total),
        rank=int(np.count_nonzero(logits > logits[token])) + 1,
        entropy=float(np.log(total) - np.dot(e, np.where(e > 0, shifted, 0.0)) / total),  # -sum p ln p
        alternatives=tuple(zip(best.tolist(), (e[best] / total).tolist(), strict=True)),
    )


def located(fact: Fact, chance: float, ends: Numbers) -> Fact:
    """The fact with its dart: `chance`, and the slices of the token and its rivals as shares of 1.  ends: (V,)."""
    tokens = np.array([fact.token, *(token for token, _ in fact.alternatives)])
    begin, end = np.where(tokens > 0, ends[tokens - 1], 0.0) / ends[-1], ends[tokens] / ends[-1]
    own, *others = zip(begin.tolist(), end.tolist(), strict=True)
    return fact._replace(draw=chance, slice=own, slices=tuple(others))


def _numpy(array: mx.array) -> Numbers:
    return np.asarray(array)
