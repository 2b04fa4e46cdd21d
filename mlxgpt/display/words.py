"""Words of the views: tokens that are safe to show, numbered rows, plain lines."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mlxgpt.display.labels import fitted
from mlxgpt.text import visible

Drawn = Iterator[RenderableType]


def shown(piece: str) -> str:
    """A token that is safe to show, its spaces visible."""
    return fitted(piece, len(visible(piece)) or 1).rstrip() or "·"


def numbered(pieces: Sequence[str]) -> list[str]:
    """Tokens with their positions, as labels of rows and columns."""
    return [f"{i:<2} {'·' + piece[1:] if piece.startswith(' ') else piece}" for i, piece in enumerate(pieces)]


def layer_names(rows: int) -> list[str]:
    """What stands before the rows of a lens: the embedding, then each layer."""
    return ["embedding", *(f"layer {layer}" for layer in range(rows - 1))]


def hanging(head: str, rest: str) -> Table:
    """A line whose end, where the window is too narrow for it, goes on under itself."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(head), Text(rest))
    return grid


def line(text: str) -> Text:
    """A line that rich neither wraps in markup nor colours."""
    return Text(text)
