"""Cleaning on a terminal: a bar while it lasts, some of what was dropped, and a table of what each rule did."""

from rich import box
from rich.console import Console
from rich.table import Table

from mlxgpt.display.bar_view import BarView
from mlxgpt.display.progress import duration, size
from mlxgpt.events import CleaningFinished, CleaningProgressed, DocumentDropped, Event, FileRefused
from mlxgpt.text import visible

_MOST_LINES = 10  # about single documents or files


class CleaningView(BarView):
    """Shows the events of a cleaning job as they come."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._dropped = 0
        self._refused: list[FileRefused] = []
        self._left_out = 0

    def show(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case CleaningProgressed():
                self._bar.update(
                    self._task,
                    completed=event.share,
                    description=f"{event.documents:,} documents  {size(event.characters_per_second)}/s  "
                    f"{duration(event.seconds_left)} left",
                )
            case DocumentDropped():
                self._dropped += 1
                if self._dropped <= _MOST_LINES:
                    self._line(dropped_line(event), cut=True)
                elif self._dropped == _MOST_LINES + 1:
                    self._line("…")
            case FileRefused():
                self._left_out += 1
                if self._left_out <= _MOST_LINES:
                    self._refused.append(event)
            case CleaningFinished():
                self._line(summary_line(event))
                if event.changed or event.dropped:
                    self.console.print(rules_table(event))
                for refused in self._refused:
                    self._line(f"Left out: {visible(refused.message)}  {visible(refused.hint)}".rstrip())
                if self._left_out > len(self._refused):
                    self._line(f"Left out: {self._left_out - len(self._refused):,} more.")

    def _line(self, text: str, *, cut: bool = False) -> None:
        """A line; with `cut`, no more of it than the terminal has room for."""
        cut = cut and self.console.is_terminal
        self.console.print(
            text, highlight=False, markup=False, soft_wrap=not cut, no_wrap=cut, overflow="ellipsis" if cut else None
        )


def dropped_line(event: DocumentDropped) -> str:
    """Which document was dropped, why, and how it begins."""
    where = f"{event.source}, {event.place}" if event.place else event.source
    return f"dropped {visible(where)}: {event.rule} ({visible(event.reason)}): {visible(event.excerpt)}"


def summary_line(event: CleaningFinished) -> str:
    """What became of all documents."""
    begin = "Stopped, nothing was written: " if event.stopped else ""
    dropped = sum(event.dropped.values())
    memory = f"; {size(event.memory_bytes)} to find duplicates" if event.memory_bytes else ""
    left_out = f"; {event.refused:,} could not be read" if event.refused else ""
    return (
        f"{begin}{event.documents:,} documents: {event.kept:,} kept, {dropped:,} dropped; "
        f"{event.characters:,} characters became {event.characters_kept:,} in {event.seconds:.1f} s{memory}{left_out}."
    )


def rules_table(event: CleaningFinished) -> Table:
    """How many documents each rule changed or dropped."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("rule")
    table.add_column("mended", justify="right")
    table.add_column("dropped", justify="right")
    for rule in dict.fromkeys([*event.changed, *event.dropped]):
        table.add_row(rule, _count(event.changed.get(rule)), _count(event.dropped.get(rule)))
    return table


def _count(number: int | None) -> str:
    return f"{number:,}" if number else ""
