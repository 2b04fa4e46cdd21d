"""GGUF files, written: what llama.cpp reads.

    "GGUF" · version · number of tensors · number of keys · keys · tensors · padding · data

A key is a name, the kind of its value and the value; a tensor a name, its dimensions (the innermost first), its kind and
where its data begins.  Everything is little-endian, text stands behind its length, and each tensor begins at a multiple of
32 bytes.  Source: docs/gguf.md of ggml-org/ggml; the blocks of Q8_0 and Q4_0 are those of its ggml-quants.c.

`gguf_models` says what is written under which names, `gguf_vocabulary` how a tokenizer is.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import mlx.core as mx
import numpy as np

Value = str | bool | int | float | Sequence[str] | Sequence[bool] | Sequence[int]

VERSION = 3
ALIGNMENT = 32  # bytes
BLOCK = 32  # numbers that share a scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """How numbers are stored: ggml's number for it, bytes of a block, numbers in one, and the function that writes them."""

    code: int
    file_type: int  # llama.cpp's number for a file that is mostly of this kind
    bytes: int
    numbers: int
    encode: Callable[[mx.array], Any]  # Any: a numpy array of whatever type the kind has


@dataclass(frozen=True, slots=True, kw_only=True)
class Tensor:
    """A tensor to be written; its values may still have to be computed."""

    name: str
    array: mx.array
    kind: str

    @property
    def size(self) -> int:
        """Bytes of its data."""
        kind = KINDS[self.kind]
        return self.array.size // kind.numbers * kind.bytes


def write(file: BinaryIO, keys: Mapping[str, Value], tensors: Sequence[Tensor]) -> None:
    """Write a whole file; one tensor at a time is computed and in memory."""
    file.write(b"GGUF" + struct.pack("<IQQ", VERSION, len(tensors), len(keys)))
    for name, value in keys.items():
        file.write(_text(name) + _value(value))
    offset = 0
    for tensor in tensors:
        shape = tensor.array.shape
        file.write(_text(tensor.name) + struct.pack("<I", len(shape)))
        file.write(struct.pack(f"<{len(shape)}Q", *reversed(shape)))
        file.write(struct.pack("<IQ", KINDS[tensor.kind].code, offset))
        offset += tensor.size + _padding(tensor.size)
    file.write(bytes(_padding(file.tell())))
    for tensor in tensors:
        file.write(np.ascontiguousarray(KINDS[tensor.kind].encode(tensor.array)).data)
        file.write(bytes(_padding(tensor.size)))


def fits(array: mx.array, kind: str) -> bool:
    """Whether the rows of `array` are whole blocks of `kind`."""
    return array.shape[-1] % KINDS[kind].numbers == 0


def _padding(size: int) -> int:
    return -size % ALIGNMENT


# ---- values ----------------------------------------------------------------------------------------------------------


def _text(text: str) -> bytes:
    raw = text.encode("utf-8")
    return struct.pack("<Q", len(raw)) + raw


def _value(value: Value) -> bytes:
    """The kind of a value and the value."""
    if isinstance(value, str | bool | int | float):
        code, pack = _scalar(value)
        return struct.pack("<I", code) + pack(value)
    code, pack = _scalar(value[0] if value else "")
    if code == 4:  # lists of whole numbers are signed: llama.cpp refuses token types that are not
        code, pack = 5, lambda number: struct.pack("<i", number)
    return struct.pack("<IIQ", 9, code, len(value)) + b"".join(pack(each) for each in value)


def _scalar(value: str | bool | int | float) -> tuple[int, Callable[[Any], bytes]]:
    """GGUF's number for the type of a value, and what writes it."""
    match value:
        case bool():
            return 7, lambda flag: struct.pack("<?", flag)
        case int():
            return 4, lambda number: struct.pack("<I", number)
        case float():
            return 6, lambda number: struct.pack("<f", number)
        case str():
            return 8, _text


# ---- kinds of numbers ------------------------------------------------------------------------------------------------


def _plain(dtype: mx.Dtype) -> Callable[[mx.array], Any]:
    return lambda array: np.array(array.astype(dtype))


def _bfloat16(array: mx.array) -> Any:
    return np.array(array.astype(mx.bfloat16).view(mx.uint16))  # numpy has no bfloat16


def _q8_0(array: mx.array) -> Any:
    """Blocks of a float16 scale d and 32 whole numbers q: x = d q, with d = max |x| / 127."""
    x = _blocks(array)
    scale = np.abs(x).max(axis=1, keepdims=True) / np.float32(127)
    q = _away_from_zero(x * _inverse(scale)).astype(np.int8)
    return np.concatenate([scale.astype(np.float16).view(np.uint8), q.view(np.uint8)], axis=1)


def _q4_0(array: mx.array) -> Any:
    """Blocks of a float16 scale d and 32 numbers q of 4 bits: x = d (q - 8), where the largest |x| becomes q = 0.

    Byte j holds number j in its lower half and number j + 16 in its upper one.
    """
    x = _blocks(array)
    largest = np.take_along_axis(x, np.abs(x).argmax(axis=1)[:, None], axis=1)
    scale = largest / np.float32(-8)
    q = np.minimum(np.trunc(x * _inverse(scale) + np.float32(8.5)), 15).astype(np.uint8)
    halves = q[:, : BLOCK // 2] | (q[:, BLOCK // 2 :] << 4)
    return np.concatenate([scale.astype(np.float16).view(np.uint8), halves], axis=1)


def _blocks(array: mx.array) -> Any:
    return np.array(array.astype(mx.float32)).reshape(-1, BLOCK)


def _inverse(scale: Any) -> Any:
    with np.errstate(divide="ignore"):
        return np.where(scale == 0, np.float32(0), np.float32(1) / scale)


def _away_from_zero(x: Any) -> Any:
    """Rounded as C's `roundf` does: halves away from zero."""
    return np.trunc(x + np.copysign(np.float32(0.5), x))


KINDS = {
    "F32": Kind(code=0, file_type=0, bytes=4, numbers=1, encode=_plain(mx.float32)),
    "F16": Kind(code=1, file_type=1, bytes=2, numbers=1, encode=_plain(mx.float16)),
    "BF16": Kind(code=30, file_type=32, bytes=2, numbers=1, encode=_bfloat16),
    "Q8_0": Kind(code=8, file_type=7, bytes=34, numbers=BLOCK, encode=_q8_0),
    "Q4_0": Kind(code=2, file_type=2, bytes=18, numbers=BLOCK, encode=_q4_0),
}


def quantised(kind: str) -> bool:
    """Whether numbers of this kind share scales."""
    return KINDS[kind].numbers > 1
