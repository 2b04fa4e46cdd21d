"""A build on a terminal: a bar while it lasts, a line for each shard, and at the end what became of everything."""

import time

from rich.console import Console

from mlxgpt.display.bar_view import BarView
from mlxgpt.display.progress import duration, size
from mlxgpt.events import BuildFinished, BuildProgressed, BuildStarted, DatasetFetched, Event, Noted, ShardWritten
from mlxgpt.text import visible

_PLAIN_SECONDS = 10.0  # between two lines where there is no bar


class BuildView(BarView):
    """Shows the events of a build as they come."""

    def __init__(self, console: Console, *, silent: bool = False) -> None:
        super().__init__(console, live=console.is_terminal and not silent)
        self.silent = silent
        self.stopped = False
        self._told = time.monotonic()

    def show(self, event: Event) -> None:
        """Take in one event."""
        if isinstance(event, BuildFinished):
            self.stopped = event.stopped
        if self.silent:
            return
        match event:
            case BuildProgressed() if self.live:
                self._bar.update(self._task, completed=event.share, description=progress_line(event))
            case BuildProgressed() if time.monotonic() - self._told > _PLAIN_SECONDS:
                self._told = time.monotonic()
                self._line(f"{event.share:.0%}  {progress_line(event)}")
            case _:
                for line in describe_build(event):
                    self._line(line)

    def _line(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def progress_line(event: BuildProgressed) -> str:
    """How fast it goes, in one line."""
    return (
        f"{event.documents_per_second:,.{0 if event.documents_per_second >= 10 else 1}f} docs/s  "
        f"{size(event.bytes_per_second)}/s  "
        + (f"{event.tokens_per_second:,.0f} tok/s  " if event.tokens else "")
        + f"{duration(event.seconds_left)} left"
    )


def describe_build(event: Event) -> list[str]:
    """Lines for an event that should stay on the screen; none for the others."""
    match event:
        case BuildStarted():
            files = counted(event.files, "file")
            workers = f"{event.workers} processes" if event.workers > 1 else "this process"
            lines = [f"{files}, {size(event.bytes)}; tokens are made by {workers}."]
            if event.resumed_documents:
                lines.append(f"Going on behind document {event.resumed_documents:,} of an interrupted build.")
            return lines
        case ShardWritten():
            return [
                f"{event.file}: {counted(event.documents, 'document')}, {event.tokens:,} tokens, {size(event.bytes)}"
            ]
        case DatasetFetched():
            terms = f"Its licence: {visible(event.license)}." if event.license else "Look up its licence on its page."
            stopped = "Stopped: " if event.stopped else ""
            return [
                f"{stopped}{counted(event.rows, 'row')} of {visible(event.name)} ({size(event.bytes)}).  {terms}",
                f"Next: mlxgpt data build --source {visible(event.path)} --clean --dedup exact,near",
            ]
        case Noted():
            return [visible(event.text)]
        case BuildFinished():
            return finished_lines(event)
        case _:
            return []


def counted(count: int, noun: str) -> str:
    """A number with its noun."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def finished_lines(event: BuildFinished) -> list[str]:
    """What became of everything."""
    path = visible(event.path)
    if event.stopped:
        return [f"Stopped after {event.documents:,} documents.  Nothing is lost: the same command goes on from here."]
    lines = [f"{path} was built before, from the same sources with the same settings."] if event.known else []
    left_out = f", {event.dropped:,} of them dropped" if event.dropped else ""
    refused = f"; {event.refused:,} files or rows could not be read" if event.refused else ""
    lines.append(
        f"{counted(event.documents, 'document')} ({size(event.bytes)}){left_out}{refused}: {event.train_tokens:,} tokens to "
        f"learn from, {event.validation_tokens:,} held out in {counted(event.validation_documents, 'document')}."
    )
    if not event.validation_documents:
        lines.append("No document is held out: give more of them, or a larger --val.")
    if event.seconds:
        seconds = max(event.seconds, 1e-9)
        tokens = event.train_tokens + event.validation_tokens
        lines.append(f"{duration(seconds)}: {size(event.bytes / seconds)}/s, {tokens / seconds:,.0f} tok/s.")
    lines.append(f"See {path}/card.md.  Train on it: mlxgpt train --data {path}")
    return lines
