"""Chunks of an equal number of tokens, wherever that cuts: the simplest strategy, and the baseline of the others."""

from collections.abc import Iterator
from dataclasses import dataclass

from mlxgpt.chunking.base import Chunker, check_size
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.emission import emit
from mlxgpt.chunking.fill import filled
from mlxgpt.chunking.measured import Block
from mlxgpt.config import setting
from mlxgpt.tokenizer.base import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed(Chunker):
    """Each chunk as full as it gets with whole words; the chunks tile the document."""

    max_size: int = setting(512, "most tokens in a chunk")

    def __post_init__(self) -> None:
        check_size(self.max_size)

    def cut(self, block: Block, tokenizer: Tokenizer) -> Iterator[Chunk]:
        return emit(block, filled(block, self.max_size), tokenizer, self.max_size)
