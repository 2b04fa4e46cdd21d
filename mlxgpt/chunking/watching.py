"""Chunking to be watched: each chunk as it is made, with why it ends where it does, asked of the strategy that made it.

The strategies say nothing while they work, so the reasons are found afterwards from the same places and costs that they saw:
what the next unit would have cost, which gaps were compared, which size the passage asked for.

G sentence gaps
"""

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.base import Chunker
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.levels import Level
from mlxgpt.chunking.measured import Block, measure
from mlxgpt.chunking.outline import Outline
from mlxgpt.chunking.strategies.adaptive import Adaptive
from mlxgpt.chunking.strategies.hierarchical import Hierarchical
from mlxgpt.chunking.strategies.markdown import Markdown, with_whole_spans
from mlxgpt.chunking.strategies.overlapping import Overlapping
from mlxgpt.chunking.strategies.semantic import Semantic, gap_cohesion, scores_of
from mlxgpt.chunking.strategies.structured import Recursive
from mlxgpt.tokenizer.base import Tokenizer

COMPARED = 6  # sentences on each side of a gap, where the strategy does not say
MOST_CHUNKS = 400  # of a part, so that what is watched moves
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Why a chunk ends.  `kind` is one of

    end      the document ends                         block    a block of a long document ends (see `blocks`)
    size     the next `unit` does not fit              fill     as full as it gets with whole words
    apart    it is the rest of a unit that is too big  even     the last two of a row were made even
    subject  the best of `candidates` sentence gaps    density  the passage asks for `wanted` tokens
    unit     one chunk for each unit                   piece    no place could cut what is here small enough

    `would` are the tokens of the chunk with the next unit (for `apart`, those of the whole unit), `limit` those that may be;
    `cohesion` is g at the cut, see `cohesion`, None where no sentence ends; `score` is what `subject` compares.
    """

    kind: str
    level: Level
    unit: Level
    limit: int
    would: int | None = None
    cohesion: float | None = None
    score: float | None = None
    candidates: int = 0
    least: int = 0
    wanted: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedChunk:
    """A chunk and its end.  `cohesion` is the mean g of the sentence gaps inside, `overlap_tokens` what it repeats."""

    chunk: Chunk
    cut: Cut
    cohesion: float | None
    overlap_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Part:
    """Chunks of a document, in order, and the sentence gaps of the text that was looked at for them."""

    chunks: Sequence[WatchedChunk]
    gaps: Places  # (G,) characters of the document
    cohesion: Floats  # (G,)
    done: int  # characters


def watch(
    document: str, tokenizer: Tokenizer, chunker: Chunker, *, stop: threading.Event | None = None
) -> Iterator[Part]:
    """The chunks of `document` as `chunker.split` gives them, part by part."""
    outline = Outline()
    for block in measure(document, tokenizer):
        if stop is not None and stop.is_set():
            return
        watcher = _Watcher(block, tokenizer, chunker, len(document))
        gaps, cohesion = watcher.gaps[1:-1] + block.offset, watcher.cohesion[1:]
        waiting: list[WatchedChunk] = []
        for chunk in chunker.cut(block, tokenizer):
            if stop is not None and stop.is_set():
                return
            if chunker.nested:
                parent = outline.follow(chunk.start, chunk.end, chunk.n_tokens, chunk.level)
                chunk = replace(chunk, parent=parent)
            waiting.append(watcher.look(chunk))
            if len(waiting) == MOST_CHUNKS:
                yield Part(chunks=waiting, gaps=gaps, cohesion=cohesion, done=chunk.end)
                waiting, gaps, cohesion = [], gaps[:0], cohesion[:0]
        if waiting or len(gaps):
            yield Part(chunks=waiting, gaps=gaps, cohesion=cohesion, done=block.offset + len(block.text))


class _Watcher:
    """One block, and the chunk that is looked at."""

    def __init__(self, block: Block, tokenizer: Tokenizer, chunker: Chunker, characters: int) -> None:
        self.chunker, self.characters = chunker, characters
        ratio = getattr(chunker, "overlap_ratio", 0.0)
        self.limit = max(1, chunker.max_size - int(chunker.max_size * ratio))  # tokens that are new in a chunk
        self.block = with_whole_spans(block, self.limit) if isinstance(chunker, Markdown) else block
        compared = chunker.compared if isinstance(chunker, Semantic) else COMPARED
        places, self.cohesion = gap_cohesion(block, tokenizer, compared)  # (G + 2,) with the ends; (G + 1,)
        self.gaps = block.positions[places]
        self.scores = scores_of(block, places, self.cohesion)
        self.sums = np.concatenate([[0.0], np.cumsum(self.cohesion)])
        self.sizes = chunker.sizes_wanted(block, tokenizer, self.limit) if isinstance(chunker, Adaptive) else None
        self.start = 0  # the place where what is new in the chunk begins

    def look(self, chunk: Chunk) -> WatchedChunk:
        """A chunk with its reason; chunks are looked at in order."""
        begin, end = chunk.start - self.block.offset, chunk.end - self.block.offset
        inside = np.searchsorted(self.gaps, [begin, end], side="right")
        first, stop = int(inside[0]), int(np.searchsorted(self.gaps, end))
        mean = float(self.sums[stop] - self.sums[first]) / (stop - first) if stop > first else None
        at = self._gap_at(end)
        cut = self._cut(chunk, self._place(end), at)
        if at is not None and cut.kind not in ("end", "block"):
            cut = replace(cut, cohesion=float(self.cohesion[at]), score=float(self.scores[at]))
        low, middle = self._place(begin), self._place(begin + chunk.overlap)
        shared = self.block.cost(low, middle) if chunk.overlap and low is not None and middle is not None else 0
        self.start = int(np.searchsorted(self.block.positions, end))
        return WatchedChunk(chunk=chunk, cut=cut, cohesion=mean, overlap_tokens=shared)

    def _place(self, position: int) -> int | None:
        at = int(np.searchsorted(self.block.positions, position))
        return at if at <= self.block.last and self.block.positions[at] == position else None

    def _gap_at(self, position: int) -> int | None:
        at = int(np.searchsorted(self.gaps, position))
        return at if at < len(self.cohesion) and self.gaps[at] == position else None

    def _cut(self, chunk: Chunk, place: int | None, gap: int | None) -> Cut:
        chunker, block, level = self.chunker, self.block, chunk.level
        plain = Cut(kind="piece", level=level, unit=Level.INSIDE, limit=chunker.max_size)
        if chunk.end == self.characters:
            return replace(plain, kind="end")
        if place is None:
            return plain
        if place == block.last:
            return replace(plain, kind="block")
        if isinstance(chunker, Hierarchical):
            return replace(plain, kind="unit", unit=min(level, Level.PARAGRAPH))
        if isinstance(chunker, Recursive | Markdown) or (
            isinstance(chunker, Overlapping) and chunker.preserve_sentences
        ):
            return self._divided(level, place)
        if isinstance(chunker, Semantic) and gap is not None:
            first, stop = chunker.candidates(block, self.start, self.limit)
            if stop > first:
                return replace(
                    plain, kind="subject", unit=Level.SENTENCE, limit=self.limit, candidates=stop - first,
                    least=chunker.least(self.limit),
                )  # fmt: skip
        if isinstance(chunker, Adaptive) and self.sizes is not None:
            wanted = int(self.sizes[self.start])
            if block.fits(self.start, place, wanted):
                return replace(plain, kind="density", unit=chunker.weakest, limit=self.limit, wanted=wanted)
        if isinstance(chunker, Semantic | Adaptive):
            return self._divided(level, place)
        low = self._place(chunk.start - block.offset)
        would = None if low is None else block.cost(low, place + 1)
        return replace(plain, kind="fill", unit=Level.WORD, would=would)

    def _divided(self, level: Level, place: int) -> Cut:
        """Why `division.divide` cuts at a place."""
        block, limit = self.block, self.limit
        sentences = isinstance(self.chunker, Overlapping)
        unit = min(level, Level.SENTENCE if sentences else getattr(self.chunker, "strongest", Level.PART))
        places, _ = block.at_least(unit)
        following = int(places[bisect_right(places, place)])
        would = block.cost(self.start, following)
        found = Cut(kind="size", level=level, unit=unit, limit=limit, would=would)
        if would > limit:
            return found
        before = int(places[max(0, bisect_left(places, place) - 1)])
        whole = block.cost(before, place)
        return replace(found, kind="apart", would=whole) if whole > limit else replace(found, kind="even")
