"""`mlxgpt logits`: what a model computes, written to a file, to be compared with another implementation."""

from pathlib import Path
from typing import Annotated

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(logits)


def logits(
    model: Annotated[str, typer.Argument(help="A model directory (Hugging Face layout), a run, or best | last.")],
    ids: Annotated[Path, typer.Argument(help="Token ids: an integer .npy of shape (T,) or (B, T).")],
    out: Annotated[Path, typer.Argument(help="File to write: safetensors with `logits` (B, T, V), float32.")],
    loss: Annotated[bool, typer.Option("--loss", help="Also write `loss`, the mean next-token cross-entropy.")] = False,
    device: options.Device = "auto",
) -> None:
    """Write the logits of a model for given token ids."""
    from mlxgpt import jobs

    jobs.write_logits(model, ids, out, with_loss=loss, device=device)
