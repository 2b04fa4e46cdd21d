"""What a chunk is and what a strategy promises.

For every strategy, document and tokenizer: `document[chunk.start:chunk.end] == chunk.text`; chunks come in order and
leave no character out; no chunk has more than `max_size` tokens when it is encoded alone; and no chunk ends inside a
combining sequence, an emoji or a CRLF, unless that alone is longer than `max_size`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from mlxgpt.chunking.levels import Level
from mlxgpt.errors import ConfigError
from mlxgpt.tokenizer.base import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of a document.  `start` and `end` count characters, `n_tokens` the tokens of `text` encoded alone.

    `level` is the kind of place it ends at, `Level.PART` at the end of the document; the first `overlap` characters are
    in the chunk before too; `parent` is the node it belongs to, see `strategies.hierarchical`.
    """

    text: str
    start: int
    end: int
    n_tokens: int
    level: Level = Level.PART
    overlap: int = 0
    parent: int | None = None


class Chunker(Protocol):
    """A strategy: a frozen dataclass whose fields are its options, see `registry`."""

    def split(self, document: str, tokenizer: Tokenizer) -> Iterator[Chunk]:
        """The chunks of `document`, none for an empty one.

        Raises `ConfigError` when a single character has more tokens than a chunk may.
        """


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
