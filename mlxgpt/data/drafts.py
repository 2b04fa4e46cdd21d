"""A shard that grows: three plain files in a folder, which a crash may leave too long but never too short.

`position` says how long they are; a build that continues cuts them back to it.
"""

import os
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlxgpt.data.shards import INDEX, TOKEN_TYPES, Header, damaged, write_shard

_ROW = struct.Struct("<QQII")  # of the index
_COPY_BYTES = 1 << 20


class Draft:
    """The tokens, the mask and the index of a shard that is not complete."""

    def __init__(self, folder: Path, name: str, tokenizer: str, token_bytes: int) -> None:
        self.paths = [folder / f"{name}.{part}" for part in ("tokens", "mask", "index")]
        self._tokenizer, self.token_bytes = tokenizer, token_bytes
        self._open = ExitStack()
        self._files = [self._open.enter_context(path.open("ab")) for path in self.paths]
        self.tokens = self.documents = self.text_bytes = 0
        self._masked = False

    def add(
        self, ids: npt.NDArray[np.integer], mask: npt.NDArray[np.uint8] | None, text_bytes: int, source: int
    ) -> None:
        """One document, with its <EOS>."""
        tokens, masks, index = self._files
        if mask is not None and not self._masked:
            masks.write(b"\1" * self.tokens)
            self._masked = True
        if self._masked:
            masks.write(b"\1" * len(ids) if mask is None else mask.tobytes())
        tokens.write(ids.astype(TOKEN_TYPES[self.token_bytes]).tobytes())
        self.tokens += len(ids)
        self.documents += 1
        self.text_bytes += text_bytes
        index.write(_ROW.pack(self.tokens, self.text_bytes, source, 0))

    @property
    def bytes(self) -> int:
        """Of its tokens."""
        return self.tokens * self.token_bytes

    def position(self) -> dict[str, int]:
        """Where it stands, once everything so far is on the disk."""
        for file in self._files:
            file.flush()
            os.fsync(file.fileno())
        return {
            "tokens": self.tokens, "documents": self.documents, "text_bytes": self.text_bytes,
            "masked": int(self._masked),
        }  # fmt: skip

    def go_to(self, position: dict[str, int]) -> None:
        """Cut everything off that was written after `position`."""
        self.tokens, self.documents = position["tokens"], position["documents"]
        self.text_bytes, self._masked = position["text_bytes"], bool(position["masked"])
        sizes = self.bytes, self.tokens if self._masked else 0, self.documents * INDEX.itemsize
        for file, path, size in zip(self._files, self.paths, sizes, strict=True):
            file.flush()
            if path.stat().st_size < size:
                raise damaged(path, f"it has fewer than {size:,} bytes")
            os.truncate(path, size)

    def finish(self, path: Path) -> Header:
        """Write it as a shard; it stays as it is until `go_to` empties it."""
        for file in self._files:
            file.flush()
        header = Header(
            token_bytes=self.token_bytes, masked=self._masked, tokens=self.tokens, documents=self.documents,
            text_bytes=self.text_bytes, tokenizer=self._tokenizer,
        )  # fmt: skip
        return write_shard(path, header, *map(_parts, self.paths))

    def close(self) -> None:
        """Let go of the files, of each one even if another cannot be written any more."""
        self._open.close()


EMPTY = {"tokens": 0, "documents": 0, "text_bytes": 0, "masked": 0}


def _parts(path: Path) -> Iterator[bytes]:
    """The content of a file in pieces."""
    with path.open("rb") as file:
        read: Callable[[], bytes] = lambda: file.read(_COPY_BYTES)  # noqa: E731  iter wants a function
        yield from iter(read, b"")
