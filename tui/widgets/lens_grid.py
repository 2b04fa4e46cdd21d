"""The lens as a table: after each layer, at each position, the best guess and how sure it is of it."""

import numpy as np
from rich.style import Style
from rich.text import Text
from textual import events

from mlxgpt.display.colours import glyph, painted, shade
from mlxgpt.display.labels import fitted, fitting
from mlxgpt.display.words import shown
from mlxgpt.inspection.reports import LensReport
from tui.widgets.picture import Picture, window

CELL, LABEL = 11, 5
MEASURES = {"p": "chance of the guess, in percent", "H": "entropy in nats", "KL": "KL from the end, in nats"}


class LensGrid(Picture):
    """Layers go up, positions across; `row` is the cursor's layer, 0 the embedding.  `measure` is what is coloured."""

    HELP = "What the model would say if it stopped after each layer.  m changes what the colours mean."
    row: int | None = None  # None is the last
    measure = "p"

    def paint(self, width: int, height: int) -> list[Text]:
        """A heading, the rows from the last layer down, the tokens that were read, the guesses at the cursor."""
        report = self.look.lens
        if report is None:
            return self.waiting("the lens is being computed …", width)
        rows = len(report.top)
        self._positions = window(self.look.at, max((width - LABEL) // CELL, 1), len(report.passage))
        self._rows = window(rows - 1 - self.at_row, max(height - 4, 1), rows)  # counted from the top
        lines = [Text(f" {report.kind} lens: {MEASURES[self.measure]}", self.themed("text-accent", bold=True))]
        lines += [self._row(report, rows - 1 - i) for i in self._rows]
        read = Text("read ".rjust(LABEL), "dim", no_wrap=True, overflow="crop")
        for t in self._positions:
            read.append(fitted(shown(report.passage.pieces[t]), CELL - 1) + " ", "bold" if t == self.look.at else "dim")
        return [*lines, read, *self._reading(report, width)][:height]

    @property
    def at_row(self) -> int:
        """The cursor's row."""
        last = len(self.look.lens.top) - 1 if self.look.lens else 0
        return last if self.row is None else min(max(self.row, 0), last)

    def _row(self, report: LensReport, row: int) -> Text:
        line = Text(row_name(row).rjust(LABEL - 1) + " ", no_wrap=True, overflow="crop")
        for t in self._positions:
            value, share = measured(report, row, t, self.measure)
            number = f"{value * 100:3.0f}" if self.measure == "p" else f"{value:4.1f}"
            here = (row, t) == (self.at_row, self.look.at)
            piece = fitted(shown(report.pieces[int(report.top[row, t, 0])]), CELL - 2 - len(number))
            text = f"{piece} {number}"
            if here:
                line.append(text, Style(bold=True, reverse=True))
            elif self.colour:
                line.append(text, painted(shade(share)))
            else:
                line.append(glyph(share).replace("·", " ") + text[:-5] + text[-4:] if self.measure == "p" else text)
            line.append(" ")
        return line

    def _reading(self, report: LensReport, width: int) -> list[Text]:
        row, t = self.at_row, self.look.at
        first, *others = (
            f"«{shown(report.pieces[int(i)])}» {p:.0%}"
            for i, p in zip(report.top[row, t], report.top_probability[row, t], strict=True)
        )
        guesses = [f" {row_name(row)} after «{shown(report.passage.pieces[t])}»: {first}", *others]
        target = shown(report.pieces[int(report.target[t])])
        what = "its best" if t == len(report.passage) - 1 else "then came"
        figures = [
            f" {what} «{target}»: p {report.probability[row, t]:.3f} rank {report.rank[row, t]}",
            f"H {report.entropy[row, t]:.2f}",
            f"KL {report.divergence[row, t]:.2f}",
        ]
        return [
            Text(fitting(guesses, width, "  "), "bold", no_wrap=True, overflow="ellipsis"),
            Text(fitting(figures, width, " · "), no_wrap=True, overflow="ellipsis"),
        ]

    def on_click(self, event: events.Click) -> None:
        """The cell under the pointer."""
        if self.look.lens is None:
            return
        down, across = event.y - 1, (event.x - LABEL) // CELL
        if 0 <= down < len(self._rows):
            self.row = len(self.look.lens.top) - 1 - self._rows[down]
        if 0 <= across < len(self._positions):
            self.post_message(self.Picked(position=self._positions[across]))


def row_name(row: int) -> str:
    """ "emb", then the layer whose end it is."""
    return "emb" if row == 0 else f"L{row - 1}"


def measured(report: LensReport, row: int, t: int, measure: str) -> tuple[float, float]:
    """A cell's number and how bright it is, 0 … 1."""
    match measure:
        case "H":
            return float(report.entropy[row, t]), 1 - float(report.entropy[row, t] / max(report.entropy.max(), 1e-9))
        case "KL":
            value = float(report.divergence[row, t])
            return value, 1 - min(value / max(float(np.nanmax(report.divergence)), 1e-9), 1.0)
        case _:
            value = float(report.top_probability[row, t, 0])
            return value, value
