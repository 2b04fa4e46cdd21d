"""Copying by the first way that works here: a program of the system, else the terminal itself (OSC 52).

Over SSH the system's programs would copy on the other machine, so the terminal comes first there.  Terminals cut long
texts off or ignore them: what is too long for them is written to a file, and its name is told.
"""

import base64
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from mlxgpt.backend import places

MOST_BYTES = 74_994  # of text that xterm, tmux and screen take by OSC 52: 100,000 characters of base64
WAIT_SECONDS = 2.0
# What may be there, with the variable that says its display is.
PROGRAMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("WAYLAND_DISPLAY", ("wl-copy",)),
    ("DISPLAY", ("xclip", "-selection", "clipboard")),
    ("DISPLAY", ("xsel", "--clipboard", "--input")),
)


def copy(text: str, write: Callable[[str], object], environ: Mapping[str, str] = os.environ) -> str:
    """Copy `text`; how it was done, in words.  `write` sends an escape sequence to the terminal."""
    remote = bool(environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))
    for command in () if remote else programs(environ):
        try:
            subprocess.run(
                command, input=text.encode("utf-8", "replace"), check=True, timeout=WAIT_SECONDS,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError):
            continue
        return f"copied with {command[0]}"
    data = text.encode("utf-8", "replace")
    if len(data) <= MOST_BYTES:
        write(f"\x1b]52;c;{base64.b64encode(data).decode()}\a")
        return "copied by the terminal (OSC 52)" + _doubt(environ)
    path = places.caches() / "copied.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return f"too long for the terminal ({len(data):,} bytes): written to {short(path)}"


def programs(environ: Mapping[str, str]) -> list[tuple[str, ...]]:
    """The commands that read a text and copy it here."""
    known = [command for variable, command in PROGRAMS if environ.get(variable)]
    if sys.platform == "darwin":
        known.insert(0, ("pbcopy",))
    return [command for command in known if shutil.which(command[0], path=environ.get("PATH"))]


def short(path: Path) -> str:
    """A path with ~ for the home folder."""
    return str(path).replace(str(Path.home()), "~", 1)


def _doubt(environ: Mapping[str, str]) -> str:
    """What is known to keep a terminal from copying."""
    if environ.get("TERM_PROGRAM") == "Apple_Terminal":
        return "; Terminal.app ignores that"
    return "; in tmux with set-clipboard on" if environ.get("TMUX") else ""
