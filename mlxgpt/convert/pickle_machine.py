"""The machine that runs the pickles of PyTorch: it knows what tensors are made of, and there is nothing to call.

A pickle is a program, and can call anything; here it may name the few things that tensors are made of and nothing else.
What it leaves says how tensors lie in storages; `Values` makes arrays of that, every promise checked.

Sources: torch.serialization, torch._utils._rebuild_tensor_v2; pickle of the standard library.
"""

import math
import pickle
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

import mlx.core as mx
import numpy as np

from mlxgpt.errors import CheckpointError, ConversionError

LARGEST_PICKLE = 64 * 2**20  # bytes
_MOST_DIMENSIONS = 8
_MOST_VIEWS = 4  # times the bytes of the file; a tied matrix is there twice

# Kinds of storage: how numpy reads the bytes, and as what MLX sees them.  numpy has no bfloat16.
STORAGES: dict[str, tuple[np.dtype[Any], mx.Dtype]] = {
    "FloatStorage": (np.dtype("<f4"), mx.float32),
    "HalfStorage": (np.dtype("<f2"), mx.float16),
    "BFloat16Storage": (np.dtype("<u2"), mx.bfloat16),
    "DoubleStorage": (np.dtype("<f8"), mx.float32),
    "LongStorage": (np.dtype("<i8"), mx.int64),
    "IntStorage": (np.dtype("<i4"), mx.int32),
    "ShortStorage": (np.dtype("<i2"), mx.int16),
    "CharStorage": (np.dtype("<i1"), mx.int8),
    "ByteStorage": (np.dtype("<u1"), mx.uint8),
    "BoolStorage": (np.dtype("<u1"), mx.bool_),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """Where a tensor's numbers are: the key of a storage in the file, their kind, and how many they are."""

    key: str
    kind: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTensor:
    """A tensor as the pickle describes it; strides count elements."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


class Values:
    """Makes plain values and arrays of what a machine left; `storage` gives the numbers of a storage.

    A few bytes must not stand for billions: `program_bytes` and `data_bytes` say how large the file is.
    """

    def __init__(self, path: Path, program_bytes: int, data_bytes: int) -> None:
        self.path = path
        self.values_left, self.bytes_left = program_bytes, _MOST_VIEWS * data_bytes

    def storage(self, storage: Storage) -> np.ndarray:
        """The numbers of a storage, in the kind that it says."""
        raise NotImplementedError

    def plain(self, value: Any, without: tuple[str, ...]) -> Any:  # Any: whatever the file's author saved
        """`value` without some entries, everything in it plain."""
        if isinstance(value, dict):
            value = {key: item for key, item in value.items() if key not in without}
        return self.resolved(value, 0)

    def resolved(self, value: Any, depth: int) -> Any:  # Any: as `read_pickle`
        """`value` with arrays for stored tensors, and nothing in it that is not plain."""
        self.values_left -= 1  # each takes a byte of an honest program; a list of itself may be a billion
        if depth > 32 or self.values_left < 0:
            damaged(self.path, "it is nested too deeply")
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
            damaged(self.path, f"a tensor has the shape {shape} and the strides {strides}")
        last = tensor.offset + sum((n - 1) * stride for n, stride in zip(shape, strides, strict=True))
        if (math.prod(shape) and last >= len(numbers)) or math.prod(shape) > max(1, len(numbers)):
            damaged(self.path, f"a tensor of shape {shape} reaches beyond its storage")
        self.bytes_left -= math.prod(shape) * numbers.itemsize
        if self.bytes_left < 0:
            damaged(self.path, "its tensors show the same numbers again and again")
        dtype = STORAGES[tensor.storage.kind][1]
        if not math.prod(shape):
            return mx.zeros(shape, dtype)
        view = np.lib.stride_tricks.as_strided(
            numbers[tensor.offset :], shape, [stride * numbers.itemsize for stride in strides], writeable=False
        )
        array = mx.array(np.ascontiguousarray(view).reshape(shape))
        return array.view(dtype) if dtype in (mx.bfloat16, mx.bool_) else array.astype(dtype)


def damaged(path: Path, what: str) -> NoReturn:
    """Raise the `CheckpointError` of a file that is not what it should be."""
    raise CheckpointError(f"{path} is damaged: {what}.", hint="Fetch it again from a source you trust.")


def run(machine: "Machine | Plain") -> Any:  # Any: whatever the file's author saved
    """What a program leaves; a hostile one can fail in any way."""
    try:
        return machine.load()
    except (CheckpointError, ConversionError):
        raise
    except Exception as error:
        damaged(machine.path, f"its pickle cannot be read ({type(error).__name__}: {str(error)[:80]})")


class Source(Protocol):
    """What a machine reads from."""

    def read(self, n: int, /) -> bytes: ...

    def readline(self) -> bytes: ...


class _Name:
    """Stands for a class of storages, or for something of PyTorch that is not needed."""

    def __init__(self, name: str) -> None:
        self.name = name


class Plain(pickle._Unpickler):
    """A pickle machine whose programs can name nothing."""

    def __init__(self, program: Source, path: Path) -> None:
        super().__init__(program, encoding="utf-8")
        self.path = path

    def find_class(self, module: str, name: str) -> NoReturn:
        raise ValueError(f"it names {f'{module}.{name}'[:80]!r}; nothing of it was run")


class Machine(pickle._Unpickler):
    """A pickle machine whose programs can name tensors and nothing else: there is nothing to call.

    It is the one in Python, because the one in C makes room for any place of its memo that a program names.
    """

    def __init__(self, program: Source, path: Path) -> None:
        super().__init__(program, encoding="utf-8")
        self.path = path
        self.storages: dict[str, Storage] = {}

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
            f"{self.path} names {f'{module}.{name}'[:80]!r}, which is no part of a tensor; nothing of it was run.",
            hint="Do not load this file elsewhere unless you trust it; ask its author for safetensors.",
        )

    def persistent_load(self, pid: Any) -> Storage:  # Any: not checked yet
        match pid:
            case ("storage", _Name(name=kind), str(key), str(), int(size), *rest) if (
                rest in ([], [None]) and kind in STORAGES and size >= 0 and key.isalnum()
            ):
                storage = Storage(key=key, kind=kind, size=size)
                if self.storages.setdefault(key, storage) != storage:
                    raise ValueError(f"the storage {key} is of two kinds")
                return storage
        raise ConversionError(
            f"{self.path} refers to something that is no storage of numbers.",
            hint="Fetch it again, or ask its author for safetensors.",
        )


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
