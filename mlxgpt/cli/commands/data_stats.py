"""`mlxgpt data stats` and `mlxgpt data peek`: what is in a dataset, in figures and in words."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from mlxgpt.cli import options

Dataset = Annotated[Path, typer.Argument(help="Folder of a dataset.", metavar="DIR")]


def register(group: typer.Typer) -> None:
    """Add the commands."""
    group.command()(stats)
    group.command()(peek)


def stats(path: Dataset, json: options.Json = False) -> None:
    """Check every byte of a dataset, and count what is in it."""
    from mlxgpt import jobs
    from mlxgpt.cli.output import print_json, printer
    from mlxgpt.display.dataset import dataset_tables

    report = jobs.describe_dataset(path)
    if json:
        print_json(dataclasses.asdict(report))
        return
    for table in dataset_tables(report):
        printer().print(table)


def peek(
    path: Dataset,
    count: Annotated[int, typer.Option("--n", "-n", min=1, help="How many documents.")] = 3,
    side: Annotated[str, typer.Option(help="train or validation.")] = "train",
    source: Annotated[str, typer.Option(help="Only documents of this source.")] = "",
    most_tokens: Annotated[int, typer.Option("--tokens", min=1, help="Most tokens of each.")] = 200,
    json: options.Json = False,
) -> None:
    """Show documents as a model will learn them, special tokens spelled out."""
    from mlxgpt import jobs
    from mlxgpt.cli.output import print_json, printer
    from mlxgpt.display.dataset import sample_text

    samples = jobs.peek(path, count=count, side=side, source=source, most_tokens=most_tokens)
    if json:
        print_json([dataclasses.asdict(sample) for sample in samples])
        return
    for sample in samples:
        printer().print(sample_text(sample))
