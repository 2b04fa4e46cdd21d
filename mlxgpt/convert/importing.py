"""Models in forms that are not our own, made into a model directory: `mlxgpt import`.

a folder of Hugging Face (safetensors or pytorch_model.bin)   -> `huggingface.load`
nanoGPT's ckpt.pt                                             -> `nanogpt`
a checkpoint of RWKV's authors, or a folder of fla's RWKV-6   -> `rwkv`, `rwkv_fla`
"""

from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
from mlx.utils import tree_flatten, tree_unflatten

from mlxgpt import whole
from mlxgpt.backend import places
from mlxgpt.convert import huggingface, nanogpt, rwkv, rwkv_fla
from mlxgpt.convert.files import read_header, read_json, stored_tensors
from mlxgpt.convert.names import Tensors
from mlxgpt.convert.pickles import read_pickle, tensors_of
from mlxgpt.convert.targets import hf_target
from mlxgpt.errors import CheckpointError, ConfigError, ConversionError, nearest
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer import registry
from mlxgpt.tokenizer.base import Tokenizer

DTYPES = {"float32": mx.float32, "float16": mx.float16, "bfloat16": mx.bfloat16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an import wrote.

    `architecture` is the one that its config.json names; "mlxgpt" when no published one fits, for the `reasons` given.
    """

    path: Path
    config: ModelConfig
    architecture: str
    reasons: tuple[str, ...]
    parameters: int
    tokenizer: bool


def import_model(
    source: Path, out: Path | None = None, tokenizer: Tokenizer | None = None, *, name: str = "", dtype: str = ""
) -> Imported:
    """Write the model that `source` holds as a directory `out`, its numbers as they are or cast to `dtype`.

    Without `out` it goes where imported models live, under `name` or that of `source`.  A folder brings its own tokenizer,
    unless another is given.  Raises `ConversionError` for what our words cannot say, `CheckpointError` for damage.
    """
    if dtype and dtype not in DTYPES:
        raise ConfigError(f"{dtype!r} is no type of weights.", hint=nearest(dtype, DTYPES))
    if not source.exists():
        raise CheckpointError(f"{source} does not exist.", hint="A model of the Hub is written hf:ORG/NAME.")
    bare = source.resolve().stem if source.is_file() else source.resolve().name
    out = out or places.imported() / (name or bare)
    if out.exists():
        raise CheckpointError(f"{out} exists already.", hint="Choose another --out, or use what is there with --model.")
    if source.is_dir() and read_json(source / "config.json").get("quantization"):
        raise ConversionError(
            f"{source} is quantised for MLX, and needs no import.", hint=f"Use it as it is: --model {source}."
        )
    config, parameters = _read(source)
    tokenizer = tokenizer or _own_tokenizer(source)
    if tokenizer is not None and tokenizer.vocab_size > config.vocab_size:
        raise ConversionError(
            f"The tokenizer makes ids up to {tokenizer.vocab_size - 1}, but the model knows only {config.vocab_size}.",
            hint="Give the tokenizer that the model was trained with.",
        )
    model = GPT(config.with_(name=out.name))
    model.update(tree_unflatten(list(parameters.items())))
    architecture = hf_target(model.config).model_type

    def write(path: Path) -> None:
        huggingface.save(model, path, tokenizer, dtype=DTYPES.get(dtype))
        if tokenizer is not None:
            tokenizer.save(path)
        if source.is_dir():
            _keep_settings(source / "generation_config.json", path / "generation_config.json")

    whole.write_directory(out, write)
    return Imported(
        path=out,
        config=model.config,
        architecture=architecture,
        reasons=hf_target(model.config).reasons,
        parameters=sum(array.size for array in parameters.values()),
        tokenizer=tokenizer is not None,
    )


def _read(source: Path) -> tuple[ModelConfig, Tensors]:
    """The model in a file or folder: what it is, and its parameters under our names."""
    if source.is_dir():
        values = read_json(source / "config.json")
        if not rwkv_fla.is_fla(values):
            model = huggingface.load(source)
            return model.config, dict(tree_flatten(model.parameters()))
        stored = huggingface.read_tensors(stored_tensors(source))
        return rwkv.from_official(rwkv_fla.official_tensors(values, stored, str(source)), str(source))
    if source.suffix == ".safetensors":
        return rwkv.from_official(huggingface.read_tensors(read_header(source)), str(source))
    value = read_pickle(source, without=nanogpt.UNREAD)
    if nanogpt.is_nanogpt(value):
        return nanogpt.from_nanogpt(value, source)
    return rwkv.from_official(tensors_of(value, source), str(source))


def _own_tokenizer(source: Path) -> Tokenizer | None:
    """The tokenizer that lies in the folder `source`, if there is one."""
    if not source.is_dir():
        return None
    older = [file for file in ("tokenizer.model", "vocab.json", "vocab.txt") if (source / file).is_file()]
    return registry.load(source) if older or (source / "tokenizer.json").is_file() else None


def _keep_settings(theirs: Path, ours: Path) -> None:
    """Add to our generation_config.json what theirs says besides the special ids: how its author would sample."""
    if theirs.is_file():
        special = read_json(ours)
        settings = {key: value for key, value in read_json(theirs).items() if key != "transformers_version"}
        huggingface.write_json(ours, settings | {key: value for key, value in special.items() if value is not None})
