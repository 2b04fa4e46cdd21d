"""`mlxgpt import`: a model in another program's form becomes one of ours."""

from pathlib import Path
from typing import Annotated

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import")(import_model)


def import_model(
    source: Annotated[
        str,
        typer.Argument(
            callback=options.fetched,
            help="hf:ORG/NAME[@REVISION], a folder of Hugging Face, nanoGPT's ckpt.pt, or a checkpoint of RWKV's authors.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Folder of the new model.  [default: models/imported/NAME, then --model NAME]"),
    ] = None,
    tokenizer: Annotated[
        str,
        typer.Option(
            help="The model's tokenizer, if it brings none: a folder with tokenizer.json, or nanoGPT's meta.pkl."
        ),
    ] = "",
    dtype: Annotated[
        str, typer.Option(help="Store weights as float32, float16 or bfloat16.  [default: as they are]")
    ] = "",
) -> None:
    """Make a model directory from a foreign model, without PyTorch and without running what is in its files."""
    from mlxgpt import jobs
    from mlxgpt.cli import output
    from mlxgpt.text import visible

    made = jobs.import_model(source, out, tokenizer=tokenizer, dtype=dtype)
    say = output.narrator()
    word = str(made.path) if out else made.path.name
    say.print(
        f"{visible(str(made.path))}: {made.parameters:,} parameters, saved as {made.architecture}.",
        highlight=False, markup=False,
    )  # fmt: skip
    if made.architecture == "mlxgpt":
        say.print(
            f"No published architecture says it: {visible('; '.join(made.reasons))}.", highlight=False, markup=False
        )
    if made.tokenizer:
        say.print(f"mlxgpt chat --model {visible(word)}", highlight=False, markup=False)
    else:
        say.print("It has no tokenizer yet: put its tokenizer.json there to write with it.", highlight=False)
