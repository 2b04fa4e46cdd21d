"""Chunks for Markdown: cut at headings first, with code, tables and list items whole where they fit."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from mlxgpt.chunking.base import Chunker, check_overlap, check_sizes
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.division import divide, join_small
from mlxgpt.chunking.emission import emit, with_overlap
from mlxgpt.chunking.levels import Level
from mlxgpt.chunking.markdown import structure
from mlxgpt.chunking.measured import Block
from mlxgpt.config import setting
from mlxgpt.tokenizer.base import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Markdown(Chunker):
    """As `recursive`, but nothing is cut inside a fence, a table, a list item or a quote that fits into a chunk."""

    max_size: int = setting(512, "most tokens in a chunk")
    min_size: int = setting(0, "chunks below are joined to a neighbour where both fit")
    overlap_ratio: float = setting(0.0, "share of a chunk that repeats whole sentences of the one before")

    def __post_init__(self) -> None:
        check_sizes(self.min_size, self.max_size)
        check_overlap(self.overlap_ratio)

    def cut(self, block: Block, tokenizer: Tokenizer) -> Iterator[Chunk]:
        overlap = int(self.max_size * self.overlap_ratio)
        most = max(1, self.max_size - overlap)
        whole = with_whole_spans(block, most)
        ends = join_small(whole, divide(whole, most), min(self.min_size, most), most)
        return emit(whole, with_overlap(whole, ends, overlap, self.max_size, sentences=True), tokenizer, self.max_size)


def with_whole_spans(block: Block, max_size: int) -> Block:
    """The block with no place to cut inside the Markdown spans of up to `max_size` tokens."""
    spans = structure(block.scan.codes).spans  # (S, 2)
    first = np.searchsorted(block.positions, spans[:, 0], side="right")  # the first place inside each
    stop = np.searchsorted(block.positions, spans[:, 1], side="left")
    levels = block.levels.copy()
    for low, high in zip(first.tolist(), stop.tolist(), strict=True):
        if low < high and block.totals[high - 1] - block.totals[low - 1] <= max_size:
            levels[low:high] = Level.INSIDE
    return replace(block, levels=levels, _strong={})
