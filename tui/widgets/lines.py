"""Lines of text made of parts with roles, cut and joined by the columns that they take.

A line is a list of (text, role); the widget that draws it says how a role looks.  Where a role goes on after `@`, that is the
action of a click on the part.
"""

from collections.abc import Sequence
from functools import lru_cache

from rich.cells import cell_len, set_cell_size

from mlxgpt.text import visible

Line = list[tuple[str, str]]

BLOCKS = " ▁▂▃▄▅▆▇█"
HEATS = 7
LONGEST = 12  # columns of a token


def filled(lines: list[Line], height: int) -> list[Line]:
    """`lines` cut or filled to `height`."""
    return lines[:height] + [[] for _ in range(height - len(lines))]


def clipped(line: Line, width: int) -> Line:
    """A line in at most `width` columns."""
    room, kept = width, list[tuple[str, str]]()
    for text, role in line:
        if room <= 0:
            break
        kept.append((cut(text, room), role))
        room -= cell_len(kept[-1][0])
    return kept


def quoted(piece: str) -> str:
    """A token in guillemets, safe to show."""
    return f"«{word(piece)}»"


@lru_cache(1 << 14)
def word(piece: str) -> str:
    """A token in a line of text, cut where it is very long."""
    return fit_most(plain(piece))


def plain(piece: str) -> str:
    """A token in a line of text: safe to show, on one line, its spaces as they are."""
    return visible(piece).replace("\n", "↵").replace("\t", "→")


def heat(share: float) -> str:
    """The role of a value in 0 … 1."""
    return f"heat{min(int(max(share, 0.0) * HEATS), HEATS - 1)}"


def cut(text: str, width: int) -> str:
    """`text` in at most `width` columns."""
    return text if cell_len(text) <= width else set_cell_size(text, max(width - 1, 0)) + "…"


def fit(text: str, width: int) -> str:
    """`text` in exactly `width` columns."""
    return set_cell_size(cut(text, width), width)


def fit_most(text: str) -> str:
    """A token, cut where it is very long."""
    return cut(text, LONGEST)


def cells_of(line: Sequence[tuple[str, str]]) -> int:
    """Columns of a line."""
    return sum(cell_len(text) for text, _ in line)


def between(left: Line, right: Line, width: int) -> Line:
    """`left` at the left end, `right` at the right, where there is room for both; else `left` is cut."""
    room = width - cells_of(right) - 1
    if room < 4:
        return left
    left = clipped(left, room)
    return [*left, (" " * (width - cells_of(left) - cells_of(right)), ""), *right]


def first_lines(cells: list[Line], width: int, height: int) -> list[Line]:
    """`cells` one after another in `height` lines, from the first."""
    lines: list[Line] = [[]]
    for cell in cells:
        if cells_of(lines[-1]) + cells_of(cell) > width and lines[-1]:
            if len(lines) == height:
                break
            lines.append([])
        lines[-1] += cell
    return lines


def last_lines(cells: list[Line], width: int, height: int) -> list[Line]:
    """`cells` in `height` lines so that the last one has a place; an ellipsis stands for what came before."""
    forward = first_lines(cells, width, height + 1)
    if len(forward) <= height:
        return forward
    lines: list[list[Line]] = [[]]  # from the end
    used = 0
    for i in range(len(cells) - 1, -1, -1):
        mark = 2 if len(lines) == height and i else 0
        if used + cells_of(cells[i]) + mark > width and lines[-1]:
            if len(lines) == height:
                lines[-1].append([("… ", "dim")])
                break
            lines.append([])
            used = 0
        lines[-1].append(cells[i])
        used += cells_of(cells[i])
    return [[part for cell in reversed(line) for part in cell] for line in reversed(lines)]


def framed(lines: list[Line], width: int, height: int, title: str, role: str) -> list[Line]:
    """`lines` in a frame of `width` by `height`, with a title."""
    above = f"╭─ {title} " + "─" * max(width - len(title) - 5, 0) + "╮"
    inner: list[Line] = []
    for line in filled(lines, max(height - 2, 0)):
        gap = " " * max(width - 4 - cells_of(line), 0)
        inner.append([("│ ", role), *line, (gap + " │", role)])
    return [[(above, role)], *inner, [("╰" + "─" * max(width - 2, 0) + "╯", role)]]
