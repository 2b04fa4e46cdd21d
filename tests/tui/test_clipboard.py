"""Copying goes by the first way that works, and says which; nothing that steers a terminal is copied."""

import base64
import os
import stat

import pytest

from tests.tui.conftest import drive, screen_text, until
from tui import clipboard
from tui.app import MlxgptApp


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts a program into the path that keeps what it is given in a file; returns the environment and the file."""

    def make(name, script='cat > "$OUT"'):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IEXEC)
        monkeypatch.setenv("OUT", str(tmp_path / "copied"))
        monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")
        return {"PATH": os.environ["PATH"]}, tmp_path / "copied"

    return make


def test_a_program_of_the_desktop_comes_first(program):
    environ, copied = program("wl-copy")
    written = []
    assert clipboard.copy("olá\n", written.append, environ | {"WAYLAND_DISPLAY": "0"}) == "copied with wl-copy"
    assert copied.read_text() == "olá\n" and written == []


def test_a_program_that_fails_is_passed_over(program):
    program("wl-copy", "exit 1")
    environ, copied = program("xclip")
    how = clipboard.copy("olá", print, environ | {"WAYLAND_DISPLAY": "0", "DISPLAY": ":0"})
    assert how == "copied with xclip" and copied.read_text() == "olá"


def test_over_ssh_the_terminal_copies(program):
    environ, copied = program("xclip")
    written = []
    how = clipboard.copy("olá", written.append, environ | {"DISPLAY": ":0", "SSH_CONNECTION": "1"})
    assert "OSC 52" in how and not copied.exists()
    assert base64.b64decode(written[0].removeprefix("\x1b]52;c;").removesuffix("\a")).decode() == "olá"


def test_what_is_too_long_for_a_terminal_becomes_a_file(home):
    written = []
    text = "ã" * clipboard.MOST_BYTES
    how = clipboard.copy(text, written.append, {})
    assert "written to" in how and written == []
    assert (home / "cache" / "copied.txt").read_text() == text


def test_the_doubtful_terminals_are_named():
    assert "Terminal.app" in clipboard.copy("a", print, {"TERM_PROGRAM": "Apple_Terminal"})
    assert "tmux" in clipboard.copy("a", print, {"TMUX": "x"})


def test_the_app_copies_what_is_shown_and_says_how(program, monkeypatch):
    _, copied = program("xclip")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    for name in ("SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)

    async def story(pilot):
        pilot.app.copy_to_clipboard("\x1b[31mgato")
        await until(pilot, lambda: "9 characters copied with xclip" in screen_text(pilot.app))

    drive(MlxgptApp(), story)
    assert copied.read_text() == "␛[31mgato"
