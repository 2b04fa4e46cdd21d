"""Training in a process of its own: starting one, whether one is at work on a run, and words to it.

A run that is being trained is held by a lock, `.process` in its directory, with the process id inside; a crash lets go of it
by itself, though the file stays.  Words are empty files in `.asked`, which the training takes away between two steps: whoever
may write in the directory may ask, from any program, and nothing is lost when nobody listens.
"""

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlxgpt.errors import CheckpointError, nearest
from mlxgpt.runs import Run

PROBLEM = "problem: "  # stands in the log before what ended a process
WORDS = ("pause", "continue", "checkpoint", "sample", "stop")


@contextlib.contextmanager
def holding(run: Run) -> Iterator[None]:
    """Be the one process that trains a run; `CheckpointError` when another one is.  Old words are forgotten."""
    run.path.mkdir(parents=True, exist_ok=True)
    path = run.path / ".process"
    file = _locked(run, path)
    try:
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        taken(run)
        yield
    finally:
        path.unlink(missing_ok=True)
        os.close(file)  # the lock goes with it


def _locked(run: Run, path: Path) -> int:
    """The file at `path`, open and locked."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.is_file() and os.path.samestat(os.fstat(file), path.stat()):
                return file
        except OSError:
            os.close(file)
            raise CheckpointError(
                f"{run.path} is being trained by process {trainer(run)}.",
                hint="Follow it on the Train page of `mlxgpt tui`, or stop it first.",
            ) from None
        os.close(file)  # whoever held it has just taken the file away


def trainer(run: Run) -> int | None:
    """The id of the process that trains a run now; None when nobody does."""
    try:
        file = os.open(run.path / ".process", os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        digits = os.pread(file, 20, 0)
        return int(digits) if digits.isdigit() else 0
    finally:
        os.close(file)
    return None


def ask(run: Run, word: str) -> None:
    """Say one of WORDS to the process that trains a run; `CheckpointError` when there is none."""
    if word not in WORDS:
        raise ValueError(f"{word!r}: {nearest(word, WORDS)}")
    if trainer(run) is None:
        raise CheckpointError(
            f"{run.path.name} is not being trained.", hint=f"Go on with it: mlxgpt train --resume {run.path.name}"
        )
    folder = run.path / ".asked"
    folder.mkdir(exist_ok=True)
    (folder / word).touch()


def taken(run: Run) -> list[str]:
    """The words that were said since the last time, in the order of WORDS; they are forgotten."""
    words = []
    for word in WORDS:
        try:
            (run.path / ".asked" / word).unlink()
        except OSError:
            continue
        words.append(word)
    return words


# ---- starting --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A training process that was started here; it goes on when this program ends."""

    run: Run
    process: "subprocess.Popen[bytes]"
    begun: int = 0  # bytes that were in the log before

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.run.path / ".log"

    def leave(self) -> None:
        """Let it go on alone: nobody here waits for its end any more."""
        if self.process.poll() is None:
            self.process.returncode = 0  # else Python warns that nobody waited

    def problem(self) -> str:
        """What it said when it ended before there was a run, or badly; empty while all is well."""
        if self.process.poll() in (None, 0, 130):
            return ""
        said = self.log.read_bytes()[self.begun :] if self.log.is_file() else b""
        text = said.decode(errors="replace").rpartition(PROBLEM)[2]
        return text[-4000:].strip() or f"The training ended with code {self.process.returncode}."


def start(run: Run, arguments: Sequence[str]) -> Started:
    """Start `mlxgpt train ARGUMENTS` for a run, detached from this terminal; `arguments` name the run by --out or --resume."""
    run.path.mkdir(parents=True, exist_ok=True)
    with (run.path / ".log").open("ab") as log:
        begun = log.tell()
        process = subprocess.Popen(
            [sys.executable, "-m", "mlxgpt", "train", *arguments],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100", "MLXGPT_PROBLEM": PROBLEM},
        )  # fmt: skip
    return Started(run=run, process=process, begun=begun)
