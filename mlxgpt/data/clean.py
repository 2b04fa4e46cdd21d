"""The job behind `mlxgpt data clean`: documents in, clean documents out, and a reason for each that was dropped.

    read (here) -> mend (workers) -> count lines, keep aside (here) -> judge, mark (workers) -> drop duplicates, write (here)

Lines that belong to many documents are known only when all were read, so mended documents wait in a temporary file; without
that rule there is one pass, and the first document comes out at once.  The number of workers changes nothing in what comes out.
"""

import dataclasses
import json
import pickle
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TextIO

from mlxgpt.chunking.cutting import workers_for
from mlxgpt.data.cleaning.boilerplate import Survey
from mlxgpt.data.cleaning.cleaner import BOILERPLATE, RULES, Cleaner, Dropped, Kept
from mlxgpt.data.cleaning.config import CleaningConfig
from mlxgpt.data.dedup import Duplicates, Marker
from mlxgpt.data.documents import MARK, Document
from mlxgpt.data.sources import STDIN, Reading, find, read_file
from mlxgpt.data.workers import Workers
from mlxgpt.errors import ConfigError, DataError
from mlxgpt.events import CleaningFinished, CleaningProgressed, CleaningStarted, DocumentDropped, Event, FileRefused
from mlxgpt.outputs import destination, opened

_BATCH_CHARACTERS, _BATCH_DOCUMENTS = 1 << 18, 500
_SECONDS = 0.5  # between two reports of progress
_EXCERPT = 120  # characters

Judged = tuple[Kept | Dropped, tuple[bytes, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanJobConfig:
    """What `clean` does; `output` is a .jsonl or a .txt, None for standard output, and `rejects` gets what was dropped."""

    cleaning: CleaningConfig = field(default_factory=CleaningConfig)
    column: str | None = None
    dedup: tuple[str, ...] = ()
    similarity: float = 0.7
    output: Path | None = None
    rejects: Path | None = None
    workers: int = 0


def clean(
    paths: Sequence[str | Path], config: CleanJobConfig, *, stop: threading.Event | None = None
) -> Iterator[Event]:
    """Clean the documents of files, folders, patterns and standard input.

    A file or a row that cannot be read is an event, and the others go on.  Raises `DataError` when there is no document at all,
    and `ConfigError` for settings that do not exist, before anything is written.
    """
    write = _writer(config.output)
    files = find(paths)
    output, aside = (path and destination(path, files) for path in (config.output, config.rejects))
    if output is not None and output == aside:
        raise ConfigError(f"{output} cannot hold both what is kept and what is dropped.", hint="Give two files.")
    job = _Job(files, config, write, stop or threading.Event())
    with ExitStack() as stack:
        out, keep = stack.enter_context(opened(output))
        rejects, keep_rejects = stack.enter_context(opened(aside)) if aside else (None, _nothing)
        yield from job.run(out, rejects)
        if not job.documents and not job.refused:
            raise DataError(f"There is no text in {', '.join(map(str, paths))}.", hint="Give files with text in them.")
        if not job.stopped:
            keep()
            keep_rejects()
    yield job.finished()


@dataclass(frozen=True, slots=True)
class _Mend:
    """What a worker does first."""

    cleaner: Cleaner

    def __call__(self, documents: Sequence[Document]) -> list[Kept]:
        return [self.cleaner.mend(document) for document in documents]


@dataclass(frozen=True, slots=True)
class _Judge:
    """What a worker does then: decide, and mark what stays for the search for duplicates."""

    cleaner: Cleaner
    markers: tuple[Marker, ...]

    def __call__(self, mended: Sequence[Kept]) -> list[Judged]:
        return [self._judge(kept) for kept in mended]

    def _judge(self, kept: Kept) -> Judged:
        outcome = self.cleaner.judge(kept)
        if isinstance(outcome, Dropped):
            return outcome, ()
        text = "\n".join(outcome.document.texts)
        return outcome, tuple(marker.mark(text) for marker in self.markers)


@dataclass(frozen=True, slots=True)
class _Both:
    """Both at once, when nothing has to be known of all documents."""

    mend: _Mend
    judge: _Judge

    def __call__(self, documents: Sequence[Document]) -> list[Judged]:
        return self.judge(self.mend(documents))


class _Job:
    """One run over the files; counts as it goes."""

    def __init__(
        self, files: Sequence[Path], config: CleanJobConfig, write: Callable[[Document], str], stop: threading.Event
    ) -> None:
        self._files, self._config, self._write, self._stop = files, config, write, stop
        self._cleaner = Cleaner(config=config.cleaning)
        self._duplicates = Duplicates(config.dedup, config.similarity)
        self._sizes = [0 if str(file) == STDIN or not file.is_file() else file.stat().st_size for file in files]
        self._waiting: list[FileRefused] = []  # to be yielded
        self._read_bytes = 0.0  # of the files
        self._began = self._told = time.monotonic()
        self._changed: dict[str, int] = {}
        self._dropped: dict[str, int] = {}
        self.documents = self.refused = self._kept = self._characters = self._characters_kept = 0

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def run(self, out: TextIO, rejects: TextIO | None) -> Iterator[Event]:
        """Clean everything; yields what happens."""
        workers = workers_for(sum(self._sizes), self._config.workers)
        yield CleaningStarted(files=len(self._files), bytes=sum(self._sizes), workers=workers)
        mend = _Mend(self._cleaner)
        if not self._surveys:
            with Workers(_Both(mend, _Judge(self._cleaner, self._duplicates.markers)), workers) as crew:
                for _, judged in crew.map((None, batch) for batch in self._batches()):
                    yield from self._take(judged, out, rejects, share=self._share)
            yield from self._refusals()
            return
        survey = Survey()
        with tempfile.TemporaryFile(prefix="mlxgpt-") as aside:
            with Workers(mend, workers) as first:
                for _, mended in first.map((None, batch) for batch in self._batches()):
                    for kept in mended:
                        if not kept.document.messages:
                            survey.observe(kept.document.text)
                    pickle.dump(mended, aside)
                    yield from self._refusals()
                    yield from self._progress(self._share / 2, documents=survey.documents)
            yield from self._refusals()
            if self.stopped:
                return
            cleaner = dataclasses.replace(self._cleaner, boilerplate=survey.lines(self._config.cleaning))
            size = aside.tell()
            aside.seek(0)
            with Workers(_Judge(cleaner, self._duplicates.markers), workers) as second:
                for at, judged in second.map(_stored(aside, size)):
                    yield from self._take(judged, out, rejects, share=0.5 + at / size / 2)

    def finished(self) -> CleaningFinished:
        """The sums."""
        return CleaningFinished(
            documents=self.documents, kept=self._kept, refused=self.refused, changed=_in_order(self._changed),
            dropped=_in_order(self._dropped), characters=self._characters, characters_kept=self._characters_kept,
            memory_bytes=self._duplicates.memory_bytes if self._duplicates.kinds else 0,
            seconds=time.monotonic() - self._began, stopped=self.stopped,
        )  # fmt: skip

    @property
    def _surveys(self) -> bool:
        settings = self._config.cleaning
        return bool(settings.boilerplate_documents) and BOILERPLATE not in settings.skip

    @property
    def _share(self) -> float:
        return min(1.0, self._read_bytes / max(1, sum(self._sizes)))

    def _batches(self) -> Iterator[list[Document]]:
        """The documents of all files in batches."""
        batch: list[Document] = []
        size = 0
        for file, file_bytes in zip(self._files, self._sizes, strict=True):
            before, text_bytes = self._read_bytes, 0

            def refuse(error: DataError, name: str = str(file)) -> None:
                self.refused += 1
                self._waiting.append(FileRefused(path=name, message=error.message, hint=error.hint))

            for document in read_file(file, Reading(column=self._config.column, repair=True, refuse=refuse)):
                characters = sum(map(len, document.texts))
                self._characters += characters
                text_bytes += characters
                self._read_bytes = before + min(text_bytes, file_bytes)  # of compressed files no more than a guess
                batch.append(document)
                size += characters
                if size >= _BATCH_CHARACTERS or len(batch) >= _BATCH_DOCUMENTS:
                    yield batch
                    batch, size = [], 0
                if self.stopped:
                    return
            self._read_bytes = before + file_bytes
        if batch:
            yield batch

    def _take(self, judged: Iterable[Judged], out: TextIO, rejects: TextIO | None, *, share: float) -> Iterator[Event]:
        """Write what stays, and say why the others do not."""
        yield from self._refusals()
        for outcome, marks in judged:
            if self.stopped:
                return
            self.documents += 1
            if isinstance(outcome, Kept) and self._duplicates.kinds and (match := self._duplicates.check(marks)):
                like = "" if match.kind == "exact" else f", {match.similarity:.0%} alike"
                reason = f"as document {match.document + 1:,} of those that were kept{like}"
                outcome = Dropped(
                    document=outcome.document, rule=f"{match.kind} duplicate", reason=reason, changed=outcome.changed
                )
            document = outcome.document
            for rule in outcome.changed:
                self._changed[rule] = self._changed.get(rule, 0) + 1
            if isinstance(outcome, Kept):
                self._kept += 1
                self._characters_kept += sum(map(len, document.texts))
                out.write(self._write(document))
                continue
            self._dropped[outcome.rule] = self._dropped.get(outcome.rule, 0) + 1
            if rejects is not None:
                why = {
                    "rule": outcome.rule,
                    "reason": outcome.reason,
                    "source": document.source,
                    "place": document.place,
                }
                rejects.write(json.dumps({**why, **_content(document)}, ensure_ascii=False) + "\n")
            yield DocumentDropped(
                source=document.source, place=document.place, rule=outcome.rule, reason=outcome.reason,
                excerpt=" ".join(document.text[: 2 * _EXCERPT].split())[:_EXCERPT],
            )  # fmt: skip
        yield from self._progress(share, documents=self.documents)

    def _refusals(self) -> Iterator[Event]:
        while self._waiting:
            yield self._waiting.pop(0)

    def _progress(self, share: float, *, documents: int) -> Iterator[Event]:
        now = time.monotonic()
        if now - self._told >= _SECONDS:
            self._told = now
            seconds = max(now - self._began, 1e-9)
            yield CleaningProgressed(
                documents=documents, share=share, characters=self._characters,
                characters_per_second=self._characters * share / seconds,
                seconds_left=seconds * (1 - share) / share if share > 0 else 0.0,
            )  # fmt: skip


def _in_order(counts: dict[str, int]) -> dict[str, int]:
    """`counts` in the order of the rules; those of duplicates come last."""
    return {rule: counts[rule] for rule in (*RULES, *counts) if rule in counts}


def _stored(aside: IO[bytes], size: int) -> Iterator[tuple[int, list[Kept]]]:
    """The batches in the temporary file, which this job wrote, with where each ends."""
    while aside.tell() < size:
        mended = pickle.load(aside)
        yield aside.tell(), mended


# ---- output ----------------------------------------------------------------------------------------------------------


def _writer(output: Path | None) -> Callable[[Document], str]:
    """How a document is written, by the name of the file."""
    suffix = "" if output is None else output.suffix.lower()
    if suffix not in _WRITERS:
        raise ConfigError(f"Documents cannot be written as {suffix}.", hint="Name the output *.jsonl or *.txt.")
    return _WRITERS[suffix]


def _as_json(document: Document) -> str:
    return json.dumps({**_content(document), **document.metadata}, ensure_ascii=False) + "\n"


def _content(document: Document) -> dict[str, object]:
    return {"messages": list(document.messages)} if document.messages else {"text": document.text}


def _as_text(document: Document) -> str:
    """A text that `documents.split_text` reads as one again."""
    if document.messages:
        raise DataError(f"{document.where} is a chat, which a .txt cannot hold.", hint="Name the output *.jsonl.")
    return f"{document.text}\n{MARK}\n"


_WRITERS: dict[str, Callable[[Document], str]] = {"": _as_json, ".jsonl": _as_json, ".txt": _as_text}


def _nothing() -> None:
    return None
