"""A program in a terminal of its own: what it writes, and when; what is typed; another size, a signal, its exit code.

Used by `scripts/benchmarks/tui.py` and the pty tests.  It says that it knows synchronized output (mode 2026), so a program
that asks marks the beginning and end of each picture, and `Terminal.frames` counts them.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

FRAME = b"\x1b[?2026l"  # the end of a picture
ASKED, ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-B]|[=>78cDEHMNOZ])")


class Terminal:
    """A child process on a pseudo-terminal; use it as a context manager, which ends the child in any case."""

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        size: tuple[int, int] = (120, 40),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.output = b""
        self.frames: list[float] = []  # when each picture was complete
        self.code: int | None = None  # the exit code, -n for signal n
        self.over = False  # nothing more will be written
        self.home = Path()  # of the program's files, for whoever looks into them
        self.started = time.perf_counter()
        self._asked = 0
        self.pid, self.master = pty.fork()
        if not self.pid:
            width, height = size
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
            known = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(environment or {})}
            os.execvpe(arguments[0], list(arguments), known)
        self.settings = termios.tcgetattr(self.master)  # before the program changes them

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        self.hang_up()

    def read(self, seconds: float, until: Callable[[], bool] | None = None) -> bool:
        """Take what is written for so long, or until something is so; whether it came to be so."""
        end = time.perf_counter() + seconds
        while True:
            if until is not None and until():
                return True
            left = end - time.perf_counter()
            if left <= 0 or not self._take(min(left, 0.05)):
                return until is not None and until()

    def _take(self, seconds: float) -> bool:
        """Read what is there; False at the end of the program."""
        if not select.select([self.master], [], [], seconds)[0]:
            return True
        try:
            new = os.read(self.master, 1 << 16)
        except OSError:  # Linux's way to say that nobody holds the other end
            new = b""
        if not new:
            self.over = True
            return False
        before = len(self.output) - len(FRAME) + 1  # a mark may be cut in two
        self.output += new
        self.frames += [time.perf_counter()] * self.output.count(FRAME, max(before, 0))
        if self.output.count(ASKED, max(len(self.output) - len(new) - len(ASKED), 0)) and not self._asked:
            self._asked = 1
            self.type(ANSWER)
        return True

    def type(self, keys: str | bytes) -> None:
        """Press keys."""
        os.write(self.master, keys.encode() if isinstance(keys, str) else keys)

    def resize(self, width: int, height: int) -> None:
        """Another size, as a window manager would give it."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def hang_up(self) -> None:
        """Close the terminal, as when its window is closed: the program gets SIGHUP, and can write nowhere."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def kill(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self.pid, number)

    def text(self, start: int = 0) -> str:
        """What was written from a place in `output` on, without escape sequences."""
        return ESCAPES.sub(b"", self.output[start:]).decode("utf-8", "replace")

    def shows(self, pattern: str, start: int = 0) -> bool:
        """Whether a regular expression is in what was written; of a long output only the end is looked through."""
        return re.search(pattern, self.text(max(start, len(self.output) - 200_000))) is not None

    def wait(self, seconds: float = 30.0) -> int:
        """The exit code; TimeoutError when the program does not end."""
        end = time.perf_counter() + seconds
        while self.code is None:
            if self.master >= 0 and not self.over:
                self.read(0.05)
            else:
                time.sleep(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            elif time.perf_counter() > end:
                raise TimeoutError(f"the program did not end in {seconds:.0f} s; it wrote last:\n{self.text()[-2000:]}")
        return self.code

    @property
    def processor_seconds(self) -> float:
        """User and system time of the program so far; 0 where the system does not say (it is Linux's way)."""
        stat = Path(f"/proc/{self.pid}/stat")
        fields = stat.read_text().rpartition(")")[2].split() if stat.exists() else []
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    @property
    def restored(self) -> bool:
        """Whether the terminal is as it was: its settings, the main screen, a visible cursor, no mouse reports."""
        last = {mode: self.output.rfind(mode) for mode in RESTORES.values()} | {
            mode: self.output.rfind(mode) for mode in RESTORES
        }
        modes = all(last[undone] > last[done] for done, undone in RESTORES.items() if last[done] >= 0)
        return modes and termios.tcgetattr(self.master)[:4] == self.settings[:4]


# What is switched on, and what switches it off again.
RESTORES = {
    b"\x1b[?1049h": b"\x1b[?1049l",
    b"\x1b[?25l": b"\x1b[?25h",
    b"\x1b[?1000h": b"\x1b[?1000l",
    b"\x1b[?1003h": b"\x1b[?1003l",
    b"\x1b[?2004h": b"\x1b[?2004l",
}


def mlxgpt(*arguments: str) -> list[str]:
    """The command line of this checkout."""
    return [sys.executable, "-m", "mlxgpt", *arguments]


ROOT = Path(__file__).resolve().parents[1]
