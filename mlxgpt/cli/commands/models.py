"""`mlxgpt list` and `mlxgpt load`: what has been trained, and a quick try of it."""

from pathlib import Path
from typing import Annotated

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("list")(list_models)
    app.command()(load)


def list_models(
    folder: Annotated[Path | None, typer.Argument(help="A folder of runs.  [default: where runs live]")] = None,
    show_chunking: Annotated[bool, typer.Option("--show-chunking", help="How the training text was chunked.")] = False,
    json: options.Json = False,
) -> None:
    """Show the checkpoints of every run, and the shipped models."""
    from rich.table import Table
    from rich.text import Text

    from mlxgpt import jobs
    from mlxgpt.cli import output
    from mlxgpt.display.progress import size
    from mlxgpt.text import visible

    entries = jobs.list_checkpoints(folder)
    if json:
        for entry in entries:
            output.print_json(entry.to_json())
        return
    if not entries:
        output.narrator().print("Nothing has been trained yet.  Start with `mlxgpt quickstart`.", highlight=False)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "step", "val loss", "parameters", "bits", "size", "saved"):
        table.add_column(heading, justify="left" if heading in ("model", "saved") else "right", overflow="fold")
    if show_chunking:
        table.add_column("chunking")
    for entry in entries:
        row = [
            visible(entry.name) + (f"  ({', '.join(entry.labels)})" if entry.labels else ""),
            "" if entry.step is None else f"{entry.step:,}",
            "" if entry.validation_loss is None else f"{entry.validation_loss:.3f}",
            "damaged" if entry.problem else f"{entry.parameters:,}",
            "" if entry.bits is None else f"{entry.bits:.1f}",
            size(entry.bytes),
            visible(entry.saved[:16].replace("T", " ")),
        ]
        row += [visible(entry.chunking)] if show_chunking else []
        table.add_row(*map(Text, row))
    output.printer().print(table)
    for entry in entries:
        if entry.problem:
            output.narrator().print(f"{visible(entry.path)}: {visible(entry.problem)}", highlight=False, markup=False)


def load(
    filter_: Annotated[
        str, typer.Option("--filter", help="best or latest (of the newest run), or a name from `mlxgpt list`.")
    ] = "best",
    prompt: Annotated[str, typer.Option(help="Text to continue.")] = "",
    max_tokens: Annotated[int, typer.Option(help="Most tokens to write.")] = 100,
    device: options.Device = "auto",
) -> None:
    """Load a trained model, say what it is, and let it continue a prompt."""
    from mlxgpt import jobs
    from mlxgpt.cli import output
    from mlxgpt.cli.commands.generate import generate
    from mlxgpt.text import visible

    entry = jobs.describe_checkpoint(filter_)
    loss = "" if entry.validation_loss is None else f", validation loss {entry.validation_loss:.3f}"
    step = "" if entry.step is None else f", step {entry.step:,}"
    output.narrator().print(
        f"{visible(entry.path)}: {entry.parameters:,} parameters{step}{loss}", highlight=False, markup=False
    )
    if prompt:
        generate(prompt=prompt, model=entry.path, max_tokens=max_tokens, device=device)
