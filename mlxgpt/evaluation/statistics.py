"""How sure a figure is: intervals and paired tests.  No MLX here.

- Wilson's interval for shares (Wilson 1927, "Probable inference, the law of succession, and statistical inference"): right
  where the usual p ± 1.96 s fails, near 0 and 1 and for few items (Brown, Cai & DasGupta 2001).
- The percentile bootstrap for ratios (Efron 1979): items are drawn anew, with replacement, and the figure computed again.
- McNemar's exact test for two models' right and wrong answers to the same questions (McNemar 1947): only the questions that
  one has right and the other wrong say anything, and if both were equally good they would be coin tosses.
- The paired bootstrap for the difference of two ratios over the same items (Koehn 2004).
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Z95 = 1.959963984540054  # the normal distribution's 97.5th percentile
RESAMPLES = 2000
Values = npt.NDArray[np.float64]


class Interval(NamedTuple):
    """The bounds of 95% confidence."""

    low: float
    high: float


def wilson(right: int, total: int) -> Interval:
    """The interval of a share.

    >>> low, high = wilson(8, 10)
    >>> round(low, 3), round(high, 3)
    (0.49, 0.943)
    """
    if total == 0:
        return Interval(0.0, 1.0)
    share, z2 = right / total, Z95 * Z95
    middle = share + z2 / (2 * total)
    spread = Z95 * math.sqrt(share * (1 - share) / total + z2 / (4 * total * total))
    scale = 1 + z2 / total
    return Interval(max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale))


def bootstrap(numerators: Values, denominators: Values, seed: int = 0) -> Interval:
    """The interval of sum(numerators) / sum(denominators) when the items are a sample."""
    low, high = np.quantile(_resampled(seed, (numerators, denominators))[0], [0.025, 0.975])
    return Interval(float(low), float(high))


def mcnemar(a: Values, b: Values) -> float:
    """The probability that two equally good models differ as much as these, by their right (1) and wrong (0) answers.

    >>> round(mcnemar(np.array([1.0, 1, 1, 1, 1, 0]), np.array([0.0, 0, 0, 0, 0, 0])), 6)
    0.0625
    """
    only_a, only_b = int(((a > 0) & (b == 0)).sum()), int(((b > 0) & (a == 0)).sum())
    n, fewer = only_a + only_b, min(only_a, only_b)
    logs = [
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) - n * math.log(2) for k in range(fewer + 1)
    ]
    return min(1.0, 2 * math.fsum(map(math.exp, logs))) if n else 1.0


def paired_bootstrap(a: tuple[Values, Values], b: tuple[Values, Values], seed: int = 0) -> tuple[Interval, float]:
    """The interval of ratio(a) - ratio(b) over the same items, and how probable it is that it is none (two-sided)."""
    first, second = _resampled(seed, a, b)
    difference = first - second
    low, high = np.quantile(difference, [0.025, 0.975])
    tail = min((difference <= 0).mean(), (difference >= 0).mean())
    return Interval(float(low), float(high)), float(min(1.0, max(2 * tail, 1 / RESAMPLES)))


def _resampled(seed: int, *ratios: tuple[Values, Values]) -> list[Values]:
    """Each ratio, computed over `RESAMPLES` samples of the items; the same samples for all."""
    generator = np.random.default_rng(seed)
    n = len(ratios[0][0])
    found: list[Values] = [np.zeros(RESAMPLES) for _ in ratios]
    for i in range(RESAMPLES):
        sample = generator.integers(0, n, n)
        for values, (numerators, denominators) in zip(found, ratios, strict=True):
            values[i] = numerators[sample].sum() / max(denominators[sample].sum(), 1e-300)
    return found
