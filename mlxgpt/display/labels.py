"""Labels of pictures: text that is safe to show, in so many columns.  No numpy, which takes a tenth of a second to load."""

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size

from mlxgpt.text import visible


def fitted(text: str, width: int) -> str:
    """A label, safe to show, cut or filled to `width` columns; spaces at its ends become visible."""
    shown = visible(text).replace("\n", "↵").replace("\t", "→")
    if shown.startswith(" "):
        shown = "·" + shown[1:]
    if cell_len(shown) > width > 1:
        return set_cell_size(shown, width - 1) + "…"
    return set_cell_size(shown, max(width, 0))


def fitting(parts: Sequence[str], width: int, between: str = "   ") -> str:
    """As many of the first parts as `width` columns hold whole; the first in any case."""
    line = "".join(parts[:1])
    for part in parts[1:]:
        if cell_len(longer := line + between + part) > width:
            break
        line = longer
    return line
