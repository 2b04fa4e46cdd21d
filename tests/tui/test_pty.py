"""The app in a real terminal: how it ends, whatever size it has, and what it leaves behind.  Nothing is timed here.

Driven by `scripts/terminal.py`; the model is the endless one of `scripts/benchmarks/tui.py`, so that it is still writing.
"""

import importlib.util
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "benchmarks" / "tui.py"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """The script, and a model that never ends a text."""
    before = list(sys.path)
    spec = importlib.util.spec_from_file_location("tui_benchmark", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["tui_benchmark"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    module.model = str(module.endless(tmp_path_factory.mktemp("endless") / "model"))
    yield module
    del sys.modules["tui_benchmark"]
    sys.path[:] = before


@pytest.fixture
def writing(bench, home):
    """A terminal in which the model writes, its conversation kept already."""
    with bench.opened(bench.model) as terminal:
        bench.enter(terminal, "/tokens 100000")
        bench.enter(terminal, "Era uma vez")
        bench.expect(terminal, lambda: kept(terminal.home))
        yield terminal


def kept(home: Path) -> str:
    """What of the answer is in the database."""
    with sqlite3.connect(f"file:{home / 'mlxgpt.db'}?mode=ro", uri=True) as database:
        row = database.execute("SELECT text FROM message WHERE role = 'assistant'").fetchone()
    return row[0] if row else ""


def test_leaving_while_the_model_writes_ends_with_code_0_and_gives_the_terminal_back(writing, bench):
    writing.type(bench.QUIT)
    assert writing.wait() == 0
    assert writing.restored
    assert "Traceback" not in writing.text()


def test_no_size_is_too_small_or_too_large_while_the_model_writes(writing, bench):
    for width in [*range(20, 301, 20), *range(300, 19, -35)]:
        writing.resize(width, round(8 + (width - 20) / 280 * 92))
        writing.read(0.05)
    for size in ((20, 100), (300, 8), (20, 8), (120, 40)):
        writing.resize(*size)
        writing.read(0.1)
    pictures = len(writing.frames)
    assert writing.read(20, lambda: len(writing.frames) > pictures + 5), writing.text()[-2000:]
    writing.type(bench.QUIT)
    assert writing.wait() == 0
    assert "Traceback" not in writing.text()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_terminal_as_it_was_and_the_conversation_kept(writing, number):
    before = kept(writing.home)
    writing.kill(number)
    assert writing.wait() == 128 + number
    assert writing.restored
    assert len(kept(writing.home)) >= len(before) > 0


ALONE = (
    "import signal, subprocess, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
    "sys.exit(subprocess.Popen(sys.argv[1:], start_new_session=True).wait())"
)


def test_a_program_that_no_signal_reaches_ends_with_its_terminal(bench, home):
    arguments = [sys.executable, "-c", ALONE, *bench.mlxgpt("tui", "--model", bench.model)]
    with bench.Terminal(arguments, environment={"MLXGPT_HOME": str(home)}) as terminal:
        bench.expect(terminal, lambda: terminal.shows(bench.READY))
        bench.enter(terminal, "/tokens 100000")
        bench.enter(terminal, "Era uma vez")
        bench.expect(terminal, lambda: kept(home))
        terminal.hang_up()
        assert terminal.wait() == 128 + signal.SIGHUP
        assert kept(home)


def test_when_the_terminal_is_gone_the_conversation_is_kept_and_the_program_ends(bench, home):
    with bench.opened(bench.model) as terminal:
        bench.enter(terminal, "Era uma vez")
        bench.expect(terminal, lambda: kept(terminal.home))
        terminal.hang_up()
        assert terminal.wait() == 128 + signal.SIGHUP
        assert kept(terminal.home)
