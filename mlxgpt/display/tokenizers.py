"""Tokenizers on a terminal: how far training is, and their figures side by side."""

from collections.abc import Sequence
from types import TracebackType

from rich import box
from rich.console import Console
from rich.table import Table

from mlxgpt.display.progress import describe_event, size
from mlxgpt.events import Event, TokenizerProgressed
from mlxgpt.text import visible
from mlxgpt.tokenizer.report import TokenizerReport


class TokenizerView:
    """Shows the events of training a tokenizer as they come; a context manager, so that the line is always taken down."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._status = console.status("reading")

    def __enter__(self) -> "TokenizerView":
        if self.console.is_terminal:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status.stop()

    def show(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, TokenizerProgressed):
            self._status.update(f"{event.documents:,} documents, {size(event.corpus_bytes)}, {event.seconds:.0f} s")
        elif sentence := describe_event(event):
            self.console.print(sentence, highlight=False, markup=False)


def figures(report: TokenizerReport) -> dict[str, int | float]:
    """A report as plain numbers."""
    return {
        "vocab_size": report.vocab_size,
        "bytes": report.bytes,
        "tokens": report.tokens,
        "words": report.words,
        "bytes_per_token": round(report.bytes_per_token, 4),
        "tokens_per_word": round(report.tokens_per_word, 4),
        "unknown": report.unknown,
        "unused_entries": len(report.unused),
    }


def comparison_table(names: Sequence[str], reports: Sequence[TokenizerReport]) -> Table:
    """A row for each tokenizer, the best compression in bold."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("tokenizer", overflow="fold")
    for heading in ("entries", "tokens", "bytes/tok", "tok/word", "unused", "unknown"):
        table.add_column(heading, justify="right", no_wrap=True)
    best = max(report.bytes_per_token for report in reports if report.bytes_per_token)
    for name, report in zip(names, reports, strict=True):
        table.add_row(
            visible(name), f"{report.vocab_size:,}", f"{report.tokens:,}", f"{report.bytes_per_token:.3f}",
            f"{report.tokens_per_word:.3f}", f"{len(report.unused):,} ({_share(report):.0%})", f"{report.unknown:,}",
            style="bold" if report.bytes_per_token == best else "",
        )  # fmt: skip
    return table


def _share(report: TokenizerReport) -> float:
    return len(report.unused) / max(1, report.vocab_size)
