"""Options that several commands share."""

from typing import Annotated

import typer

Model = Annotated[
    str,
    typer.Option("--model", "-m", help="A model directory, a run, a shipped model, or best | last of the newest run."),
]
Device = Annotated[str, typer.Option("--device", help="auto, metal, cuda or cpu.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
