"""The logits of a model for given ids, as a file."""

import os
from pathlib import Path

import mlx.core as mx
import numpy as np

from mlxgpt.convert import huggingface
from mlxgpt.errors import DataError
from mlxgpt.model import functional


def write_logits(directory: Path, ids_file: Path, out: Path, *, with_loss: bool) -> None:
    """Write `logits` (B, T, V), and `loss` if asked for, as float32 safetensors.

    `loss` is the mean cross-entropy of logits[:, :-1] against ids[:, 1:], in nats.  Raises `DataError` for ids that are no
    integer array of one or two axes, or that the model does not have.
    """
    if out.resolve() == ids_file.resolve() or directory.resolve() in out.resolve().parents:
        raise DataError(
            f"{out} would be written over what is read.", hint="Write the logits outside the model's folder."
        )
    ids = read_ids(ids_file)
    model = huggingface.load(directory, dtype=mx.float32)
    check_ids(ids, model.config.vocab_size, model.config.context_length, model.positions.unbounded, ids_file)
    tokens = mx.array(ids.astype(np.int32))
    logits = model(tokens).astype(mx.float32)
    arrays = {"logits": logits}
    if with_loss:
        if ids.shape[1] < 2:
            raise DataError(f"{ids_file} holds {ids.shape[1]} token a row; a loss needs at least 2.")
        arrays["loss"] = functional.cross_entropy(logits[:, :-1], tokens[:, 1:]).mean()
    mx.eval(arrays)
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = out.with_name(f".{out.name}-{os.getpid()}.safetensors")  # MLX insists on the suffix
    try:
        mx.save_safetensors(str(aside), arrays)
        aside.replace(out)
    finally:
        aside.unlink(missing_ok=True)


def read_ids(path: Path) -> np.ndarray:
    """Integer ids (B, T) from a .npy file; one row when the file holds a vector."""
    try:
        ids = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist.") from None
    except (ValueError, EOFError) as error:
        raise DataError(f"{path} is not a .npy file of numbers: {error}") from None
    if not isinstance(ids, np.ndarray) or ids.ndim not in (1, 2) or ids.dtype.kind not in "iu" or ids.size == 0:
        found = f"{ids.dtype} of shape {ids.shape}" if isinstance(ids, np.ndarray) else type(ids).__name__
        raise DataError(f"{path} must hold integers of shape (T,) or (B, T); it holds {found}.")
    return np.atleast_2d(ids)


def check_ids(ids: np.ndarray, vocab_size: int, context_length: int, unbounded: bool, path: Path) -> None:
    """Raise `DataError` where MLX would read foreign memory: ids or positions beyond the model's tables."""
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= vocab_size:
        raise DataError(f"{path} has ids from {low} to {high}; the model knows 0 to {vocab_size - 1}.")
    if not unbounded and ids.shape[1] > context_length:
        raise DataError(
            f"{path} has rows of {ids.shape[1]} tokens; the model's table of positions ends at {context_length}.",
            hint="Cut the rows.",
        )
