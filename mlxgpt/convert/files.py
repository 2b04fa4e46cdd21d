"""What a model directory holds, found out without trusting it.

A damaged or hostile file must end in a sentence, never in a crash or a huge allocation, so the JSON and the safetensors
headers are read and checked here, in plain Python, before MLX sees a tensor.  Format: 8 bytes length, a JSON header
{name: {dtype, shape, data_offsets}}, the data (huggingface.co/docs/safetensors).
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from mlxgpt.errors import CheckpointError

Json = dict[str, Any]  # Any: whatever a JSON object holds

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
PICKLE = "pytorch_model.bin"
PICKLE_INDEX = "pytorch_model.bin.index.json"
_LARGEST_JSON = 64 * 2**20  # bytes
_LARGEST_HEADER = 100 * 2**20  # bytes, the format's own limit
_BITS = {"BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16}
_BITS |= {"I32": 32, "U32": 32, "F32": 32, "I64": 64, "U64": 64, "F64": 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A tensor as its file's header describes it."""

    file: Path
    dtype: str
    shape: tuple[int, ...]


def read_json(path: Path) -> Json:
    """The object in a JSON file; `CheckpointError` for anything else, NaN and infinities included."""
    try:
        if not path.is_file():
            raise CheckpointError(
                f"{path.parent} has no {path.name}, so it is not a model directory.",
                hint="Give the folder that holds config.json and model.safetensors.",
            )
        if path.stat().st_size > _LARGEST_JSON:
            _damaged(path, f"it has {path.stat().st_size} bytes, more than any such file")
        value = json.loads(
            path.read_bytes().decode("utf-8"), parse_constant=lambda word: _damaged(path, f"it holds {word}")
        )
    except (ValueError, RecursionError) as error:
        _damaged(path, f"it is not valid JSON ({error})")
    if not isinstance(value, dict):
        _damaged(path, f"it holds a {type(value).__name__}, not an object")
    return value


def stored_tensors(directory: Path) -> dict[str, Stored]:
    """Every tensor of a model directory: one file, or the shards that an index names."""
    tensors: dict[str, Stored] = {}
    for file in weight_files(directory):
        for name, stored in read_header(file).items():
            if name in tensors:
                _damaged(file, f"{name} is in {tensors[name].file.name} too")
            tensors[name] = stored
    return tensors


def weight_files(directory: Path) -> list[Path]:
    """The safetensors files of a model directory."""
    if (directory / WEIGHTS).exists():
        return [directory / WEIGHTS]
    index = directory / INDEX
    if index.is_file():
        return _shards(index)
    others = [
        path.name for pattern in ("*.bin", "*.pt", "*.pth", "*.npz", "*.gguf") for path in directory.glob(pattern)
    ]
    raise CheckpointError(
        f"{directory} has no {WEIGHTS}." + (f"  It has {', '.join(sorted(others)[:3])}." if others else ""),
        hint=f"Weights are read from safetensors, and from {PICKLE}; `mlxgpt import FILE` knows some others."
        if others
        else "The copy may be incomplete: fetch the model again, or give another directory.",
    )


def pickle_files(directory: Path) -> list[Path]:
    """The files of PyTorch that hold the weights of a model directory; none when it has safetensors."""
    if (directory / WEIGHTS).exists() or (directory / INDEX).exists():
        return []
    if (directory / PICKLE).exists():
        return [directory / PICKLE]
    index = directory / PICKLE_INDEX
    return shards(index, ".bin")[0] if index.is_file() else []


def _shards(index: Path) -> list[Path]:
    files, placed = shards(index, ".safetensors")
    held = {tensor: file.name for file in files for tensor in read_header(file)}
    for tensor, name in placed.items():
        if held.get(tensor) != name:
            _damaged(index, f"it says that {name} holds {tensor}, which is not so")
    return files


def shards(index: Path, suffix: str) -> tuple[list[Path], dict[str, str]]:
    """The files that an index names, all of them beside it, and which of them it says holds which tensor."""
    placed = read_json(index).get("weight_map")
    if not isinstance(placed, dict) or not placed or not all(isinstance(name, str) for name in placed.values()):
        _damaged(index, "its weight_map does not say which file holds which tensor")
    names = sorted(set(placed.values()))
    for name in names:
        if "/" in name or "\\" in name or "\0" in name or not name.endswith(suffix):
            _damaged(index, f"its weight_map leads to {name!r}, which is not a {suffix[1:]} file beside it")
        if not (index.parent / name).is_file():
            raise CheckpointError(
                f"{index.parent} lacks {name}, which its index names.", hint="Fetch the missing shard."
            )
    return [index.parent / name for name in names], placed


def read_header(path: Path) -> dict[str, Stored]:
    """The tensors of one safetensors file, every promise of its header checked against the file."""
    if not path.is_file():
        _damaged(path, "it is not a file")
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, _LARGEST_HEADER):
            _damaged(path, f"its header should have {length} bytes, but the file has {size}")
        raw = file.read(length)
    try:
        header = json.loads(raw.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        _damaged(path, f"its header is not valid JSON ({error})")
    if not isinstance(header, dict):
        _damaged(path, "its header is not an object")
    header.pop("__metadata__", None)
    end = 0
    tensors: dict[str, Stored] = {}
    for name, entry in sorted(header.items(), key=lambda item: _extent(path, *item)):
        dtype, shape, (begin, stop) = entry["dtype"], entry["shape"], entry["data_offsets"]
        if begin != end or (stop - begin) * 8 != math.prod(shape) * _BITS[dtype]:
            _damaged(path, f"{name} is {dtype} {shape}, which does not fit into its bytes {begin} to {stop}")
        end = stop
        tensors[name] = Stored(file=path, dtype=dtype, shape=tuple(shape))
    if end != size - 8 - length:
        _damaged(path, f"its header promises {end} bytes of data, but {size - 8 - length} are there")
    return tensors


def _extent(path: Path, name: str, entry: Any) -> tuple[int, int]:  # Any: not checked yet
    """Where a tensor's data begins and ends, once the entry is known to be well formed."""
    match entry:
        case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [int(begin), int(stop)]} if (
            dtype in _BITS and len(shape) <= 8 and all(type(n) is int and 0 <= n < 2**48 for n in shape)
        ):
            pass
        case _:
            _damaged(path, f"its header describes {name!r} as {str(entry)[:80]}")
    return begin, stop


def _damaged(path: Path, what: str) -> NoReturn:
    raise CheckpointError(
        f"{path} is damaged: {what}.", hint="Copy or download it again, or take another checkpoint of the run."
    )
