"""Chunks of an equal number of tokens, wherever that cuts: the simplest strategy, and the baseline of the others."""

from collections.abc import Iterator
from dataclasses import dataclass

from mlxgpt.chunking.base import Chunk, check_size
from mlxgpt.chunking.windows import token_windows
from mlxgpt.config import setting
from mlxgpt.tokenizer.base import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """Each chunk as full as it gets; the chunks tile the document."""

    max_size: int = setting(512, "most tokens in a chunk")

    def __post_init__(self) -> None:
        check_size(self.max_size)

    def split(self, document: str, tokenizer: Tokenizer) -> Iterator[Chunk]:
        return token_windows(document, tokenizer, self.max_size, 0)
