"""The documents of a build's sources in batches, each with the position behind it, from which reading can go on."""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlxgpt.chunking.sources import hash_file
from mlxgpt.data.config import BuildConfig
from mlxgpt.data.dataset import Json
from mlxgpt.data.documents import Document
from mlxgpt.data.sources import STDIN, Reading, read_file
from mlxgpt.errors import DataError

BATCH_CHARACTERS, BATCH_DOCUMENTS = 1 << 18, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The source and the file of it that is being read, and how many documents are done, of the file and of the source."""

    source: int = 0
    file: int = 0
    documents: int = 0
    of_source: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What goes along with a batch: the position behind it, where its documents came from, and what was met on the way."""

    position: Position
    source: int
    path: str
    bytes: int  # of text
    share: float  # of all files that is read
    places: tuple[str, ...]
    refused: tuple[str, ...]  # what could not be read
    begun: tuple[Json, ...]  # files of which this is the first batch


def read_batches(
    config: BuildConfig, files: Sequence[Sequence[Path]], start: Position
) -> Iterator[tuple[Load, list[Document]]]:
    """All batches behind `start`; small files share one, those of two sources never do.

    Raises `DataError` for what cannot be read (unless `skip_unreadable`), and for a file that changes meanwhile.
    """
    held: list[tuple[Load, list[Document]]] = []
    size = 0
    for load, batch in _read_files(config, files, start):
        if held and (held[-1][0].source != load.source or size >= BATCH_CHARACTERS or len(held) >= BATCH_DOCUMENTS):
            yield _together(held)
            held, size = [], 0
        held.append((load, batch))
        size += load.bytes
    if held:
        yield _together(held)


def _together(parts: list[tuple[Load, list[Document]]]) -> tuple[Load, list[Document]]:
    """Several batches as one."""
    loads = [load for load, _ in parts]
    one = dataclasses.replace(
        loads[-1],
        bytes=sum(load.bytes for load in loads),
        places=tuple(place for load in loads for place in load.places),
        refused=tuple(refused for load in loads for refused in load.refused),
        begun=tuple(begun for load in loads for begun in load.begun),
    )
    return one, [document for _, batch in parts for document in batch]


def _read_files(
    config: BuildConfig, files: Sequence[Sequence[Path]], start: Position
) -> Iterator[tuple[Load, list[Document]]]:
    """The batches of each file; the last one of a file stands before the next file, and may be empty."""
    sizes = [[file_bytes(file) for file in part] for part in files]
    total = max(1, sum(map(sum, sizes)))
    before = sum(map(sum, sizes[: start.source]))  # bytes of the files behind us
    for source in range(start.source, len(files)):
        position = start if source == start.source else Position(source=source)
        source_bytes = sum(sizes[source])
        within = sum(sizes[source][: position.file])
        for number in range(position.file, len(files[source])):
            here = position if number == position.file else dataclasses.replace(position, file=number, documents=0)
            text_bytes = 0
            for load, batch in _read_file(config, files[source][number], here):
                position = load.position
                text_bytes += load.bytes
                done = (
                    before + within + min(text_bytes, sizes[source][number])
                )  # of compressed files, no more than a guess
                yield dataclasses.replace(load, share=done / total), batch
            within += sizes[source][number]
            if (limit := config.sources[source].limit) and position.of_source >= limit:
                break
        before += source_bytes


def _read_file(config: BuildConfig, path: Path, start: Position) -> Iterator[tuple[Load, list[Document]]]:
    """The batches of one file behind `start`."""
    source = config.sources[start.source]
    refused: list[str] = []
    reading = Reading(
        column=source.column,
        repair=config.clean,
        refuse=(lambda error: refused.append(f"{error.message}  {error.hint}")) if config.skip_unreadable else None,
    )
    read = start.of_source
    try:
        state = _state(path)
        begun = () if start.documents else (describe(path, start.source),)
    except (OSError, DataError) as error:
        message = error.message if isinstance(error, DataError) else f"{path} cannot be read: {error.strerror}."
        if reading.refuse is None:
            raise DataError(message, hint="Mend or remove it, or go on without with --skip-unreadable.") from None
        behind = Position(source=start.source, file=start.file + 1, of_source=read)
        yield (
            Load(
                position=behind, source=start.source, path=str(path), share=0.0, begun=(), bytes=0, places=(),
                refused=(message,),
            ),
            [],
        )  # fmt: skip
        return
    batch: list[Document] = []
    size = 0

    def load(position: Position) -> Load:
        return Load(
            position=position, source=start.source, path=str(path), share=0.0, begun=begun,
            bytes=sum(len(text.encode(errors="replace")) for document in batch for text in document.texts),
            places=tuple(document.where for document in batch), refused=tuple(refused),
        )  # fmt: skip

    for index, document in enumerate(read_file(path, reading)):
        if index < start.documents:
            refused = []  # it was counted before
            continue
        if source.limit and read >= source.limit:
            break
        batch.append(document)
        read += 1
        size += sum(map(len, document.texts))
        if size >= BATCH_CHARACTERS or len(batch) >= BATCH_DOCUMENTS:
            behind = dataclasses.replace(start, documents=index + 1, of_source=read)
            yield load(behind), batch
            batch, size, refused, begun = [], 0, [], ()
    if _state(path) != state:
        raise DataError(f"{path} changed while it was read.", hint="Wait until it is complete, and add --restart.")
    yield load(Position(source=start.source, file=start.file + 1, of_source=read)), batch


def describe(path: Path, source: int) -> Json:
    """What a build remembers of a file, to know it again."""
    if str(path) == STDIN:
        return {"path": STDIN, "source": source, "bytes": 0, "sha256": "", "modified": 0}
    size, modified = _state(path)
    return {
        "path": str(path), "source": source, "bytes": size, "sha256": hash_file(path, str(path)), "modified": modified,
    }  # fmt: skip


def require_unchanged(known: Json, since: str = "this build was begun") -> None:
    """Raise `DataError` when a file is not what it was; the checksum is only asked when size or time differ."""
    path = Path(known["path"])
    if str(path) == STDIN:
        raise DataError("Standard input cannot be read a second time.", hint="Begin again with --restart.")
    try:
        now = _state(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read any more: {error.strerror}.", hint=_RESTORE) from None
    if now == (known["bytes"], known["modified"]):
        return
    if now[0] != known["bytes"] or hash_file(path, str(path)) != known["sha256"]:
        raise DataError(f"{path} changed since {since}.", hint=_RESTORE)


_RESTORE = "Restore it, or begin again with --restart."


def file_bytes(path: Path) -> int:
    """The size of a file; standard input has none."""
    return path.stat().st_size if path.is_file() else 0


def _state(path: Path) -> tuple[int, int]:
    """Size and time of the last change."""
    if str(path) == STDIN:
        return 0, 0
    status = path.stat()
    return status.st_size, status.st_mtime_ns
