"""Ctrl-C and SIGTERM end training with a usable checkpoint and exit code 130."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlxgpt import checkpoint, runs

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def training(workplace):
    """Starts `mlxgpt train --json` in a process of its own."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "mlxgpt", "train", "--device", "cpu", "--json", *map(str, arguments)],
            cwd=ROOT,
            env={**os.environ, "MLXGPT_HOME": str(workplace.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def events(process, kind=""):
    """The events that a process prints, up to the first of a kind."""
    for line in process.stdout:
        event = json.loads(line)
        yield event
        if event["event"] == kind:
            return


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_a_checkpoint_and_exits_with_130(workplace, training, number):
    run = runs.Run(path=workplace.path / "run")
    process = training(
        *("--data", workplace.corpus, "--preset", workplace.preset, "--out", run.path, "--steps", 100_000),
        *("--set", "train.eval_every=100000", "--set", "train.checkpoint_every=100000"),
    )
    list(events(process, "StepFinished"))
    process.send_signal(number)
    rest = list(events(process))
    assert process.wait() == 130
    assert process.stderr.read() == ""
    assert (rest[-1]["event"], rest[-1]["reason"]) == ("RunFinished", "interrupted")
    assert run.steps() == [rest[-1]["step"]]
    checkpoint.load(run.last)

    again = training("--resume", run.path, "--steps", rest[-1]["step"] + 2)
    steps = [event["step"] for event in events(again) if event["event"] == "StepFinished"]
    assert again.wait() == 0
    assert steps == [rest[-1]["step"] + 1, rest[-1]["step"] + 2]
