"""`mlxgpt data fetch`: rows of a dataset of the Hugging Face Hub as a file."""

from pathlib import Path
from typing import Annotated

import typer

from mlxgpt.cli import options


def register(group: typer.Typer) -> None:
    """Add the command."""
    group.command()(fetch)


def fetch(
    name: Annotated[
        str, typer.Argument(help="tinystories, wikipedia-pt, fineweb2-pt …, or hf://ORG/DATASET[/CONFIG].")
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File (.jsonl).  [default: data/fetched/NAME.jsonl]")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Part of the dataset.  [default: train]")] = None,
    column: Annotated[str | None, typer.Option(help="Column of the text.  [default: text, or messages]")] = None,
    limit: Annotated[int, typer.Option(min=0, help="Most rows; 0: all.")] = 0,
    json: options.Json = False,
) -> None:
    """Copy rows of a dataset of the Hugging Face Hub into a file of JSON lines."""
    from mlxgpt import jobs
    from mlxgpt.cli import output as out
    from mlxgpt.data.fetch import FetchConfig
    from mlxgpt.display.building import describe_build

    config = FetchConfig(name=name, output=output, split=split, column=column, limit=limit)
    with out.stop_on_interrupt() as stop:
        events = jobs.fetch(config, stop=stop)
        for event in out.print_events(events) if json else events:
            for line in () if json else describe_build(event):
                out.narrator().print(line, highlight=False, markup=False, soft_wrap=True)
    if stop.is_set():
        raise typer.Exit(out.INTERRUPTED)
