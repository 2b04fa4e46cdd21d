"""Sources: files, folders, patterns and standard input become documents, one at a time, never the corpus in memory.

What a file holds is said by its name: `.txt` documents between blank lines, `.md` and `.html` one document, `.jsonl`, `.csv`,
`.tsv` and `.parquet` one in each row.  Any of them but Parquet may be compressed with gzip or Zstandard, which is seen by
its first bytes.  `read` is for the whole, `find` and `read_file` for who wants to go from file to file.
"""

import csv
import glob
import gzip
import io
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

from mlxgpt.data import decoding
from mlxgpt.data.documents import Document, Row, from_row, no_column, parse_json, split_text, whole_text
from mlxgpt.errors import DataError, MissingExtra, nearest

STDIN = "-"
STDIN_NAME = "<stdin>"
_COMPRESSED = (".gz", ".zst")
_LONGEST_LINE = 1 << 24  # bytes; there are corpora of a single line

Refuse = Callable[[DataError], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How to read: the `column` that holds the text (None: `messages` or `text`), and what to do about damage.

    With `repair`, encodings are recognised and mended instead of refused.  `refuse` is told of every file or row that
    cannot be read, and the others go on; without it the first one ends the reading.
    """

    column: str | None = None
    repair: bool = False
    refuse: Refuse | None = None


def read(
    paths: Sequence[str | Path], *, column: str | None = None, repair: bool = False, refuse: Refuse | None = None
) -> Iterator[Document]:
    """The documents of files, folders (recursively, sorted, without what is hidden), glob patterns and `-`, standard input.

    Raises `DataError` for what is missing or unreadable (see `Reading`), and when there is no document at all.
    """
    files = find(paths)
    found = False

    def told(error: DataError) -> None:
        nonlocal found
        found = True
        assert refuse is not None
        refuse(error)

    reading = Reading(column=column, repair=repair, refuse=told if refuse else None)
    for file in files:
        for document in read_file(file, reading):
            found = True
            yield document
    if not found:
        names = ", ".join(map(str, paths))
        what = f"{names} is empty" if len(files) == 1 else f"The {len(files)} files in {names} are empty"
        raise DataError(f"{what}: there is no text to learn from.", hint="Give a file with text in it.")


def find(paths: Sequence[str | Path]) -> list[Path]:
    """The files that are meant, in order, each once; `Path("-")` stands for standard input."""
    found: dict[Path, None] = {}
    for path in map(Path, paths):
        found.update(dict.fromkeys(_files(path)))
    return list(found)


def read_file(path: Path, reading: Reading | None = None) -> Iterator[Document]:
    """The documents of one file that `find` found, numbered from 0."""
    reading = reading or Reading()
    name = STDIN_NAME if str(path) == STDIN else str(path)
    try:
        with _opened(path, name) as file:
            kind = _kind(path, file)
            for index, document in enumerate(FORMATS[kind](file, name, reading)):
                yield replace(document, source=name, index=index)
    except DataError as error:
        if reading.refuse is None:
            raise
        reading.refuse(error)


def _files(path: Path) -> list[Path]:
    if str(path) == STDIN:
        return [path]
    if not path.exists():
        pattern = glob.has_magic(str(path))
        matches = glob.glob(str(path), recursive=True) if pattern else []  # noqa: PTH207  # pathlib's must be relative
        if not matches:
            what = "matches nothing" if pattern else "does not exist"
            raise DataError(f"{path} {what}.", hint=_neighbour(path))
        return [file for match in sorted(matches) for file in _files(Path(match))]
    if not path.is_dir():
        return [path]
    files = sorted(_walk(path), key=lambda file: file.relative_to(path).parts)
    usable = [file for file in files if _suffix(file) in SUFFIXES]
    if not usable:
        others = sorted({file.suffix.lower() or file.name for file in files})[:8]
        has = f"only {', '.join(others)}" if others else "nothing"
        raise DataError(f"{path} holds no {', '.join(SUFFIXES)} file: {has}.", hint="Put files of text in it.")
    return usable


def _suffix(path: Path) -> str:
    """The ending that says what a file holds: that before .gz or .zst."""
    if path.suffix.lower() in _COMPRESSED:
        path = path.with_suffix("")
    return path.suffix.lower()


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below `folder` that is not hidden; linked folders are followed, each folder once."""
    seen: set[str] = set()
    for root, folders, names in os.walk(folder, followlinks=True, onerror=_refuse_folder):
        real = os.path.realpath(root)
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith("."))
        if real not in seen:
            yield from (Path(root, name) for name in names if not name.startswith("."))
        seen.add(real)


def _kind(path: Path, file: IO[bytes]) -> str:
    """What an open file holds; standard input is JSON lines when it begins with a brace."""
    if str(path) == STDIN:
        return ".jsonl" if file.peek(1).lstrip().startswith(b"{") else ".txt"  # type: ignore[attr-defined]  # buffered
    suffix = _suffix(path)
    return suffix if suffix in FORMATS else ".txt"


# ---- the formats -----------------------------------------------------------------------------------------------------


def _lines(file: IO[bytes], name: str, reading: Reading, longest: int = -1) -> tuple[str, Iterator[str]]:
    """The encoding of a file, and its lines."""
    if reading.repair:
        return decoding.repair(file, longest)
    return "utf-8", decoding.strict(file, name, longest)


def _read_text(file: IO[bytes], name: str, reading: Reading) -> Iterator[Document]:
    encoding, lines = _lines(file, name, reading, _LONGEST_LINE)
    for number, text in enumerate(split_text(lines), start=1):
        yield Document(text=text, source=name, place=f"document {number}", encoding=encoding)


def _read_whole(file: IO[bytes], name: str, reading: Reading) -> Iterator[Document]:
    """One document: blank lines are only layout here."""
    encoding, lines = _lines(file, name, reading, _LONGEST_LINE)
    for text in whole_text(lines):
        yield Document(text=text, source=name, encoding=encoding)


def _read_json_lines(file: IO[bytes], name: str, reading: Reading) -> Iterator[Document]:
    encoding, lines = _lines(file, name, reading)
    return _documents(_json_rows(lines, name), name, reading, place="line", encoding=encoding)


def _json_rows(lines: Iterable[str], name: str) -> Iterator[tuple[int, Row | DataError]]:
    for number, line in enumerate(lines, start=1):
        if line.strip():
            try:
                row: Row | DataError = parse_json(line, f"{name}:{number}")
            except DataError as error:
                row = error
            yield number, row


def _read_csv(file: IO[bytes], name: str, reading: Reading, delimiter: str = ",") -> Iterator[Document]:
    encoding, lines = _lines(file, name, reading)
    return _documents(_csv_rows(lines, name, delimiter), name, reading, place="line", encoding=encoding)


def _csv_rows(lines: Iterable[str], name: str, delimiter: str) -> Iterator[tuple[int, Row | DataError]]:
    csv.field_size_limit(1 << 30)  # its default, 128 kB, is less than many a text
    reader = csv.DictReader(lines, delimiter=delimiter, restkey="")
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{name}:{reader.line_num} is not valid CSV: {error}", hint="Mend the line.") from None


def _read_parquet(file: IO[bytes], name: str, reading: Reading) -> Iterator[Document]:
    return _documents(_parquet_rows(file, name, reading), name, reading, place="row")


def _parquet_rows(file: IO[bytes], name: str, reading: Reading) -> Iterator[tuple[int, Row | DataError]]:
    try:
        import pyarrow  # an extra, and slow to import
        from pyarrow import parquet
    except ImportError:
        raise _missing("Parquet", "pyarrow", name) from None
    try:
        table = parquet.ParquetFile(file)
        column = _column(table.schema_arrow.names, name, reading)
        rows = (value for batch in table.iter_batches(256, columns=[column]) for value in batch.column(0).to_pylist())
        for number, value in enumerate(rows, start=1):
            yield number, {column: value}
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{name} is damaged or no Parquet file: {error}", hint="Copy or download it again.") from error


def _documents(
    rows: Iterable[tuple[int, Row | DataError]], name: str, reading: Reading, *, place: str, encoding: str = "utf-8"
) -> Iterator[Document]:
    """The documents of numbered rows; the first row says whether the column is there at all."""
    checked = False
    for number, row in rows:
        if not checked and not isinstance(row, DataError):
            _column(row, f"{name}:{number}", reading)
            checked = True
        try:
            if isinstance(row, DataError):
                raise row
            document = from_row(row, f"{name}:{number}", reading.column, repair=reading.repair)
        except DataError as error:
            if reading.refuse is None:
                raise
            reading.refuse(error)
            continue
        if document is not None:
            yield replace(document, place=f"{place} {number}", encoding=encoding)


def _column(names: Iterable[str], where: str, reading: Reading) -> str:
    """The one of `names` that holds the text."""
    names = list(names)
    wanted = [reading.column] if reading.column else ["messages", "text"]
    for column in wanted:
        if column in names:
            return column
    raise no_column(where, reading.column, names)


FORMATS: Mapping[str, Callable[[IO[bytes], str, Reading], Iterator[Document]]] = {
    ".txt": _read_text,
    ".md": _read_whole,
    ".html": _read_whole,
    ".htm": _read_whole,
    ".jsonl": _read_json_lines,
    ".ndjson": _read_json_lines,
    ".csv": _read_csv,
    ".tsv": partial(_read_csv, delimiter="\t"),
    ".parquet": _read_parquet,
}
SUFFIXES = tuple(suffix for suffix in FORMATS if suffix not in (".html", ".htm"))  # what is read in a folder


# ---- opening ---------------------------------------------------------------------------------------------------------


@contextmanager
def _opened(path: Path, name: str) -> Iterator[IO[bytes]]:
    """A file to read, decompressed; what goes wrong until it is closed becomes a `DataError`."""
    if str(path) != STDIN and path.exists() and not path.is_file():  # a pipe would wait for ever
        raise DataError(f"{path} is not a regular file.", hint="Save its content as a file first.")
    try:
        with ExitStack() as stack:
            raw = sys.stdin.buffer if str(path) == STDIN else stack.enter_context(path.open("rb"))
            yield stack.enter_context(_decompressed(raw, name))
    except OSError as error:  # also gzip.BadGzipFile
        raise DataError(
            f"{name} cannot be read: {error.strerror or error}.", hint="Mend or remove it, then try again."
        ) from error
    except (EOFError, zlib.error) as error:
        raise _damaged(name, "compressed", error) from error


@contextmanager
def _decompressed(raw: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    beginning = raw.peek(4)[:4]  # type: ignore[attr-defined]  # both kinds of file are buffered
    if beginning.startswith(b"\x1f\x8b"):
        with gzip.open(raw) as file:
            yield cast("IO[bytes]", file)
    elif beginning == b"\x28\xb5\x2f\xfd":
        try:
            import zstandard  # an extra
        except ImportError:
            raise _missing("Zstandard", "zstandard", name) from None
        try:
            yield io.BufferedReader(_Zstandard(raw, zstandard.ZstdDecompressor().decompressobj))
        except zstandard.ZstdError as error:
            raise _damaged(name, "zstd", error) from error
    else:
        yield raw


class _Zstandard(io.RawIOBase):
    """A file of Zstandard frames; unlike the package's own reader it notices that the end is missing."""

    def __init__(self, raw: IO[bytes], new_frame: Callable[[], Any]) -> None:
        self._raw, self._new_frame = raw, new_frame
        self._frame: Any = None  # what `zstandard` has no types for
        self._data = io.BytesIO()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]  # what io passes is a buffer
        while not (data := self._data.read(len(view))):
            rest = self._frame.unused_data if self._frame is not None and self._frame.eof else b""
            coded = rest or self._raw.read(1 << 16)
            if not coded and (self._frame is None or self._frame.eof):
                return 0
            if not coded:
                raise EOFError("the end is missing")
            if self._frame is None or self._frame.eof:
                self._frame = self._new_frame()
            self._data = io.BytesIO(self._frame.decompress(coded))
        view[: len(data)] = data
        return len(data)


def _damaged(name: str, kind: str, error: Exception) -> DataError:
    return DataError(f"{name} is damaged or cut off: {error} ({kind}).", hint="Copy or download it again.")


def _missing(what: str, package: str, name: str) -> MissingExtra:
    return MissingExtra(
        f"{name} is {what}, which needs the package {package}.",
        hint="Install it: MLXGPT_EXTRAS=data ./scripts/mlxgpt …",
    )


def _neighbour(path: Path) -> str:
    """Where a missing path may be instead."""
    try:
        return nearest(
            path.name, [entry.name for entry in path.parent.iterdir() if not entry.name.startswith(".")][:50]
        )
    except OSError:
        return f"The folder {path.parent} does not exist either."


def _refuse_folder(error: OSError) -> None:
    raise DataError(f"{error.filename} cannot be read: {error.strerror}.", hint="Check its permissions.") from error
