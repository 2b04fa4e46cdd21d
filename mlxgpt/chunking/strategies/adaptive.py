"""Chunks whose size follows the text: short where it is dense, long where it is not.

Density is bits per character under a unigram model of the block's own tokens, −Σ log₂ p(token) / characters: rare words make a
text dense, repetition makes it thin.  What counts is the rank of a passage among the passages of its block, never an
absolute number (Genzel and Charniak 2002 measure entropy along a text in the same way).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.base import Chunker, check_overlap, check_sizes
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.division import divide_part, levels_from
from mlxgpt.chunking.emission import emit, with_overlap
from mlxgpt.chunking.levels import Level
from mlxgpt.chunking.measured import Block
from mlxgpt.config import setting
from mlxgpt.errors import ConfigError
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.scanner import scanner_for

Sizes = npt.NDArray[np.int64]
_EVEN = 0.15  # a spread of density below that share of its middle is no difference to speak of


@dataclass(frozen=True, slots=True, kw_only=True)
class Adaptive(Chunker):
    """Each chunk ends at the strongest place in the last third before the size that its passage asks for."""

    max_size: int = setting(512, "most tokens in a chunk")
    min_size: int = setting(0, "size asked for where the text is densest; 0 is half of max_size")
    overlap_ratio: float = setting(0.0, "share of a chunk that repeats whole sentences of the one before")
    information_density_threshold: float = setting(
        0.5, "share of passages, the thinnest, that get max_size; from there on size falls to min_size"
    )
    preserve_sentences: bool = setting(True, "cut no sentence that fits")
    preserve_paragraphs: bool = setting(False, "cut no paragraph that fits")

    def __post_init__(self) -> None:
        check_sizes(self.min_size, self.max_size)
        check_overlap(self.overlap_ratio)
        if not 0 <= self.information_density_threshold <= 1:
            raise ConfigError(
                f"chunking: information_density_threshold must be in [0, 1], not {self.information_density_threshold}.",
                hint="It is a rank in the document: 0.5 leaves the thinner half at max_size.",
            )

    def cut(self, block: Block, tokenizer: Tokenizer) -> Iterator[Chunk]:
        overlap = int(self.max_size * self.overlap_ratio)
        most = max(1, self.max_size - overlap)
        ends = self._ends(block, self.sizes_wanted(block, tokenizer, most), most)
        return emit(block, with_overlap(block, ends, overlap, self.max_size, sentences=True), tokenizer, self.max_size)

    @property
    def weakest(self) -> Level:
        """The weakest place to end a chunk at while something fits."""
        if self.preserve_paragraphs:
            return Level.PARAGRAPH
        return Level.SENTENCE if self.preserve_sentences else Level.WORD

    def sizes_wanted(self, block: Block, tokenizer: Tokenizer, most: int) -> Sizes:
        """The size that a chunk beginning at each place should have.  (K,)"""
        density = densities(block, tokenizer, self.max_size)
        low, middle, high = np.quantile(density, [0.05, 0.5, 0.95])
        ranks = np.searchsorted(np.sort(density), density) / max(1, len(density) - 1)
        threshold = self.information_density_threshold
        excess = np.clip((ranks - threshold) / max(1 - threshold, 1e-9), 0, 1)
        excess *= min(1.0, (high - low) / max(_EVEN * middle, 1e-9))  # where all is alike, ranks mean little
        least = min(self.min_size or max(1, self.max_size // 2), most)
        return np.rint(most - excess * (most - least)).astype(np.int64)

    def _ends(self, block: Block, wanted: Sizes, most: int) -> list[int]:
        places, arrivals = block.at_least(self.weakest)
        levels = block.levels[np.asarray(places)]
        ends: list[int] = []
        start = 0
        while start < block.last:
            size = int(wanted[start])
            total = int(block.totals[start])
            first = bisect_right(places, start)
            stop = bisect_right(arrivals, total + size, first)
            while stop > first and not block.fits(start, places[stop - 1], size):
                stop -= 1
            if stop <= first:  # one unit is larger than wanted: whole if it fits all the same
                divide_part(block, start, int(places[first]), most, levels_from(Level(self.weakest - 1)), ends)
            elif stop == len(places):
                ends.append(block.last)
            else:
                near = min(bisect_left(arrivals, total + size * 2 // 3, first), stop - 1)
                ends.append(
                    int(places[stop - 1 - int(levels[near:stop][::-1].argmax())])
                )  # the latest of the strongest
            start = ends[-1]
        return ends


def densities(block: Block, tokenizer: Tokenizer, window: int) -> npt.NDArray[np.float64]:
    """Bits per character of the next `window` tokens from each place; near the end, of the last ones.  (K,)"""
    ids = scanner_for(tokenizer).encode(block.text)
    counts = np.bincount(ids)
    bits = np.concatenate([[0.0], np.cumsum(-np.log2(counts[ids] / max(1, len(ids))))])  # before each token
    before = bits[np.minimum(block.totals, len(ids))]  # (K,)
    until = np.minimum(np.searchsorted(block.totals, block.totals + window), block.last)
    start = np.minimum(np.arange(len(until)), np.searchsorted(block.totals, block.totals[-1] - window))
    characters = np.maximum(1, block.positions[until] - block.positions[start])
    density: npt.NDArray[np.float64] = (before[until] - before[start]) / characters
    return density
