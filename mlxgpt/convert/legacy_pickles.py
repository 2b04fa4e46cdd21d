"""Checkpoints of PyTorch before 1.6, which many older repositories of the Hub still hold: five pickles, then raw storages.

    magic · version · about the machine · the object · keys of its storages · for each: how many numbers (int64), the numbers

Source: torch.serialization._legacy_save.
"""

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mlxgpt.convert.pickle_machine import LARGEST_PICKLE, STORAGES, Machine, Plain, Storage, Values, damaged, run

_MAGIC, _VERSION = 0x1950A86A20F9469CFC6C, 1001
_BEGINNING = b"\x80\x02\x8a\x0a" + _MAGIC.to_bytes(10, "little") + b"."


def is_legacy(path: Path) -> bool:
    """Whether a file begins as those do."""
    with path.open("rb") as file:
        return file.read(len(_BEGINNING)) == _BEGINNING


def read(path: Path, without: tuple[str, ...]) -> Any:  # Any: whatever the file's author saved
    """As `pickles.read_pickle`."""
    with path.open("rb") as file:
        program = _Limited(file)
        magic, version, about = (run(Plain(program, path)) for _ in range(3))
        if (
            (magic, version) != (_MAGIC, _VERSION)
            or not isinstance(about, dict)
            or not about.get("little_endian", True)
        ):
            damaged(path, "it is of another version, or of a big-endian machine")
        machine = Machine(program, path)
        value, keys = run(machine), run(Plain(program, path))
        places = _places(path, file, keys, machine.storages)
    size = path.stat().st_size
    return _Mapped(path, min(size, LARGEST_PICKLE), size, places).plain(value, without)


def _places(
    path: Path, file: BinaryIO, keys: Any, storages: dict[str, Storage]
) -> dict[str, int]:  # Any: not checked yet
    """Where in the file the numbers of each storage begin."""
    places, end = {}, path.stat().st_size
    if not isinstance(keys, list) or set(map(str, keys)) != storages.keys() or len(keys) != len(storages):
        damaged(path, "its list of storages is not what its tensors name")
    for key in keys:
        storage = storages[key]
        count = int.from_bytes(file.read(8), "little")
        places[key] = file.tell()
        after = file.tell() + count * STORAGES[storage.kind][0].itemsize
        if count != storage.size or after > end:
            damaged(path, f"the storage {key} has another size, or the file ends early")
        file.seek(after)
    return places


class _Mapped(Values):
    """The storages in the file, mapped into memory."""

    def __init__(self, path: Path, program_bytes: int, data_bytes: int, places: dict[str, int]) -> None:
        super().__init__(path, program_bytes, data_bytes)
        self.places = places

    def storage(self, storage: Storage) -> np.ndarray:
        """The numbers of a storage."""
        dtype = STORAGES[storage.kind][0]
        if not storage.size:
            return np.zeros(0, dtype)
        return np.memmap(self.path, dtype, "r", self.places[storage.key], (storage.size,))


class _Limited:
    """A file of which only so much may be read as programs."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.left = file, LARGEST_PICKLE

    def read(self, n: int, /) -> bytes:
        return self._counted(self.file.read(min(n, self.left + 1)))

    def readline(self) -> bytes:
        return self._counted(self.file.readline(self.left + 1))

    def _counted(self, data: bytes) -> bytes:
        self.left -= len(data)
        if self.left < 0:
            raise ValueError("it is too long")
        return data
