"""Hugging Face model directories, read and written: config.json, model.safetensors, generation_config.json.

This is our native format.  Where some published architecture says what a model's config says, the directory is that
architecture's, and transformers and mlx-lm load it with no export step; otherwise it is our own (`model_type`
"mlxgpt").
"""

import json
from importlib import resources
from pathlib import Path
from typing import Protocol, TypeVar

import mlx.core as mx
from mlx.utils import tree_flatten

from mlxgpt import hub
from mlxgpt.config import build
from mlxgpt.convert.architectures import read_fields
from mlxgpt.convert.files import WEIGHTS, Json, Stored, pickle_files, read_json, stored_tensors
from mlxgpt.convert.names import LAYOUTS, Slot, Tensors, from_hf, slots, to_hf
from mlxgpt.convert.pickles import read_pickle, tensors_of
from mlxgpt.convert.targets import hf_target
from mlxgpt.convert.writing import config_keys
from mlxgpt.errors import CheckpointError, ConfigError, ConversionError
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.model.positions import sinusoids
from mlxgpt.model.shapes import parameter_shapes

_DTYPES = {"float32": "F32", "float16": "F16", "bfloat16": "BF16"}
_BUFFERS = (".attn.bias", ".attn.masked_bias", ".rotary_emb.inv_freq")

T = TypeVar("T")


class SpecialIds(Protocol):
    """What a tokenizer tells a model directory."""

    @property
    def bos_id(self) -> int | None: ...

    @property
    def eos_id(self) -> int | None: ...

    @property
    def pad_id(self) -> int | None: ...

    @property
    def stop_ids(self) -> frozenset[int]: ...


# ---- writing ---------------------------------------------------------------------------------------------------------


def save(model: GPT, directory: Path, tokenizer: SpecialIds | None = None, *, dtype: mx.Dtype | None = None) -> str:
    """Write a model into `directory` and return the architecture it was written as.

    With `dtype` the weights are stored in it; otherwise as they are.
    """
    config = model.config
    model_type = hf_target(config).model_type
    tensors = to_hf(config, dict(tree_flatten(model.parameters())), model_type) | implied_tensors(config, model_type)
    tensors = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}  # mlx-lm's GPT-2 has none
    if dtype is not None:
        tensors = {name: tensor.astype(dtype) for name, tensor in tensors.items()}
    stored = str(next(iter(tensors.values())).dtype).removeprefix("mlx.core.")
    special = special_ids(tokenizer)
    directory.mkdir(parents=True, exist_ok=True)
    mx.save_safetensors(str(directory / WEIGHTS), tensors, metadata={"format": "pt"})
    if model_type == "rwkv6":
        (directory / "rwkv6.py").write_text(
            resources.files("mlxgpt.convert").joinpath("mlx_rwkv6.py").read_text("utf-8")
        )
    keys = config_keys(config, model_type) | {"torch_dtype": stored, "dtype": stored} | special
    write_json(directory / "config.json", keys)
    write_json(directory / "generation_config.json", {"_from_model_config": True, **special})
    return model_type


def special_ids(tokenizer: SpecialIds | None) -> Json:
    """The ids that config.json and generation_config.json carry; all that end an answer count as end of sequence."""
    if tokenizer is None:
        return dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"))
    ends = sorted(tokenizer.stop_ids | ({tokenizer.eos_id} if tokenizer.eos_id is not None else set()))
    ends.sort(key=lambda token: token != tokenizer.eos_id)  # <EOS> first: some readers take the first only
    eos = ends if len(ends) > 1 else tokenizer.eos_id
    return {"bos_token_id": tokenizer.bos_id, "eos_token_id": eos, "pad_token_id": tokenizer.pad_id}


def implied_tensors(config: ModelConfig, model_type: str) -> Tensors:
    """What the architecture stores and our config has no parameters for: GPT-2's biases (zero), a sinusoidal table."""
    if model_type != "gpt2":
        return {}
    ours = config.with_(bias="all", position="learned")
    missing = parameter_shapes(ours).keys() - parameter_shapes(config).keys()
    values = {name: mx.zeros(shape) for name, shape in parameter_shapes(ours).items() if name in missing}
    if "positions.weight" in values:
        values["positions.weight"] = sinusoids(config.context_length, config.n_embd)
    whole = {name: values.get(name, mx.zeros(shape)) for name, shape in parameter_shapes(ours).items()}
    stored = to_hf(ours, whole, model_type)
    return {slot.name: stored[slot.name] for slot in slots(ours, model_type) if missing.issuperset(slot.ours)}


def write_json(path: Path, value: Json) -> None:
    """Write an object, its keys in order."""
    path.write_text(
        json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8"
    )


# ---- reading ---------------------------------------------------------------------------------------------------------


def read_config(directory: Path) -> ModelConfig:
    """What model a directory holds, from its config.json.

    Raises `CheckpointError` for a damaged file, `ConversionError` for a model that our words cannot say.
    """
    path = Path(directory) / "config.json"
    values = read_json(path)
    own = _own_config(values, path)
    if own is not None:
        return own
    return _build({"name": hub.model_name(path.parent)} | read_fields(values, path), path)


def _own_config(values: Json, path: Path) -> ModelConfig | None:
    """The config in our own words that `save` left, unless the keys all readers go by were changed since."""
    table, model_type = values.get("mlxgpt"), values.get("model_type")
    if not isinstance(table, dict):
        if model_type == "mlxgpt":
            raise CheckpointError(f"{path} does not say what the model is: the table mlxgpt is missing.")
        return None
    config = _build(table, path)
    if hf_target(config).model_type != model_type:
        return None
    written = config_keys(config, model_type)
    return config if all(values.get(key) == value for key, value in written.items() if key not in _LOOSE) else None


_LOOSE = ("architectures", "mlxgpt", "initializer_range", "use_cache")  # keys that do not say what is computed


def _build(fields: Json, path: Path) -> ModelConfig:
    try:
        config = build(ModelConfig, fields, where="config.json")
    except ConfigError as error:
        raise CheckpointError(f"{path}: {error.message}", hint=error.hint or "Mend config.json.") from None
    if config.vocab_size < 1:
        raise CheckpointError(f"{path}: vocab_size must be at least 1.", hint="Mend config.json.")
    return config


def load(directory: Path, dtype: mx.Dtype | None = None) -> GPT:
    """The model in a directory, every parameter evaluated; with `dtype` cast to it, else as stored.

    Names, shapes and types of all tensors are checked against the config before anything is built.
    """
    directory = Path(directory)
    config = read_config(directory)
    model_type = read_json(directory / "config.json")["model_type"]
    arrays = read_weights(directory)
    if config.n_layer > len(arrays):
        raise CheckpointError(
            f"{directory}: config.json promises {config.n_layer} blocks, but there are only {len(arrays)} tensors.",
            hint="config.json and the weights belong to different models; take both from one source.",
        )
    config = _settle(config, model_type, arrays)
    check_tensors(directory, arrays, slots(config, model_type), LAYOUTS[model_type].prefix)
    model = GPT(config)
    weights = from_hf(config, arrays, model_type)
    if dtype is not None:
        weights = {name: weight.astype(dtype) for name, weight in weights.items()}
    model.load_weights(list(weights.items()))
    mx.eval(model.parameters())
    return model


def read_weights(directory: Path) -> Tensors:
    """The tensors of a model directory, under the names they are stored by: safetensors, or else PyTorch's pickles."""
    if not (files := pickle_files(directory)):
        stored = stored_tensors(directory)
        return read_tensors(without_buffers(stored))
    arrays: Tensors = {}
    for file in files:
        arrays |= tensors_of(read_pickle(file), file)
    arrays = without_buffers(arrays)
    for name, array in arrays.items():
        if not mx.issubdtype(array.dtype, mx.floating):
            raise ConversionError(f"{directory}: {name} holds whole numbers.", hint="Is it a quantised model?")
    return arrays


def without_buffers(tensors: dict[str, T]) -> dict[str, T]:
    """The tensors without what old files store and nobody trains, such as masks."""
    return {name: tensor for name, tensor in tensors.items() if not name.endswith(_BUFFERS)}


def read_tensors(stored: dict[str, Stored]) -> Tensors:
    """The arrays of tensors whose headers were checked; MLX reads each one when it is needed."""
    for name, tensor in stored.items():
        if tensor.dtype not in _DTYPES.values():
            raise ConversionError(
                f"{tensor.file}: {name} is stored as {tensor.dtype}.",
                hint="Only float32, float16 and bfloat16 weights are read; quantised ones must be dequantised first.",
            )
    files = {tensor.file for tensor in stored.values()}
    loaded = {name: array for file in files for name, array in mx.load(str(file), format="safetensors").items()}
    return {name: loaded[name] for name in stored}


def _settle(config: ModelConfig, model_type: str, arrays: Tensors) -> ModelConfig:
    """The config that the tensors speak for, and `arrays` without those it needs no parameters for.

    Biases and tables that `save` wrote only because the architecture wants them go, as long as nobody has changed them.
    """
    config = settle_head(config, model_type, arrays)
    implied = {name.removeprefix("transformer."): array for name, array in implied_tensors(config, model_type).items()}
    unchanged = (
        name in arrays
        and array.shape == arrays[name].shape
        and mx.array_equal(array.astype(arrays[name].dtype), arrays[name])
        for name, array in implied.items()
    )
    if all(unchanged):
        for name in implied:
            del arrays[name]
        return config
    return config.with_(bias="all", position="learned")


def settle_head(config: ModelConfig, model_type: str, arrays: Tensors) -> ModelConfig:
    """The config with the head that the tensors speak for, and `arrays` without a head that is the embedding again.

    A tied head may be stored all the same; transformers ties it only when it equals the embedding, and so do we.
    """
    stored_head = "head.weight" if model_type == "rwkv6" else "lm_head.weight"
    head = arrays.get(stored_head)
    embedding = next((array for name, array in arrays.items() if name.endswith(_EMBEDDINGS)), None)
    if config.tie_embeddings and head is not None and embedding is not None:
        if head.shape == embedding.shape and mx.array_equal(head, embedding).item():
            del arrays[stored_head]
        else:
            config = config.with_(tie_embeddings=False)
    return config


_EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "embeddings.weight")


def check_tensors(directory: Path, arrays: Tensors, wanted: list[Slot], prefix: str) -> None:
    """Raise `CheckpointError` unless the tensors are just those a model needs, in the right shapes."""
    names = set(arrays)
    known = {name: slot for slot in wanted for name in (slot.name, slot.name.removeprefix(prefix))}
    held = {known[name].name for name in names if name in known}
    missing = [slot.name for slot in wanted if slot.name not in held]
    extra = sorted(names - known.keys())
    for what, which in (("lacks", missing), ("has the unexpected", extra)):
        if which:
            more = f" and {len(which) - 3} more" if len(which) > 3 else ""
            raise CheckpointError(
                f"{directory} {what} {', '.join(which[:3])}{more}.",
                hint="config.json and the weights do not belong together, or the copy is incomplete.",
            )
    for name in sorted(names):
        if tuple(arrays[name].shape) != known[name].shape:
            raise CheckpointError(
                f"{directory}: {name} has the shape {list(arrays[name].shape)}, but config.json asks for "
                f"{list(known[name].shape)}.",
                hint="config.json and the weights belong to different models; take both from one source.",
            )
