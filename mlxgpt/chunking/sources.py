"""A file of text as blocks, with where each begins, never more than a few blocks in memory.

Line ends stay what they are, so offsets are those of the file on the disk.  Bytes are counted in UTF-8: in a file of that
encoding they are the file's own, a byte order mark included, which is no text.
"""

import codecs
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from mlxgpt.chunking.blocks import split_blocks
from mlxgpt.errors import ConfigError, DataError

_READ_BYTES = 1 << 20
ERRORS = ("strict", "replace", "ignore")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoding:
    """How bytes become text: a codec's name, and what to do with bytes that are none."""

    encoding: str = "utf-8"
    errors: str = "strict"

    def __post_init__(self) -> None:
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ConfigError(
                f"There is no encoding {self.encoding!r}.", hint="Usual ones are utf-8, cp1252, latin-1 and utf-16."
            ) from None
        if self.errors not in ERRORS:
            raise ConfigError(
                f"errors = {self.errors!r} is not known.",
                hint="strict stops at a bad byte, replace writes U+FFFD for it, ignore leaves it out.",
            )

    @property
    def utf8(self) -> bool:
        """True for UTF-8 under any of its names."""
        return codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextBlock:
    """A block of a file, and where it begins; `last` when nothing follows."""

    text: str
    start: int  # characters
    last: bool


def hash_file(path: Path, name: str) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with _opened(path, name) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_text(path: Path, decoding: Decoding, name: str) -> None:
    """Raise `DataError` unless the whole file is text, and says which byte is not; an empty one is none."""
    with _opened(path, name) as file:
        if sum(len(text) for text in _texts(file, name, decoding)) == 0:
            raise DataError(f"{name} is empty.", hint="There is nothing to cut.")


def read_blocks(path: Path, decoding: Decoding, name: str) -> Iterator[TextBlock]:
    """The blocks of a file, none for an empty one; `name` is what errors call it."""
    with _opened(path, name) as file:
        start, waiting = 0, ""
        for text in split_blocks(_texts(file, name, decoding)):
            if waiting:
                yield TextBlock(text=waiting, start=start, last=False)
                start += len(waiting)
            waiting = text
        if waiting:
            yield TextBlock(text=waiting, start=start, last=True)


def first_byte(path: Path, decoding: Decoding, name: str) -> int:
    """Where the text begins: 3 behind a byte order mark of UTF-8."""
    with _opened(path, name) as file:
        return 3 if decoding.utf8 and file.peek(3).startswith(codecs.BOM_UTF8) else 0


@contextmanager
def _opened(path: Path, name: str) -> Iterator[BufferedReader]:
    """A file to read; `DataError` where there is none."""
    if not path.exists():
        raise DataError(f"{name} does not exist.", hint="Check the path.")
    if not path.is_file():  # a pipe would wait for ever
        raise DataError(f"{name} is not a regular file.", hint="Give a folder with --dir; a pipe as standard input.")
    try:
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise DataError(f"{name} cannot be read: {error.strerror}.", hint="Check its permissions.") from error


def _texts(file: BufferedReader, name: str, decoding: Decoding) -> Iterator[str]:
    """The text of a file in pieces, without a byte order mark."""
    decoder = codecs.getincrementaldecoder(decoding.encoding)(decoding.errors)
    offset, first = 0, True
    while True:
        data = file.read(_READ_BYTES)
        pending = len(decoder.getstate()[0])  # bytes of a character that the last piece cut in two
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            raise _not_text(error, offset - pending + error.start, name, decoding) from None
        if first:
            text = text.removeprefix("\ufeff")
            first = not text
        zero = text.find("\0")
        if zero >= 0 and decoding.errors == "strict":
            raise DataError(
                f"{name} is not text: it has a NUL near byte {offset - pending + len(text[:zero].encode()):,}.",
                hint="It may be a binary file, or UTF-16 (--encoding utf-16); --errors replace takes it as it is.",
            )
        yield text
        if not data:
            return
        offset += len(data)


def _not_text(error: UnicodeDecodeError, at: int, name: str, decoding: Decoding) -> DataError:
    """What to say about the byte that `error` found at byte `at` of the file."""
    if decoding.utf8 and at == 0 and error.object[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return DataError(f"{name} is UTF-16, not UTF-8.", hint="Add --encoding utf-16.")
    if b"\0" in error.object:
        return DataError(
            f"{name} is no text: it holds NULs and bytes that are not {decoding.encoding}.",
            hint="It is probably a program, picture or archive; --errors replace takes it as it is.",
        )
    return DataError(
        f"{name} is not {decoding.encoding}: byte {at:,} is 0x{error.object[error.start]:02x}.",
        hint="Give its encoding with --encoding, as in --encoding cp1252, or go on with --errors replace.",
    )
