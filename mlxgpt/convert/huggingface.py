"""Hugging Face model directories, read and written: config.json, model.safetensors, generation_config.json.

This is our native format.  Where some published architecture says what a model's config says, the directory is that
architecture's, and transformers and mlx-lm load it with no export step; otherwise it is our own (`model_type`
"mlxgpt").
"""

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Protocol, TypeVar

import mlx.core as mx
from mlx.utils import tree_flatten

from mlxgpt import hub
from mlxgpt.config import build
from mlxgpt.convert import foreign, packed
from mlxgpt.convert.architectures import read_fields
from mlxgpt.convert.files import WEIGHTS, Json, Stored, pickle_files, read_json, stored_tensors, weight_files
from mlxgpt.convert.names import LAYOUTS, Slot, Tensors, from_hf, slots, to_hf
from mlxgpt.convert.pickles import read_pickle, tensors_of
from mlxgpt.convert.targets import hf_target
from mlxgpt.convert.writing import config_keys
from mlxgpt.errors import CheckpointError, ConfigError, ConversionError
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.model.packing import pack, packings_of, unpacked, unpacked_matrix
from mlxgpt.model.positions import sinusoids
from mlxgpt.model.shapes import count, parameter_shapes

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
    config, packings = model.config, packings_of(model)
    model_type = hf_target(config).model_type
    layout = packed.layout(model_type) if packings else model_type
    tensors = to_hf(config, dict(tree_flatten(model.parameters())), layout, packings) | implied_tensors(config, layout)
    tensors = {name.removeprefix("transformer."): tensor for name, tensor in tensors.items()}  # mlx-lm's GPT-2 has none
    if dtype is not None:
        tensors = {name: cast(name, tensor, dtype) for name, tensor in tensors.items()}
    dtypes = (tensor.dtype for tensor in tensors.values() if mx.issubdtype(tensor.dtype, mx.floating))
    stored = str(next(dtypes)).removeprefix("mlx.core.")
    special = special_ids(tokenizer)
    directory.mkdir(parents=True, exist_ok=True)
    mx.save_safetensors(str(directory / WEIGHTS), tensors, metadata={"format": "pt"})
    if model_type == "rwkv6":
        (directory / "rwkv6.py").write_text(
            resources.files("mlxgpt.convert").joinpath("mlx_rwkv6.py").read_text("utf-8")
        )
    keys = config_keys(config, model_type) | {"torch_dtype": stored, "dtype": stored} | special
    keys |= packed.config_keys(config, layout, packings)
    write_json(directory / "config.json", keys)
    write_json(directory / "generation_config.json", {"_from_model_config": True, **special})
    return model_type


def cast(name: str, tensor: mx.array, dtype: mx.Dtype) -> mx.array:
    """`tensor` in another type; whole numbers, which packed weights are, stay as they are.

    Raises `ConversionError` when a number would become infinite.
    """
    if not mx.issubdtype(tensor.dtype, mx.floating) or tensor.dtype == dtype:
        return tensor
    narrow = tensor.astype(dtype)
    lost = mx.isinf(narrow) & ~mx.isinf(tensor)
    if lost.any().item():
        kind = str(dtype).removeprefix("mlx.core.")
        largest = mx.abs(tensor).max().item()
        raise ConversionError(
            f"{name} holds {largest:.6g}, which {kind} cannot: its largest number is {mx.finfo(dtype).max:.6g}.",
            hint="Take bfloat16, which has the range of float32, or float32.",
        )
    return narrow


def special_ids(tokenizer: SpecialIds | None) -> Json:
    """The ids that config.json and generation_config.json carry; all that end an answer count as end of sequence."""
    if tokenizer is None:
        return dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"))
    ends = sorted(tokenizer.stop_ids | ({tokenizer.eos_id} if tokenizer.eos_id is not None else set()))
    ends.sort(key=lambda token: token != tokenizer.eos_id)  # <EOS> first: some readers take the first only
    eos = ends if len(ends) > 1 else tokenizer.eos_id
    return {"bos_token_id": tokenizer.bos_id, "eos_token_id": eos, "pad_token_id": tokenizer.pad_id}


def implied_parameters(config: ModelConfig) -> Tensors:
    """What GPT-2 has and our config has no parameters for: biases (zero), a sinusoidal table."""
    whole = parameter_shapes(config.with_(bias="all", position="learned"))
    values = {name: mx.zeros(whole[name]) for name in whole.keys() - parameter_shapes(config).keys()}
    if "positions.weight" in values:
        values["positions.weight"] = sinusoids(config.context_length, config.n_embd)
    return values


def implied_tensors(config: ModelConfig, model_type: str) -> Tensors:
    """`implied_parameters` as they are stored."""
    if not model_type.startswith("gpt2"):
        return {}
    ours, values = config.with_(bias="all", position="learned"), implied_parameters(config)
    whole = {name: values.get(name, mx.zeros(shape)) for name, shape in parameter_shapes(ours).items()}
    stored = to_hf(ours, whole, model_type)
    return {slot.name: stored[slot.name] for slot in slots(ours, model_type) if values.keys() >= set(slot.ours)}


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
    try:
        fields = read_fields(values, path)
    except ConversionError as reason:
        raise foreign.advised(values, reason) from None
    return _build({"name": hub.model_name(path.parent)} | fields, path)


def described_packing(directory: Path) -> str:
    """A sentence about the bits of a quantised model; empty for any other."""
    values = read_json(directory / "config.json")
    if not packed.is_packed(values):
        return ""
    config, stored = read_config(directory), stored_tensors(directory)
    _, packings = packed.read(values, stored, config, directory)
    bits = " and ".join(str(bits) for bits in sorted({packing.bits for packing in packings.values()}))
    held = sum(path.stat().st_size for path in weight_files(directory))
    each = 8 * held / count(parameter_shapes(config))
    return (
        f"Quantised: {len(packings)} matrices of {bits} bits, {each:.2f} bits a number with their scales and the rest."
    )


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


def load(directory: Path, dtype: mx.Dtype | None = None, *, keep_packed: bool = False) -> GPT:
    """The model in a directory, every parameter evaluated; with `dtype` cast to it, else as stored.

    Quantised weights become ordinary ones, which everything can look at, unless they are to be kept packed.

    Names, shapes and types of all tensors are checked against the config before anything is built.
    """
    directory = Path(directory)
    config, values = read_config(directory), read_json(directory / "config.json")
    files = pickle_files(directory)
    arrays = _unpickled(files) if files else {}
    stored = {} if files else without_buffers(stored_tensors(directory))
    if config.n_layer > len(stored or arrays):
        raise CheckpointError(
            f"{directory}: config.json promises {config.n_layer} blocks, but there are only {len(stored or arrays)} tensors.",
            hint="config.json and the weights belong to different models; take both from one source.",
        )
    layout, packings = packed.read(values, stored, config, directory)
    arrays = arrays or read_tensors(stored, packed.whole_numbers(config, layout, packings))
    config = _settle(config, layout, arrays)
    check_tensors(directory, arrays, slots(config, layout, packings), LAYOUTS[layout].prefix)
    model = GPT(config)
    weights = from_hf(config, arrays, layout, packings)
    if positions := packings.pop("positions", None):  # they are added, not multiplied with
        weights |= unpacked_matrix(weights, "positions", positions)
    pack(model, packings)
    if dtype is not None:
        weights = {name: cast(name, weight, dtype) for name, weight in weights.items()}
    model.load_weights(list(weights.items()))
    mx.eval(model.parameters())
    return model if keep_packed else unpacked(model, dtype)


def _unpickled(files: list[Path]) -> Tensors:
    """The tensors of PyTorch's pickles, under the names they are stored by."""
    arrays: Tensors = {}
    for file in files:
        arrays |= tensors_of(read_pickle(file), file)
    arrays = without_buffers(arrays)
    for name, array in arrays.items():
        if not mx.issubdtype(array.dtype, mx.floating):
            raise ConversionError(f"{files[0].parent}: {name} holds whole numbers.", hint="Is it a quantised model?")
    return arrays


def without_buffers(tensors: Mapping[str, T]) -> dict[str, T]:
    """The tensors without what old files store and nobody trains, such as masks."""
    return {name: tensor for name, tensor in tensors.items() if not name.endswith(_BUFFERS)}


def read_tensors(stored: Mapping[str, Stored], whole: Mapping[str, str] | None = None) -> Tensors:
    """The arrays of tensors whose headers were checked; MLX reads each one when it is needed.

    `whole` names those that are not floating-point numbers, and says what they are.
    """
    for name, tensor in stored.items():
        wanted = {whole[name]} if whole and name in whole else set(_DTYPES.values())
        if tensor.dtype not in wanted:
            raise ConversionError(
                f"{tensor.file}: {name} is stored as {tensor.dtype}, not as {' or '.join(sorted(wanted))}.",
                hint="Weights are read in float32, float16 and bfloat16, and as mlx-lm quantises them.",
            )
    files = {tensor.file for tensor in stored.values()}
    loaded = {name: array for file in files for name, array in mx.load(str(file), format="safetensors").items()}
    return {name: loaded[name] for name in stored}


def _settle(config: ModelConfig, layout: str, arrays: Tensors) -> ModelConfig:
    """The config that the tensors speak for, and `arrays` without those it needs no parameters for.

    Biases and tables that `save` wrote only because the architecture wants them go, as long as nobody has changed them.
    """
    config = settle_head(config, layout, arrays)
    implied = {name.removeprefix("transformer."): array for name, array in implied_tensors(config, layout).items()}
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
