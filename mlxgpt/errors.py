"""Everything that can go wrong in a way a person can put right.

An error carries data (what, where, what next), not a rendered picture: `describe` turns any exception into a `Problem`,
which the CLI draws as a panel, the TUI as a dialog and the server as JSON.  `ValueError` is kept for a programmer's misuse.
"""

import difflib
import errno
from collections.abc import Iterable
from dataclasses import dataclass

from mlxgpt.text import visible


class MlxgptError(Exception):
    """A problem with a message, and a hint that says what to do next.

    `exit_code` is what the command line returns: 1 for a failed job, 2 for input that was refused before it began.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(MlxgptError):
    """A setting has an unknown name, a wrong type or an impossible value."""

    exit_code = 2


class DataError(MlxgptError):
    """Text or token data is missing, empty, unreadable or too short."""


class TokenizerError(MlxgptError):
    """A tokenizer cannot be trained, read, or does not belong to the model."""


class CheckpointError(MlxgptError):
    """A model directory is missing, incomplete, damaged or of another shape."""


class ConversionError(MlxgptError):
    """A foreign model uses something that our words cannot express."""


class TrainingError(MlxgptError):
    """Training cannot go on: the loss is not finite."""


class ResourceError(MlxgptError):
    """Memory or disk ran out."""


class MissingExtra(MlxgptError):
    """An optional package is needed and not installed."""

    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """An error as every front end shows it."""

    title: str
    message: str
    hint: str = ""
    exit_code: int = 1


def nearest(word: str, known: Iterable[str]) -> str:
    """The sentence "Did you mean …?" when some known word is close, else the list of them; empty when there are none."""
    names = sorted(known)
    if not names:
        return ""
    if len(word) > 2 and 1 < len(holding := [name for name in names if word in name]) < 5:  # equally close
        return f"Did you mean {', '.join(map(repr, holding[:-1]))} or {holding[-1]!r}?"
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"Did you mean {close[0]!r}?" if close else "Known: " + ", ".join(names) + "."


def describe(error: BaseException) -> Problem:
    """Any exception as a `Problem`; foreign failures that people meet are translated here, in one place."""
    match error:
        case MlxgptError():
            title = type(error).__name__.removesuffix("Error") or "Problem"
            return Problem(
                title=title, message=visible(error.message), hint=visible(error.hint), exit_code=error.exit_code
            )
        case KeyboardInterrupt():
            return Problem(title="Interrupted", message="Stopped by Ctrl-C.", exit_code=130)
        case MemoryError():
            return out_of_memory(str(error))
        case OSError() if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return disk_full(f" while writing {error.filename}" if error.filename else "")
        case RuntimeError() if "unable to write" in str(error).lower():  # MLX does not say why
            return disk_full(f" (MLX says: {str(error).rstrip('.')})")
        case OSError() if error.filename:
            return Problem(
                title="File",
                message=visible(f"{error.filename}: {error.strerror or error}"),
                hint="Check the path and its permissions.",
            )
        case RuntimeError() if is_out_of_memory(error):
            return out_of_memory(str(error))
        case _:
            return Problem(
                title=type(error).__name__,
                message=visible(str(error) or repr(error)),
                hint="This is a defect in mlxgpt. Set MLXGPT_DEBUG=1 to see where it happened, and report it.",
            )


def disk_full(where: str) -> Problem:
    """What to do when a file could not be written to its end."""
    return Problem(
        title="Disk full",
        message=visible(f"No space is left on the disk{where}."),
        hint="Free some space and run the command again; what was complete before is untouched.",
    )


def is_out_of_memory(error: BaseException) -> bool:
    """True for what MLX raises when an allocation fails (Metal, CUDA and CPU word it differently)."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in text for sign in _SIGNS_OF_LITTLE_MEMORY)


_SIGNS_OF_LITTLE_MEMORY = (
    *("out of memory", "outofmemory", "insufficient memory", "attempting to allocate", "unable to allocate"),
    *("malloc", "bad_alloc"),
)


def out_of_memory(detail: str) -> Problem:
    """What to lower when memory ran out."""
    return Problem(
        title="Out of memory",
        message=visible(detail) or "The device has no memory left.",
        hint="Lower --batch-size first (raise --grad-accum to keep the same effective batch), then --context-length, "
        "then choose a smaller --preset.  `mlxgpt info PRESET` says what a model needs.",
    )
