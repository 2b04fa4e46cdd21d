"""Chunks on the disk: what a chunks file holds, and its three writers; `reading` reads it back.

A file holds documents, a document its chunks.  `json` is one object, `jsonl` a line for everything and so readable from a
stream, `txt` only the texts.  All three are written as the chunks come, in constant memory.  `docs/formats.md` has the
schema.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TextIO

from mlxgpt.chunking.levels import Level
from mlxgpt.errors import ConfigError, nearest

FORMAT, VERSION = "mlxgpt-chunks", 1
SEPARATOR, DOCUMENT_END = "<CHUNK>", "<|endoftext|>"  # lines between chunks and behind documents in a .txt

Json = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What was chunked and how.  `options` are those of the strategy, plain values."""

    source: str
    encoding: str = "utf-8"
    tokenizer: str
    fingerprint: str
    strategy: str
    options: Mapping[str, bool | int | float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChunk:
    """A chunk as a file knows it.  `start` and `end` count characters, the bytes those of the text in UTF-8.

    `n_tokens` are the tokens of its text encoded alone; `boundary` is the `Level` of the cut at its end; the first
    `overlap` characters are in the chunk before too; `parent` is the id of a node; `text` is None when it was left out.
    """

    id: int
    parent: int | None = None
    start: int
    end: int
    byte_start: int
    byte_end: int
    n_tokens: int
    boundary: Level
    overlap: int = 0
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredNode:
    """A part of the document that holds chunks or other nodes; `n_tokens` is the sum over its chunks."""

    id: int
    parent: int | None = None
    kind: str
    start: int
    end: int
    n_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkedDocument:
    """A document of a chunks file.  `sha256` is that of the source's bytes, `bytes` the size of its text in UTF-8."""

    provenance: Provenance
    sha256: str
    characters: int
    bytes: int
    chunks: tuple[StoredChunk, ...]
    nodes: tuple[StoredNode, ...] = ()


class Node(Protocol):
    """What the writers need of a node: a `StoredNode`, or one that a strategy made."""

    @property
    def id(self) -> int: ...
    @property
    def parent(self) -> int | None: ...
    @property
    def kind(self) -> str: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def n_tokens(self) -> int: ...


class Writer(Protocol):
    """Writes documents one after the other: `begin`, `add` for each chunk, `end`; and `close` behind the last."""

    def begin(self, provenance: Provenance) -> None:
        """A document begins."""

    def add(self, chunk: StoredChunk) -> None:
        """Its next chunk."""

    def end(self, *, sha256: str, characters: int, bytes: int, nodes: Iterable[Node] = ()) -> None:  # noqa: A002
        """The document ends: what is known only when all of it was read."""

    def close(self) -> None:
        """No document follows.  The stream stays open."""


class JsonWriter:
    """One JSON object, with a line for each chunk."""

    def __init__(self, out: TextIO, *, with_text: bool = True) -> None:
        self._out, self._with_text = out, with_text
        self._documents = self._chunks = 0

    def begin(self, provenance: Provenance) -> None:
        opening = "," if self._documents else f'{{"format": "{FORMAT}", "version": {VERSION}, "documents": ['
        self._out.write(f'{opening}\n{_dumps(_header(provenance))[:-1]}, "chunks": [')
        self._documents, self._chunks = self._documents + 1, 0

    def add(self, chunk: StoredChunk) -> None:
        self._out.write(("," if self._chunks else "") + "\n" + _chunk_line(chunk, self._with_text))
        self._chunks += 1

    def end(self, *, sha256: str, characters: int, bytes: int, nodes: Iterable[Node] = ()) -> None:  # noqa: A002
        rows = [_dumps(_node_row(node)) for node in nodes]
        if rows:
            self._out.write('],\n"nodes": [\n' + ",\n".join(rows))
        self._out.write("],\n" + _dumps({"sha256": sha256, "characters": characters, "bytes": bytes})[1:])

    def close(self) -> None:
        if not self._documents:
            self._out.write(f'{{"format": "{FORMAT}", "version": {VERSION}, "documents": [')
        self._out.write("]}\n")


class JsonLinesWriter:
    """A line for the header of a document, for each chunk, for each node, and for the end of the document."""

    def __init__(self, out: TextIO, *, with_text: bool = True) -> None:
        self._out, self._with_text = out, with_text
        self._chunks = 0

    def begin(self, provenance: Provenance) -> None:
        self._line({"format": FORMAT, "version": VERSION} | _header(provenance))
        self._chunks = 0

    def add(self, chunk: StoredChunk) -> None:
        self._out.write(_chunk_line(chunk, self._with_text) + "\n")
        self._chunks += 1

    def end(self, *, sha256: str, characters: int, bytes: int, nodes: Iterable[Node] = ()) -> None:  # noqa: A002
        for node in nodes:
            self._line({"node": _node_row(node)})
        self._line({"totals": {"chunks": self._chunks, "sha256": sha256, "characters": characters, "bytes": bytes}})

    def close(self) -> None:
        pass

    def _line(self, row: Json) -> None:
        self._out.write(_dumps(row) + "\n")


class TextWriter:
    """The texts only, a line `<CHUNK>` between them.  It cannot be read back: offsets and counts are not in it."""

    def __init__(self, out: TextIO, *, with_text: bool = True) -> None:
        if not with_text:
            raise ConfigError("A .txt holds nothing but the texts of the chunks.", hint="Write json or jsonl instead.")
        self._out = out
        self._chunks = 0

    def begin(self, provenance: Provenance) -> None:
        self._chunks = 0

    def add(self, chunk: StoredChunk) -> None:
        self._out.write((f"\n{SEPARATOR}\n" if self._chunks else "") + (chunk.text or ""))
        self._chunks += 1

    def end(self, *, sha256: str, characters: int, bytes: int, nodes: Iterable[Node] = ()) -> None:  # noqa: A002
        self._out.write(f"\n{DOCUMENT_END}\n")

    def close(self) -> None:
        pass


WRITERS: Mapping[str, type[JsonWriter] | type[JsonLinesWriter] | type[TextWriter]] = {
    "json": JsonWriter,
    "jsonl": JsonLinesWriter,
    "txt": TextWriter,
}


def writer(kind: str, out: TextIO, *, with_text: bool = True) -> Writer:
    """A writer of that kind; `ConfigError` names the nearest."""
    if kind not in WRITERS:
        raise ConfigError(f"Chunks cannot be written as {kind!r}.", hint=nearest(kind, WRITERS))
    return WRITERS[kind](out, with_text=with_text)


def write(out: TextIO, kind: str, documents: Iterable[ChunkedDocument], *, with_text: bool = True) -> None:
    """Write whole documents."""
    chosen = writer(kind, out, with_text=with_text)
    for document in documents:
        chosen.begin(document.provenance)
        for chunk in document.chunks:
            chosen.add(chunk)
        chosen.end(
            sha256=document.sha256, characters=document.characters, bytes=document.bytes, nodes=document.nodes
        )  # fmt: skip
    chosen.close()


def _header(provenance: Provenance) -> Json:
    return {
        "source": provenance.source,
        "encoding": provenance.encoding,
        "tokenizer": {"name": provenance.tokenizer, "fingerprint": provenance.fingerprint},
        "strategy": provenance.strategy,
        "options": dict(provenance.options),
    }


def _chunk_line(chunk: StoredChunk, with_text: bool) -> str:
    """Numbers and words that need no escapes, put together by hand: there may be millions."""
    text = f', "text": {_dumps(chunk.text)}' if with_text and chunk.text is not None else ""
    return (
        f'{{"id": {chunk.id}, "parent": {"null" if chunk.parent is None else chunk.parent}, "start": {chunk.start}, '
        f'"end": {chunk.end}, "byte_start": {chunk.byte_start}, "byte_end": {chunk.byte_end}, '
        f'"n_tokens": {chunk.n_tokens}, "boundary": "{_NAMES[chunk.boundary]}", "overlap": {chunk.overlap}{text}}}'
    )


def _node_row(node: Node) -> Json:
    return {
        "id": node.id, "parent": node.parent, "kind": node.kind, "start": node.start, "end": node.end,
        "n_tokens": node.n_tokens,
    }  # fmt: skip


_NAMES = {level: level.name.lower() for level in Level}
_dumps = json.JSONEncoder(ensure_ascii=False).encode
