"""Chunks that end where the subject turns: where the words before a gap and after it have least in common.

Not more than that: it compares words, not meanings (see `cohesion`).  In the evaluations of docs/chunking.md it finds passages
a little better than `recursive`, with chunks that are a little smaller; and it needs no headings and no paragraphs.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.base import Chunker, check_overlap, check_sizes
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.cohesion import cohesion
from mlxgpt.chunking.division import divide_part, levels_from
from mlxgpt.chunking.emission import emit, with_overlap
from mlxgpt.chunking.levels import Level
from mlxgpt.chunking.measured import Block
from mlxgpt.config import setting
from mlxgpt.errors import ConfigError
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.scanner import scanner_for

# How much lower the cohesion of a gap counts when it is a stronger place, in standard deviations.
_BONUS = {
    Level.SENTENCE: 0.0,
    Level.LINE: 0.25,
    Level.PARAGRAPH: 1.0,
    Level.SECTION: 2.0,
    Level.CHAPTER: 2.5,
    Level.PART: 3.0,
}
_BONUSES = np.array([_BONUS.get(level, 0.0) for level in Level])


@dataclass(frozen=True, slots=True, kw_only=True)
class Semantic(Chunker):
    """From `min_size` to `max_size` tokens on, the sentence gap with the lowest cohesion ends the chunk."""

    max_size: int = setting(512, "most tokens in a chunk")
    min_size: int = setting(0, "fewest tokens before the subject may turn; 0 is a quarter of max_size")
    overlap_ratio: float = setting(0.0, "share of a chunk that repeats whole sentences of the one before")
    compared: int = setting(6, "sentences compared on each side of a gap")
    preserve_paragraphs: bool = setting(False, "cut no paragraph that fits")

    def __post_init__(self) -> None:
        check_sizes(self.min_size, self.max_size)
        check_overlap(self.overlap_ratio)
        if not 1 <= self.compared <= 100:
            raise ConfigError(f"chunking: compared must be from 1 to 100, not {self.compared}.", hint="6 is usual.")

    def cut(self, block: Block, tokenizer: Tokenizer) -> Iterator[Chunk]:
        overlap = int(self.max_size * self.overlap_ratio)
        ends = self._ends(block, gap_scores(block, tokenizer, self.compared), max(1, self.max_size - overlap))
        return emit(block, with_overlap(block, ends, overlap, self.max_size, sentences=True), tokenizer, self.max_size)

    def _ends(self, block: Block, scores: npt.NDArray[np.float64], most: int) -> list[int]:
        level = self.unit
        places, _ = block.at_least(level)
        gains = scores[np.searchsorted(block.at_least(Level.SENTENCE)[0], places)]
        ends: list[int] = []
        start = 0
        while start < block.last:
            near, stop = self.candidates(block, start, most)
            if stop <= near:  # not even one unit fits
                divide_part(block, start, int(places[near]), most, levels_from(Level(level - 1)), ends)
            elif stop == len(places):
                ends.append(block.last)
            else:
                ends.append(int(places[near + int(gains[near:stop].argmax())]))
            start = ends[-1]
        return ends

    @property
    def unit(self) -> Level:
        """The weakest place to end a chunk at while something fits."""
        return Level.PARAGRAPH if self.preserve_paragraphs else Level.SENTENCE

    def least(self, most: int) -> int:
        """The tokens before the subject may turn."""
        return min(self.min_size or self.max_size // 4, most)

    def candidates(self, block: Block, start: int, most: int) -> tuple[int, int]:
        """The places of `unit` that are compared for the end of a chunk that begins at place `start`: the first, and the stop.

        They are numbered as in `block.at_least(self.unit)`; none when not even one unit fits.
        """
        places, arrivals = block.at_least(self.unit)
        total = int(block.totals[start])
        first = bisect_right(places, start)
        stop = bisect_right(arrivals, total + most, first)
        while stop > first and not block.fits(start, places[stop - 1], most):
            stop -= 1
        if stop <= first:
            return first, first
        return min(bisect_left(arrivals, total + self.least(most), first), stop - 1), stop


def gap_cohesion(
    block: Block, tokenizer: Tokenizer, compared: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The places that end a sentence, with both ends of the block, and the cohesion at all but the last.  (G + 1,), (G,)"""
    places = np.asarray(block.at_least(Level.SENTENCE)[0], dtype=np.int64)
    ids = scanner_for(tokenizer).encode(block.text).astype(np.int64)
    totals = block.totals[places]
    totals[-1] = len(ids)
    return places, cohesion(ids, np.repeat(np.arange(len(places) - 1), np.diff(totals)), len(places) - 1, compared)


def gap_scores(block: Block, tokenizer: Tokenizer, compared: int) -> npt.NDArray[np.float64]:
    """How good each place that ends a sentence is for a cut, in standard deviations: low cohesion and a strong place."""
    return scores_of(block, *gap_cohesion(block, tokenizer, compared))


def scores_of(block: Block, places: npt.NDArray[np.int64], g: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """`gap_scores` of what `gap_cohesion` found."""
    spread = g[1:].std() if len(g) > 2 else 0.0
    standard = (g - g[1:].mean()) / spread if spread > 0 else np.zeros_like(g)
    scores: npt.NDArray[np.float64] = np.append(-standard, 0.0) + _BONUSES[block.levels[places]]
    return scores
