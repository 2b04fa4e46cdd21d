"""`mlxgpt info`: what a model is made of, and what it costs."""

from typing import Annotated

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(info)


def info(
    model: Annotated[
        str,
        typer.Argument(
            callback=options.fetched,
            help="A model directory, a run, best | last, hf:ORG/NAME, a preset, or a size as 400m.",
        ),
    ] = "nano-pt",
    json: options.Json = False,
) -> None:
    """Show the architecture, parameters by part, operations and memory of a model or a preset."""
    from dataclasses import asdict

    from mlxgpt import jobs
    from mlxgpt.cli import output
    from mlxgpt.display.architecture import report_lines

    report = jobs.describe_model(model)
    if json:
        output.print_json(asdict(report))
        return
    for line in report_lines(report):
        output.printer().print(line, markup=False)
