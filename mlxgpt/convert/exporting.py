"""Our models in the forms that other programs read: `mlxgpt export`.

    hf       a directory for transformers: `AutoModelForCausalLM.from_pretrained`
    mlx-lm   a directory for mlx-lm: `mlx_lm.generate --model`; RWKV-6 brings its own model file, and weights may be packed
    gguf     a file for llama.cpp

A checkpoint of ours is such a directory already where a published architecture says what the model is; an export leaves
out what belongs to training, and changes the type of the numbers when asked.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_flatten

from mlxgpt import whole
from mlxgpt.convert import gguf, gguf_models, huggingface, packed
from mlxgpt.convert.files import read_json
from mlxgpt.convert.gguf_vocabulary import vocabulary_keys
from mlxgpt.convert.names import to_hf
from mlxgpt.convert.targets import hf_target
from mlxgpt.errors import CheckpointError, ConfigError, ConversionError, TokenizerError, nearest
from mlxgpt.model.gpt import GPT
from mlxgpt.model.packing import Packing, matrices, pack
from mlxgpt.model.shapes import count, parameter_shapes
from mlxgpt.text import visible
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.fast import FastTokenizer

FORMS = ("hf", "mlx-lm", "gguf")
DTYPES = {"float32": mx.float32, "float16": mx.float16, "bfloat16": mx.bfloat16}
KINDS = {mx.float32: "F32", mx.float16: "F16", mx.bfloat16: "BF16"}
BITS = {"q8": 8, "q4": 4}
GROUP_SIZE = 64
UNKNOWN_TO_TRANSFORMERS = ("rwkv6", "rwkv7")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written where, and what is good to know about it."""

    path: str
    to: str
    architecture: str
    numbers: str
    parameters: int
    bytes: int
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def check(to: str, quantize: str, dtype: str) -> None:
    """Raise `ConfigError` for words that are not known or do not go together."""
    for word, known, what in ((to, FORMS, "--to"), (quantize, BITS, "--quantize"), (dtype, DTYPES, "--dtype")):
        if word and word not in known:
            raise ConfigError(f"{what} {word} is not known.", hint=nearest(word, known))
    if quantize and to == "hf":
        raise ConfigError(
            "transformers does not read MLX's quantised weights.",
            hint="Quantise for --to mlx-lm or --to gguf; for transformers, --dtype bfloat16 halves the size.",
        )
    if quantize and dtype and to == "gguf":
        raise ConfigError("In a GGUF file --quantize decides the type of the numbers.", hint="Leave --dtype out.")


def export(
    source: Path,
    model: GPT,
    tokenizer: Tokenizer | None,
    out: Path,
    *,
    to: str,
    quantize: str = "",
    dtype: str = "",
    knows_chats: bool = True,
) -> Exported:
    """Write a model, whose weights are not packed, at `out`; `source` is the directory it comes from.

    One that does not know chats is written without a chat template, so that programs give it the text itself.

    Raises `ConversionError` with the reason when the other program has no such model or cannot hold its numbers, and
    `CheckpointError` when something is at `out` already.
    """
    check(to, quantize, dtype)
    if out.exists():
        raise CheckpointError(f"{out} exists already.", hint="Choose another --out; nothing is written over.")
    if isinstance(tokenizer, FastTokenizer) and not knows_chats:
        tokenizer = tokenizer.without_chats()
    write = _gguf if to == "gguf" else _directory
    return write(source, model, tokenizer, out, to, quantize, dtype)


# ---- directories -----------------------------------------------------------------------------------------------------


def _directory(
    source: Path, model: GPT, tokenizer: Tokenizer | None, out: Path, to: str, quantize: str, dtype: str
) -> Exported:
    target = hf_target(model.config)
    model_type, notes = target.model_type, []
    kept = model_type == "mlxgpt" and read_json(source / "config.json").get("model_type") not in (None, "mlxgpt")
    if model_type == "mlxgpt" and not kept:
        raise ConversionError(
            f"No published architecture is this model: {'; '.join(target.reasons)}.",
            hint="That is what the nearest one lacks; train with settings that it has.  mlxgpt itself needs no export.",
        )
    if to == "hf" and model_type in UNKNOWN_TO_TRANSFORMERS:
        raise ConversionError(
            f"transformers has no {model_type.upper().replace('RWKV', 'RWKV-')}.",
            hint="Take --to mlx-lm or --to gguf.",
        )
    if quantize:
        dense = pack_evenly(model, BITS[quantize])
        if dense:
            notes.append(f"{len(dense)} matrices stay as they are, such as {dense[0]}: their rows are no whole groups.")
    if kept:
        model_type = read_json(source / "config.json")["model_type"]
        notes.append(f"It is a {model_type} model of others, which our own words have no form for: its own is kept.")
    if model_type == "rwkv6":
        notes.append("mlx-lm runs rwkv6.py, which is beside the weights: pass --trust-remote-code.")
    if to == "hf" and model_type == "gemma2":
        notes.append('transformers 4 needs attn_implementation="eager" for Gemma 2.')
    notes += _made_whole(source, to, quantize)
    if quantize:
        notes.append("Only mlx-lm and mlxgpt read these weights.")

    def write(path: Path) -> None:
        if kept:
            _write_as_it_was(source, model, path, DTYPES.get(dtype))
        else:
            huggingface.save(model, path, tokenizer, dtype=DTYPES.get(dtype))
        if tokenizer is not None:
            tokenizer.save(path)

    whole.write_directory(out, write)
    values = read_json(out / "config.json")
    numbers = f"{BITS[quantize]} bits, the rest {values['dtype']}" if quantize else str(values["dtype"])
    return _report(out, to, model_type, numbers, model, notes, tokenizer)


def _made_whole(source: Path, to: str, quantize: str) -> list[str]:
    """A note for a quantised model that becomes larger."""
    if quantize or not packed.is_packed(read_json(source / "config.json")):
        return []
    small = "" if to == "hf" else "  --quantize q4 or q8 keeps it small."
    return [f"{visible(source.name)} is quantised: each number was made whole again, which takes more room.{small}"]


def _write_as_it_was(source: Path, model: GPT, path: Path, dtype: mx.Dtype | None) -> None:
    """A foreign model in the architecture it came in."""
    values = read_json(source / "config.json")
    tensors = to_hf(model.config, dict(tree_flatten(model.parameters())), values["model_type"])
    tensors = {
        name: tensor if dtype is None else huggingface.cast(name, tensor, dtype) for name, tensor in tensors.items()
    }
    path.mkdir(parents=True, exist_ok=True)
    mx.save_safetensors(str(path / "model.safetensors"), tensors, metadata={"format": "pt"})
    stored = str(next(iter(tensors.values())).dtype).removeprefix("mlx.core.")
    text = json.dumps(values | {"torch_dtype": stored, "dtype": stored}, indent=2, ensure_ascii=False, sort_keys=True)
    (path / "config.json").write_text(text + "\n", encoding="utf-8")


def pack_evenly(model: GPT, bits: int) -> list[str]:
    """Pack every matrix of `model` whose rows are whole groups; returns the names of the others."""
    packings, dense = {}, []
    for name, shape in matrices(model.config).items():
        fitting = [size for size in (GROUP_SIZE, GROUP_SIZE // 2) if shape[-1] % size == 0]
        if fitting:
            packings[name] = Packing(bits=bits, group_size=fitting[0])
        else:
            dense.append(name)
    if not packings:
        raise ConversionError(
            f"No matrix of this model has rows of whole groups of {GROUP_SIZE // 2} numbers.",
            hint="A model whose width is a multiple of 32 can be quantised.",
        )
    pack(model, packings)
    return dense


# ---- GGUF ------------------------------------------------------------------------------------------------------------


def _gguf(
    source: Path, model: GPT, tokenizer: Tokenizer | None, out: Path, to: str, quantize: str, dtype: str
) -> Exported:
    if tokenizer is None:
        raise TokenizerError(
            f"{source} has no tokenizer, and a GGUF file needs one.", hint="Put its tokenizer.json there."
        )
    config, parameters = model.config, dict(tree_flatten(model.parameters()))
    kind = f"{quantize.upper()}_0" if quantize else KINDS[DTYPES[dtype] if dtype else model.embedding.weight.dtype]
    keys = gguf_models.model_keys(config, source.resolve().name, kind)
    keys |= vocabulary_keys(tokenizer, config.vocab_size)
    tensors = list(gguf_models.tensors(config, parameters, kind))
    _check_range(tensors)
    with whole.binary_draft(out) as (file, keep):
        gguf.write(file, keys, tensors)
        keep()
    notes = _made_whole(source, to, quantize)
    other = [tensor.name for tensor in tensors if gguf.quantised(kind) and tensor.kind == "F16"]
    if other:
        notes.append(f"{len(other)} matrices are in float16, such as {other[0]}: their rows are no whole blocks of 32.")
    if out.suffix != ".gguf":
        notes.append("Programs look for names that end in .gguf.")
    return _report(out, to, gguf_models.architecture(config), kind, model, notes, tokenizer)


def _check_range(tensors: list[gguf.Tensor]) -> None:
    """Raise `ConversionError` when a number is beyond float16 where float16 is what is stored."""
    for tensor in tensors:
        if tensor.kind == "F16":
            huggingface.cast(tensor.name, tensor.array, mx.float16)


def _report(
    out: Path, to: str, architecture: str, numbers: str, model: GPT, notes: list[str], tokenizer: Tokenizer | None
) -> Exported:
    files = [path for path in out.rglob("*") if path.is_file()] if out.is_dir() else [out]
    if tokenizer is None:
        notes = [*notes, "The model has no tokenizer, so none was written."]
    return Exported(
        path=str(out), to=to, architecture=architecture, numbers=numbers,
        parameters=count(parameter_shapes(model.config)),
        bytes=sum(path.stat().st_size for path in files), notes=tuple(notes),
    )  # fmt: skip
