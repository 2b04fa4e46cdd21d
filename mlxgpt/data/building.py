"""A dataset that is being built: a hidden folder beside its place, and a journal that says how far it is.

The journal is written every few seconds, whole or not at all, once everything it speaks of is on the disk.  After a crash the
files are cut back to what it says and the sources are read on from there, so the result is the same as without one.  The
folder is renamed when it is complete, which dataset.json in it says: at its place there is never half a dataset.
"""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlxgpt import whole
from mlxgpt.data.dataset import MANIFEST, SIDES, Json
from mlxgpt.data.drafts import EMPTY, Draft
from mlxgpt.data.shards import Header
from mlxgpt.errors import DataError, ResourceError

_JOURNAL, _MARKS = "journal.json", "marks"
_PARTS = (".tokens", ".mask", ".index")  # of a draft
_VERSION = 1


@dataclass(slots=True, kw_only=True)
class Journal:
    """Where a build stands, in plain values.  `counts` and `files` are what the card will tell."""

    settings: Json
    sources: list[list[str]]  # the files of each source
    position: dict[str, int] = field(default_factory=dict)  # `batches.Position`
    files: list[Json] = field(default_factory=list)  # those begun
    counts: list[Json] = field(default_factory=list)  # of each source
    shards: dict[str, list[Json]] = field(default_factory=lambda: {side: [] for side in SIDES})
    drafts: dict[str, dict[str, int]] = field(default_factory=lambda: {side: dict(EMPTY) for side in SIDES})
    marks: int = 0  # bytes in the file of marks
    boilerplate: list[int] | None = None  # lines that many documents share; None: not surveyed yet


class Building:
    """The folder of a build, held by one process at a time; `open_building` makes one."""

    def __init__(self, folder: Path, journal: Journal, fingerprint: str, token_bytes: int) -> None:
        self.folder, self.journal = folder, journal
        self._fingerprint, self._token_bytes = fingerprint, token_bytes
        whole.clear_unfinished(folder)
        self._drafts = {side: self._new_draft(side) for side in SIDES}
        for side in SIDES:
            self._drafts[side].go_to(journal.drafts[side])
        self._marks = (folder / _MARKS).open("ab")
        os.truncate(folder / _MARKS, journal.marks)
        self._marks.seek(0, os.SEEK_END)  # `tell` would still say where the end was

    def draft(self, side: str) -> Draft:
        """The shard of one side that is growing."""
        return self._drafts[side]

    def add_marks(self, marks: Sequence[bytes]) -> None:
        """Remember the marks of a document that was new."""
        self._marks.write(b"".join(len(mark).to_bytes(4, "little") + mark for mark in marks))

    def marks(self, kinds: int) -> Iterator[tuple[bytes, ...]]:
        """The marks of all documents that were new before the last crash, `kinds` of each, in order."""
        with (self.folder / _MARKS).open("rb") as file:
            left = self.journal.marks
            while left > 0:
                found = []
                for _ in range(kinds):
                    mark = file.read(int.from_bytes(file.read(4), "little"))
                    found.append(mark)
                    left -= 4 + len(mark)
                yield tuple(found)

    def finish_shard(self, side: str) -> Json:
        """Close the growing shard of a side and begin the next; an empty one is none."""
        draft, shards = self._drafts[side], self.journal.shards[side]
        name = f"{_name(side, len(shards))}.shard"
        header: Header = draft.finish(self.folder / name)
        entry = {
            "file": name, "tokens": header.tokens, "documents": header.documents,
            "text_bytes": header.text_bytes, "bytes": header.file_bytes, "sha256": header.body,
        }  # fmt: skip
        shards.append(entry)
        draft.close()  # its files stay until the journal knows of the shard
        self._drafts[side] = self._new_draft(side)
        self._drafts[side].go_to(EMPTY)  # a build that was killed may have left one
        return entry

    def _new_draft(self, side: str) -> Draft:
        name = _name(side, len(self.journal.shards[side]))
        return Draft(self.folder, name, self._fingerprint, self._token_bytes)

    def save(self) -> None:
        """Write the journal; from here on a crash loses nothing of what was done."""
        self._marks.flush()
        self.journal.marks = self._marks.tell()
        for side in SIDES:
            self.journal.drafts[side] = self._drafts[side].position()
        values = {name: getattr(self.journal, name) for name in Journal.__slots__}
        whole.write_text(self.folder / _JOURNAL, json.dumps({"version": _VERSION, **values}, ensure_ascii=False))
        growing = {path for draft in self._drafts.values() for path in draft.paths}
        for path in self.folder.iterdir():
            if path.suffix in _PARTS and path not in growing:
                path.unlink()

    def close(self) -> None:
        with ExitStack() as stack:
            stack.callback(self._marks.close)
            for draft in self._drafts.values():
                stack.callback(draft.close)


def publish(folder: Path, output: Path) -> None:
    """Let a folder with a complete dataset appear at its place, without what only the build needed."""
    for path in folder.iterdir():
        if path.name in (_JOURNAL, _MARKS) or path.suffix in _PARTS:
            path.unlink()
    if output.is_dir():
        whole.remove(output)  # an empty one, or one that is to be made anew: the build looked
    folder.rename(output)
    whole.sync(output.absolute().parent)


def clear(folder: Path) -> None:
    """Forget an interrupted build."""
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _name(side: str, number: int) -> str:
    return f"{side}-{number:05}"


def folder_of(output: Path) -> Path:
    """Where the dataset at `output` grows."""
    return output.absolute().parent / f".mlxgpt-building-{output.absolute().name}"


@contextmanager
def locked(output: Path) -> Iterator[Path]:
    """The folder of a build, for this process alone; one that is still empty is removed again."""
    folder = folder_of(output)
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the system lets go of it when the process ends, however
    except BlockingIOError:
        os.close(handle)
        raise ResourceError(
            f"Another process is building {output}.", hint="Wait for it, or choose another --output."
        ) from None
    try:
        yield folder
    finally:
        if folder.is_dir() and not any((folder / name).is_file() for name in (_JOURNAL, MANIFEST)):
            shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def read_journal(folder: Path) -> Journal | None:
    """How far an interrupted build came; None when there is none."""
    path = folder / _JOURNAL
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"))
        if values.pop("version") != _VERSION:
            raise DataError(f"{folder} was begun by another version of mlxgpt.", hint="Begin again with --restart.")
        return Journal(**values)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path} is damaged: {error!r}.", hint="Begin again with --restart.") from None
