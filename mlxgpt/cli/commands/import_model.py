"""`mlxgpt import`: a model in another program's form becomes one of ours."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_model)


def import_model(
    source: Annotated[Path, typer.Argument(help="A checkpoint of RWKV's authors (.pth), or a folder of fla's RWKV-6.")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the new model.")],
    tokenizer: Annotated[str, typer.Option(help="The model's tokenizer: a folder with tokenizer.json.")] = "",
) -> None:
    """Make a model directory from a foreign checkpoint, without PyTorch and without running what is in the file."""
    from mlxgpt import jobs
    from mlxgpt.cli import output
    from mlxgpt.text import visible

    report = jobs.import_model(source, out, tokenizer)
    output.narrator().print(
        f"{visible(str(out))}: {report.parameters:,} parameters, block {report.tree[0].what}.",
        highlight=False,
        markup=False,
    )
    if not tokenizer:
        output.narrator().print(
            "It has no tokenizer yet: put its tokenizer.json there to write with it.", highlight=False
        )
