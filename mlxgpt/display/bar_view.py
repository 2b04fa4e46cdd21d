"""What the views of long jobs share: a bar at the foot of the terminal while it lasts, always taken down at the end."""

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn


class BarView:
    """A context manager; with `live` False the bar is never drawn, as where there is no terminal.

    `form` is the text behind the bar, by what rich knows of a task.
    """

    def __init__(
        self,
        console: Console,
        *,
        live: bool | None = None,
        form: str = "{task.percentage:>3.0f}%  {task.description}",
        begin: str = "reading",
    ) -> None:
        self.console = console
        self.live = console.is_terminal if live is None else live
        self._bar = Progress(
            BarColumn(bar_width=None),
            TextColumn(form, markup=False),
            console=console,
            expand=True,
            transient=True,
            refresh_per_second=5,
        )
        self._task = self._bar.add_task(begin, total=1.0)

    def __enter__(self) -> Self:
        if self.live:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.live:
            self._bar.stop()
