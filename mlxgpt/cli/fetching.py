"""A model of the Hub on its way here: a bar on stderr."""

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from mlxgpt import jobs
from mlxgpt.cli import output
from mlxgpt.display.progress import size
from mlxgpt.events import ModelFetched, ModelFetchProgressed
from mlxgpt.text import visible


def fetch(word: str) -> None:
    """Fetch a model, and say what it was; Ctrl-C stops, and what was fetched is kept for the next time."""
    console = output.narrator()
    columns = TextColumn("{task.description}"), BarColumn(bar_width=None), DownloadColumn(), TransferSpeedColumn()
    with (
        output.stop_on_interrupt() as stop,
        Progress(
            *columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal
        ) as bar,
    ):
        task = bar.add_task(visible(word), total=None)
        for event in jobs.fetch_model(word, stop=stop):
            match event:
                case ModelFetchProgressed():
                    bar.update(task, completed=event.bytes, total=event.total_bytes or None)
                case ModelFetched() if event.bytes:
                    told = f"{word}: {size(event.bytes)} in {event.seconds:.0f} s, commit {event.commit[:12]}."
                    console.print(visible(told), highlight=False, markup=False)
