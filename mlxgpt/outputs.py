"""Where results go: whole or not at all, through links, and never over what they are made of."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from mlxgpt import whole
from mlxgpt.errors import ConfigError


def destination(output: Path, inputs: Iterable[Path]) -> Path:
    """The file to write in the end; `ConfigError` where that would do harm.  A link is followed."""
    if output.is_dir():
        raise ConfigError(f"{output} is a folder.", hint=f"Name a file in it, as in {output / 'output.jsonl'}.")
    if output.exists() and any(path.exists() and path.samefile(output) for path in inputs):
        raise ConfigError(f"{output} is one of the texts to read: it would be lost.", hint="Choose another place.")
    return output.resolve() if output.is_symlink() else output


@contextmanager
def opened(output: Path | None, *, at_once: bool = False) -> Iterator[tuple[TextIO, Callable[[], None]]]:
    """Where to write, None for standard output, and what to call when it is complete.

    A file appears only then, unless it is wanted `at_once` or is none: a pipe or a device cannot be replaced.
    """
    if output is None:
        yield sys.stdout, sys.stdout.flush
    elif at_once or (output.exists() and not output.is_file()):
        output.parent.mkdir(parents=True, exist_ok=True)
        with output.open("w", encoding="utf-8", newline="", buffering=1) as file:
            yield file, file.flush
    else:
        with whole.draft(output) as drafted:
            yield drafted
