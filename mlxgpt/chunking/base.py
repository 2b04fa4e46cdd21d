"""What a strategy is and what it promises.

For every strategy, document and tokenizer: `document[chunk.start:chunk.end] == chunk.text`; chunks come in order and
leave no character out; no chunk has more than `max_size` tokens when it is encoded alone; and no chunk ends inside a
combining sequence, an emoji or a CRLF, unless that alone is longer than `max_size`.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, Protocol

from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.measured import Block, measure
from mlxgpt.chunking.outline import Outline
from mlxgpt.errors import ConfigError
from mlxgpt.tokenizer.base import Tokenizer


class Chunker(Protocol):
    """A strategy: a frozen dataclass whose fields are its options, see `registry`.  It says how one block is cut."""

    nested: ClassVar[bool] = False  # chunks have parents, see `outline`
    max_size: int

    def cut(self, block: Block, tokenizer: Tokenizer) -> Iterator[Chunk]:
        """The chunks of a block, in order."""

    def split(self, document: str, tokenizer: Tokenizer) -> Iterator[Chunk]:
        """The chunks of `document`, none for an empty one.

        Raises `ConfigError` when a single character has more tokens than a chunk may.
        """
        outline = Outline()
        for block in measure(document, tokenizer):
            for chunk in self.cut(block, tokenizer):
                if self.nested:
                    parent = outline.follow(chunk.start, chunk.end, chunk.n_tokens, chunk.level)
                    chunk = replace(chunk, parent=parent)
                yield chunk


def check_size(max_size: int) -> None:
    """Raise `ConfigError` for a limit that no chunk can keep."""
    if max_size < 1:
        raise ConfigError(
            f"chunking: max_size must be at least 1, not {max_size}.", hint="Usual sizes are 128 to 1024."
        )


def check_sizes(min_size: int, max_size: int) -> None:
    """Raise `ConfigError` unless 0 <= min_size <= max_size and a chunk may have a token."""
    check_size(max_size)
    if not 0 <= min_size <= max_size:
        raise ConfigError(
            f"chunking: min_size = {min_size} is not between 0 and max_size = {max_size}.",
            hint="Lower min_size or raise max_size.",
        )


def check_overlap(overlap_ratio: float) -> None:
    """Raise `ConfigError` unless an overlap is a share of a chunk that leaves room for something new."""
    if not 0 <= overlap_ratio < 1:
        raise ConfigError(
            f"chunking: overlap_ratio must be in [0, 1), not {overlap_ratio}.", hint="0.15 repeats 15 % of a chunk."
        )
