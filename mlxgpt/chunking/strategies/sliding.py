"""A window of an equal number of tokens that moves on by a stride: every stretch of text is seen in several contexts."""

from collections.abc import Iterator
from dataclasses import dataclass

from mlxgpt.chunking.base import Chunker, check_size
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.emission import emit
from mlxgpt.chunking.fill import filled
from mlxgpt.chunking.measured import Block
from mlxgpt.config import setting
from mlxgpt.errors import ConfigError
from mlxgpt.tokenizer.base import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Sliding(Chunker):
    """Windows of `max_size` tokens that begin `stride` tokens apart, at whole words."""

    max_size: int = setting(512, "most tokens in a window")
    stride: int = setting(0, "tokens from the beginning of one window to the next; 0 is half a window")

    def __post_init__(self) -> None:
        check_size(self.max_size)
        if not 0 <= self.stride <= self.max_size:
            raise ConfigError(
                f"chunking: stride = {self.stride} is not between 0 and max_size = {self.max_size}.",
                hint="A longer stride would leave text out; half of max_size is usual.",
            )

    def cut(self, block: Block, tokenizer: Tokenizer) -> Iterator[Chunk]:
        stride = self.stride or max(1, self.max_size // 2)
        return emit(block, filled(block, self.max_size, stride=stride), tokenizer, self.max_size)
