"""The draw as a picture: the distribution as a bar in which each token has its slice, and where the random number fell."""

from itertools import groupby

from rich.cells import cell_len

from mlxgpt.display.words import shown
from mlxgpt.events import TokenGenerated

Line = list[tuple[str, str]]  # (text, role)


def slices(token: TokenGenerated) -> list[tuple[int, float, float]]:
    """(id, from, to) of the tokens whose slices are known, in the order of the bar; those ruled out have none."""
    known = {identity: span for (identity, _), span in zip(token.alternatives, token.slices, strict=False)}
    if token.slice is not None:
        known[token.id] = token.slice
    return sorted(
        ((identity, low, high) for identity, (low, high) in known.items() if high > low), key=lambda each: each[1]
    )


def bar(token: TokenGenerated, width: int, names: dict[int, str]) -> Line:
    """The bar in `width` columns.

    A slice is as wide as its chance; names stand in those that have room.  What is between them are all other tokens.
    """
    spans = slices(token)
    owners = [0] * width  # number of the slice, from 1
    for number, (_, low, high) in enumerate(spans, 1):
        for column in range(width):
            if low <= (column + 0.5) / width < high:
                owners[column] = number
    line: Line = []
    for number, run in groupby(owners):
        room = len(list(run))
        if not number:
            line.append(("·" * room, "rest"))
            continue
        identity = spans[number - 1][0]
        text = shown(names.get(identity, ""))
        text = text if cell_len(text) <= room else ""
        left = (room - cell_len(text)) // 2
        role = "own" if identity == token.id else f"slice{number % 2}"
        line.append((" " * left + text + " " * (room - left - cell_len(text)), role))
    return line


def pointer(draw: float, width: int) -> Line:
    """The line below a bar of `width` columns: where the number fell, and what it was."""
    place, label = min(width - 1, int(draw * width)), f"u {draw:.4f}"
    if place + 2 + len(label) <= width:
        return [(" " * place + "▲ " + label, "mark")]
    return [(" " * max(0, place - len(label) - 1) + label + " ▲", "mark")]


def pointed(line: Line, draw: float) -> Line:
    """The bar with the pointer in it, where there is one line only."""
    width = sum(cell_len(text) for text, _ in line)
    place, marked, column = min(width - 1, int(draw * width)), [], 0
    for text, role in line:
        room = cell_len(text)
        if column <= place < column + room and cell_len(text) == len(text):
            at = place - column
            marked += [(text[:at], role), ("▲", "mark"), (text[at + 1 :], role)]
        else:
            marked.append((text, role))
        column += room
    return marked
