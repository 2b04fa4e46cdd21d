"""Pictures made of characters: bars, curves, heatmaps and landscapes.  Always a number beside a colour.

Each works without colour too: shades are glyphs, and every curve has a mark of its own.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from rich.table import Table
from rich.text import Text

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
SHADES = " ·░▒▓█"
_BLOCKS = " ▏▎▍▌▋▊▉█"
_HEIGHT = 15


def bars(event: BarsDrawn, width: int, write: Write) -> Table:
    """A bar for each label, its number behind it; negative ones are drawn in another colour, by their size."""
    numbers = [write(value, event.format) for value in event.values]
    named = min(30, max(map(len, event.labels), default=0))
    room = max(10, width - named - max(map(len, numbers), default=0) - 6)
    largest = max((abs(value) for value in event.values), default=0.0) or 1.0
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", max_width=named, no_wrap=True)
    grid.add_column(no_wrap=True)
    for label, value, number in zip(event.labels, event.values, numbers, strict=True):
        bar = Text(bar_of(abs(value) / largest, room), style="bright_blue" if value >= 0 else "bright_red")
        grid.add_row(Text(visible(label)), bar.append(f" {number}", style="default"))
    return grid


def bar_of(share: float, room: int) -> str:
    """A bar as long as a share of `room` columns, to an eighth of one."""
    eighths = round(max(0.0, min(1.0, share)) * room * 8)
    return "█" * (eighths // 8) + (_BLOCKS[eighths % 8] if eighths % 8 else "")


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


def points(event: PointsDrawn, width: int, write: Write) -> Text:
    """Names on a map, each at its point; one that would cover another moves to the next free line."""
    x_low, x_high, y_low, y_high = *_span(event.xs), *_span(event.ys)
    across, tall = max(20, width - 14), _HEIGHT + 5
    canvas = [[" "] * across for _ in range(tall)]
    for name, x, y in zip(event.names, event.xs, event.ys, strict=True):
        label = f"•{visible(name)}"[:across]
        column = min(_at(x, x_low, x_high, across), across - len(label))
        wanted = tall - 1 - _at(y, y_low, y_high, tall)
        for row in sorted(range(tall), key=lambda row: abs(row - wanted)):
            if all(c == " " for c in canvas[row][max(0, column - 1) : column + len(label) + 1]):
                canvas[row][column : column + len(label)] = label
                break
    picture = Text(f"{visible(event.y_label)}\n", style="dim")
    for row, cells in enumerate(canvas):
        edge = {0: y_high, tall - 1: y_low}.get(row)
        picture.append(f"{'' if edge is None else write(edge, '.3g'):>10} │", style="dim")
        picture.append("".join(cells) + "\n")
    left, right = write(x_low, ".3g"), write(x_high, ".3g")
    picture.append(f"{'':>10} └{'─' * across}\n{'':>12}{left}", style="dim")
    return picture.append(f"{visible(event.x_label):^{max(1, across - len(left) - len(right))}}{right}", style="dim")


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
        coloured = console.color_system is not None and not console.no_color
        grid = Text(" " * (named + 1))
        for label in event.column_labels[:shown]:
            grid.append(f"{visible(label)[: cell - 1]:>{cell}}", style="dim")
        for label, row in zip(event.row_labels, event.values, strict=True):
            grid.append("\n").append(f"{visible(label)[:named]:>{named}} ")
            for value in row[:shown]:
                share = (value - low) / (high - low)
                written = self.write(value, ".2f" if abs(value) < 100 else ".0f")
                if coloured:
                    grid.append(f"{written:>{cell - 1}} ", style=heat(share))
                else:
                    grid.append(f"{SHADES[round(share * (len(SHADES) - 1))] + written:>{cell}}")
        if shown < columns:
            grid.append(f"\n… {columns - shown}", style="dim")
        yield grid


def heat(share: float) -> Style:
    """White to deep blue, the text readable on it."""
    share = max(0.0, min(1.0, share))
    red, green, blue = round(247 - 225 * share), round(251 - 190 * share), round(255 - 115 * share)
    return Style(color="black" if share < 0.55 else "white", bgcolor=f"rgb({red},{green},{blue})")


def surface(event: SurfaceDrawn, width: int, write: Write) -> Text:
    """The landscape as shades (dark is high), with each path's marks on the way and its beginning as ✕."""
    tall, wide = len(event.heights), len(event.heights[0])
    broad = max(1, min(3, (width - 14) // wide))  # characters for each place of the grid
    across = wide * broad
    low, high = _span([height for row in event.heights for height in row])
    canvas = [
        [
            (SHADES[round((height - low) / (high - low) * (len(SHADES) - 1))], "dim")
            for height in row
            for _ in range(broad)
        ]
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
