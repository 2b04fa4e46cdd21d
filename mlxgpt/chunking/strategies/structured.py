"""Chunks that end where the text does: at sentences, at paragraphs, or at the strongest place there is.

Three names for one procedure, `division.divide`, which differ in the strongest kind of place they know.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from mlxgpt.chunking.base import Chunker, check_overlap, check_sizes
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.division import divide, join_small, levels_from
from mlxgpt.chunking.emission import emit, with_overlap
from mlxgpt.chunking.levels import Level
from mlxgpt.chunking.measured import Block
from mlxgpt.config import setting
from mlxgpt.tokenizer.base import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Recursive(Chunker):
    """Headings, then paragraphs, lines, sentences, clauses and words: as deep as the limit demands.  The default."""

    strongest: ClassVar[Level] = Level.PART

    max_size: int = setting(512, "most tokens in a chunk")
    min_size: int = setting(0, "chunks below are joined to a neighbour where both fit")
    overlap_ratio: float = setting(0.0, "share of a chunk that repeats whole sentences of the one before")

    def __post_init__(self) -> None:
        check_sizes(self.min_size, self.max_size)
        check_overlap(self.overlap_ratio)

    def cut(self, block: Block, tokenizer: Tokenizer) -> Iterator[Chunk]:
        overlap = int(self.max_size * self.overlap_ratio)
        ends = self.ends(block, max(1, self.max_size - overlap))
        spans = with_overlap(block, ends, overlap, self.max_size, sentences=True)
        return emit(block, spans, tokenizer, self.max_size)

    def ends(self, block: Block, max_size: int) -> list[int]:
        """The places where the chunks end."""
        ends = divide(block, max_size, levels_from(self.strongest))
        return join_small(block, ends, min(self.min_size, max_size), max_size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paragraph(Recursive):
    """Paragraphs put together while they fit, headings or not; a longer one is cut at its sentences."""

    strongest: ClassVar[Level] = Level.PARAGRAPH


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence(Recursive):
    """Sentences put together while they fit, wherever paragraphs end; a longer one is cut at clauses and words."""

    strongest: ClassVar[Level] = Level.SENTENCE
