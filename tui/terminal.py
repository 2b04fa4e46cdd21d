"""What a terminal lacks, told once: Apple's Terminal, 256 colours, no colours."""

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from mlxgpt.backend import places


def hints(environ: Mapping[str, str], colours: int) -> dict[str, str]:
    """What is worth saying about a terminal of so many colours, by a name under which it is remembered."""
    found = {}
    if environ.get("TERM_PROGRAM") == "Apple_Terminal":
        found["apple-terminal"] = (
            "Terminal.app: set the line spacing to 0.8 for pictures without gaps; Shift+Enter and copying over SSH do not "
            "work in it.  Ghostty, kitty, WezTerm or iTerm2 show all there is."
        )
    if "NO_COLOR" in environ:
        found["no-color"] = "NO_COLOR is set: shades are drawn as · ░ ▒ ▓ █, with their numbers."
    elif colours <= 256:
        found["few-colours"] = (
            f"This terminal has {colours} colours: shades are coarser.  If it has more, set COLORTERM=truecolor."
        )
    return found


def when_gone(tell: Callable[[], object], patience: float) -> None:
    """Call `tell`, in a thread, when the terminal of the standard input is closed; so many seconds later the process ends.

    SIGHUP says so too, but only to the processes in the terminal's foreground; and whoever waits for the terminal to take
    what he writes hears no signal.
    """

    def wait() -> None:
        poll = select.poll()
        poll.register(0, 0)  # no events asked for: only that it hung up
        found = poll.poll()
        if not found or not found[0][1] & (select.POLLHUP | select.POLLERR):
            return  # no terminal that can be watched
        with suppress(RuntimeError):  # the app's loop has ended already
            tell()
        time.sleep(patience)
        os._exit(128 + signal.SIGHUP)

    threading.Thread(target=wait, name="terminal", daemon=True).start()


def new_hints(environ: Mapping[str, str], colours: int) -> list[str]:
    """The hints that were not told on this computer yet."""
    path = memory()
    try:
        told = path.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        told = []
    found = {name: text for name, text in hints(environ, colours).items() if name not in told}
    if found:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join([*told, *found]) + "\n", encoding="utf-8")
        except OSError:
            pass  # then they are told again
    return list(found.values())


def memory() -> Path:
    """The file that holds the names of the hints that were told."""
    return places.database().with_name("hints.txt")
