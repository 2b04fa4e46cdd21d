"""Directories, files and links that appear whole or not at all.

What is written goes to a hidden name beside its place, is synced to the disk and renamed.  A crash leaves the old one, the
new one, or a hidden rest that the next write into the same folder clears away.
"""

import io
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

_ASIDE = ".mlxgpt-writing-"
_REPLACED = ".mlxgpt-replaced-"


def write_directory(directory: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a directory aside, then make it appear at `directory` in one rename.

    A directory that was there before is replaced only once the new one is complete.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    clear_unfinished(directory.parent)
    aside = _aside(directory)
    try:
        aside.mkdir()
        write(aside)
        for path in [*aside.rglob("*"), aside]:
            sync(path)
        if directory.exists():
            directory.rename(directory.with_name(_REPLACED + directory.name))  # `clear_unfinished` mends a crash here
        aside.rename(directory)
        sync(directory.parent)
    finally:
        clear_unfinished(directory.parent)


def write_text(path: Path, text: str) -> None:
    """Make `text` the content of `path`."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Make `data` the content of `path`."""
    aside = _aside(path)
    try:
        aside.write_bytes(data)
        sync(aside)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync(path.parent)


@contextmanager
def draft(path: Path) -> Iterator[tuple[TextIO, Callable[[], None]]]:
    """A text file to write bit by bit, and a function that says it is complete: without that it never appears at `path`."""
    with binary_draft(path) as (file, keep), io.TextIOWrapper(file, encoding="utf-8", newline="") as text:
        yield text, keep


@contextmanager
def binary_draft(path: Path) -> Iterator[tuple[BinaryIO, Callable[[], None]]]:
    """The same for a file of bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = _aside(path)
    kept: list[bool] = []
    try:
        with aside.open("wb") as file:
            yield file, lambda: kept.append(True)
        if kept:
            sync(aside)
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
    sync(path.parent)


def point(link: Path, target: Path) -> None:
    """Make `link` lead to its sibling `target`."""
    aside = _aside(link)
    aside.symlink_to(target.name)
    aside.replace(link)
    sync(link.parent)


def remove(directory: Path) -> None:
    """Remove a directory: first out of sight, so that a crash never leaves half of it under its name."""
    aside = _aside(directory)
    directory.rename(aside)
    shutil.rmtree(aside)


def clear_unfinished(folder: Path) -> None:
    """Remove what interrupted writes left behind in `folder`, and put back what one was about to replace."""
    for path in folder.glob(f"{_ASIDE}*"):
        _discard(path)
    for path in folder.glob(f"{_REPLACED}*"):
        original = path.with_name(path.name.removeprefix(_REPLACED))
        if original.exists():
            _discard(path)
        else:
            path.rename(original)


def _aside(path: Path) -> Path:
    return path.with_name(f"{_ASIDE}{path.name}-{uuid.uuid4().hex[:8]}")


def _discard(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Force a file or directory to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
