"""What a chunk is."""

from dataclasses import dataclass

from mlxgpt.chunking.levels import Level


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
