"""A beginning that many prompts share, read once: what a model remembers of it, in memory and in a folder.

Of a transformer those are keys and values, of a recurrent model its states.
"""

import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten

from mlxgpt import whole
from mlxgpt.convert.files import read_header
from mlxgpt.convert.foreign import ForeignModel, lacking
from mlxgpt.errors import CheckpointError, DataError
from mlxgpt.generation.generate import checked
from mlxgpt.generation.states import checksum
from mlxgpt.generation.window import prefill
from mlxgpt.model.gpt import GPT, Memory
from mlxgpt.model.recurrent import RecurrentState
from mlxgpt.tokenizer.base import Tokenizer


class Prefix:
    """The ids of a beginning and what every layer remembers of them."""

    def __init__(self, ids: list[int], arrays: list[mx.array]) -> None:
        self.ids, self.arrays = ids, arrays  # of each layer in turn, see `shapes`

    @staticmethod
    def read(model: GPT, tokenizer: Tokenizer, ids: list[int], at_once: int = 512) -> "Prefix":
        """What `model` remembers of `ids`; `DataError` when they leave no room in the context."""
        if isinstance(model, ForeignModel):
            raise lacking(model.config.block, "shared beginning", "Leave --prefix out, and put it into each prompt.")
        ids = checked(ids, model, tokenizer)
        if not model.config.recurrent and len(ids) >= model.config.context_length:
            raise DataError(
                f"The shared beginning has {len(ids):,} tokens; the model sees {model.config.context_length:,}.",
                hint="Shorten it: the prompts and what is written need room as well.",
            )
        caches = model.make_cache()
        prefill(model, mx.array([ids]), caches, at_once)
        arrays = [array for cache in caches for array in cache.state]
        return Prefix(ids, arrays if model.config.recurrent else [array[..., : len(ids), :] for array in arrays])

    def start(self, caches: Sequence[Memory], rows: int) -> None:
        """Make empty memories of a model what they are after the beginning, in each of so many rows."""
        wide = [mx.repeat(array, rows, axis=0) for array in self.arrays]
        parts = len(wide) // len(caches)
        for layer, cache in enumerate(caches):
            arrays = wide[layer * parts : (layer + 1) * parts]
            if isinstance(cache, RecurrentState):
                cache.state, cache.offset = arrays, len(self.ids)
            else:
                cache.update_and_fetch(*arrays)


def shapes(model: GPT, length: int) -> list[tuple[int, ...]]:
    """What is remembered of so many tokens, layer for layer.

    Of a transformer keys and values (1, K, S, D); of a recurrent model two shifted tokens (1, C), and (1, H, N, N)
    between them.
    """
    config = model.config
    C, H, N = config.n_embd, config.n_head, config.head_width
    layer: list[tuple[int, ...]] = (
        [(1, C), (1, H, N, N), (1, C)] if config.recurrent else [(1, config.kv_heads, length, N)] * 2
    )
    return layer * config.n_layer


def cached(folder: Path, model: GPT, tokenizer: Tokenizer, ids: list[int]) -> tuple[Prefix, bool]:
    """The prefix from `folder`, and True; or read now and kept there, and False.

    A file is named after the model and the ids, so it can only be right or damaged, and then it is made again.
    """
    path = folder / (hashlib.sha256(f"{mark(model)} {ids}".encode()).hexdigest()[:32] + ".safetensors")
    if path.is_file():
        try:
            read_header(path)
            arrays, about = mx.load(str(path), format="safetensors", return_metadata=True)
            ordered = [array for _, array in sorted(arrays.items())]
            fits = [array.shape for array in ordered] == shapes(model, len(ids))
            if fits and about == {"checksum": checksum(arrays, {})}:
                return Prefix(ids, ordered), True
        except (CheckpointError, RuntimeError, ValueError, TypeError):  # MLX raises the last three
            pass
    prefix = Prefix.read(model, tokenizer, ids)
    buffer, arrays = io.BytesIO(), {f"{i:04}": array for i, array in enumerate(prefix.arrays)}
    mx.save_safetensors(buffer, arrays, metadata={"checksum": checksum(arrays, {})})
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
