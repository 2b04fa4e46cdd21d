"""Checkpoints are whole or not at all.

A checkpoint is a Hugging Face model directory (config.json, model.safetensors, tokenizer files) with `mlxgpt.toml`, which
says where it comes from, and `training/`, from which a run continues bit for bit.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx

from mlxgpt import whole
from mlxgpt.config import read_toml, to_toml
from mlxgpt.convert import foreign, huggingface
from mlxgpt.convert.files import read_header, read_json
from mlxgpt.errors import CheckpointError, ConfigError, ConversionError, TokenizerError
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.runs import Run
from mlxgpt.tokenizer import registry
from mlxgpt.tokenizer.base import Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingState:
    """What a run needs to continue as if nothing had happened: plain values, and the optimizer's arrays by name."""

    values: Mapping[str, Any]
    arrays: Mapping[str, mx.array]


def save(
    directory: Path,
    model: GPT,
    tokenizer: Tokenizer,
    record: Mapping[str, Mapping[str, Any]],
    training: TrainingState | None = None,
    dtype: mx.Dtype | None = None,
) -> int:
    """Write a checkpoint at `directory` and return its size in bytes.  `record` becomes the tables of mlxgpt.toml.

    With `dtype` the weights are stored in it, otherwise as they are.
    """

    def write(path: Path) -> None:
        huggingface.save(model, path, tokenizer, dtype=dtype)
        tokenizer.save(path)
        (path / "mlxgpt.toml").write_text(to_toml(record), encoding="utf-8")
        if training is not None:
            (path / "training").mkdir()
            mx.save_safetensors(str(path / "training" / "optimizer.safetensors"), dict(training.arrays))
            (path / "training" / "state.json").write_text(json.dumps(dict(training.values), indent=1), encoding="utf-8")

    whole.write_directory(directory, write)
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def prune(run: Run, keep: int) -> None:
    """Remove the oldest checkpoints of a run, all but `keep` and those that `best` and `last` lead to."""
    held = {link.resolve() for link in (run.best, run.last) if link.exists()}
    loose = [run.checkpoint(step) for step in run.steps() if run.checkpoint(step).resolve() not in held]
    for path in loose[: max(0, len(loose) - keep)]:
        whole.remove(path)


# ---- reading ---------------------------------------------------------------------------------------------------------


def load(directory: Path, dtype: mx.Dtype | None = None, *, keep_packed: bool = False) -> tuple[GPT, Tokenizer]:
    """A model and its tokenizer; quantised weights become ordinary ones unless they are to be kept packed.

    Raises `CheckpointError` for a directory that is not a whole model, `TokenizerError` when the tokenizer is not the
    model's own: it makes ids the model does not have, or it is not the one the checkpoint was saved with.
    """
    model = huggingface.load(directory, dtype=dtype, keep_packed=keep_packed)
    return model, load_tokenizer(directory, model.config)


def load_to_run(directory: Path, device: str) -> tuple[GPT, Tokenizer]:
    """A model to run on a kind of device: as stored, but float32 on CPUs, which compute bfloat16 two to ten times as slowly.

    Quantised weights stay packed.  A model that our words cannot say is loaded through mlx_lm, if it knows it: a
    `foreign.ForeignModel`, which writes and scores text as a GPT does and whose inside is not visible (`require_inside`).
    """
    try:
        return load(directory, dtype=mx.float32 if device == "cpu" else None, keep_packed=True)
    except ConversionError as reason:
        stand_in: Any = foreign.load(directory, reason, wide=device == "cpu")  # Any: it is used as a GPT
        return stand_in, load_tokenizer(directory, stand_in.config)


def require_inside(model: GPT) -> None:
    """`ConversionError` for a model whose inside is not visible."""
    if isinstance(model, foreign.ForeignModel):
        raise foreign.invisible(model.config.block)


def load_tokenizer(directory: Path, config: ModelConfig) -> Tokenizer:
    """The tokenizer of a model directory, checked against the model."""
    tokenizer = registry.load(directory)
    if tokenizer.vocab_size > config.vocab_size:
        raise TokenizerError(
            f"{directory}: the tokenizer makes ids up to {tokenizer.vocab_size - 1}, but the model knows only "
            f"{config.vocab_size}.",
            hint="The tokenizer files belong to another model; copy the ones that were saved with this one.",
        )
    expected = read_record(directory).get("tokenizer", {}).get("fingerprint", "")
    if expected and expected != tokenizer.fingerprint:
        raise TokenizerError(
            f"{directory}: tokenizer.json is not the one this checkpoint was saved with "
            f"(its fingerprint is {tokenizer.fingerprint[:12]}…, expected {expected[:12]}…).",
            hint="Put the original tokenizer.json back, or take the checkpoint from its source again.",
        )
    return tokenizer


def read_record(directory: Path) -> dict[str, dict[str, Any]]:
    """The tables of mlxgpt.toml; empty for a model that was not trained here."""
    path = directory / "mlxgpt.toml"
    try:
        found = read_toml(path) if path.is_file() else {}
    except ConfigError as error:
        raise CheckpointError(
            error.message, hint="Take the file from where the model came from, or remove it."
        ) from None
    return {name: table for name, table in found.items() if isinstance(table, dict)}


def load_training(directory: Path) -> TrainingState:
    """What `save` kept for continuing; `CheckpointError` when the checkpoint has none or it is damaged."""
    folder = directory / "training"
    if not folder.is_dir():
        raise CheckpointError(
            f"{directory} holds a model but no training state.",
            hint="Resume a run, with its checkpoints as they were saved.",
        )
    try:
        values = read_json(folder / "state.json")
        arrays = huggingface.read_tensors(read_header(folder / "optimizer.safetensors"))
    except (CheckpointError, ConversionError) as error:
        raise CheckpointError(error.message, hint=move_away(directory)) from None
    return TrainingState(values=values, arrays=arrays)


def move_away(directory: Path) -> str:
    """What to do when the checkpoint that a run would continue from is damaged."""
    return f"Move {directory} away, and the run continues from the checkpoint before it."
