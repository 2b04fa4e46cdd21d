"""Where the cuts are: at which level of the text, and at which of the author's headings.

N words · H headings
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.analysis.view import ChunkView
from mlxgpt.chunking.levels import Level

RANDOM_SEGMENTATIONS = 20
_SEED = 0x5E6


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundaries:
    """Cuts by the `Level` of the text at that place, `counts[level]` of `cuts` in all.

    The share at a level is counts[level] / cuts; `mid_sentence` is the share below SENTENCE.  `INSIDE` is inside a word or
    where no reader would cut.  The end of a document is no cut.
    """

    cuts: int
    counts: tuple[int, ...]  # by `Level`

    @property
    def mid_sentence(self) -> float:
        """The share of cuts inside a sentence."""
        return sum(self.counts[: Level.SENTENCE]) / max(1, self.cuts)

    def share(self, level: Level) -> float:
        """The share of cuts at a level."""
        return self.counts[level] / max(1, self.cuts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """The cuts against the author's headings (levels SECTION and up); only documents that have some count.

    `found` is the share of headings that begin a chunk, `found_by_chance` what the same number of random sentence gaps
    would find: cuts / sentence gaps.  Over all pairs of words k apart, k half the mean segment of the reference:
    `pk` is the share of pairs that headings and cuts do not agree on, whether they are in one segment (Beeferman, Berger
    and Lafferty 1999); `window_diff` the share of pairs with another number of headings than of cuts between (Pevzner and
    Hearst 2002).  0 is perfect.  `…_by_chance` is the mean over random segmentations with as many cuts.  Chunks
    are usually smaller than sections, and then every cut inside a section counts as an error: compare with chance.
    """

    headings: int
    found: float
    found_by_chance: float
    pk: float
    pk_by_chance: float
    window_diff: float
    window_diff_by_chance: float


class BoundariesTally:
    """Adds up `Boundaries` and `Structure`."""

    def __init__(self, *, with_structure: bool = True) -> None:
        self._with_structure = with_structure
        self._counts = np.zeros(len(Level), dtype=np.int64)
        self._headings = 0
        self._sums = np.zeros(6)  # found and by chance, Pk and by chance, WindowDiff and by chance; weighted
        self._pairs = 0

    def add(self, view: ChunkView) -> None:
        """Add a document."""
        document = view.document
        self._counts += np.bincount(document.levels_at(view.cuts), minlength=len(Level))
        headings = document.headings
        words = len(document.words.starts)
        if len(headings) == 0 or words < 4:
            return
        found = np.isin(document.solid[headings], document.solid[view.cuts])
        chance = min(1.0, len(view.cuts) / max(1, len(document.gaps)))
        self._headings += len(headings)
        self._sums[:2] += found.sum(), chance * len(headings)
        if self._with_structure:
            self._compare(view, words)

    def _compare(self, view: ChunkView, words: int) -> None:
        """Add Pk and WindowDiff of a document with headings."""
        document, headings = view.document, view.document.headings
        reference = _segments(document.words.before(headings), words)
        k = max(2, round(words / (len(headings) + 1) / 2))
        pairs = words - k
        if pairs < 1:
            return
        pk, window_diff = _errors(reference, _segments(document.words.before(view.cuts), words), k)
        rng = np.random.default_rng((_SEED, self._headings))
        gaps = document.words.before(document.gaps)
        number = min(len(view.cuts), len(gaps))
        drawn = [
            _errors(reference, _segments(rng.choice(gaps, number, replace=False), words), k)
            for _ in range(RANDOM_SEGMENTATIONS)
        ]
        pk_chance, window_chance = np.mean(drawn, axis=0)
        self._pairs += pairs
        self._sums[2:] += pairs * np.array([pk, pk_chance, window_diff, window_chance])

    def boundaries(self) -> Boundaries:
        """The cuts of all documents so far."""
        return Boundaries(cuts=int(self._counts.sum()), counts=tuple(self._counts.tolist()))

    def headings_found(self) -> float:
        """The share of headings that begin a chunk, 1 when there are none."""
        return float(self._sums[0]) / self._headings if self._headings else 1.0

    def structure(self) -> Structure | None:
        """The cuts against headings; None when there are none."""
        if not self._pairs:
            return None
        found, by_chance = (self._sums[:2] / self._headings).tolist()
        pk, pk_chance, window_diff, window_chance = (self._sums[2:] / self._pairs).tolist()
        return Structure(
            headings=self._headings, found=found, found_by_chance=by_chance, pk=pk, pk_by_chance=pk_chance,
            window_diff=window_diff, window_diff_by_chance=window_chance,
        )  # fmt: skip


def _segments(cuts: npt.NDArray[np.int64], words: int) -> npt.NDArray[np.int64]:
    """The number of the segment that each word is in.  (N,)"""
    inner = cuts[(cuts > 0) & (cuts < words)]
    marks = np.zeros(words, dtype=np.int64)
    marks[inner] = 1
    return np.cumsum(marks)


def _errors(reference: npt.NDArray[np.int64], segments: npt.NDArray[np.int64], k: int) -> tuple[float, float]:
    """Pk and WindowDiff of segments."""
    expected, found = reference[k:] - reference[:-k], segments[k:] - segments[:-k]
    return float(np.mean((expected == 0) != (found == 0))), float(np.mean(expected != found))
