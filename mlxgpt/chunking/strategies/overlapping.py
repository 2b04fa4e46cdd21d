"""Chunks of an equal number of tokens that repeat the end of the chunk before, so that no context is lost at a cut."""

from collections.abc import Iterator
from dataclasses import dataclass

from mlxgpt.chunking.base import Chunk, check_size
from mlxgpt.chunking.windows import token_windows
from mlxgpt.config import setting
from mlxgpt.errors import ConfigError
from mlxgpt.tokenizer.base import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlapping:
    """Neighbours share up to `overlap_ratio * max_size` tokens."""

    max_size: int = setting(512, "most tokens in a chunk")
    overlap_ratio: float = setting(0.15, "share of a chunk that repeats the end of the one before, from 0 to below 1")

    def __post_init__(self) -> None:
        check_size(self.max_size)
        if not 0 <= self.overlap_ratio < 1:
            raise ConfigError(
                f"chunking: overlap_ratio must be in [0, 1), not {self.overlap_ratio}.",
                hint="0.15 repeats 15 % of a chunk.",
            )

    @property
    def overlap(self) -> int:
        """Tokens that neighbours share at most."""
        return int(self.max_size * self.overlap_ratio)

    def split(self, document: str, tokenizer: Tokenizer) -> Iterator[Chunk]:
        return token_windows(document, tokenizer, self.max_size, self.overlap)
