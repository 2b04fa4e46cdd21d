"""What a chunk is and what a strategy promises.

For every strategy, document and tokenizer: `document[chunk.start:chunk.end] == chunk.text`; chunks come in order and
leave no character out; no chunk has more than `max_size` tokens when it is encoded alone; and no chunk ends inside a
combining sequence, an emoji or a CRLF, unless that alone is longer than `max_size`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from mlxgpt.errors import ConfigError
from mlxgpt.tokenizer.base import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of a document.  `start` and `end` count characters, `n_tokens` the tokens of `text` encoded alone."""

    text: str
    start: int
    end: int
    n_tokens: int


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
