"""Checkpoints of PyTorch (.pth, .pt, .bin), read without PyTorch and without running what is in them.

Since PyTorch 1.6 such a file is a zip: a pickle that says how tensors lie in storages, and the storages as raw bytes
(before that, `legacy_pickles`).  `pickle_machine` runs the pickle.

    <root>/data.pkl         the pickle; the name of the root varies
    <root>/data/0, 1, …     a storage each, uncompressed
    <root>/byteorder        "little", in newer files

Sources: torch.serialization; zipfile of the standard library.
"""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np

from mlxgpt.convert import legacy_pickles
from mlxgpt.convert.pickle_machine import LARGEST_PICKLE, STORAGES, Machine, Plain, Storage, Values, damaged, run
from mlxgpt.errors import CheckpointError, ConversionError

# what zipfile raises for damage, in all its parts
_UNREADABLE = (zipfile.BadZipFile, KeyError, EOFError, OSError, NotImplementedError, RuntimeError, ValueError)


def read_pickle(path: Path, without: tuple[str, ...] = ()) -> Any:  # Any: whatever the file's author saved
    """What a checkpoint holds: numbers, strings, lists, dictionaries, and MLX arrays where there were tensors.

    The entries `without` of a dictionary, such as an optimizer's numbers, are left out and not read.  Raises
    `CheckpointError` for a damaged file and `ConversionError` for one that names anything but tensors.
    """
    if not path.is_file():
        raise CheckpointError(
            f"{path} does not exist." if not path.exists() else f"{path} is a folder, not a file of PyTorch.",
            hint="Give the path of a .pt, .pth or .bin file.",
        )
    if legacy_pickles.is_legacy(path):
        return legacy_pickles.read(path, without)
    try:
        archive = zipfile.ZipFile(path)
    except _UNREADABLE:
        raise _no_archive(path) from None
    with archive:
        return _archived(archive, path, without)


def read_plain_pickle(path: Path) -> Any:  # Any: whatever the file's author saved
    """What a pickle without tensors holds, such as nanoGPT's meta.pkl; it may name nothing at all."""
    if not path.is_file():
        raise CheckpointError(f"{path} does not exist, or is no file.")
    if path.stat().st_size > LARGEST_PICKLE:
        damaged(path, f"it has {path.stat().st_size} bytes")
    return run(Plain(io.BytesIO(path.read_bytes()), path))


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
            f"{path} is a pickle, but no checkpoint of PyTorch; nothing of it was run.",
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


def _archived(archive: zipfile.ZipFile, path: Path, without: tuple[str, ...]) -> Any:  # Any: as `read_pickle`
    entries = {entry.filename: entry for entry in archive.infolist()}
    pickles = [name for name in entries if name.endswith("/data.pkl")]
    if len(pickles) != 1 or pickles[0].count("/") != 1:
        damaged(path, "it does not hold one data.pkl")
    root = pickles[0].removesuffix("data.pkl")
    data = sum(entry.file_size for name, entry in entries.items() if name.startswith(f"{root}data/"))
    values = _Archive(path, entries[pickles[0]].file_size, data, archive, root)
    if f"{root}byteorder" in entries and values.bytes("byteorder", 16) != b"little":
        raise ConversionError(f"{path} was written on a big-endian machine.", hint="Save it on another one.")
    program = io.BytesIO(values.bytes("data.pkl", LARGEST_PICKLE))
    return values.plain(run(Machine(program, path)), without)


class _Archive(Values):
    """The storages in a zip."""

    def __init__(self, path: Path, program_bytes: int, data_bytes: int, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(path, program_bytes, data_bytes)
        self.archive, self.root = archive, root
        self.storages: dict[str, np.ndarray] = {}

    def storage(self, storage: Storage) -> np.ndarray:
        """The numbers of a storage, read once."""
        if storage.key not in self.storages:
            data = self.bytes(f"data/{storage.key}", storage.size * STORAGES[storage.kind][0].itemsize)
            if len(data) != storage.size * STORAGES[storage.kind][0].itemsize:
                damaged(self.path, f"the storage {storage.key} has another size")
            self.storages[storage.key] = np.frombuffer(data, STORAGES[storage.kind][0])
        return self.storages[storage.key]

    def bytes(self, name: str, most: int) -> bytes:
        """The bytes of an entry; compressed ones, which PyTorch never writes, may be bombs."""
        try:
            entry = self.archive.getinfo(self.root + name)
            if entry.compress_type != zipfile.ZIP_STORED or entry.flag_bits & 1:
                damaged(self.path, f"{name} is compressed or encrypted")
            if entry.file_size > most:
                damaged(self.path, f"{name} has {entry.file_size} bytes")
            return self.archive.read(entry)
        except _UNREADABLE as error:
            damaged(self.path, f"{name} cannot be read ({error})")
