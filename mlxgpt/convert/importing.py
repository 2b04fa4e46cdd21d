"""Models in forms that are not our own, made into a model directory: `mlxgpt import`."""

from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_unflatten

from mlxgpt import whole
from mlxgpt.convert import huggingface, rwkv, rwkv_fla
from mlxgpt.convert.files import read_header, read_json, stored_tensors
from mlxgpt.convert.pickles import read_pickle, tensors_of
from mlxgpt.errors import CheckpointError, ConversionError
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer

Tensors = dict[str, mx.array]


def import_model(source: Path, out: Path, tokenizer: Tokenizer | None = None) -> ModelConfig:
    """Write the model that `source` holds as a directory `out`, its numbers as they are, and return what it is.

    `source` is a checkpoint of the RWKV authors (.pth, .pt, or .safetensors with the same names), or a folder with an
    RWKV-6 of flash-linear-attention.  Folders that `huggingface.load` reads need no import.  Raises `ConversionError`
    for anything else.
    """
    if out.exists():
        raise CheckpointError(f"{out} exists already.", hint="Choose another --out.")
    config, parameters = rwkv.from_official(read_tensors(source), str(source))
    config = config.with_(name=out.name)
    if tokenizer is not None and tokenizer.vocab_size > config.vocab_size:
        raise ConversionError(
            f"The tokenizer makes ids up to {tokenizer.vocab_size - 1}, but the model knows only {config.vocab_size}.",
            hint="Give the tokenizer that the model was trained with.",
        )
    model = GPT(config)
    model.update(tree_unflatten(list(parameters.items())))

    def write(path: Path) -> None:
        huggingface.save(model, path, tokenizer)
        if tokenizer is not None:
            tokenizer.save(path)

    whole.write_directory(out, write)
    return config


def read_tensors(source: Path) -> Tensors:
    """The tensors of a file or folder under official names."""
    if source.is_dir():
        values = read_json(source / "config.json")
        if not rwkv_fla.is_fla(values):
            raise ConversionError(
                f"{source} is a {values.get('model_type')!r} model, which needs no import.",
                hint=f"Use it as it is: --model {source}.",
            )
        return rwkv_fla.official_tensors(values, huggingface.read_tensors(stored_tensors(source)), str(source))
    if source.suffix == ".safetensors":
        return huggingface.read_tensors(read_header(source))
    return tensors_of(read_pickle(source), source)
