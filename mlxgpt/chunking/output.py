"""From paths to a file of chunks: which files are meant, and an output that appears whole or not at all."""

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlxgpt.chunking.config import ChunkConfig
from mlxgpt.chunking.files import WRITERS, writer
from mlxgpt.chunking.job import ChunkJob, Source
from mlxgpt.errors import ConfigError, DataError, nearest
from mlxgpt.events import ChunkingFinished, Event, Noted
from mlxgpt.outputs import destination, opened
from mlxgpt.tokenizer.base import Tokenizer

STDIN = Path("-")
SUFFIXES = (".txt", ".md", ".markdown", ".rst", ".text")  # what is read in a folder
ROWS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv")


def chunk_paths(
    paths: Sequence[Path],
    tokenizer: Tokenizer,
    config: ChunkConfig,
    output: Path | None,
    *,
    kind: str = "",
    with_text: bool = True,
    at_once: bool = False,
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """See `jobs.chunk`."""
    kind = kind or _kind_of(output, at_once)
    if kind not in WRITERS:
        raise ConfigError(f"Chunks cannot be written as {kind!r}.", hint=nearest(kind, WRITERS))
    config.chunker  # noqa: B018  # raises what is wrong with the options before anything is read
    if STDIN in paths and not with_text:
        raise ConfigError(
            "Standard input is gone afterwards: chunks of it are nothing without their texts.",
            hint="Leave --no-text out.",
        )
    with tempfile.TemporaryDirectory(prefix="mlxgpt-") as folder:
        sources = list(_sources(paths, Path(folder)))
        yield from _notes(sources)
        yield from _chunk(
            sources,
            tokenizer,
            config,
            None if output is None else destination(output, [source.path for source in sources]),
            kind,
            with_text,
            at_once,
            stop,
        )


def chunk_text(
    text: str, name: str, tokenizer: Tokenizer, config: ChunkConfig, output: Path, *, kind: str = ""
) -> Iterator[Event]:
    """See `jobs.chunk_text`."""
    kind = kind or _kind_of(output, False)
    if kind not in WRITERS:
        raise ConfigError(f"Chunks cannot be written as {kind!r}.", hint=nearest(kind, WRITERS))
    with tempfile.TemporaryDirectory(prefix="mlxgpt-") as folder:
        spooled = Path(folder, "text")
        spooled.write_bytes(text.encode("utf-8"))
        source = Source(path=spooled, name=name)
        yield from _chunk([source], tokenizer, config, destination(output, [spooled]), kind, True, False, None)


def _chunk(
    sources: Sequence[Source],
    tokenizer: Tokenizer,
    config: ChunkConfig,
    output: Path | None,
    kind: str,
    with_text: bool,
    at_once: bool,
    stop: threading.Event | None,
) -> Iterator[Event]:
    with opened(output, at_once=at_once) as (out, keep):
        for event in ChunkJob(sources, tokenizer, config, writer(kind, out, with_text=with_text), stop):
            if isinstance(event, ChunkingFinished) and (at_once or (event.files and not event.stopped)):
                keep()
            yield event
            if isinstance(event, ChunkingFinished) and event.stopped and output and not at_once:
                known = "  The files that were done are remembered." if config.cached else ""
                yield Noted(text=f"{output} was not written.{known}")


def _notes(sources: Sequence[Source]) -> Iterator[Event]:
    """What somebody may not expect."""
    rows = next((source.name for source in sources if source.path.suffix.lower() in ROWS), None)
    if rows is not None:
        yield Noted(text=f"{rows} is cut as the text that it is, whatever its rows mean.")


def _kind_of(output: Path | None, at_once: bool) -> str:
    """json, jsonl or txt, by the name of the file."""
    if output is None:
        return "jsonl" if at_once else "json"
    return output.suffix.lower().lstrip(".") or "json"


def _sources(paths: Sequence[Path], folder: Path) -> Iterator[Source]:
    """The files that are meant, each once; standard input becomes a file in `folder`."""
    for path in dict.fromkeys(paths):
        if path == STDIN:
            spooled = folder / "stdin"
            if sys.stdin is None:
                raise DataError("Standard input is closed.", hint="mlxgpt chunk FILE reads a file.")
            with spooled.open("wb") as file:
                shutil.copyfileobj(sys.stdin.buffer, file)
            yield Source(path=spooled, name="<stdin>")
        elif path.is_dir():
            yield from (Source(path=file, name=str(file)) for file in text_files(path))
        else:
            yield Source(path=path, name=str(path))


def text_files(folder: Path) -> list[Path]:
    """The text files below a folder, sorted, without hidden ones; `DataError` when there are none."""
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        found += [Path(root, name) for name in names if Path(name).suffix.lower() in SUFFIXES and name[0] != "."]
    if not found:
        raise DataError(
            f"{folder} holds no {', '.join(SUFFIXES)} file.", hint="Name files of other kinds one by one with --file."
        )
    return sorted(found)
