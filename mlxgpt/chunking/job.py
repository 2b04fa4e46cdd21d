"""The job behind `mlxgpt chunk`: files become chunks, one bad file among many stops nothing, and the second time is quick.

Every file is hashed first: what is known of its text is looked up, the rest is decoded to its end, so that a bad byte there
leaves no half of a document behind, and then cut, block by block.  Blocks are read ahead of the one that is written,
also those of the next files, so that several processes can cut at once; the order stays that of the files.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from mlxgpt.chunking import cache
from mlxgpt.chunking.config import ChunkConfig
from mlxgpt.chunking.cutting import Borders, Crew, Cutter, shift, workers_for
from mlxgpt.chunking.files import Provenance, StoredChunk, Writer
from mlxgpt.chunking.levels import LEVELS
from mlxgpt.chunking.outline import Outline
from mlxgpt.chunking.sources import TextBlock, check_text, first_byte, hash_file, read_blocks
from mlxgpt.errors import DataError
from mlxgpt.events import ChunkingFinished, ChunkingProgressed, ChunkingStarted, Event, FileChunked, FileRefused
from mlxgpt.tokenizer.base import Tokenizer

_SECONDS = 0.2  # between two reports of progress
_TINY = 8  # tokens: no character has more, or a tokenizer is odd


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file to read, and the name it goes under."""

    path: Path
    name: str


@dataclass(slots=True, kw_only=True)
class _Document:
    """A file that is being cut, and what is known of it so far."""

    source: Source
    sha256: str
    key: str
    known: Borders | None  # from the cache
    end_byte: int  # of what is cut so far; the text need not begin at 0
    began: float = field(default_factory=time.monotonic)
    characters: int = 0
    chunks: int = 0
    n_tokens: int = 0
    borders: list[Borders] = field(default_factory=list)  # of the document, to be kept
    outline: Outline = field(default_factory=Outline)


# What the reader hands over, in order: a document begins, its blocks with their chunks, it ends; or a file is refused.
_Step = _Document | tuple[TextBlock, Callable[[], Borders]] | None | FileRefused


class ChunkJob:
    """Iterate over it: a generator of events that writes chunks as it goes."""

    def __init__(
        self,
        sources: Sequence[Source],
        tokenizer: Tokenizer,
        config: ChunkConfig,
        writer: Writer,
        stop: threading.Event | None = None,
    ) -> None:
        self._sources, self._tokenizer, self._config, self._writer = sources, tokenizer, config, writer
        self._stop = stop or threading.Event()
        self._chunker = config.chunker
        self._total = sum(source.path.stat().st_size for source in sources if source.path.is_file())
        self._done = self._chunks = self._tokens = self._files = self._refused = self._hits = 0
        self._began = self._told = time.monotonic()

    def __iter__(self) -> Iterator[Event]:
        workers = workers_for(self._total, self._config.workers)
        yield ChunkingStarted(
            files=len(self._sources), bytes=self._total, strategy=self._config.strategy, workers=workers
        )
        cutter = Cutter(chunker=self._chunker, tokenizer=self._tokenizer, remember=self._config.cached)
        with Crew(cutter, workers) as crew:
            steps = _ahead(self._read(crew), crew.most_waiting)
            for step in steps:
                match step:
                    case FileRefused():
                        self._refused += 1
                        yield step
                    case _Document():
                        yield from self._write(step, steps)
        self._writer.close()
        yield ChunkingFinished(
            files=self._files,
            refused=self._refused,
            cache_hits=self._hits,
            chunks=self._chunks,
            n_tokens=self._tokens,
            bytes=self._done,
            seconds=time.monotonic() - self._began,
            stopped=self._stop.is_set(),
        )

    def _read(self, crew: Crew) -> Iterator[_Step]:
        """All steps, in order; blocks begin to be cut when they are read."""
        for source in self._sources:
            if self._stop.is_set():
                return
            try:
                document = self._survey(source)
            except DataError as error:
                yield FileRefused(path=source.name, message=error.message, hint=error.hint)
                continue
            yield document
            for block in read_blocks(source.path, self._config.decoding, source.name):
                if document.known is None:
                    yield block, crew.begin(block)
                else:
                    yield block, partial(_rows_of, document.known, block)
            yield None

    def _survey(self, source: Source) -> _Document:
        """What has to be known of a file before its first chunk is written; `DataError` if it is no text."""
        sha256 = hash_file(source.path, source.name)
        key = cache.name_of(sha256, self._config.decoding, self._tokenizer.fingerprint, self._chunker)
        known = cache.load(key) if self._config.cached else None
        if known is None:
            check_text(source.path, self._config.decoding, source.name)
            self._check_characters(source)
        first = first_byte(source.path, self._config.decoding, source.name)
        return _Document(source=source, sha256=sha256, key=key, known=known, end_byte=first)

    def _check_characters(self, source: Source) -> None:
        """Raise `DataError` for a character that has more tokens than a chunk may: nothing could be done about it later."""
        if self._chunker.max_size >= _TINY:
            return
        characters: set[str] = set()
        for block in read_blocks(source.path, self._config.decoding, source.name):
            characters |= set(block.text)
        costs = {character: len(self._tokenizer.encode(character)) for character in sorted(characters)}
        most = max(costs, key=costs.__getitem__)
        if costs[most] > self._chunker.max_size:
            raise DataError(
                f"{source.name}: the character {most!r} has {costs[most]} tokens, more than max_size = "
                f"{self._chunker.max_size}.",
                hint=f"Set --max-size to {costs[most]} or more; usual sizes are 128 to 1024.",
            )

    def _write(self, document: _Document, steps: Iterator[_Step]) -> Iterator[Event]:
        """Write a document as its blocks come; it is complete unless the job was stopped."""
        self._writer.begin(
            Provenance(
                source=document.source.name,
                encoding=self._config.encoding,
                tokenizer=self._config.tokenizer,
                fingerprint=self._tokenizer.fingerprint,
                strategy=self._config.strategy,
                options=asdict(self._chunker),  # type: ignore[call-overload]  # every strategy is a dataclass
            )
        )
        for stored in self._chunks_of(document, steps):
            self._writer.add(stored)
            self._chunks += 1
            self._tokens += stored.n_tokens
            if (now := time.monotonic()) - self._told > _SECONDS:
                self._told = now
                yield ChunkingProgressed(
                    path=document.source.name,
                    bytes=self._done + stored.byte_end,
                    total_bytes=self._total,
                    chunks=self._chunks,
                    tokens_per_second=self._tokens / (now - self._began),
                )
        if self._stop.is_set():
            return
        self._writer.end(
            sha256=document.sha256,
            characters=document.characters,
            bytes=document.end_byte,
            nodes=document.outline.nodes if self._chunker.nested else (),
        )
        if document.known is None and self._config.cached:
            cache.save(document.key, np.concatenate(document.borders))
        self._files += 1
        self._hits += document.known is not None
        self._done += document.end_byte
        yield FileChunked(
            path=document.source.name,
            chunks=document.chunks,
            n_tokens=document.n_tokens,
            characters=document.characters,
            bytes=document.end_byte,
            seconds=time.monotonic() - document.began,
            cached=document.known is not None,
        )

    def _chunks_of(self, document: _Document, steps: Iterator[_Step]) -> Iterator[StoredChunk]:
        """The chunks of a document, in order; counts them."""
        for step in steps:
            if not isinstance(step, tuple) or self._stop.is_set():
                return
            block, result = step
            borders = result() + shift(block.start, document.end_byte)
            if document.known is None:
                document.borders.append(borders)
            for start, end, n_tokens, level, overlap, byte_start, byte_end in borders.tolist():
                boundary = LEVELS[level]
                parent = document.outline.follow(start, end, n_tokens, boundary) if self._chunker.nested else None
                text = block.text[start - block.start : end - block.start]
                yield StoredChunk(
                    id=document.chunks, parent=parent, start=start, end=end, byte_start=byte_start, byte_end=byte_end,
                    n_tokens=n_tokens, boundary=boundary, overlap=overlap, text=text,
                )  # fmt: skip
                document.chunks += 1
                document.n_tokens += n_tokens
            document.characters += len(block.text)
            document.end_byte = byte_end


def _ahead(steps: Iterator[_Step], most: int) -> Iterator[_Step]:
    """`steps`, read so far ahead that `most` of them wait."""
    waiting: deque[_Step] = deque()
    for step in steps:
        waiting.append(step)
        if len(waiting) > most:
            yield waiting.popleft()
    yield from waiting


def _rows_of(borders: Borders, block: TextBlock) -> Borders:
    """The rows of one block, counted from its beginning, out of those of the document."""
    first, stop = np.searchsorted(borders[:, 1], [block.start, block.start + len(block.text)], side="right")
    begin = borders[first - 1, 6] if first else borders[0, 5]
    rows: Borders = borders[first:stop] - shift(block.start, begin)
    return rows
