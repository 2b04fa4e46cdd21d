"""Tables of numbers as colour: one line a row with labels and a number, or two rows a line in half-blocks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.style import Style
from rich.text import Text

from mlxgpt.display.colours import DIVERGING, GLYPHS, SEQUENTIAL, glyph, has_colour, painted, shade
from mlxgpt.display.labels import fitted
from mlxgpt.text import visible

Numbers = npt.NDArray[np.float32]
CELL = 2  # columns of the terminal for one number
MOST = 16  # rows and columns of a small map


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Heatmap:
    """Numbers (R, C) in `low` … `high`, a line a row: label, cells, and `notes`, the number that the row is about.

    With a negative `low`, colours say the sign.  Where the window is too narrow a cell stands for several columns, and shows
    the largest of them by size; the legend says so.
    """

    values: Numbers
    rows: Sequence[str]
    notes: Sequence[str]
    low: float = 0.0
    high: float = 1.0
    label_width: int = 14
    header: bool = False  # the numbers of the columns

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = max(options.max_width, 1)
        label = min(self.label_width, max((len(row) for row in self.rows), default=0), max(width // 4, 1))
        note = max((len(note) for note in self.notes), default=0)
        room = max((width - label - 2 - (min(note, width // 3) if width > 30 else 0)) // CELL, 1)
        each = max(-(-self.values.shape[1] // room), 1)  # columns that a cell stands for
        values = gathered(self.values, each)
        columns = values.shape[1]
        colour = has_colour(console)
        if self.header:
            step = 1 if columns * each <= 10 else 2  # numbers of two digits need room
            numbers = "".join(f"{column * each % 1000:<{step * CELL}}" for column in range(0, columns, step))
            yield Text(" " * (label + 1) + numbers, style="dim", no_wrap=True, overflow="crop")
        for row, name, text in zip(values, self.rows, self.notes, strict=True):
            line = Text(fitted(name, label) + " ", no_wrap=True, overflow="crop")
            for value in row:
                line.append(*self._cell(float(value), colour))
            line.append(f" {visible(text)}")
            yield line
        yield self.legend(colour, each)

    def _cell(self, value: float, colour: bool) -> tuple[str, Style]:
        share = scaled(value, self.low, self.high)
        if colour:
            return " " * CELL, painted(shade(share, DIVERGING if self.low < 0 else SEQUENTIAL))
        if self.low < 0:  # the sign, and how much
            mark = " " if value == 0 else "-" if value < 0 else "+"
            return mark + glyph(abs(value) / max(-self.low, self.high, 1e-12)), Style()
        return glyph(share) * CELL, Style()

    def legend(self, colour: bool, each: int) -> Text:
        """The scale: both ends as numbers, with the colours between."""
        line = Text(f"{self.low:.2f} ", style="dim", no_wrap=True, overflow="crop")
        for step in np.linspace(self.low, self.high, 7):
            line.append(*self._cell(float(step), colour))
        line.append(f" {self.high:.2f}")
        if each > 1:
            line.append(f"   a cell is the largest of {each} columns")
        return line


def gathered(values: Numbers, each: int) -> Numbers:
    """Numbers (R, C) with `each` columns made one: the largest of them, by size."""
    if each <= 1:
        return values
    cells = np.pad(values, [(0, 0), (0, -values.shape[1] % each)]).reshape(len(values), -1, each)
    largest = np.abs(cells).argmax(axis=-1, keepdims=True)
    return np.asarray(np.take_along_axis(cells, largest, axis=-1)[..., 0], dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scale:
    """What the colours of small maps of `size` × `size` numbers mean, or the glyphs where there is no colour."""

    size: int
    low: float = 0.0
    high: float = 1.0
    most: int = MOST

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        colour = has_colour(console)
        line = Text(f"{self.low:.2f} ", style="dim")
        if colour:
            for step in np.linspace(0.0, 1.0, 7):
                line.append("  ", painted(shade(float(step), DIVERGING if self.low < 0 else SEQUENTIAL)))
        else:
            line.append(" ".join(GLYPHS))
        line.append(f" {self.high:.2f}")
        each = -(-self.size // self.most)
        if each > 1:
            line.append(f"; the maps are made smaller: a cell is {each}×{each} numbers, the largest of them")
        if not colour:
            line.append("; two rows share a line, the larger is seen")
        yield line


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MiniMap:
    """Attention weights (T, T) in half-blocks, small enough to stand beside others, with two lines of text.

    With a negative `low`, colours say the sign; without colour, only the size is seen.
    """

    values: Numbers
    caption: str
    note: str
    most: int = MOST
    low: float = 0.0
    high: float = 1.0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        small = shrunk(self.values, max(min(self.most, options.max_width), 1))
        yield Text(visible(self.caption), style="bold", no_wrap=True, overflow="crop")
        yield from half_blocks(small, has_colour(console), self.low, self.high)
        yield Text(self.note, style="dim", no_wrap=True, overflow="crop")

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        width = max(min(self.most, len(self.values)), len(self.caption), len(self.note))
        return Measurement(width, width).with_maximum(options.max_width)


def scaled(value: float, low: float, high: float) -> float:
    """Where a value lies between two others, 0 … 1."""
    return (value - low) / (high - low) if high > low else 0.5


def half_blocks(values: Numbers, colour: bool, low: float = 0.0, high: float = 1.0) -> list[Text]:
    """Numbers (R, C) with two rows a line: the upper half of each character is one number, the lower half the next.

    With a negative `low`, colours say the sign.  Without colour a line shows the larger of its two by size.
    """
    stops = DIVERGING if low < 0 else SEQUENTIAL
    lines = []
    if not colour and low < 0:
        values, low, high = np.abs(values), 0.0, max(-low, high)
    for top in range(0, len(values), 2):
        upper, lower = values[top], values[top + 1] if top + 1 < len(values) else None
        line = Text(no_wrap=True, overflow="crop")
        for column, value in enumerate(upper):
            above = scaled(float(value), low, high)
            below = None if lower is None else scaled(float(lower[column]), low, high)
            if not colour:
                line.append(glyph(above if below is None else max(above, below)))
            elif below is None:
                line.append("▀", Style.parse("rgb({},{},{})".format(*shade(above, stops))))
            else:
                line.append("▀", painted(shade(below, stops), shade(above, stops)))
        lines.append(line)
    return lines


def shrunk(values: Numbers, most: int) -> Numbers:
    """Numbers (T, T) made at most `most` wide and high: each new cell holds the largest, by size, of those it stands for."""
    step = -(-len(values) // most)
    if step <= 1:
        return values
    padded = np.pad(values, [(0, -len(values) % step)] * 2)
    n = len(padded) // step
    cells = padded.reshape(n, step, n, step).swapaxes(1, 2).reshape(n, n, -1)
    largest = np.abs(cells).argmax(axis=-1, keepdims=True)
    return np.asarray(np.take_along_axis(cells, largest, axis=-1)[..., 0], dtype=np.float32)
