"""Charts as drawings: titles, maps of numbers, bars and legends, for `pictures`."""

from collections.abc import Sequence

from mlxgpt.display.bars import bar_colour
from mlxgpt.display.colours import DIVERGING, SEQUENTIAL, ink, shade
from mlxgpt.display.drawing import FAINT, PAPER, Colour, Drawing
from mlxgpt.display.heatmap import Numbers, scaled, shrunk

LEFT, TOP = 12, 44
LINE = 20
MOST_CELLS = 48  # of a small map, across


def titled(title: str, note: str = "") -> Drawing:
    """A drawing with a title and a line under it."""
    picture = Drawing()
    picture.words(LEFT, 16, title, 14)
    picture.words(LEFT, 34, note, 11, FAINT)
    return picture


def squares(
    picture: Drawing, x: float, y: float, values: Numbers, cell: float, low: float = 0.0, high: float = 1.0,
    numbers: str = "",
) -> None:  # fmt: skip
    """Numbers (R, C) as squares; `numbers` is the format of what stands in each, empty for nothing."""
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            colour = shade(scaled(float(value), low, high), DIVERGING if low < 0 else SEQUENTIAL)
            if colour != PAPER:  # half of an attention map is empty
                picture.box(x + column * cell, y + row * cell, cell - 1, cell - 1, colour)
            if numbers:
                middle = x + (column + 0.5) * cell, y + (row + 0.5) * cell
                picture.words(*middle, format(float(value), numbers), cell * 0.3, ink(colour), "middle")


def labelled(
    picture: Drawing, y: float, values: Numbers, rows: Sequence[str], notes: Sequence[str], *, low: float = 0.0,
    high: float = 1.0, cell: float = 0.0, numbers: str = "", columns: Sequence[str] = (),
) -> None:  # fmt: skip
    """A map with a label before each row, a note behind it and the numbers of the columns above."""
    cell = cell or min(max(760 / values.shape[1], 4), 26)
    text = min(12.0, cell * 0.8)
    x = LEFT + max(map(len, rows)) * text * 0.6 + 8
    for column in range(values.shape[1]):
        if cell >= 12:
            name = columns[column] if columns else str(column)
            picture.words(x + (column + 0.5) * cell, y + 8, name, min(10, cell * 0.6), FAINT, "middle")
    squares(picture, x, y + 18, values, cell, low, high, numbers)
    for row, (name, note) in enumerate(zip(rows, notes, strict=True)):
        middle = y + 18 + (row + 0.5) * cell
        picture.words(LEFT, middle, name, text)
        picture.words(x + values.shape[1] * cell + 8, middle, note, text, FAINT)
    legend(picture, x, y + 30 + len(rows) * cell, low, high)


def small_maps(
    picture: Drawing, rows: Sequence[Sequence[tuple[str, Colour, Numbers]]], low: float = 0.0, high: float = 1.0
) -> None:
    """Maps (T, T) side by side in rows, each a note, its colour and the numbers, and the scale under them."""
    cells = min(len(rows[0][0][2]), MOST_CELLS)
    cell = min(max(120 / cells, 2), 8)
    widest = max(len(note) for row in rows for note, _, _ in row) * 9 * 0.6
    step = cells * cell + 26
    for number, row in enumerate(rows):
        for column, (note, colour, values) in enumerate(row):
            x, y = LEFT + column * max(step, widest + 8), TOP + 12 + number * (step + 14)
            picture.words(x, y, note, 9, colour)
            squares(picture, x, y + 10, shrunk(values, MOST_CELLS), cell, low, high)
    legend(picture, LEFT, picture.height, low, high)


def legend(picture: Drawing, x: float, y: float, low: float, high: float) -> None:
    """The scale of colours, between its ends as numbers."""
    picture.words(x, y + 6, f"{low:.2f}", 11, FAINT)
    for step in range(24):
        colour = shade(step / 23, DIVERGING if low < 0 else SEQUENTIAL)
        picture.box(x + 44 + step * 6, y, 6, 12, colour)
    picture.words(x + 194, y + 6, f"{high:.2f}", 11, FAINT)


def bars(picture: Drawing, y: float, labels: Sequence[str], values: Sequence[float], texts: Sequence[str]) -> float:
    """Bars with labels and numbers, from y on; returns where they end."""
    most = max((abs(value) for value in values), default=0.0) or 1.0
    signed = any(value < 0 for value in values)
    x = LEFT + max(map(len, labels)) * 7.2 + 12
    zero = x + (160 if signed else 0)
    for row, (label, value, text) in enumerate(zip(labels, values, texts, strict=True)):
        top = y + row * LINE
        share = value / most
        length = abs(share) * (160 if signed else 320)
        colour = bar_colour(share, signed)
        picture.words(LEFT, top + 8, label)
        picture.box(zero - length if value < 0 else zero, top, max(length, 1), LINE - 5, colour)
        picture.words(x + 330, top + 8, text, 12, FAINT)
    return y + len(labels) * LINE
