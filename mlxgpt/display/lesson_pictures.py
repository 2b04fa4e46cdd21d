"""Pictures of the lessons, made of characters: curves, tables of numbers as colours, landscapes.

Each works without colour too: shades are glyphs, and every curve has a mark of its own.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import numpy as np
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.text import Text

from mlxgpt.display.bars import Bars
from mlxgpt.display.colours import has_colour, painted, shade
from mlxgpt.display.plane import Plane
from mlxgpt.events import BarsDrawn, CurvesDrawn, HeatmapDrawn, PointsDrawn, SurfaceDrawn
from mlxgpt.text import visible

Write = Callable[[float, str], str]  # a number and its format, in the reader's language

MARKS = "●▲■◆○△□◇"
COLOURS = (
    "bright_blue",
    "bright_red",
    "bright_green",
    "bright_yellow",
    "bright_magenta",
    "bright_cyan",
    "white",
    "blue",
)
SHADES = " ·░▒▓█"  # nothing at all for what is next to nothing: half of an attention map is empty
_HEIGHT = 15


def bars(event: BarsDrawn, write: Write) -> Bars:
    """A bar for each label, its number before it."""
    texts = [write(value, event.format) for value in event.values]
    return Bars(labels=event.labels, values=event.values, texts=texts, label_width=30)


def curves(event: CurvesDrawn, width: int, write: Write) -> Text:
    """Curves in one frame, each with a mark of its own, and a legend."""
    xs = [x for series in event.xs for x in series]
    ys = [y for series in event.ys for y in series]
    x_low, x_high, y_low, y_high = *_span(xs), *_span(ys)
    across = max(20, width - 14)
    canvas: list[list[tuple[str, str]]] = [[(" ", "")] * across for _ in range(_HEIGHT)]
    for i, (series_x, series_y) in enumerate(zip(event.xs, event.ys, strict=True)):
        cells = [
            (_at(x, x_low, x_high, across), _at(y, y_low, y_high, _HEIGHT))
            for x, y in zip(series_x, series_y, strict=True)
        ]
        for column, row in _joined(cells) if len(cells) > 2 else cells:
            canvas[_HEIGHT - 1 - row][column] = (MARKS[i % len(MARKS)], COLOURS[i % len(COLOURS)])
    picture = Text(f"{visible(event.y_label)}\n", style="dim")
    for row, cells_of_row in enumerate(canvas):
        edge = {0: y_high, _HEIGHT // 2: (y_low + y_high) / 2, _HEIGHT - 1: y_low}.get(row)
        picture.append(f"{'' if edge is None else write(edge, '.4g'):>10} │", style="dim")
        for mark, style in cells_of_row:
            picture.append(mark, style=style)
        picture.append("\n")
    left, right = write(x_low, ".4g"), write(x_high, ".4g")
    picture.append(f"{'':>10} └{'─' * across}\n{'':>12}{left}", style="dim")
    label = visible(event.x_label)
    picture.append(f"{label:^{max(1, across - len(left) - len(right))}}{right}\n", style="dim")
    return picture.append_text(legend(event.names))


def points(event: PointsDrawn) -> Group:
    """Names on a map, with what its axes are below."""
    places = np.array([event.xs, event.ys], dtype=np.float32).T
    axes = Text(f"→ {visible(event.x_label)}   ↑ {visible(event.y_label)}", style="dim")
    return Group(Plane(points=places, labels=event.names), axes)


def legend(names: Iterable[str]) -> Text:
    """Each name after its mark."""
    line = Text(" " * 12)
    for i, name in enumerate(names):
        line.append(f"{MARKS[i % len(MARKS)]} ", style=COLOURS[i % len(COLOURS)]).append(f"{visible(name)}   ")
    return line


class Heat:
    """A matrix as coloured cells with their numbers; without colour a glyph stands for the shade."""

    def __init__(self, event: HeatmapDrawn, write: Write) -> None:
        self.event, self.write = event, write

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        event = self.event
        values = [value for row in event.values for value in row]
        low, high = _span(values) if values else (0.0, 1.0)
        named = min(14, max(map(len, event.row_labels), default=0))
        columns = len(event.column_labels)
        cell = max(6, min(10, (options.max_width - named - 2) // max(1, columns)))
        shown = min(columns, max(1, (options.max_width - named - 2) // cell))
        coloured = has_colour(console)
        grid = Text(" " * (named + 1))
        for label in event.column_labels[:shown]:
            grid.append(f"{visible(label)[: cell - 1]:>{cell}}", style="dim")
        for label, row in zip(event.row_labels, event.values, strict=True):
            grid.append("\n").append(f"{visible(label)[:named]:>{named}} ")
            for value in row[:shown]:
                share = (value - low) / (high - low)
                written = self.write(value, ".2f" if abs(value) < 100 else ".0f")
                if coloured:
                    grid.append(f"{written:>{cell - 1}} ", style=painted(shade(share)))
                else:
                    grid.append(f"{_shade(share) + written:>{cell}}")
        if shown < columns:
            grid.append(f"\n… {columns - shown}", style="dim")
        yield grid


def surface(event: SurfaceDrawn, width: int, write: Write) -> Text:
    """The landscape as shades (full is high), with each path's marks on the way and its beginning as ✕."""
    tall, wide = len(event.heights), len(event.heights[0])
    broad = max(1, min(3, (width - 14) // wide))  # characters for each place of the grid
    across = wide * broad
    low, high = _span([height for row in event.heights for height in row])
    canvas = [
        [(_shade((height - low) / (high - low)), "dim") for height in row for _ in range(broad)]
        for row in reversed(event.heights)
    ]

    def mark(place: tuple[float, float], sign: str, style: str) -> None:
        column, row = (_at(place[0], event.xs[0], event.xs[-1], across), _at(place[1], event.ys[0], event.ys[-1], tall))
        if 0 <= column < across and 0 <= row < tall:
            canvas[tall - 1 - row][column] = (sign, style)

    for i, path in enumerate(event.paths):
        for place in path:
            mark(place, MARKS[i % len(MARKS)], COLOURS[i % len(COLOURS)])
    if event.paths and event.paths[0]:
        mark(event.paths[0][0], "✕", "bold")
    picture = Text(f"{visible(event.y_label)}\n", style="dim")
    for number, cells in enumerate(canvas):
        edge = {0: event.ys[-1], tall - 1: event.ys[0]}.get(number)
        picture.append(f"{'' if edge is None else write(edge, '.3g'):>10} │", style="dim")
        for sign, style in cells:
            picture.append(sign, style=style)
        picture.append("\n")
    left, right = write(event.xs[0], ".3g"), write(event.xs[-1], ".3g")
    label = visible(event.x_label)
    picture.append(f"{'':>12}{left}{label:^{max(1, across - len(left) - len(right))}}{right}\n", style="dim")
    return picture.append_text(legend(event.names))


def _shade(share: float) -> str:
    """The glyph of a value in 0 … 1."""
    return SHADES[round(max(0.0, min(1.0, share)) * (len(SHADES) - 1))]


def _span(values: Sequence[float]) -> tuple[float, float]:
    """The lowest and highest value, never the same."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _at(value: float, low: float, high: float, cells: int) -> int:
    """The cell of a value on an axis; outside the axis it is outside 0 … cells - 1."""
    share = (value - low) / (high - low)
    return round(share * (cells - 1)) if math.isfinite(share) else -1


def _joined(cells: list[tuple[int, int]]) -> Iterable[tuple[int, int]]:
    """The cells of a curve with those between neighbours filled in."""
    for (x0, y0), (x1, y1) in pairwise(cells):
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for step in range(steps + 1):
            yield round(x0 + (x1 - x0) * step / steps), round(y0 + (y1 - y0) * step / steps)
