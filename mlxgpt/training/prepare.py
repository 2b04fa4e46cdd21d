"""Everything a run needs before its first step: text, tokenizer, batches, model, optimizer.

Nothing is written here but what the caller asks for later: a run that cannot start leaves no directory behind.
"""

import dataclasses
import math
import re
from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx

from mlxgpt import checkpoint, runs, whole
from mlxgpt.backend import jit
from mlxgpt.backend.devices import Backend
from mlxgpt.chunking import registry as chunkers
from mlxgpt.chunking.base import Chunker
from mlxgpt.config import Settings, build, read_toml
from mlxgpt.data.loader import Loader
from mlxgpt.data.packing import Stream
from mlxgpt.errors import CheckpointError, ConfigError, nearest
from mlxgpt.model import initialize
from mlxgpt.model.config import ModelConfig, load_preset, read_preset
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.training import base, optimizers
from mlxgpt.training.config import TrainConfig
from mlxgpt.training.material import Source, materialize
from mlxgpt.training.step import Stepper


@dataclass(slots=True, kw_only=True)
class Progress:
    """Where a run stands; saved with every checkpoint."""

    step: int = 0
    tokens_seen: int = 0
    seconds: float = 0.0
    loss: float = 0.0
    smoothed_loss: float = 0.0
    validation_loss: float | None = None
    best_loss: float | None = None
    best_step: int = 0  # where it was measured
    evaluations_without_progress: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run, ready to start."""

    config: TrainConfig
    run: runs.Run
    backend: Backend
    tokenizer: Tokenizer
    stepper: Stepper
    loader: Loader
    train: Stream
    validation: Stream
    data_fingerprint: str
    progress: Progress
    steps: int  # 0: the budget is a time
    notes: tuple[str, ...]

    @property
    def model(self) -> GPT:
        return self.stepper.model

    @property
    def batch_tokens(self) -> int:
        """Tokens an optimizer step sees."""
        return self.config.batch_size * self.config.grad_accum * self.config.context_length


TABLES = ("model", "tokenizer", "train")


def load_config(given: Settings, config_file: Path | None = None) -> tuple[TrainConfig, Settings]:
    """The settings of a run and the changes to its preset's model.

    Later wins: the preset's `[train]` and `[tokenizer]` tables, the file's, then `given`.  A run that is resumed starts from
    its own settings instead.
    """
    if resume := given.get("resume"):
        run = runs.find_run(str(resume))
        own = _checked(read_toml(run.config), str(run.config))
        return _with_new_budget(own["train"], {**given, "resume": run.path}, str(run.config)), own["model"]
    file = _checked(read_toml(config_file) if config_file else {}, str(config_file))
    if given.get("base") and given.get("preset"):
        raise ConfigError(
            f"A model to go on from has its own shape, so preset {given['preset']!r} would say nothing.",
            hint="Leave --preset and --model-size out, or --base.",
        )
    named = given.get("preset") or file["train"].get("preset") or TrainConfig().preset
    preset = _checked(read_preset(named), f"preset {named}")
    layers = [preset["tokenizer"], preset["train"], file["tokenizer"], file["train"], given]
    return build(TrainConfig, *layers, where="train"), file["model"]


def _checked(file: Settings, where: str) -> dict[str, Settings]:
    """The tables of a TOML file of settings, empty ones for those it does not have."""
    tables = {name: content for name, content in file.items() if name != "about"}
    for name, content in tables.items():
        if name not in TABLES:
            raise ConfigError(f"{where}: there is no table [{name}].", hint=nearest(name, TABLES))
        if not isinstance(content, dict):
            raise ConfigError(
                f"{where}: {name} must be a table, not {content!r}.", hint=f"Write [{name}] above its settings."
            )
    return {name: tables.get(name, {}) for name in TABLES}


def _with_new_budget(own: Settings, given: Settings, where: str) -> TrainConfig:
    """The run's own settings; a new budget replaces the old one whatever its kind."""
    budgets = ("steps", "epochs", "minutes")
    kept = {key: value for key, value in own.items() if not (key in budgets and any(given.get(b) for b in budgets))}
    return build(TrainConfig, kept, given, where=where)


def prepare(
    config: TrainConfig, model_changes: Settings, backend: Backend, source: Source, tokenizer: Tokenizer
) -> Plan:
    """Pack the text, build the model, and, when resuming, put everything back where it was."""
    config, notes = with_defaults(config, backend)
    shape = model_config(config, model_changes, tokenizer)
    config = dataclasses.replace(config, context_length=shape.context_length)
    chunker = _chunker(config)
    if chunker is not None:
        cut = f"Documents are cut into chunks of at most {chunker.max_size} tokens ({config.chunk_strategy})"
        notes = (*notes, f"{cut}, with <CHUNK> between them.")
    material = materialize(source, tokenizer, chunker)
    loader = Loader(material.train, config.context_length, config.batch_size, config.seed, packing=config.packing)
    model = base.start_from(config.base, shape, config.tune) if config.base else initialize.build(shape, config.seed)
    if backend.compiles and backend.device == "cpu":
        jit.precompile_header()
    stepper = Stepper(
        model,
        optimizers.from_config(config),
        dtype=mx.bfloat16 if config.precision == "bfloat16" else mx.float32,
        compiled=backend.compiles,
    )
    run = runs.Run(path=config.resume or config.out or runs.new_run(_run_name(config, shape)).path)
    steps = config.steps or math.ceil(loader.steps_in(config.epochs) / config.grad_accum)
    plan = Plan(
        config=config,
        run=run,
        backend=backend,
        tokenizer=tokenizer,
        stepper=stepper,
        loader=loader,
        train=material.train,
        validation=material.validation,
        data_fingerprint=material.fingerprint,
        progress=Progress(),
        steps=max(steps, 0 if config.minutes else 1),
        notes=(material.note, *notes),
    )
    return _resumed(plan) if config.resume else plan


def with_defaults(config: TrainConfig, backend: Backend) -> tuple[TrainConfig, tuple[str, ...]]:
    """The settings with what nobody gave chosen for the device, and sentences saying what was chosen."""
    usual = backend.defaults
    changes: dict[str, object] = {}
    if not config.batch_size:
        changes["batch_size"] = usual.batch_size
    if not config.learning_rate:
        changes["learning_rate"] = usual.learning_rate
    if config.precision == "auto":
        changes["precision"] = usual.precision
    if not (config.steps or config.epochs or config.minutes):
        changes["epochs"] = 10.0
    chosen = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in changes.items())
    notes = list(backend.notes)
    if chosen:
        why = f"; {usual.why}" if "batch_size" in changes else ""
        notes.append(f"Chosen for {backend.name} ({backend.device}): {chosen}{why}.")
    return dataclasses.replace(config, **changes), tuple(notes)  # type: ignore[arg-type]  # names and types of TrainConfig


def model_config(config: TrainConfig, changes: Settings, tokenizer: Tokenizer) -> ModelConfig:
    """The preset's model, or the one to go on from, with the run's changes and the tokenizer's vocabulary."""
    if config.base:
        shape = base.config_of(config.base, changes, config.tune)
        return shape.with_(
            context_length=config.context_length or shape.context_length,
            document_end=_document_end(config, shape, tokenizer),
        )
    shape = load_preset(config.preset, changes)
    return shape.with_(
        vocab_size=tokenizer.vocab_size,
        context_length=config.context_length or shape.context_length,
        dropout=shape.dropout if config.dropout is None else config.dropout,
        document_end=_document_end(config, shape, tokenizer),
    )


def _document_end(config: TrainConfig, shape: ModelConfig, tokenizer: Tokenizer) -> int:
    """The token after which a recurrent model forgets."""
    if not config.reset_documents:
        return shape.document_end
    if not shape.recurrent or tokenizer.eos_id is None:
        what = "the tokenizer has no <EOS>" if shape.recurrent else f"block {shape.block!r} has no state"
        raise ConfigError(f"train: reset_documents needs an end and a state: {what}.", hint="Leave it out.")
    return tokenizer.eos_id


def usual_vocab_size(corpus_bytes: int) -> int:
    """Entries of a BPE tokenizer for a corpus: a doubling of the text earns 2^0.4 as many, between 512 and 32768.

    Then a token of an average entry is still seen a few dozen times: 100 kB -> 1024, 1 MB -> 2560, 10 MB -> 6400.
    """
    return min(32_768, max(512, round(1024 * (corpus_bytes / 100_000) ** 0.4 / 256) * 256))


def _run_name(config: TrainConfig, shape: ModelConfig) -> str:
    """What a new run is called: its preset, or the model it goes on from; a file said that name, so letters only."""
    return re.sub(r"[^\w.-]+", "-", shape.name) if config.base else Path(config.preset).stem


def _chunker(config: TrainConfig) -> Chunker | None:
    if config.chunk_strategy == "none":
        if config.chunk_size:
            raise ConfigError(
                f"chunk_size = {config.chunk_size}, but documents are not cut into chunks.",
                hint="Add --chunk-strategy recursive, or leave --chunk-size out.",
            )
        return None
    return chunkers.create(config.chunk_strategy, max_size=config.chunk_size or config.context_length)


def _resumed(plan: Plan) -> Plan:
    """The plan with weights, optimizer and progress of the run's last checkpoint."""
    whole.clear_unfinished(plan.run.checkpoints)
    steps = plan.run.steps()
    if not steps:  # it was stopped before the first checkpoint
        return dataclasses.replace(plan, notes=(*plan.notes, "There is no checkpoint yet: the run begins anew."))
    directory = plan.run.checkpoint(steps[-1])
    kept = checkpoint.load_training(directory)
    progress = _progress(kept.values.get("progress"), plan, directory)
    if kept.values.get("data_fingerprint") != plan.data_fingerprint:
        raise CheckpointError(
            f"{plan.config.data} is not the text {plan.run.path} was trained on.",
            hint="Restore the text, or start a new run with the new one.",
        )
    if 0 < plan.steps < progress.step:
        raise ConfigError(
            f"{plan.run.path} is at step {progress.step}, beyond the budget of {plan.steps}.",
            hint=f"Give --steps more than {progress.step}.",
        )
    saved, _ = checkpoint.load(directory)
    plan.stepper.restore(saved, kept.arrays, progress.step)
    return dataclasses.replace(plan, progress=progress)


def _progress(values: object, plan: Plan, directory: Path) -> Progress:
    """The progress that state.json tells, checked."""
    hint = checkpoint.move_away(directory)
    try:
        progress = build(Progress, values if isinstance(values, dict) else {}, where="state.json")
    except ConfigError as error:
        raise CheckpointError(f"{directory} is damaged: {error.message}", hint=hint) from None
    if directory.name != plan.run.checkpoint(progress.step).name:
        raise CheckpointError(f"{directory} is damaged: state.json speaks of step {progress.step}.", hint=hint)
    return progress
