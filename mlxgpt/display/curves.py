"""Curves in braille: eight dots a character, and nothing lost between two dots.

A column of dots shows the whole range of the values that fall into it, lowest to highest, so that a spike of one step is seen
however many steps stand in a window.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mlxgpt.text import visible

Numbers = npt.NDArray[np.float64]
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille character: 4 rows of 2
BRAILLE = 0x2800
LABEL = 9  # columns for the numbers of the y axis


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """One line of a chart: values over steps.  `marks` draws its points as that character instead of a line."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    style: str = ""
    marks: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chart:
    """Curves in one frame, `height` lines high with its x axis; later curves lie above earlier ones.

    `logarithmic` spaces the y axis by powers; values that have no logarithm are left out then.
    """

    curves: Sequence[Curve]
    height: int
    logarithmic: bool = False
    whole: bool = True  # the x axis counts steps
    form: str = ".3g"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        across, down = max(options.max_width - LABEL - 2, 4), max(self.height - 1, 1)
        curves = [(curve, *self._points(curve)) for curve in self.curves]
        curves = [entry for entry in curves if len(entry[1])]
        if not curves:
            yield Text("nothing to draw yet", style="dim")
            return
        x_low, x_high = min(xs.min() for _, xs, _ in curves), max(xs.max() for _, xs, _ in curves)
        y_low, y_high = min(ys.min() for _, _, ys in curves), max(ys.max() for _, _, ys in curves)
        if y_high - y_low < 1e-12:
            y_low, y_high = y_low - 0.5, y_high + 0.5
        cells = np.zeros((down, across), dtype=np.int32)
        styles: list[list[str]] = [[""] * across for _ in range(down)]
        marked: dict[tuple[int, int], tuple[str, str]] = {}
        for curve, xs, ys in curves:
            columns = _scaled(xs, x_low, x_high, 2 * across)
            rows = 4 * down - 1 - _scaled(ys, y_low, y_high, 4 * down)
            if curve.marks:
                marked |= {
                    (int(row) // 4, int(column) // 2): (curve.marks, curve.style)
                    for row, column in zip(rows, columns, strict=True)
                }
                continue
            for column, (top, bottom) in _envelope(columns, rows).items():
                for row in range(top, bottom + 1):
                    cells[row // 4, column // 2] |= DOTS[row % 4][column % 2]
                    styles[row // 4][column // 2] = curve.style
        for row in range(down):
            share = 1 - (row + 0.5) / down
            number = self._number(y_low + share * (y_high - y_low)) if row % 3 == 0 or row == down - 1 else ""
            line = Text(
                f"{number:>{LABEL}}┤" if number else f"{'':>{LABEL}}│", style="dim", no_wrap=True, overflow="crop"
            )
            for column in range(across):
                mark, style = marked.get((row, column), (chr(BRAILLE + int(cells[row, column])), styles[row][column]))
                line.append(mark if mark != chr(BRAILLE) else " ", style=style)
            yield line
        yield Text(self._axis(x_low, x_high, across), style="dim", no_wrap=True, overflow="crop")

    def _points(self, curve: Curve) -> tuple[Numbers, Numbers]:
        xs, ys = np.asarray(curve.xs, dtype=np.float64), np.asarray(curve.ys, dtype=np.float64)
        there = np.isfinite(ys) & (ys > 0 if self.logarithmic else True)
        return xs[there], np.log10(ys[there]) if self.logarithmic else ys[there]

    def _number(self, place: float) -> str:
        return format(10**place if self.logarithmic else place, self.form)

    def _axis(self, low: float, high: float, across: int) -> str:
        names = [f"{x:,.0f}" if self.whole else f"{x:.3g}" for x in (low, (low + high) / 2, high)]
        if sum(map(len, names)) + 4 > across:
            names[1] = ""
        gap = across - sum(map(len, names))
        return f"{'':>{LABEL}}└{names[0]}{'─' * (gap // 2)}{names[1]}{'─' * (gap - gap // 2)}{names[2]}"


def _scaled(values: Numbers, low: float, high: float, dots: int) -> npt.NDArray[np.int64]:
    """The dots, 0 … dots - 1, at which values between two others lie."""
    if high <= low:
        return np.zeros(len(values), dtype=np.int64)
    return np.minimum(((values - low) / (high - low) * dots).astype(np.int64), dots - 1)


def _envelope(columns: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]) -> dict[int, tuple[int, int]]:
    """For each column of dots its highest and lowest dot, joined with those of the column before."""
    ranges: dict[int, tuple[int, int]] = {}
    before: tuple[int, int] | None = None  # the last column and row
    for column, row in zip(columns.tolist(), rows.tolist(), strict=True):
        if before is not None and column > before[0]:
            for between in range(before[0] + 1, column):  # a line over the columns without values
                share = (between - before[0]) / (column - before[0])
                level = round(before[1] + share * (row - before[1]))
                ranges[between] = (level, level)
            touch = round(before[1] + (row - before[1]) * (column - before[0] - 1) / (column - before[0]))
            top, bottom = ranges.get(column, (row, row))
            ranges[column] = (min(top, row, touch), max(bottom, row, touch))
        top, bottom = ranges.get(column, (row, row))
        ranges[column] = (min(top, row), max(bottom, row))
        before = (column, row)
    return ranges


def key(curves: Sequence[Curve]) -> Text:
    """The names of curves, each with its mark and colour."""
    line = Text(no_wrap=True, overflow="ellipsis")
    for curve in curves:
        line.append(f"{curve.marks or '━'} ", style=curve.style)
        line.append(f"{visible(curve.name)}   ")
    return line


def spark_line(values: Sequence[float], width: int) -> str:
    """Values as blocks between their smallest and largest, the newest at the right; what is no number is a gap.

    >>> spark_line([0, 1, 2, 7], 4)
    '▁▂▃█'
    """
    shown = list(values[-width:])
    finite = [value for value in shown if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    step = (high - low) or 1.0
    return "".join(
        "▁▂▃▄▅▆▇█"[min(int((value - low) / step * 8), 7)] if math.isfinite(value) else " " for value in shown
    )
