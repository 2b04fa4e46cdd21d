"""Checkpoints of PyTorch (.pth, .pt), read without PyTorch and without running what is in them.

Such a file is a zip: a pickle that says how tensors lie in storages, and the storages as raw bytes.  A pickle is a
program, and can call anything; here it may name the few things that tensors are made of and nothing else.

    <root>/data.pkl         the pickle; the name of the root varies
    <root>/data/0, 1, …     a storage each, uncompressed
    <root>/byteorder        "little", in newer files

Sources: torch.serialization, torch._utils._rebuild_tensor_v2; zipfile and pickle of the standard library.
"""

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import mlx.core as mx
import numpy as np

from mlxgpt.errors import CheckpointError, ConversionError

_LARGEST_PICKLE = 64 * 2**20  # bytes
_MOST_DIMENSIONS = 8

# Kinds of storage: how numpy reads the bytes, and as what MLX sees them.  numpy has no bfloat16.
STORAGES: dict[str, tuple[str, mx.Dtype]] = {
    "FloatStorage": ("<f4", mx.float32),
    "HalfStorage": ("<f2", mx.float16),
    "BFloat16Storage": ("<u2", mx.bfloat16),
    "DoubleStorage": ("<f8", mx.float32),
    "LongStorage": ("<i8", mx.int64),
    "IntStorage": ("<i4", mx.int32),
    "ShortStorage": ("<i2", mx.int16),
    "CharStorage": ("<i1", mx.int8),
    "ByteStorage": ("<u1", mx.uint8),
    "BoolStorage": ("<u1", mx.bool_),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Where a tensor's numbers are: an entry of the zip, and their kind."""

    entry: str
    kind: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTensor:
    """A tensor as the pickle describes it; strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_pickle(path: Path) -> Any:  # Any: whatever the file's author saved
    """What a checkpoint holds: numbers, strings, lists, dictionaries, and MLX arrays where there were tensors.

    Raises `CheckpointError` for a damaged file and `ConversionError` for one that names anything but tensors.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _Reader(archive, path).read()
    except FileNotFoundError:
        raise CheckpointError(f"{path} does not exist.") from None
    except IsADirectoryError:
        raise CheckpointError(f"{path} is a folder, not a file of PyTorch.") from None
    except zipfile.BadZipFile:
        raise _no_archive(path) from None


def _no_archive(path: Path) -> CheckpointError | ConversionError:
    """What a file is that should be a zip and is none, by its first bytes."""
    with path.open("rb") as file:
        begin = file.read(4)
    if begin.startswith(b"PK"):
        what = "its table of contents, which stands at the end, is missing or broken"
        return CheckpointError(f"{path} is damaged: {what}.", hint="Was it fetched to the end?  Fetch it again.")
    if not begin:
        return CheckpointError(f"{path} is empty.", hint="Fetch it again.")
    if begin.startswith(b"\x80"):  # a bare pickle
        return ConversionError(
            f"{path} was written by a PyTorch before 1.6, or is another pickle; nothing of it was run.",
            hint="Save it again with torch.save of a recent PyTorch, or take safetensors.",
        )
    return ConversionError(f"{path} is no checkpoint of PyTorch.", hint="Give a .pth that torch.save wrote.")


def tensors_of(value: Any, path: Path) -> dict[str, mx.array]:  # Any: what `read_pickle` gave
    """The arrays of a state dict, whatever it was wrapped in ("model", "state_dict", "module")."""
    for key in ("model", "state_dict", "module"):
        if isinstance(value, Mapping) and isinstance(value.get(key), Mapping):
            value = value[key]
    if not isinstance(value, Mapping) or not value or not all(isinstance(name, str) for name in value):
        raise ConversionError(f"{path} holds no table of tensors.", hint="Save the model's state_dict().")
    arrays = {name: array for name, array in value.items() if isinstance(array, mx.array)}
    if not arrays:
        raise ConversionError(f"{path} holds no tensors.", hint="Save the model's state_dict().")
    return arrays


class _Reader:
    """Reads one archive."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self.archive, self.path = archive, path
        self.entries = {entry.filename: entry for entry in archive.infolist()}
        pickles = [name for name in self.entries if name.endswith("/data.pkl")]
        if len(pickles) != 1 or pickles[0].count("/") != 1:
            self.damaged("it does not hold one data.pkl")
        self.root = pickles[0].removesuffix("data.pkl")
        self.storages: dict[str, np.ndarray] = {}

    def read(self) -> Any:  # Any: as `read_pickle`
        order = self.root + "byteorder"
        if order in self.entries and self.bytes(order, 16) != b"little":
            raise ConversionError(f"{self.path} was written on a big-endian machine.", hint="Save it on another one.")
        program = self.bytes(self.root + "data.pkl", _LARGEST_PICKLE)
        try:
            value = _Unpickler(program, self).load()
        except (CheckpointError, ConversionError):
            raise
        except Exception as error:  # a hostile program can fail in any way
            self.damaged(f"its pickle cannot be read ({type(error).__name__}: {str(error)[:80]})")
        return self.resolved(value, 0)

    def resolved(self, value: Any, depth: int) -> Any:  # Any: as `read_pickle`
        """`value` with arrays for stored tensors, and nothing in it that is not plain."""
        if depth > 32:
            self.damaged("it is nested too deeply")
        match value:
            case StoredTensor():
                return self.array(value)
            case None | bool() | int() | float() | str():
                return value
            case list() | tuple() | set() | frozenset():
                return type(value)(self.resolved(item, depth + 1) for item in value)
            case dict():
                return {key: self.resolved(item, depth + 1) for key, item in value.items()}
        return None  # a name that means something to PyTorch only, such as a dtype

    def array(self, tensor: StoredTensor) -> mx.array:
        """The numbers of a tensor, every promise checked against its storage."""
        numbers = self.storage(tensor.storage)
        shape, strides = tensor.shape, tensor.strides
        if (
            len(shape) != len(strides)
            or len(shape) > _MOST_DIMENSIONS
            or min((*shape, *strides, tensor.offset), default=0) < 0
        ):
            self.damaged(f"a tensor has the shape {shape} and the strides {strides}")
        last = tensor.offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
        if (math.prod(shape) and last >= len(numbers)) or math.prod(shape) > max(1, len(numbers)):
            self.damaged(f"a tensor of shape {shape} reaches beyond its storage")
        dtype = STORAGES[tensor.storage.kind][1]
        if not math.prod(shape):
            return mx.zeros(shape, dtype)
        view = np.lib.stride_tricks.as_strided(
            numbers[tensor.offset :], shape, [stride * numbers.itemsize for stride in strides], writeable=False
        )
        array = mx.array(np.ascontiguousarray(view).reshape(shape))
        return array.view(dtype) if dtype in (mx.bfloat16, mx.bool_) else array.astype(dtype)

    def storage(self, storage: Storage) -> np.ndarray:
        """The numbers of a storage, read once."""
        if storage.entry not in self.storages:
            dtype = np.dtype(STORAGES[storage.kind][0])
            entry = self.entries.get(storage.entry)
            if entry is None or entry.file_size != storage.size * dtype.itemsize:
                self.damaged(f"the storage {storage.entry} is missing or has another size")
            self.storages[storage.entry] = np.frombuffer(self.bytes(storage.entry, entry.file_size), dtype)
        return self.storages[storage.entry]

    def bytes(self, name: str, most: int) -> bytes:
        """The bytes of an entry; compressed ones, which PyTorch never writes, may be bombs."""
        entry = self.entries[name]
        if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
            self.damaged(f"{name} is compressed or encrypted")
        if entry.file_size > most:
            self.damaged(f"{name} has {entry.file_size} bytes")
        try:
            return self.archive.read(entry)
        except (zipfile.BadZipFile, EOFError, OSError) as error:
            self.damaged(f"{name} cannot be read ({error})")

    def damaged(self, what: str) -> NoReturn:
        raise CheckpointError(f"{self.path} is damaged: {what}.", hint="Fetch it again from a source you trust.")


class _Name:
    """Stands for a class of storages, or for something of PyTorch that is not needed."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Unpickler(pickle._Unpickler):
    """A pickle machine whose programs can name tensors and nothing else: there is nothing to call.

    It is the one in Python, because the one in C makes room for any place of its memo that a program names.
    """

    def __init__(self, program: bytes, reader: _Reader) -> None:
        super().__init__(io.BytesIO(program), encoding="utf-8")
        self.reader = reader

    def find_class(self, module: str, name: str) -> Any:  # Any: what pickle may call
        known: dict[tuple[str, str], Callable[..., Any]] = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
            ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
        }
        if (module, name) in known:
            return known[module, name]
        if module in ("torch", "torch.storage") and (name in STORAGES or name == "UntypedStorage"):
            return _Name(name)
        if module == "torch" and name in ("device", "dtype", "float32", "float16", "bfloat16"):
            return _nothing if name == "device" else _Name(name)
        raise ConversionError(
            f"{self.reader.path} names {f'{module}.{name}'[:80]!r}, which is no part of a tensor; nothing of it was run.",
            hint="Do not load this file elsewhere unless you trust it; ask its author for safetensors.",
        )

    def persistent_load(self, pid: Any) -> Storage:  # Any: not checked yet
        match pid:
            case ("storage", _Name(name=kind), str(key), str(), int(size)) if (
                kind in STORAGES and size >= 0 and key.isalnum()
            ):
                return Storage(entry=f"{self.reader.root}data/{key}", kind=kind, size=size)
        raise ConversionError(f"{self.reader.path} refers to something that is no storage of numbers.")


def _rebuild_tensor(
    storage: Storage, offset: int, shape: Sequence[int], strides: Sequence[int], *_: object
) -> StoredTensor:
    if not isinstance(storage, Storage) or not all(type(n) is int for n in (offset, *shape, *strides)):
        raise ValueError("a tensor is not made of whole numbers")
    return StoredTensor(storage=storage, offset=offset, shape=tuple(shape), strides=tuple(strides))


def _rebuild_parameter(data: StoredTensor, *_: object) -> StoredTensor:
    return data


def _nothing(*_: object) -> None:
    return None
