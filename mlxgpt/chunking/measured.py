"""A block of text with every place where it may be cut, how strong that place is, and what lies between costs.

This is what all strategies look at: they never tokenize, they subtract totals.

N characters · P pre-tokens · K places, the block's start and end among them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.blocks import split_blocks
from mlxgpt.chunking.boundaries import FIRST_MARK, whole_mask
from mlxgpt.chunking.levels import Level, find_cuts
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.scanner import Scan, scanner_for

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """`text` begins at character `offset` of its document.  Places are numbered from 0 to K - 1.

    The tokens of the text from place a to place b, encoded alone, are `cost(a, b)`; `arrivals[b] - totals[a]` is the same
    number, except where a lies inside the white space before b.
    """

    text: str
    offset: int
    scan: Scan
    positions: Numbers  # (K,) characters, from 0 to N
    levels: npt.NDArray[np.uint8]  # (K,) `Level`
    index: Numbers  # (K,) the pre-token that begins there
    totals: Numbers  # (K,) tokens before the place
    arrivals: Numbers  # (K,) tokens before the place when the text ends there
    _strong: dict[Level, tuple[Any, Any]] = field(default_factory=dict, repr=False)  # Any: lists or arrays of int

    @property
    def last(self) -> int:
        """The place at the end."""
        return len(self.positions) - 1

    def cost(self, low: int, high: int) -> int:
        """Tokens of the text between two places, encoded alone."""
        if high - low >= 2 and self.scan.encoder is None:
            return self.arrivals.item(high) - self.totals.item(low)
        return self.scan.cost(self.index.item(low), self.index.item(high))

    def fits(self, low: int, high: int, size: int) -> bool:
        """True when the text between two places has at most that many tokens.

        Where counts are estimates, only a close one is made sure of by encoding: what a strategy asks of long texts
        again and again would take minutes.  A chunk that is too long after all is cut when it is emitted.
        """
        if self.scan.encoder is not None:
            slack = size + 16 if self.scan.rough else 8
            estimate = self.totals.item(high) - self.totals.item(low)
            if abs(estimate - size) > slack:
                return estimate < size
        return self.cost(low, high) <= size

    def at_least(self, level: Level) -> tuple[Sequence[int], Sequence[int]]:
        """The places of that level or a stronger one, and the block's two ends; and their `arrivals`.  Made once."""
        if level not in self._strong:
            strong = self.levels >= np.uint8(level)  # a plain number: NumPy compares with an enum ten times slower
            strong[0] = strong[-1] = True
            places = np.flatnonzero(strong)
            arrivals = self.arrivals[places]
            few = level >= Level.SENTENCE  # asked for often: lists are faster to bisect
            self._strong[level] = (places.tolist(), arrivals.tolist()) if few else (places, arrivals)
        return self._strong[level]


def measure(document: str, tokenizer: Tokenizer) -> Iterator[Block]:
    """The blocks of a document; none for an empty one."""
    offset = 0
    for text in split_blocks([document]):
        after = offset + len(text)
        yield measure_block(text, offset, tokenizer, Level.PART if after == len(document) else end_level(text))
        offset = after


def end_level(text: str) -> Level:
    """What a block that is not the last one ends at."""
    if text.endswith("\n"):
        return Level.PARAGRAPH if text.endswith(("\n\n", "\n\r\n")) else Level.LINE
    return Level.WORD


def measure_block(text: str, offset: int, tokenizer: Tokenizer, end: Level) -> Block:
    """One block, whose text is not empty and ends at a place of level `end`."""
    scan = scanner_for(tokenizer).scan(text)
    cuts = find_cuts(scan.codes)
    index = _whole_starts(scan)
    positions, totals, tails = scan.starts, scan.totals, scan.tails
    if len(index) < len(positions):  # rarely: some pre-token begins inside a character
        positions, totals, tails = positions[index], totals[index], tails[index]
    level_at = np.zeros(len(text) + 1, dtype=np.uint8)  # Level.INSIDE
    level_at[cuts.positions] = cuts.levels
    levels = level_at[positions]
    levels[0], levels[-1] = Level.PART, end
    return Block(
        text=text,
        offset=offset,
        scan=scan,
        positions=positions,
        levels=levels,
        index=index,
        totals=totals,
        arrivals=totals + tails,
    )


def _whole_starts(scan: Scan) -> Numbers:
    """The pre-tokens that begin between two characters as readers see them, and the end.  (K,)

    Only at certain characters can it be otherwise, and in most texts they are fewer than pre-tokens.
    """
    doubtful = np.flatnonzero((scan.codes >= FIRST_MARK) | (scan.codes == ord("\n")))
    if len(doubtful) >= len(scan.starts):
        kept = whole_mask(scan.codes, scan.starts)
        kept[0] = kept[-1] = True
        return np.flatnonzero(kept)
    split = doubtful[~whole_mask(scan.codes, doubtful)]  # the characters that belong to the one before
    if len(split) == 0:
        return np.arange(len(scan.starts))
    at = np.searchsorted(scan.starts, split)
    return np.delete(np.arange(len(scan.starts)), at[scan.starts[at] == split])
