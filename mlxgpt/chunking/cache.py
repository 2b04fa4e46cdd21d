"""Results that were found before: where each chunk of a text begins and ends, under a name made of all that decides it.

The name is a SHA-256 over the file's bytes, how they are decoded, the tokenizer's fingerprint, the strategy with its options,
and the version of this code.  The texts are not kept: they are in the file, whose bytes are known to be the same.
"""

import hashlib
import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mlxgpt import whole
from mlxgpt.backend import places
from mlxgpt.chunking.base import Chunker
from mlxgpt.chunking.cutting import COLUMNS, Borders
from mlxgpt.chunking.sources import Decoding

VERSION = 2  # raise it when a strategy gives other chunks for the same options
LARGEST_BYTES = 1 << 28  # of all results together; the least recently used go first


def name_of(sha256: str, decoding: Decoding, fingerprint: str, chunker: Chunker) -> str:
    """The name of a result."""
    options: dict[str, Any] = asdict(chunker)  # type: ignore[call-overload]  # every strategy is a dataclass
    parts = [VERSION, sha256, asdict(decoding), fingerprint, type(chunker).__name__, options]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def load(name: str) -> Borders | None:
    """The rows of a result, in characters of the document; None when there is none, or it is damaged."""
    path = _path(name)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            borders = arrays["borders"]
        path.touch()  # used just now
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    return borders if borders.dtype == np.int64 and borders.ndim == 2 and borders.shape[1] == COLUMNS else None


def save(name: str, borders: Borders) -> None:
    """Keep a result; a cache that cannot be written is no error."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, borders=borders)
    try:
        _path(name).parent.mkdir(parents=True, exist_ok=True)
        whole.write_bytes(_path(name), buffer.getvalue())
        _trim(_path(name).parent)
    except OSError:
        return


def _path(name: str) -> Path:
    return places.caches() / "chunks" / f"{name}.npz"


def _trim(folder: Path) -> None:
    """Remove the least recently used results beyond the limit."""
    known = sorted(((path.stat().st_mtime, path.stat().st_size, path) for path in folder.glob("*.npz")), reverse=True)
    kept = 0
    for _, size, path in known:
        kept += size
        if kept > LARGEST_BYTES:
            path.unlink(missing_ok=True)
