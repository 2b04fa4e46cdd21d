"""A beginning that many prompts share, read once: its keys and values, in memory and in a folder."""

import hashlib
import io
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten

from mlxgpt import whole
from mlxgpt.convert import huggingface
from mlxgpt.convert.files import read_header
from mlxgpt.convert.foreign import ForeignModel, lacking
from mlxgpt.errors import CheckpointError, ConversionError, DataError
from mlxgpt.generation.generate import checked
from mlxgpt.generation.window import prefill
from mlxgpt.model.cache import KVCache
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer


class Prefix:
    """The ids of a beginning and what every layer remembers of them."""

    def __init__(self, ids: list[int], arrays: list[mx.array]) -> None:
        self.ids, self.arrays = ids, arrays  # keys and values of each layer in turn, (1, K, S, D)

    @staticmethod
    def read(model: GPT, tokenizer: Tokenizer, ids: list[int], at_once: int = 512) -> "Prefix":
        """What `model` remembers of `ids`; `DataError` when they leave no room in the context."""
        if isinstance(model, ForeignModel):
            raise lacking(model.config.block, "shared beginning", "Leave --prefix out, and put it into each prompt.")
        ids = checked(ids, model, tokenizer)
        if len(ids) >= model.config.context_length:
            raise DataError(
                f"The shared beginning has {len(ids):,} tokens; the model sees {model.config.context_length:,}.",
                hint="Shorten it: the prompts and what is written need room as well.",
            )
        caches = model.make_cache()
        if not all(isinstance(cache, KVCache) for cache in caches):
            raise DataError(
                "A shared beginning needs a transformer: this model's state is not made of keys and values."
            )
        prefill(model, mx.array([ids]), caches, at_once)
        return Prefix(ids, [array[..., : len(ids), :] for cache in caches for array in cache.state])

    def layers(self, rows: int) -> list[tuple[mx.array, mx.array]]:
        """Keys and values of each layer, the beginning in each of so many rows."""
        wide = [mx.repeat(array, rows, axis=0) for array in self.arrays]
        return list(zip(wide[::2], wide[1::2], strict=True))


def cached(folder: Path, model: GPT, tokenizer: Tokenizer, ids: list[int]) -> tuple[Prefix, bool]:
    """The prefix from `folder`, and True; or read now and kept there, and False.

    A file is named after the model and the ids, so it can only be right or damaged, and then it is made again.
    """
    path = folder / (hashlib.sha256(f"{mark(model)} {ids}".encode()).hexdigest()[:32] + ".safetensors")
    if path.is_file():
        try:
            arrays = huggingface.read_tensors(read_header(path))
            ordered = [arrays[f"{i:04}"] for i in range(2 * model.config.n_layer)]
            if all(array.ndim == 4 and array.shape[2] == len(ids) for array in ordered):
                mx.eval(ordered)
                return Prefix(ids, ordered), True
        except (CheckpointError, ConversionError, KeyError):
            pass
    prefix = Prefix.read(model, tokenizer, ids)
    buffer = io.BytesIO()
    mx.save_safetensors(buffer, {f"{i:04}": array for i, array in enumerate(prefix.arrays)})
    folder.mkdir(parents=True, exist_ok=True)
    whole.write_bytes(path, buffer.getvalue())
    return prefix, False


def mark(model: GPT) -> str:
    """A hash of the shape and the weights of a model."""
    digest = hashlib.sha256(repr(model.config).encode())
    for name, weight in tree_flatten(model.parameters()):
        sums = mx.stack([weight.astype(mx.float32).sum(), mx.square(weight.astype(mx.float32)).sum()])
        digest.update(f"{name} {weight.shape} {weight.dtype} {sums.tolist()}".encode())
    return digest.hexdigest()
