"""Patching as a table: layers by positions or heads, each cell how far one change moved the logit."""

from collections.abc import Sequence
from textwrap import wrap

import numpy as np
from rich.style import Style
from rich.text import Text
from textual import events

from mlxgpt.display.colours import DIVERGING, painted, shade
from mlxgpt.display.words import shown
from mlxgpt.inspection.reports import PATCH_POINTS as POINTS
from mlxgpt.inspection.reports import PatchReport
from tui.widgets.picture import Picture, window

LABEL = 8


class PatchTable(Picture):
    """`row` and `column` are the cursor; `point` is what is changed."""

    HELP = "What changes the prediction: p takes values from this text into another, a silences each head in turn."
    row = column = 0
    _above = 2  # lines before the table
    point = "resid_pre"

    def paint(self, width: int, height: int) -> list[Text]:
        """A heading, the table around the cursor, what stands at the cursor."""
        report = self.look.patch
        if report is None:
            return [
                Text(),
                *self._help("p", "type another text of as many tokens: values of this text are put into its run, one at a "
                            f"time, at {self.point} ({POINTS[self.point]}); m chooses where", width),
                *self._help("a", "silence each head in turn and see what the best guess loses", width),
            ][:height]  # fmt: skip
        delta = report.delta
        layers, columns = delta.shape
        self.row, self.column = min(self.row, layers - 1), min(self.column, columns - 1)
        self._wide = 6 if (width - LABEL) // 6 >= columns else 3
        self._columns = window(self.column, max((width - LABEL) // self._wide, 1), columns)
        above = len(self._heading(report, width)) + 1
        self._rows = window(self.row, max(height - above - (2 if report.corrupt else 1), 1), layers)
        most = max(float(np.nanmax(np.abs(delta))), 1e-9)
        lines = [*self._heading(report, width), self._numbers()]
        self._above = len(lines)
        for row in self._rows:
            line = Text(f" L{row}".ljust(LABEL), no_wrap=True, overflow="crop")
            for column in self._columns:
                line.append(*self._cell(float(delta[row, column]), most, (row, column) == (self.row, self.column)))
            lines.append(line)
        return [*lines, *self._reading(report)][:height]

    def _help(self, key: str, text: str, width: int) -> list[Text]:
        """What a key does, in as many lines as it takes."""
        lines = wrap(text, max(width - 6, 20))
        return [Text(f"  {key if i == 0 else ' '}  {line}") for i, line in enumerate(lines)]

    def _heading(self, report: PatchReport, width: int) -> list[Text]:
        """What was asked, and of patching the other text: as many lines as it takes."""
        asked = f"«{shown(report.pieces[report.token])}»"
        if report.against is not None:
            asked += f" − «{shown(report.pieces[report.against])}»"
        done = {"zero": "set to zero", "mean": "set to its mean", "patch": "taken from this text"}[report.kind]
        what = report.columns.removesuffix("s")
        text = f"Δ logit {asked} at {report.position} when {report.point} of one {what} is {done}"
        style = self.themed("text-accent", bold=True)
        lines = [Text(f" {line}", style) for line in wrap(text, max(width - 2, 20))]
        if report.corrupt is not None:
            lines += [Text(f" {line}") for line in _other(report.passage.pieces, report.corrupt.pieces, width - 2)]
        return lines

    def _numbers(self) -> Text:
        each = 2 if self._wide == 3 else 1
        row = "".join(f"{i:<{each * self._wide}}" for i in self._columns[::each])
        return Text(" " * LABEL + row, "dim", no_wrap=True, overflow="crop")

    def _cell(self, value: float, most: float, here: bool) -> tuple[str, Style]:
        if value != value:
            return "…".ljust(self._wide), Style(dim=True)
        text = (
            f"{value:+.2f}"
            if self._wide == 6
            else ("+" if value > 0 else "-") + ("#" if abs(value) > most / 2 else " ")
        )
        style = Style(bold=True, reverse=True) if here else Style()
        if self.colour and not here:
            style = painted(shade(0.5 + value / most / 2, DIVERGING))
        return text[: self._wide - 1].ljust(self._wide), style

    def _reading(self, report: PatchReport) -> list[Text]:
        value, what = float(report.values[self.row, self.column]), report.columns.removesuffix("s")
        piece = f" «{shown(report.passage.pieces[self.column])}»" if report.columns == "positions" else ""
        delta = float(report.delta[self.row, self.column])
        found = "not yet" if value != value else f"{report.corrupted:.3f} → {value:.3f}  Δ {delta:+.3f}"
        lines = [Text(f" L{self.row} {what} {self.column}{piece}: {found}", "bold", no_wrap=True, overflow="ellipsis")]
        if report.corrupt is None:
            return lines
        gap = report.clean - report.corrupted
        back = "" if not gap or value != value else f"; this recovers {delta / gap:.0%} of the gap"
        lines.append(
            Text(
                f" this text {report.clean:.3f}, the other {report.corrupted:.3f}{back}",
                no_wrap=True,
                overflow="ellipsis",
            )
        )
        return lines

    def on_click(self, event: events.Click) -> None:
        """The cell under the pointer."""
        if self.look.patch is None:
            return
        down, across = event.y - self._above, (event.x - LABEL) // self._wide
        if 0 <= down < len(self._rows) and 0 <= across < len(self._columns):
            self.row, self.column = self._rows[down], self._columns[across]
            self.repaint()


def _other(pieces: Sequence[str], other: Sequence[str], width: int) -> list[str]:
    """The text that values are put into, and where it is another."""
    changed = [i for i in range(len(pieces)) if pieces[i] != other[i]]
    differs = ", ".join(f"{i} «{shown(other[i])}»" for i in changed[:4]) + (" …" if len(changed) > 4 else "")
    text = f"into «{shown(''.join(other))}»"
    text = text if len(text) <= width else f"{text[: max(width - 2, 1)]}…»"
    return [text, *wrap(f"other tokens: {differs}" if differs else "the same text", max(width, 20))][:3]
