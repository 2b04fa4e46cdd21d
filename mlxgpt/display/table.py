"""Tables: of tokens, each cell coloured by its probability (the logit lens as it is usually drawn), and of figures."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mlxgpt.display.colours import has_colour, painted, shade
from mlxgpt.display.labels import fitted

CELL, LABEL, WIDEST = 12, 10, 130


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """Rows of (text, share); the columns that do not fit go below, as further tables."""

    columns: Sequence[str]
    rows: Sequence[str]
    cells: Sequence[Sequence[tuple[str, float]]]
    footer: Sequence[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = min(max(options.max_width, 1), WIDEST)
        many = max((width - LABEL - 1) // CELL, 1)
        for first in range(0, len(self.columns), many):
            chosen = range(first, min(first + many, len(self.columns)))
            yield self._line("", [Text(fitted(self.columns[i], CELL - 1)) for i in chosen])
            for name, row in zip(self.rows, self.cells, strict=True):
                yield self._line(name, [_cell(*row[i], has_colour(console)) for i in chosen])
            yield self._line("then", [Text(fitted(self.footer[i], CELL - 1), "bold") for i in chosen])
            if chosen.stop < len(self.columns):
                yield Text()

    def _line(self, name: str, cells: Sequence[Text]) -> Text:
        line = Text(fitted(name, LABEL) + " ", no_wrap=True, overflow="crop")
        for cell in cells:
            line.append(cell)
            line.append(" ")
        return line


def _cell(text: str, share: float, colour: bool) -> Text:
    number = f"{share * 100:3.0f}"
    shown = f"{fitted(text, CELL - 2 - len(number))} {number}"
    return Text(shown, painted(shade(share)) if colour else "")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ledger:
    """Rows of figures under their names; the first and the last column begin on the left.

    Where the window is too narrow the columns of `expendable` go, the first first, and are named under the table.
    """

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    expendable: Sequence[str]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        widths = [max(map(cell_len, column)) for column in zip(self.header, *self.rows, strict=True)]
        kept, gone = list(range(len(widths))), []
        for name in self.expendable:
            if sum(widths[i] + 1 for i in kept) - 1 <= options.max_width:
                break
            kept.remove(self.header.index(name))
            gone.append(name)
        widths[0] = max(widths[0] + min(options.max_width - sum(widths[i] + 1 for i in kept) + 1, 0), 8)
        for number, row in enumerate([self.header, *self.rows]):
            cells = [fitted(row[0], widths[0]), *(" " * (widths[i] - cell_len(row[i])) + row[i] for i in kept[1:-1])]
            yield Text(" ".join([*cells, row[kept[-1]]]), "" if number else "dim", no_wrap=True, overflow="crop")
        if gone:
            yield Text(f"No room here for: {', '.join(gone)}.", "dim")
