"""Many texts being written: one live line for how far they are, and a line for each that was refused."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from mlxgpt.display.progress import duration
from mlxgpt.events import Event, Noted, TextRefused, TextsFinished, TextsProgressed, TextsStarted
from mlxgpt.text import visible

_PLAIN_SECONDS = 10.0  # between two lines where nothing can be drawn over


class TextsView:
    """Shows the events of `generation.many`; a context manager, so that the bar is always taken down."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._told = time.monotonic()
        self._bar = Progress(
            BarColumn(), TextColumn("{task.description}"), console=console, transient=True, auto_refresh=False
        )
        self._task = self._bar.add_task("")

    def __enter__(self) -> "TextsView":
        if self.console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case TextsStarted(skipped=skipped) if skipped:
                self._say(f"{skipped:,} texts are there already; {event.total:,} are to be written.")
            case TextsProgressed():
                left = f"  {duration(event.seconds_left)} left" if event.done else ""
                line = f"{event.done:,}/{event.total:,} texts  {event.tokens_per_second:,.0f} tok/s{left}"
                self._bar.update(self._task, total=event.total, completed=event.done, description=line)
                if self.console.is_terminal:
                    self._bar.refresh()
                elif time.monotonic() - self._told > _PLAIN_SECONDS:
                    self._told = time.monotonic()
                    self._say(line)
            case TextRefused():
                self._say(f"line {event.line}: {event.message} {event.hint}".rstrip(), "yellow")
            case TextsFinished():
                texts = "text" if event.written == 1 else "texts"
                refused = f", {event.refused:,} refused" if event.refused else ""
                stopped = ", stopped: run it again for the rest" if event.stopped else ""
                self._say(
                    f"{event.written:,} {texts}{refused}, {event.tokens:,} tokens in {duration(event.seconds)}, "
                    f"{event.tokens_per_second:,.0f} tok/s{stopped}"
                )
            case Noted():
                self._say(event.text)

    def _say(self, line: str, style: str = "dim") -> None:
        self.console.print(visible(line), style=style, highlight=False, markup=False)
