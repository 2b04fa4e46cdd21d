"""A shard: the tokens of many documents in one file, mapped into memory and never read as a whole; docs/formats.md has it
byte by byte.

    header   256 bytes: magic, version, bytes per token, counts, the tokenizer's fingerprint, checksums
    tokens   each document followed by <EOS>, 16 bits each where the vocabulary allows it, else 32
    mask     only where there are chats: 1 for a token to be predicted
    index    one row for each document: where it ends, in tokens and in bytes of text, and its source

A shard is written whole or not at all, and knows when it is damaged: the header is checked against its own checksum and the
file's size, the rest against the header's.  `bins` reads the raw files of other programs.
"""

import hashlib
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlxgpt import whole
from mlxgpt.errors import DataError

MAGIC = b"MLXGPTSH"
VERSION = 1
HEADER_BYTES = 256
_FIELDS = struct.Struct("<8sIIIIQQQ32s32s")  # what stands in the header before its own checksum
_HAS_MASK = 1

TOKEN_TYPES: dict[int, np.dtype[np.uint16] | np.dtype[np.uint32]] = {2: np.dtype("<u2"), 4: np.dtype("<u4")}
# `end` and `byte_end` count the tokens and the bytes of text of the shard up to the end of the document.
INDEX = np.dtype([("end", "<u8"), ("byte_end", "<u8"), ("source", "<u4"), ("reserved", "<u4")])

Index = npt.NDArray[np.void]  # of dtype INDEX


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the first 256 bytes of a shard say; `body` is the SHA-256 of all that follows them."""

    token_bytes: int
    masked: bool
    tokens: int
    documents: int
    text_bytes: int
    tokenizer: str  # fingerprint
    body: str = ""

    @property
    def mask_start(self) -> int:
        return HEADER_BYTES + _padded(self.tokens * self.token_bytes)

    @property
    def index_start(self) -> int:
        return self.mask_start + (_padded(self.tokens) if self.masked else 0)

    @property
    def file_bytes(self) -> int:
        return self.index_start + self.documents * INDEX.itemsize

    def pack(self) -> bytes:
        """The bytes of it, its own checksum last."""
        fields = _FIELDS.pack(
            MAGIC, VERSION, self.token_bytes, _HAS_MASK if self.masked else 0, 0,
            self.tokens, self.documents, self.text_bytes, bytes.fromhex(self.tokenizer), bytes.fromhex(self.body),
        )  # fmt: skip
        padded = fields.ljust(HEADER_BYTES - 32, b"\0")
        return padded + hashlib.sha256(padded).digest()


def token_bytes_for(vocab_size: int) -> int:
    """2 where every id fits into 16 bits, else 4."""
    return 2 if vocab_size <= 1 << 16 else 4


# ---- writing ---------------------------------------------------------------------------------------------------------


def write_shard(
    path: Path, header: Header, tokens: Iterable[bytes], mask: Iterable[bytes], index: Iterable[bytes]
) -> Header:
    """Write a shard, whole or not at all; what it returns is `header` with the checksum of the body."""
    digest = hashlib.sha256()
    with whole.binary_draft(path) as (file, keep):
        file.write(bytes(HEADER_BYTES))
        for part, size in (
            (tokens, header.tokens * header.token_bytes),
            (mask if header.masked else (), header.tokens if header.masked else 0),
            (index, header.documents * INDEX.itemsize),
        ):
            written = 0
            for data in part:
                file.write(data)
                digest.update(data)
                written += len(data)
            assert written == size, f"{path}: {written} bytes where the header says {size}"
            padding = bytes(_padded(size) - size)
            file.write(padding)
            digest.update(padding)
        finished = Header(
            token_bytes=header.token_bytes, masked=header.masked, tokens=header.tokens, documents=header.documents,
            text_bytes=header.text_bytes, tokenizer=header.tokenizer, body=digest.hexdigest(),
        )  # fmt: skip
        file.seek(0)
        file.write(finished.pack())
        keep()
    return finished


# ---- reading ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """A file whose header was checked; the arrays are views of it, read-only and in memory only where they are looked at."""

    path: Path
    header: Header

    def tokens(self) -> npt.NDArray[np.uint16 | np.uint32]:
        """All ids.  (N,)"""
        return self._array(TOKEN_TYPES[self.header.token_bytes], HEADER_BYTES, self.header.tokens)

    def mask(self) -> npt.NDArray[np.uint8] | None:
        """1 where an id is to be predicted; None where all are.  (N,)"""
        if not self.header.masked:
            return None
        return self._array(np.dtype(np.uint8), self.header.mask_start, self.header.tokens)

    def index(self) -> Index:
        """A row for each document.  (P,)"""
        return self._array(INDEX, self.header.index_start, self.header.documents)

    def _array(self, dtype: npt.DTypeLike, offset: int, count: int) -> npt.NDArray:  # type: ignore[type-arg]
        if count == 0:
            return np.zeros(0, dtype)  # an empty range cannot be mapped
        return np.memmap(self.path, dtype, "r", offset, (count,))

    def verify(self) -> None:
        """Read everything and compare it with the checksum; `DataError` when a bit has changed, or the index is no index."""
        with self.path.open("rb") as file:
            file.seek(HEADER_BYTES)
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != self.header.body:
            raise damaged(self.path, "its checksum is not the one it was written with")
        ends = self.index()["end"]
        if len(ends) and (int(ends[-1]) != self.header.tokens or bool((ends[1:] < ends[:-1]).any())):
            raise damaged(self.path, "its index does not fit its tokens")


def open_shard(path: Path) -> Shard:
    """A shard, its header and size checked; `DataError` for a file that is cut off, foreign or of another version."""
    try:
        with path.open("rb") as file:
            data = file.read(HEADER_BYTES)
            size = os.fstat(file.fileno()).st_size
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", hint="Restore it, or build again.") from error
    if data[: len(MAGIC)] != MAGIC:
        raise DataError(
            f"{path} is no shard of mlxgpt: it begins with {data[:8]!r}, not with {MAGIC!r}.",
            hint="Build one with mlxgpt data build; raw ids as nanoGPT writes them are read from files named *.bin.",
        )
    if len(data) < HEADER_BYTES:
        raise damaged(path, f"it ends in its header, after {size} bytes")
    version = int.from_bytes(data[8:12], "little")
    if version != VERSION:
        raise DataError(
            f"{path} is a shard of version {version}; this mlxgpt reads version {VERSION}.",
            hint="Build it again from its sources, or use the mlxgpt that wrote it.",
        )
    if hashlib.sha256(data[:-32]).digest() != data[-32:]:
        raise damaged(path, "its header does not match its checksum")
    _, _, token_bytes, flags, _, tokens, documents, text_bytes, tokenizer, body = _FIELDS.unpack(data[: _FIELDS.size])
    header = Header(
        token_bytes=token_bytes, masked=bool(flags & _HAS_MASK), tokens=tokens, documents=documents,
        text_bytes=text_bytes, tokenizer=tokenizer.hex(), body=body.hex(),
    )  # fmt: skip
    if token_bytes not in TOKEN_TYPES:
        raise damaged(path, f"its tokens have {token_bytes} bytes")
    if size != header.file_bytes:
        raise damaged(path, f"it has {size:,} bytes, and its header says {header.file_bytes:,}")
    return Shard(path=path, header=header)


def damaged(path: Path, what: str) -> DataError:
    """What to say of a file that is not what was written."""
    return DataError(f"{path} is damaged or cut off: {what}.", hint="Copy it again from its source, or build it again.")


def _padded(size: int) -> int:
    """`size` up to the next multiple of 8, where the next part begins."""
    return -(-size // 8) * 8
