"""`mlxgpt quantize`: a model in fewer bits."""

from pathlib import Path
from typing import Annotated

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(quantize)


def quantize(
    model: Annotated[str, typer.Argument(help="A model directory, a run, a shipped model, or best | last.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the new model.")],
    bits: Annotated[
        int | None,
        typer.Option(help="8, 6, 5, 4, 3 or 2 for each number.  [default: the mode's or the recipe's, else 4]"),
    ] = None,
    mode: Annotated[str | None, typer.Option(help="affine (whole numbers), or mxfp4, mxfp8, nvfp4.")] = None,
    group_size: Annotated[
        int | None, typer.Option(help="Numbers that share a scale: 32, 64 or 128.  [default: 64, else 32]")
    ] = None,
    recipe: Annotated[
        str | None, typer.Option(help="even, edges, mixed_2_6, mixed_3_4, mixed_3_6 or mixed_4_6.  [default: even]")
    ] = None,
    text: Annotated[
        Path | None, typer.Option(help="Text to measure the error on.  [default: what is held out of the corpus]")
    ] = None,
    tokens: Annotated[int | None, typer.Option(help="So many tokens of it.  [default: 8192]")] = None,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Make a model small, and measure what is lost: perplexity, agreement, and the error of each matrix."""
    from mlxgpt import jobs
    from mlxgpt.cli import output
    from mlxgpt.display.quantization import show

    settings = {"bits": bits, "mode": mode, "group_size": group_size, "recipe": recipe, "tokens": tokens}
    settings = {name: value for name, value in settings.items() if value is not None}
    with output.progress("measuring what is lost") as told:
        report = jobs.quantize(model, out, settings, text=text, device=device, told=told)
    if json:
        output.print_json(report.to_json())
        return
    show(output.printer(), report)
