"""stdout is data, stderr is narration: where things are printed, and how Ctrl-C becomes a request to stop."""

import json
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from mlxgpt.events import Event
from mlxgpt.text import writes_unicode

INTERRUPTED = 130


def narrator() -> Console:
    """The console for people, on stderr."""
    return Console(stderr=True)


def printer() -> Console:
    """The console for results, on stdout; a file or another program gets its lines whole."""
    return Console(soft_wrap=True, highlight=False, width=None if sys.stdout.isatty() else 1000)


def views() -> Console:
    """The console for views of a model, on stdout: as wide as the terminal, 80 columns where that is not known."""
    return Console(highlight=False)


def pages() -> Console:
    """The console for pages with pictures, on stdout: never wider than is good to read, the same width in a file."""
    width = min(100, Console().width) if sys.stdout.isatty() else 100
    return Console(highlight=False, width=width)


def explainer(narration: Any) -> Callable[[Event], None]:
    """Shows the explanations among the events, on stderr; does nothing when nobody asked for any."""
    if narration is None:
        return lambda event: None
    from mlxgpt.display.lessons import LessonView
    from mlxgpt.events import LessonStep

    console = narrator()
    console.width = min(100, console.width)
    view = LessonView(console, narration.lang)
    return lambda event: view.show(event) if isinstance(event, LessonStep) else None


def print_json(value: Any, file: TextIO | None = None) -> None:
    """One JSON value on a line of stdout, or `file`, with an escape for every character that a terminal would act on.

    Where the encoding lacks characters, all but ASCII are escaped, so that nothing is lost.
    """
    text = json.dumps(value, ensure_ascii=not writes_unicode(file or sys.stdout))
    print("".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in text), file=file or sys.stdout, flush=True)


def print_events(events: Iterable[Event]) -> Iterator[Event]:
    """Pass events on, each printed as a JSON line."""
    for event in events:
        print_json(event.to_json())
        yield event


@contextmanager
def progress(what: str) -> Iterator[Callable[[float], None]]:
    """A bar on stderr while something takes its time, on a file a line; what is yielded moves it, 0 … 1."""
    console = narrator()
    if not console.is_terminal:
        said: list[str] = []

        def say_once(share: float) -> None:
            if not said:
                said.append(what)
                console.print(f"{what} …", highlight=False)

        yield say_once  # what is refused before it begins is not announced
        return
    columns = BarColumn(bar_width=None), TextColumn("{task.percentage:>3.0f}%  {task.description}")
    with Progress(*columns, console=console, expand=True, transient=True) as bar:
        task = bar.add_task(what, total=1.0)
        yield lambda share: bar.update(task, completed=share)


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C (or SIGTERM) sets; the second one interrupts as usual."""
    stop = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask(number: int, frame: object) -> None:
        stop.set()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for number in before:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
