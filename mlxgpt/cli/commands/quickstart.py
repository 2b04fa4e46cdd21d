"""`mlxgpt quickstart`: from the bundled corpus to a model that talks, in about two minutes."""

import os
import sys
from typing import Annotated

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(quickstart)


def quickstart(
    seconds: Annotated[float, typer.Option(min=1, help="How long to train.")] = 90,
    preset: Annotated[str, typer.Option(help="A preset of models/presets.")] = "modern-nano",
    seed: Annotated[int, typer.Option(help="Seed of everything drawn at random.")] = 0,
    chat: Annotated[bool, typer.Option(help="Talk to the model at the end, when on a terminal.")] = True,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Train a small GPT on Portuguese prose, watch it learn, then talk to it."""
    from mlxgpt import jobs
    from mlxgpt.backend import places
    from mlxgpt.cli import output
    from mlxgpt.cli.commands.train import show_training
    from mlxgpt.display.progress import sample_text

    out = output.narrator()
    if not json:
        out.print(
            f"A GPT learns to write Portuguese in {seconds:.0f} seconds, from {places.corpus().name}: "
            "first a tokenizer, then the model.  Ctrl-C stops early and keeps what was learned.",
            highlight=False,
        )
    settings, model = jobs.load_train_config(
        {
            "data": places.corpus(),
            "preset": preset,
            "minutes": seconds / 60,
            "vocab_size": 1024,  # a small corpus: fewer entries, each seen more often
            "dropout": 0.1,
            "seed": seed,
            "sample_prompt": "A menina abriu a porta e",
            "sample_tokens": 40,
            "keep": 1,
        }
    )
    view = show_training(settings, model, device=device, json=json)
    if json:
        return
    out.rule("the same beginning, three moments")
    for sample in view.samples:
        out.print(sample_text(sample), highlight=False)
    if chat and sys.stdin.isatty() and sys.stdout.isatty():
        from mlxgpt.cli.commands.chat import chat as talk

        talk(model="last", plain=True)  # what was shown above stays in sight
        return
    command = os.environ.get("MLXGPT_COMMAND", "mlxgpt")
    out.print("Next:", highlight=False)
    for words, what in NEXT:
        out.print(f"  {command} {words:<44} {what}", highlight=False, markup=False)


NEXT = (
    ("chat --model last", "talk to it"),
    ("chat", "talk to the model that ships with mlxgpt, which learned for longer"),
    ("generate --model last --prompt 'Era uma vez'", "let it continue a text"),
    ("train --data FOLDER --minutes 10", "train on your own text"),
    ("list", "what has been trained"),
)
