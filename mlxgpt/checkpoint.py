"""Checkpoints are whole or not at all.

A checkpoint is a Hugging Face model directory (config.json, model.safetensors, tokenizer files) with `mlxgpt.toml`, which
says where it comes from, and `training/`, from which a run continues bit for bit.  It is written aside, synced to the disk
and renamed; a crash leaves either the whole directory or a hidden one that the next save clears away.
"""

import json
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx

from mlxgpt.config import read_toml, toml_value
from mlxgpt.convert import huggingface
from mlxgpt.errors import CheckpointError, TokenizerError
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.runs import Run
from mlxgpt.tokenizer import registry
from mlxgpt.tokenizer.base import Tokenizer

_ASIDE = ".writing-"
_REPLACED = ".replaced-"


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
) -> int:
    """Write a checkpoint at `directory` and return its size in bytes.  `record` becomes the tables of mlxgpt.toml."""

    def write(path: Path) -> None:
        huggingface.save(model, path, tokenizer)
        tokenizer.save(path)
        (path / "mlxgpt.toml").write_text(tables(record), encoding="utf-8")
        if training is not None:
            (path / "training").mkdir()
            mx.save_safetensors(str(path / "training" / "optimizer.safetensors"), dict(training.arrays))
            (path / "training" / "state.json").write_text(json.dumps(dict(training.values), indent=1), encoding="utf-8")

    write_whole(directory, write)
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def write_whole(directory: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a directory aside, then make it appear at `directory` in one rename.

    A directory that was there before is replaced only once the new one is complete.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    clear_unfinished(directory.parent)
    aside = directory.with_name(f"{_ASIDE}{directory.name}-{uuid.uuid4().hex[:8]}")
    aside.mkdir()
    try:
        write(aside)
        for path in [*aside.rglob("*"), aside]:
            _sync(path)
        old = directory.with_name(_REPLACED + directory.name)
        if directory.exists():
            directory.rename(old)  # a crash right here is mended by `clear_unfinished`
        aside.rename(directory)
        _sync(directory.parent)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def clear_unfinished(folder: Path) -> None:
    """Remove what interrupted saves left behind, and put back what one was about to replace."""
    for path in folder.glob(f"{_ASIDE}*"):
        path.unlink() if path.is_symlink() else shutil.rmtree(path, ignore_errors=True)
    for path in folder.glob(f"{_REPLACED}*"):
        original = path.with_name(path.name.removeprefix(_REPLACED))
        shutil.rmtree(path) if original.exists() else path.rename(original)


def point(link: Path, target: Path) -> None:
    """Make `link` lead to its sibling `target`, in one rename."""
    aside = link.with_name(f"{_ASIDE}{link.name}")
    aside.unlink(missing_ok=True)
    aside.symlink_to(target.name)
    aside.replace(link)
    _sync(link.parent)


def prune(run: Run, keep: int) -> None:
    """Remove the oldest checkpoints of a run, all but `keep` and those that `best` and `last` lead to."""
    held = {link.resolve() for link in (run.best, run.last) if link.exists()}
    loose = [run.checkpoint(step) for step in run.steps() if run.checkpoint(step).resolve() not in held]
    for path in loose[: max(0, len(loose) - keep)]:
        aside = path.with_name(f"{_ASIDE}{path.name}")
        path.rename(aside)  # first out of sight, so that a crash never leaves half a checkpoint under its name
        shutil.rmtree(aside)


def _sync(path: Path) -> None:
    """Force a file or directory to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# ---- reading -----------------------------------------------------------------------------------------------------------


def load(directory: Path, dtype: mx.Dtype | None = None) -> tuple[GPT, Tokenizer]:
    """A model and its tokenizer.

    Raises `CheckpointError` for a directory that is not a whole model, `TokenizerError` when the tokenizer is not the
    model's own: it makes ids the model does not have, or it is not the one the checkpoint was saved with.
    """
    model = huggingface.load(directory, dtype=dtype)
    return model, load_tokenizer(directory, model.config)


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


def read_record(directory: Path) -> dict[str, Any]:
    """The tables of mlxgpt.toml; empty for a model that was not trained here."""
    path = directory / "mlxgpt.toml"
    return read_toml(path) if path.is_file() else {}


def load_training(directory: Path) -> TrainingState:
    """What `save` kept for continuing; `CheckpointError` when the checkpoint has none or it is damaged."""
    folder = directory / "training"
    try:
        values = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        arrays = mx.load(str(folder / "optimizer.safetensors"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{directory} holds a model but no training state.", hint="Resume from a checkpoint inside a run's directory."
        ) from None
    except (ValueError, RuntimeError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{folder} is damaged: {error}", hint="Resume from an older checkpoint of the run with --resume RUN/checkpoints/step-…"
        ) from None
    return TrainingState(values=values, arrays=arrays)  # type: ignore[arg-type]  # a dictionary, for safetensors


def tables(record: Mapping[str, Mapping[str, Any]]) -> str:
    """A TOML file of several tables; values that are None are left out."""
    blocks = []
    for name, table in record.items():
        lines = [f"{key} = {toml_value(value)}" for key, value in table.items() if value is not None]
        blocks.append("\n".join([f"[{name}]", *lines]))
    return "\n\n".join(blocks) + "\n"
