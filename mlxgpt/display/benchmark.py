"""A benchmark on a terminal: which row is measured now, and at the end the tables, 80 columns wide at most."""

import textwrap
from collections.abc import Iterator, Sequence

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from mlxgpt.display.bar_view import BarView
from mlxgpt.display.progress import size
from mlxgpt.events import (
    BenchmarkFinished,
    BenchmarkGrowthMeasured,
    BenchmarkRowFailed,
    BenchmarkRowMeasured,
    BenchmarkRowStarted,
    BenchmarkStarted,
    Event,
)
from mlxgpt.text import visible

WIDTH = 79
NAME_WIDTH = 22
ENOUGH = 0.9  # of a core


class BenchmarkView(BarView):
    """Folds the events of a benchmark into tables."""

    def __init__(self, console: Console, *, detailed: bool = False, memory: bool = False) -> None:
        super().__init__(console, form="{task.completed:.0f}/{task.total:.0f}  {task.description}", begin="starting")
        self.detailed, self.memory = detailed, memory
        self.started: BenchmarkStarted | None = None
        self.finished: BenchmarkFinished | None = None
        self.rows: list[BenchmarkRowMeasured] = []
        self.growth: list[BenchmarkGrowthMeasured] = []
        self.failed: list[BenchmarkRowFailed] = []

    def show(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case BenchmarkStarted():
                self.started = event
            case BenchmarkRowStarted():
                what = f"growth of {event.row}" if event.growth else event.row
                self._bar.update(self._task, completed=event.number - 1, total=event.cells, description=what)
                if not self.console.is_terminal:
                    self._line(f"{event.number}/{event.cells}  {what}")
            case BenchmarkRowMeasured():
                self.rows.append(event)
            case BenchmarkGrowthMeasured():
                self.growth.append(event)
            case BenchmarkRowFailed():
                self.failed.append(event)
            case BenchmarkFinished():
                self.finished = event

    def report(self) -> Iterator[RenderableType]:
        """What was found, to be printed."""
        if self.started is None:
            return
        start = self.started
        yield _sentence(
            f"{visible(start.path)}: {megabytes(start.bytes)} MB, {start.characters:,} characters; at most "
            f"{start.max_size} tokens a chunk, tokenizer {visible(start.tokenizer)}; one thread, a fresh process a row."
        )
        yield speed_table(self.rows)
        yield Text()
        yield quality_table([row for row in self.rows if row.kind != "floor"])
        yield from _failures([event for event in self.failed if not event.growth])
        if self.detailed:
            yield Text()
            yield spread_table(self.rows)
        if self.detailed or self.memory:
            yield Text()
            yield size_table(self.rows)
        if self.growth:
            yield Text()
            yield growth_table(self.growth)
            yield from _failures([event for event in self.failed if event.growth])
        yield Text()
        for note in self.notes():
            yield _sentence(note)
        if self.finished is not None and self.finished.recommended:
            yield _sentence(f"Recommended: {self.finished.recommended}.  {self.finished.reason}")
        elif self.finished is not None and self.finished.reason:
            yield _sentence(self.finished.reason)

    def notes(self) -> Iterator[str]:
        """What has to be known to read the figures that are there."""
        assert self.started is not None
        yield (
            "cold: first run, with nothing known of the text.  MB/s ± σ and tok/s: the runs after it; the strategies then "
            "know the words, peers begin anew each time.  over: chunks over the limit, encoded alone.  mid-sent: the last "
            "character of a chunk ends no sentence and no paragraph, by a crude rule that is the same for all and takes lines "
            "of verse for halves of sentences; `mlxgpt analyze` knows better."
        )
        if any(row.bytes < max(other.bytes for other in self.rows) for row in self.rows if row.kind == "peer"):
            yield "Rows with a smaller “of MB” would not have finished the file in their time; they got parts from all over it."
        if altered := [f"{row.row} ({row.altered:,})" for row in self.rows if row.altered]:
            yield "Chunks that are not in the text as they are: " + ", ".join(altered) + "."
        shares = [row.processor_share for row in self.rows if row.kind != "floor"]
        if shares and min(shares) < ENOUGH:
            yield (
                f"This machine was busy: the rows had {min(shares):.0%} to {max(shares):.0%} of a core, and would be faster "
                "alone.  Compare with care."
            )
        if self.detailed or self.memory:
            yield (
                "peak: resident memory of the row's process at its highest, interpreter, tokenizer and text included; core: "
                "the share of one that it had."
            )
        if self.growth:
            yield (
                "exponent: slope of log seconds over log bytes; 1.00 is linear.  A shorter file is repeated, which flatters "
                "libraries that remember pieces."
            )

    def _line(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def speed_table(rows: Sequence[BenchmarkRowMeasured]) -> Table:
    """One line a row: speed."""
    table = _table("MB/s", "± σ", "cold", "Mtok/s", "runs", "of MB")
    for row in rows:
        table.add_row(
            row.row,
            _rate(row.megabytes_per_second),
            _rate(row.megabytes_per_second_sd),
            _rate(row.bytes / 1e6 / row.cold_seconds),
            _rate(row.tokens_per_second / 1e6),
            f"{row.iterations}",
            megabytes(row.bytes),
        )
    return table


def quality_table(rows: Sequence[BenchmarkRowMeasured]) -> Table:
    """One line a row: what the chunks are like."""
    table = _table("chunks", "size", "over", "mid-sent", "mid-word")
    for row in rows:
        shares = (_share(row.mid_sentence), _share(row.mid_word))
        table.add_row(row.row, f"{row.chunks:,}", f"{row.mean_size:.0f}", f"{row.over_limit:,}", *shares)
    return table


def spread_table(rows: Sequence[BenchmarkRowMeasured]) -> Table:
    """One line a row: how much the speed varied."""
    table = _table("MB/s p5", "p50", "p95", "Mtok/s", "± σ", "p5", "p50", "p95")
    for row in rows:
        tokens = (
            *(row.tokens_per_second, row.tokens_per_second_sd),
            *(row.tokens_per_second_p5, row.tokens_per_second_p50, row.tokens_per_second_p95),
        )
        table.add_row(
            row.row,
            _rate(row.megabytes_per_second_p5),
            _rate(row.megabytes_per_second_p50),
            _rate(row.megabytes_per_second_p95),
            *(_rate(value / 1e6) for value in tokens),
        )
    return table


def size_table(rows: Sequence[BenchmarkRowMeasured]) -> Table:
    """One line a row: memory, how full the chunks are, and whose code it was."""
    table = _table("peak", "core", "mean size", "fill", "largest", "version")
    for row in rows:
        sizes = ("", "", "") if row.kind == "floor" else (f"{row.mean_size:.1f}", _share(row.fill), f"{row.largest:,}")
        table.add_row(row.row, size(row.peak_bytes), f"{row.processor_share:.0%}", *sizes, visible(row.version))
    return table


def growth_table(growth: Sequence[BenchmarkGrowthMeasured]) -> Table:
    """One line a row: seconds for each size of text, and the exponent."""
    sizes = sorted({count for event in growth for count in event.bytes})
    table = _table(*(f"{megabytes(count)} MB" for count in sizes), "exponent")
    for event in growth:
        seconds = dict(zip(event.bytes, event.seconds, strict=True))
        table.add_row(
            event.row,
            *(f"{seconds[count]:.3f} s" if count in seconds else "" for count in sizes),
            "" if event.exponent is None else f"{event.exponent:.2f}",
        )
    return table


def _table(*headings: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("", width=NAME_WIDTH, no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _failures(failed: Sequence[BenchmarkRowFailed]) -> Iterator[Text]:
    for event in failed:
        what = f"{event.message}: {event.hint}" if event.hint else event.message
        yield Text(f"{event.row:<{NAME_WIDTH}} {visible(what)}")


def _sentence(text: str) -> Text:
    return Text(textwrap.fill(text, WIDTH, break_on_hyphens=False))


def _share(value: float) -> str:
    return f"{value:.1%}"


def megabytes(count: int) -> str:
    """Millions of bytes, with a digit where it matters."""
    return f"{count / 1e6:.1f}" if count >= 1e5 else f"{count / 1e6:.3f}"


def _rate(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
