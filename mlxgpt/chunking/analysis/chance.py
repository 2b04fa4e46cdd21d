"""Is a figure better than chance?  The same figure for random segmentations with the same number of cuts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SEGMENTATIONS = 200
SEED = 0xC0DE

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A mean over cuts beside the same mean over random sentence gaps.

    `value` is the mean over the `cuts`; `chance` and `chance_sd` are the mean and the standard deviation of that mean over
    200 random segmentations with the same number of cuts; z = (value - chance) / chance_sd.  z is None where every
    segmentation is the same one.
    """

    cuts: int
    value: float
    chance: float
    chance_sd: float
    z: float | None


class ComparedTally:
    """Adds up cuts and random segmentations over documents, so that a document counts as much as it has cuts."""

    def __init__(self) -> None:
        self._documents = self._cuts = 0
        self._sum = 0.0
        self._sums = np.zeros(SEGMENTATIONS)  # one a segmentation of all documents

    def add(self, at_cuts: Values, at_gaps: Values) -> None:
        """Add the values at the cuts of a document; segmentations are drawn from its gaps."""
        self._documents += 1
        if len(at_cuts) == 0 or len(at_gaps) == 0:
            return
        rng = np.random.default_rng((SEED, self._documents))
        number = min(len(at_cuts), len(at_gaps))
        drawn = np.array([rng.choice(at_gaps, number, replace=False, shuffle=False).mean() for _ in self._sums])
        self._cuts += len(at_cuts)
        self._sum += float(at_cuts.sum())
        self._sums += drawn * len(at_cuts)

    def result(self) -> Compared | None:
        """The comparison so far; None without cuts."""
        if not self._cuts:
            return None
        value, means = self._sum / self._cuts, self._sums / self._cuts
        chance, sd = float(means.mean()), float(means.std())
        z = (value - chance) / sd if sd > 1e-9 else None
        return Compared(cuts=self._cuts, value=value, chance=chance, chance_sd=sd, z=z)


def auc(positive: Values, negative: Values) -> float:
    """The chance that a positive has a higher score than a negative, ties counting half: the area under the ROC curve.

    Computed as Mann and Whitney's U / (number of pairs).

    >>> auc(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
    0.875
    """
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left")
    up_to = np.searchsorted(ordered, positive, side="right")
    return float((below + up_to).sum() / 2 / max(1, len(positive) * len(negative)))
