"""`mlxgpt train`: a preset, some text, a budget."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mlxgpt.cli import options
from mlxgpt.config import Settings
from mlxgpt.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(train)


def train(
    data: Annotated[
        Path | None, typer.Option(help="Text, a dataset of data build, or ids (*.bin).  [default: the bundled corpus]")
    ] = None,
    val_data: Annotated[Path | None, typer.Option(help="What to hold out instead of a share of the data.")] = None,
    preset: Annotated[str | None, typer.Option(help="A preset of models/presets, or a TOML file.")] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with [train], [tokenizer] and [model] tables.")] = None,
    model_size: Annotated[
        str | None, typer.Option(help="140m, 400m, 800m, 1b, 1.5b: the preset rwkv6-…; with -v7 behind it, rwkv7-….")
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", "--max-steps", help="Budget in optimizer steps.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Budget in passes over the text.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Budget in minutes on the clock.")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Sequences in one forward pass.")] = None,
    grad_accum: Annotated[int | None, typer.Option(help="Forward passes per optimizer step.")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.")] = None,
    optimizer: Annotated[str | None, typer.Option(help="adamw or muon.")] = None,
    context_length: Annotated[
        int | None, typer.Option("--context-length", "--seq-len", help="Tokens in a sequence.")
    ] = None,
    chunk_strategy: Annotated[
        str | None, typer.Option(help="How long documents are cut: none, or a strategy of mlxgpt chunk.")
    ] = None,
    chunk_size: Annotated[int | None, typer.Option(help="Tokens in a chunk.")] = None,
    packing: Annotated[str | None, typer.Option(help="What fills a row: concat, best-fit or pad.")] = None,
    base: Annotated[
        str | None, typer.Option(callback=options.fetched, help="A model to go on from, instead of initial values.")
    ] = None,
    tune: Annotated[
        str | None, typer.Option(help="all, or state: of a recurrent --base only the state that texts begin with.")
    ] = None,
    tokenizer: Annotated[Path | None, typer.Option(help="Folder of a trained tokenizer.")] = None,
    vocab_size: Annotated[int | None, typer.Option(help="Entries of the tokenizer to train.")] = None,
    precision: Annotated[str | None, typer.Option(help="float32 or bfloat16.")] = None,
    patience: Annotated[int | None, typer.Option(help="Stop after so many evaluations without improvement.")] = None,
    keep: Annotated[int | None, typer.Option(help="Checkpoints to keep besides best and last.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of everything drawn at random.")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "--output", help="Folder of the run.  [default: a new one under models/runs]"),
    ] = None,
    resume: Annotated[
        Path | None, typer.Option("--resume", "--resume-from", help="A run to continue: its folder or its name.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Any other setting: train.eval_every=50, model.n_layer=6.")
    ] = None,
    educational: options.Educational = False,
    show_tensors: options.ShowTensors = False,
    show_attention: options.ShowAttention = False,
    lang: options.Lang = "pt",
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Train a GPT on a folder of text.

    Ctrl-C saves a checkpoint and stops; --resume RUN goes on from there.
    """
    from mlxgpt import jobs, runs
    from mlxgpt.backend import places
    from mlxgpt.model.config import preset_of_size

    if model_size and preset:
        raise ConfigError("--model-size names a preset already.", hint="Leave --preset or --model-size out.")
    given: dict[str, Any] = {
        "data": data if data or config or resume else places.corpus(),
        "val_data": val_data,
        "preset": preset_of_size(model_size) if model_size else preset,
        "steps": steps,
        "epochs": epochs,
        "minutes": minutes,
        "batch_size": batch_size,
        "grad_accum": grad_accum,
        "learning_rate": learning_rate,
        "optimizer": optimizer,
        "context_length": context_length,
        "chunk_strategy": chunk_strategy,
        "chunk_size": chunk_size,
        "packing": packing,
        "base": runs.find_model(base) if base else None,
        "tune": tune,
        "tokenizer": tokenizer,
        "vocab_size": vocab_size,
        "precision": precision,
        "patience": patience,
        "keep": keep,
        "seed": seed,
        "out": out,
        "resume": resume,
    }
    refuse_zeros({name: given[name] for name in MORE_THAN_ZERO})
    train_changes, model_changes = parse_settings(set_ or [])
    settings, model = jobs.load_train_config(given | train_changes, config)
    narration = options.narration(educational, show_tensors, show_attention, lang)
    show_training(settings, {**model, **model_changes}, device=device, json=json, narration=narration)


MORE_THAN_ZERO = (
    "steps",
    "epochs",
    "minutes",
    "batch_size",
    "learning_rate",
    "context_length",
    "vocab_size",
    "chunk_size",
)


def refuse_zeros(given: dict[str, Any]) -> None:
    """In a config 0 means "choose for me"; who types it on the command line means something else."""
    for name, value in given.items():
        if value == 0:
            option = name.replace("_", "-")
            raise ConfigError(f"--{option} must be more than 0.", hint="Leave it out to have it chosen.")


def show_training(settings: Any, model: Settings, *, device: str, json: bool, narration: Any = None) -> Any:
    """Run a training job and show it; returns the view, and exits with 130 when it was interrupted."""
    from mlxgpt import jobs
    from mlxgpt.cli import output
    from mlxgpt.display.progress import TrainingView
    from mlxgpt.events import RunFinished

    reason = run = ""
    with output.stop_on_interrupt() as stop, TrainingView(output.narrator(), live=False if json else None) as view:
        if narration:
            events = jobs.train_explained(settings, model, narration, device=device, stop=stop)
        else:
            events = jobs.train(settings, model, device=device, stop=stop)
        explain = output.explainer(narration)
        for event in output.print_events(events) if json else events:
            if not json:
                view.show(event)
                explain(event)
            if isinstance(event, RunFinished):
                reason, run = event.reason, Path(event.run).name
    if reason == "interrupted":
        if not json:
            output.narrator().print(
                f"Nothing is lost.  Go on: mlxgpt train --resume {run}   Try it: mlxgpt chat --model {run}",
                highlight=False,
                markup=False,
            )
        raise typer.Exit(output.INTERRUPTED)
    return view


def parse_settings(words: list[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """`train.x=1` and `model.y=2` as two tables of values, read as TOML (a bare word is a string)."""
    import tomllib

    from mlxgpt.errors import ConfigError

    tables: dict[str, dict[str, Any]] = {"train": {}, "model": {}}
    for word in words:
        name, equals, value = word.partition("=")
        table, dot, key = name.strip().partition(".")
        if not equals or not dot or table not in tables:
            raise ConfigError(f"--set {word} is no setting.", hint="Write train.NAME=VALUE or model.NAME=VALUE.")
        try:
            tables[table][key] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            tables[table][key] = value.strip()
    return tables["train"], tables["model"]
