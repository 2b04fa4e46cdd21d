"""`mlxgpt export`: a model for transformers, mlx-lm or llama.cpp."""

from pathlib import Path
from typing import Annotated

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(export)


def export(
    model: Annotated[str, typer.Argument(help="A model directory, a run, a shipped model, or best | last.")],
    to: Annotated[str, typer.Option("--to", help="hf (transformers), mlx-lm, or gguf (llama.cpp).")],
    out: Annotated[Path, typer.Option("--out", help="Folder to write, or a file that ends in .gguf.")],
    quantize: Annotated[str, typer.Option(help="q8 or q4: numbers of 8 or 4 bits, for mlx-lm and gguf.")] = "",
    dtype: Annotated[str, typer.Option(help="float32, float16 or bfloat16.  [default: as the model is stored]")] = "",
    json: options.Json = False,
) -> None:
    """Write a model in the form that another program reads."""
    from mlxgpt import jobs
    from mlxgpt.cli import output
    from mlxgpt.display.progress import size
    from mlxgpt.text import visible

    report = jobs.export(model, out, to, quantize=quantize, dtype=dtype)
    if json:
        output.print_json(report.to_json())
        return
    lines = [
        f"{visible(report.path)}: {report.architecture}, {report.parameters:,} parameters as {report.numbers}, "
        f"{size(report.bytes)}",
        *report.notes,
        RUN_WITH[to].format(path=visible(report.path)),
    ]
    for line in lines:
        output.narrator().print(line, highlight=False, markup=False, soft_wrap=True)


RUN_WITH = {
    "hf": 'Try it: AutoModelForCausalLM.from_pretrained("{path}")',
    "mlx-lm": "Try it: mlx_lm.generate --model {path} --prompt …",
    "gguf": "Try it: llama-cli -m {path}",
}
