"""Chunking on a terminal: a bar while it lasts, a line for each file, and at the end what could not be read."""

from rich.console import Console

from mlxgpt.display.bar_view import BarView
from mlxgpt.display.progress import size
from mlxgpt.events import ChunkingFinished, ChunkingProgressed, Event, FileChunked, FileRefused, Noted
from mlxgpt.text import visible

_MOST_LINES = 20  # about single files; of a thousand, the sum says more


class ChunkingView(BarView):
    """Shows the events of a chunking job as they come."""

    def __init__(self, console: Console, *, quiet: bool = False) -> None:
        """With `quiet`, only what must be known is said, at the end."""
        super().__init__(console, live=console.is_terminal and not quiet)
        self.quiet = quiet
        self.refused: list[FileRefused] = []
        self._files = 0

    def show(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case ChunkingProgressed():
                self._bar.update(
                    self._task,
                    completed=event.bytes / max(1, event.total_bytes),
                    description=f"{_number(event.chunks, 'chunk')}  {event.tokens_per_second:,.0f} tok/s",
                )
            case FileChunked():
                self._files += 1
                if self.quiet:
                    return
                if self._files <= _MOST_LINES:
                    self._line(file_line(event))
                elif self._files == _MOST_LINES + 1:
                    self._line("…")
            case FileRefused():
                self.refused.append(event)
            case ChunkingFinished():
                self._line(summary_line(event))
                for refused in self.refused:
                    self._line(f"Left out: {visible(refused.message)}  {visible(refused.hint)}".rstrip())
            case Noted():
                self._line(visible(event.text))

    def _line(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def file_line(event: FileChunked) -> str:
    """What became of one file."""
    mean = event.n_tokens / max(1, event.chunks)
    tokens = f"{mean:,.0f} tokens on average" if event.chunks > 1 else _number(event.n_tokens, "token")
    chunks = f"{_number(event.chunks, 'chunk')} of {tokens}"
    return f"{visible(event.path)}: {chunks}, {size(event.bytes)}{'  (known from before)' if event.cached else ''}"


def summary_line(event: ChunkingFinished) -> str:
    """What became of all of them."""
    seconds = max(event.seconds, 1e-9)
    speed = f"{size(event.bytes / seconds)}/s, {event.n_tokens / seconds:,.0f} tok/s"
    hits = event.cache_hits / max(1, event.files)
    begin = "Stopped after" if event.stopped else "In all"
    left_out = f", {event.refused:,} left out" if event.refused else ""
    return (
        f"{begin} {_number(event.files, 'file')}{left_out}: {_number(event.chunks, 'chunk')}, {event.n_tokens:,} tokens in "
        f"{event.seconds:.2f} s ({speed}; cache hits {hits:.0%})."
    )


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
