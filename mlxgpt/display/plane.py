"""Words at their places in a plane, in characters."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mlxgpt.text import visible

HEIGHT, WIDEST = 16, 90


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Plane:
    """Points (W, 2) with labels; where two would cover each other, the later one moves to the next free line."""

    points: npt.NDArray[np.float32]
    labels: Sequence[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(max(options.max_width, 4), WIDEST)
        grid = [[" "] * width for _ in range(HEIGHT)]
        low, high = self.points.min(axis=0), self.points.max(axis=0)
        span = np.where(high > low, high - low, 1.0)
        for point, label in zip(self.points, self.labels, strict=True):
            text = f"•{visible(label)}"[:width]
            across, up = (point - low) / span
            column = int(across * max(width - len(text), 0))
            row = self._free(grid, HEIGHT - 1 - int(up * (HEIGHT - 1)), column, len(text))
            grid[row][column : column + len(text)] = list(text)
        yield from (Text("".join(line).rstrip(), no_wrap=True, overflow="crop") for line in grid)

    def _free(self, grid: list[list[str]], row: int, column: int, length: int) -> int:
        """The line nearest to `row` with room from `column` on; `row` itself when there is none."""
        for line in sorted(range(HEIGHT), key=lambda line: abs(line - row)):
            if all(cell == " " for cell in grid[line][column : column + length]):
                return line
        return row
