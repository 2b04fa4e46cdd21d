"""A document as a tree, document → sections → paragraphs → sentences, whose leaves are the chunks.

Search finds a sentence and reads the paragraph or the section around it: every chunk knows its parent among the nodes of
`outline`, and every level has true offsets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

from mlxgpt.chunking.base import Chunker, check_sizes
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.division import divide_part, levels_from
from mlxgpt.chunking.emission import emit, spans_of
from mlxgpt.chunking.levels import Level
from mlxgpt.chunking.measured import Block
from mlxgpt.config import setting
from mlxgpt.tokenizer.base import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchical(Chunker):
    """Chunks are sentences, or neighbours of one paragraph up to `min_size`; their parents are paragraphs."""

    nested: ClassVar[bool] = True

    max_size: int = setting(512, "most tokens in a chunk")
    min_size: int = setting(0, "sentences of a paragraph are put together until they have so many tokens")

    def __post_init__(self) -> None:
        check_sizes(self.min_size, self.max_size)

    def cut(self, block: Block, tokenizer: Tokenizer) -> Iterator[Chunk]:
        sentences, _ = block.at_least(Level.SENTENCE)
        ends: list[int] = []
        start = 0
        for place, following in pairwise([*sentences[1:], block.last]):
            whole = block.levels[place] >= Level.PARAGRAPH or place == block.last
            small = block.cost(start, place) < self.min_size
            if small and not whole and block.fits(start, following, self.max_size):
                continue
            divide_part(block, start, place, self.max_size, levels_from(Level.CLAUSE), ends)
            start = place
        return emit(block, spans_of(ends), tokenizer, self.max_size)
