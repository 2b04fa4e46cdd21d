"""Chunks of an equal number of tokens that repeat the end of the chunk before, so that no context is lost at a cut."""

from collections.abc import Iterator
from dataclasses import dataclass

from mlxgpt.chunking.base import Chunker, check_overlap, check_size
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.division import divide, levels_from
from mlxgpt.chunking.emission import emit, with_overlap
from mlxgpt.chunking.fill import filled
from mlxgpt.chunking.levels import Level
from mlxgpt.chunking.measured import Block
from mlxgpt.config import setting
from mlxgpt.tokenizer.base import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlapping(Chunker):
    """Neighbours share up to `overlap_ratio * max_size` tokens: the last words, or the last whole sentences."""

    max_size: int = setting(512, "most tokens in a chunk")
    overlap_ratio: float = setting(0.15, "share of a chunk that repeats the end of the one before, from 0 to below 1")
    preserve_sentences: bool = setting(False, "begin and end chunks at sentences where they fit")

    def __post_init__(self) -> None:
        check_size(self.max_size)
        check_overlap(self.overlap_ratio)

    @property
    def overlap(self) -> int:
        """Tokens that neighbours share at most."""
        return int(self.max_size * self.overlap_ratio)

    def cut(self, block: Block, tokenizer: Tokenizer) -> Iterator[Chunk]:
        if self.preserve_sentences:
            ends = divide(block, max(1, self.max_size - self.overlap), levels_from(Level.SENTENCE))
            spans = with_overlap(block, ends, self.overlap, self.max_size, sentences=True)
        else:
            spans = filled(block, self.max_size, overlap=self.overlap)
        return emit(block, spans, tokenizer, self.max_size)
