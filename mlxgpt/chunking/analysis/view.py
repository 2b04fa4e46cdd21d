"""A document as the figures of a report read it: its cuts, words and units, each found once, however many ways it is chunked.

N characters · K cuts · G sentence gaps · H headings · C chunks
"""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.analysis.words import Words, words_of
from mlxgpt.chunking.characters import Kind, codes_of, kinds_of, whitespace_runs
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.headings import marked_depths, plain_headings
from mlxgpt.chunking.layout import layout_of, line_gaps, lines_of
from mlxgpt.chunking.levels import Level, find_cuts

Places = npt.NDArray[np.int64]
Levels = npt.NDArray[np.uint8]


class DocumentView:
    """A text and what was found in it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.codes = codes_of(text)  # (N,)
        self.kinds = kinds_of(self.codes)  # (N,)
        self.cuts = find_cuts(self.codes)

    @cached_property
    def solid(self) -> Places:
        """Characters that are no white space before each place: two places with white space between are one.  (N + 1,)"""
        return np.concatenate([[0], np.cumsum(self.kinds > Kind.BREAK)])

    @cached_property
    def words(self) -> Words:
        """The words."""
        return words_of(self.codes, self.kinds)

    def at_least(self, level: Level) -> Places:
        """The cuts of a level or a stronger one."""
        return self.cuts.positions[self.cuts.levels >= level]

    @cached_property
    def gaps(self) -> Places:
        """The gaps between sentences.  (G,)"""
        return self.at_least(Level.SENTENCE)

    @cached_property
    def paragraphs(self) -> Places:
        """The gaps between paragraphs: blank lines where the text has any, else line ends."""
        found = self.at_least(Level.PARAGRAPH)
        return found if (self.cuts.levels == Level.PARAGRAPH).any() else self.at_least(Level.LINE)

    @cached_property
    def headings(self) -> Places:
        """Where sections, chapters and parts begin, but for one at the very start of the text.  (H,)"""
        return self.at_least(Level.SECTION)

    def heading_spans(self) -> list[tuple[int, int]]:
        """The lines that are headings, to be taken out of the text, white space behind them included."""
        runs = whitespace_runs(self.codes, self.kinds)
        new_line = line_gaps(self.codes, self.kinds, runs, layout_of(self.kinds, runs))
        lines = lines_of(runs, np.flatnonzero(new_line))
        depths = marked_depths(self.codes, self.kinds, lines)
        heading, _ = plain_headings(self.codes, self.kinds, lines, depths > 0)
        ends = np.append(lines.heads[1:], len(self.text))
        chosen = np.flatnonzero(heading | (depths > 0))
        return list(zip(lines.heads[chosen].tolist(), ends[chosen].tolist(), strict=True))

    def levels_at(self, positions: Places) -> Levels:
        """The level of the cut at each place, white space around it aside; `Level.INSIDE` where there is none."""
        levels = np.full(len(positions), Level.INSIDE, dtype=np.uint8)
        known = self.solid[self.cuts.positions]
        if len(known):
            wanted = self.solid[positions]
            found = np.minimum(np.searchsorted(known, wanted, side="right") - 1, len(known) - 1)  # the last of equals
            same = (found >= 0) & (known[found] == wanted)
            levels[same] = self.cuts.levels[found[same]]
        return levels

    def units(self, gaps: Places) -> tuple[Places, Places]:
        """Where the units between `gaps` start and end, in solid characters, those without any left out."""
        edges = self.solid[np.concatenate([[0], gaps, [len(self.text)]])]
        starts, ends = edges[:-1], edges[1:]
        return starts[ends > starts], ends[ends > starts]


class ChunkView:
    """The chunks of a document as arrays."""

    def __init__(self, document: DocumentView, chunks: Sequence[Chunk]) -> None:
        self.document = document
        self.chunks = chunks
        self.starts = np.array([chunk.start for chunk in chunks], dtype=np.int64)  # (C,)
        self.ends = np.array([chunk.end for chunk in chunks], dtype=np.int64)  # (C,)
        self.n_tokens = np.array([chunk.n_tokens for chunk in chunks], dtype=np.int64)  # (C,)

    @cached_property
    def cuts(self) -> Places:
        """Where a chunk ends and the text goes on: the places that a strategy chose.  (C - 1,) or (C,)"""
        solid = self.document.solid
        inner: Places = self.ends[solid[self.ends] < solid[-1]]
        return inner

    @cached_property
    def overlaps(self) -> Places:
        """Characters at the start of each chunk that the one before has too.  (C,)"""
        before = np.concatenate([[0], self.ends[:-1]]) if len(self.ends) else self.ends
        shared: Places = np.maximum(0, before - self.starts)
        return shared

    @cached_property
    def overlap_tokens(self) -> npt.NDArray[np.float64]:
        """The tokens in each overlap, as its share of the chunk's characters says.  (C,)"""
        tokens: npt.NDArray[np.float64] = self.n_tokens * self.overlaps / np.maximum(1, self.ends - self.starts)
        return tokens
