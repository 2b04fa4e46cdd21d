"""Reading a chunks file: everything in it is checked before anything is believed.

A file that was cut off, is not ours, or contradicts itself is a `DataError` that says where and what to do.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NoReturn

from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.files import FORMAT, VERSION, ChunkedDocument, Json, Provenance, StoredChunk, StoredNode
from mlxgpt.chunking.levels import Level
from mlxgpt.errors import DataError, nearest

MOST_JSON_BYTES = 1 << 30  # of a .json, which is read whole
MOST_LINE_BYTES = 1 << 26  # of one line of a .jsonl
_LARGEST = 1 << 53  # numbers in JSON are exact up to here
_LEVELS = {level.name.lower(): level for level in Level}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_AGAIN = "Make it again with `mlxgpt chunk --output`."


def read(path: Path) -> Iterator[ChunkedDocument]:
    """The documents of a .json or .jsonl chunks file, one at a time.

    Raises `DataError` for a file that is missing, foreign, cut off, of another version or wrong in itself.
    """
    try:
        if path.exists() and not path.is_file():
            _refuse(path, "it is not a regular file", "Save the chunks as a file first.")
        with path.open("rb") as file:
            found = False
            for document in _documents(file, path):
                found = True
                yield document
            if not found:
                _refuse(path, "it holds no document", "Chunk a file with text in it.")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", hint="Check the path.") from error


def _documents(file: IO[bytes], path: Path) -> Iterator[ChunkedDocument]:
    start = file.readline(1 << 12)
    file.seek(0)
    if not start:
        _refuse(path, "it is empty")
    if re.match(rb'\s*\{"format": ?"[^"]*", ?"version": ?[^,]*, ?"source"', start):
        return _from_lines(file, path)
    if path.stat().st_size > MOST_JSON_BYTES:
        _refuse(path, "a .json of this size would not fit the memory", "Write the chunks as .jsonl.")
    content = _parse(file.read(), path, "")
    _check_kind(content, path)
    if "documents" not in content:
        return _from_lines(_rewound(file), path)  # the header of a .jsonl with its keys in another order
    rows = content["documents"]
    if not isinstance(rows, list):
        _refuse(path, "`documents` is not a list")
    return (_from_object(row, path, f"document {number}") for number, row in enumerate(rows))


def _rewound(file: IO[bytes]) -> IO[bytes]:
    file.seek(0)
    return file


def _from_object(row: Any, path: Path, where: str) -> ChunkedDocument:  # Any: JSON
    if not isinstance(row, dict):
        _refuse(path, f"{where} is not an object")
    reader = _DocumentReader(row, path, where)
    for key, take in (("chunks", reader.chunk), ("nodes", reader.node)):
        rows = row.get(key, [] if key == "nodes" else None)
        if not isinstance(rows, list):
            _refuse(path, f"{where}: `{key}` is not a list")
        for entry in rows:
            take(entry)
    return reader.finish(row)


def _from_lines(file: IO[bytes], path: Path) -> Iterator[ChunkedDocument]:
    reader: _DocumentReader | None = None
    number = 0
    while line := file.readline(MOST_LINE_BYTES + 1):
        number += 1
        where = f"line {number}"
        if len(line) > MOST_LINE_BYTES:
            _refuse(path, f"{where} is longer than {MOST_LINE_BYTES >> 20} MiB")
        if not line.endswith(b"\n"):
            _refuse(path, f"it was cut off in {where}")
        row = _parse(line, path, where)
        if reader is None:
            _check_kind(row, path, where)
            reader = _DocumentReader(row, path, where)
        elif "totals" in row:
            totals = row["totals"]
            if not isinstance(totals, dict):
                _refuse(path, f"{where}: `totals` is not an object")
            if totals.get("chunks") != len(reader.chunks):
                _refuse(path, f"{where} says {_shown(totals.get('chunks'))} chunks, but there are {len(reader.chunks)}")
            yield reader.finish(totals)
            reader = None
        elif "node" in row:
            reader.node(row["node"])
        elif "format" in row:
            _refuse(path, f"a document begins in {where} before the one before has ended")
        else:
            reader.chunk(row)
    if reader is not None:
        _refuse(path, f"it was cut off: after chunk {len(reader.chunks) - 1} the end of the document is missing")


def _parse(data: bytes, path: Path, where: str) -> Json:
    place = f"{where} is" if where else "it is"
    try:
        value = json.loads(data.decode("utf-8"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        _refuse(path, f"{place} not UTF-8 at byte {error.start}")
    except json.JSONDecodeError as error:
        ours = not where and error.doc.startswith(f'{{"format": "{FORMAT}"')
        cut_off = ours and not error.doc.rstrip().endswith("]}")
        _refuse(path, f"{place} " + ("cut off" if cut_off else f"not valid JSON ({error})"))
    except (RecursionError, ValueError):  # thousands of brackets, or of digits
        _refuse(path, f"{place} not what a chunks file holds")
    if not isinstance(value, dict):
        _refuse(path, f"{place} not a JSON object")
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _check_kind(content: Json, path: Path, where: str = "") -> None:
    place = f"{where} has" if where else "it has"
    if content.get("format") != FORMAT:
        _refuse(path, f'it is not a chunks file: {place} no "format": "{FORMAT}"', _AGAIN)
    version = content.get("version")
    if type(version) is not int or version != VERSION:
        hint = f"This mlxgpt reads version {VERSION}; use the version that wrote the file, or chunk again."
        _refuse(path, f"it is a chunks file of version {version!r}", hint)


class _DocumentReader:
    """The rows of one document, checked as they come."""

    def __init__(self, header: Json, path: Path, where: str) -> None:
        self._path = path
        self._where = where
        self.chunks: list[StoredChunk] = []
        self.nodes: list[StoredNode] = []
        tokenizer = header.get("tokenizer")
        if not isinstance(tokenizer, dict):
            _refuse(path, f"{where}: `tokenizer` is not an object")
        self._provenance = Provenance(
            source=self._string(header, "source", where),
            encoding=self._string(header, "encoding", where),
            tokenizer=self._string(tokenizer, "name", f"{where}: tokenizer"),
            fingerprint=self._string(tokenizer, "fingerprint", f"{where}: tokenizer"),
            strategy=self._string(header, "strategy", where),
            options=self._options(header.get("options"), where),
        )
        self._where = f"{where} ({self._provenance.source})"

    def chunk(self, row: Any) -> None:  # Any: JSON
        where = f"{self._where}: chunk {len(self.chunks)}"
        if not isinstance(row, dict):
            _refuse(self._path, f"{where} is not an object")
        last = self.chunks[-1] if self.chunks else None
        if self._number(row, "id", where) != len(self.chunks):
            _refuse(self._path, f"{where} has the id {row['id']}: chunks are missing or out of order")
        start = self._number(row, "start", where, low=last.start if last else 0)
        end = self._number(row, "end", where, low=max(start + 1, last.end if last else 0))
        byte_start = self._number(row, "byte_start", where, low=last.byte_start if last else 0)
        byte_end = self._number(row, "byte_end", where, low=max(byte_start + 1, last.byte_end if last else 0))
        shared = max(0, last.end - start) if last else 0
        overlap = self._number(row, "overlap", where)
        if overlap != shared:
            what = f"says it shares {overlap} characters with the one before, but its start says {shared}"
            _refuse(self._path, f"{where} {what}")
        boundary = self._string(row, "boundary", where)
        if boundary not in _LEVELS:
            _refuse(self._path, f"{where}: there is no boundary {boundary!r}", nearest(boundary, _LEVELS))
        chunk = StoredChunk(
            id=len(self.chunks),
            parent=None if row.get("parent") is None else self._number(row, "parent", where),
            start=start, end=end, byte_start=byte_start, byte_end=byte_end,
            n_tokens=self._number(row, "n_tokens", where),
            boundary=_LEVELS[boundary],
            overlap=overlap,
            text=None if row.get("text") is None else self._string(row, "text", where),
        )  # fmt: skip
        self._check_text(chunk, last, where)
        self.chunks.append(chunk)

    def _check_text(self, chunk: StoredChunk, last: StoredChunk | None, where: str) -> None:
        if chunk.text is None:
            return
        if len(chunk.text) != chunk.end - chunk.start:
            what = f"`text` has {len(chunk.text)} characters, its offsets say {chunk.end - chunk.start}"
            _refuse(self._path, f"{where}: {what}")
        size = len(chunk.text.encode())
        if size != chunk.byte_end - chunk.byte_start:
            what = f"`text` has {size} bytes, its offsets say {chunk.byte_end - chunk.byte_start}"
            _refuse(self._path, f"{where}: {what}")
        if last and last.text is not None and not last.text.endswith(chunk.text[: chunk.overlap]):
            _refuse(self._path, f"{where}: what it shares with the chunk before is not the same text")

    def node(self, row: Any) -> None:  # Any: JSON
        where = f"{self._where}: node {len(self.nodes)}"
        if not isinstance(row, dict):
            _refuse(self._path, f"{where} is not an object")
        if self._number(row, "id", where) != len(self.nodes):
            _refuse(self._path, f"{where} has the id {row['id']}: nodes are missing or out of order")
        parent = None if row.get("parent") is None else self._number(row, "parent", where, high=len(self.nodes) - 1)
        start = self._number(row, "start", where)
        self.nodes.append(
            StoredNode(
                id=len(self.nodes),
                parent=parent,
                kind=self._string(row, "kind", where),
                start=start,
                end=self._number(row, "end", where, low=start),
                n_tokens=self._number(row, "n_tokens", where),
            )
        )

    def finish(self, totals: Json) -> ChunkedDocument:
        """The document, when its totals agree with its rows."""
        where = self._where
        characters, size = self._number(totals, "characters", where), self._number(totals, "bytes", where)
        sha256 = self._string(totals, "sha256", where)
        if not _SHA256.fullmatch(sha256):
            _refuse(self._path, f"{where}: `sha256` is not 64 hexadecimal digits")
        last = self.chunks[-1] if self.chunks else None
        if last and (last.end > characters or last.byte_end > size):
            what = f"chunk {last.id} ends at character {last.end}, byte {last.byte_end}"
            _refuse(self._path, f"{where}: {what}, but the document has {characters} and {size}")
        for node in self.nodes:
            if node.end > characters:
                _refuse(self._path, f"{where}: node {node.id} ends at {node.end} of {characters} characters")
        for chunk in self.chunks:
            if chunk.parent is not None and chunk.parent >= len(self.nodes):
                _refuse(self._path, f"{where}: chunk {chunk.id} has the parent {chunk.parent}, which is no node")
        return ChunkedDocument(
            provenance=self._provenance, sha256=sha256, characters=characters, bytes=size,
            chunks=tuple(self.chunks), nodes=tuple(self.nodes),
        )  # fmt: skip

    def _number(self, row: Json, key: str, where: str, *, low: int = 0, high: int = _LARGEST) -> int:
        value = row.get(key)
        if type(value) is not int:
            _refuse(self._path, f"{where}: `{key}` is {_shown(value)}, not a whole number")
        if not low <= value <= high:
            _refuse(self._path, f"{where}: `{key}` is {value}, which is not in [{low}, {high}]")
        return value

    def _string(self, row: Json, key: str, where: str) -> str:
        value = row.get(key)
        if not isinstance(value, str):
            _refuse(self._path, f"{where}: `{key}` is {_shown(value)}, not a string")
        if any("\ud800" <= character <= "\udfff" for character in value):
            _refuse(self._path, f"{where}: `{key}` has half a surrogate pair")
        return value

    def _options(self, value: Any, where: str) -> dict[str, bool | int | float | str]:  # Any: JSON
        if not isinstance(value, dict) or not all(
            isinstance(entry, (bool, int, float, str)) for entry in value.values()
        ):
            _refuse(self._path, f"{where}: `options` is not an object of plain values")
        return value


def _shown(value: Any) -> str:  # Any: JSON
    text = repr(value)
    return "missing" if value is None else text if len(text) <= 40 else text[:40] + "…"


def _refuse(path: Path, what: str, hint: str = _AGAIN) -> NoReturn:
    raise DataError(f"{path}: {what}.", hint=hint)


# ---- the text of a document ------------------------------------------------------------------------------------------


def text_of(document: ChunkedDocument, path: Path) -> str:
    """The whole text of a document: from its chunks, or from its source when they do not hold it.

    `path` is the chunks file; a source that is not found from here is looked for beside it.  Raises `DataError` when the
    source is missing or is no longer the file that was chunked.
    """
    joined = _joined(document)
    if joined is not None:
        return joined
    source = _find_source(document.provenance.source, path)
    data = source.read_bytes()
    if hashlib.sha256(data).hexdigest() != document.sha256:
        _refuse(path, f"{source} is not the file that was chunked: its sha256 differs", "Chunk it again.")
    for errors in ("replace", "ignore"):  # the same as strict where that was enough
        try:
            text = data.decode(document.provenance.encoding, errors).removeprefix("\ufeff")
        except (LookupError, UnicodeError):
            _refuse(path, f"{source} cannot be decoded as {document.provenance.encoding!r}")
        if len(text) == document.characters:
            return text
    _refuse(path, f"{source} has {len(text)} characters, not {document.characters}", _TEXTS)


def _joined(document: ChunkedDocument) -> str | None:
    parts, done = [], 0
    for chunk in document.chunks:
        if chunk.text is None or chunk.start > done:
            return None
        parts.append(chunk.text[done - chunk.start :])
        done = chunk.end
    return "".join(parts) if done == document.characters else None


def _find_source(source: str, path: Path) -> Path:
    for candidate in (Path(source), path.parent / source, path.parent / Path(source).name):
        if source and candidate.is_file():
            return candidate
    _refuse(path, f"it holds no texts, and its source {source or '(standard input)'} is not there", _TEXTS)


_TEXTS = "Put the source back, or chunk it again with the texts in the file."


def chunks_of(document: ChunkedDocument, text: str) -> list[Chunk]:
    """The chunks of a document with their texts, taken from `text` where the file has none."""
    return [
        Chunk(
            text=text[chunk.start : chunk.end] if chunk.text is None else chunk.text,
            start=chunk.start, end=chunk.end, n_tokens=chunk.n_tokens, level=chunk.boundary, overlap=chunk.overlap,
            parent=chunk.parent,
        )
        for chunk in document.chunks
    ]  # fmt: skip
