"""A run and the programs that watch it: who trains it, and what it is told."""

import threading

import pytest

from mlxgpt import processes
from mlxgpt.errors import CheckpointError
from mlxgpt.events import CheckpointSaved, RunContinued, RunFinished, RunPaused, RunStarted, SampleDrawn, StepFinished
from mlxgpt.runs import Run


def begun(workplace, **settings):
    """A job past its first step, its run, and what it said so far."""
    job = workplace.start(**settings)
    events = []
    while not (events and isinstance(events[-1], StepFinished)):
        events.append(next(job))
    run = next(Run(path=workplace.runs / event.run) for event in events if isinstance(event, RunStarted))
    return job, run, events


def test_a_run_is_trained_by_one_process_at_a_time(workplace):
    job, run, _ = begun(workplace, steps=50)
    assert processes.trainer(run) is not None
    with pytest.raises(CheckpointError, match="is being trained by process"):
        next(workplace.start(resume=run.path))
    job.close()
    assert processes.trainer(run) is None


def test_words_make_a_checkpoint_a_sample_and_an_end(workplace):
    job, run, _ = begun(workplace, steps=50, checkpoint_every=100)
    processes.ask(run, "checkpoint")
    said = [next(job) for _ in range(2)]
    assert any(isinstance(event, CheckpointSaved) for event in said)
    processes.ask(run, "sample")
    processes.ask(run, "stop")
    said = list(job)
    assert any(isinstance(event, SampleDrawn) for event in said)
    assert isinstance(said[-1], RunFinished) and said[-1].reason == "interrupted" and said[-1].step < 50


def test_a_paused_run_waits_with_its_checkpoint_saved_and_the_wait_is_not_counted(workplace):
    job, run, events = begun(workplace, steps=3)
    processes.ask(run, "pause")
    while not isinstance(events[-1], RunPaused):
        events.append(next(job))
    assert run.steps()
    threading.Timer(0.5, processes.ask, (run, "continue")).start()
    events += list(job)
    continued = next(event for event in events if isinstance(event, RunContinued))
    assert continued.seconds >= 0.4
    assert isinstance(events[-1], RunFinished) and events[-1].reason == "completed"
    assert [event.step for event in events if isinstance(event, StepFinished)] == [1, 2, 3]


def test_nobody_hears_words_to_a_run_that_has_ended(workplace):
    job, run, _ = begun(workplace, steps=1)
    list(job)
    with pytest.raises(CheckpointError, match="not being trained"):
        processes.ask(run, "pause")


def test_a_process_that_is_started_makes_the_run_and_goes_on_by_itself(workplace, monkeypatch):
    run = Run(path=workplace.runs / "detached")
    arguments = [
        "--preset",
        str(workplace.preset),
        "--data",
        str(workplace.corpus),
        "--steps",
        "2",
        "--out",
        str(run.path),
    ]
    started = processes.start(run, arguments)
    assert started.process.wait(60) == 0, started.log.read_text()
    assert run.steps() and started.problem() == ""


def test_a_process_that_could_not_begin_says_why(workplace):
    run = Run(path=workplace.runs / "detached")
    started = processes.start(run, ["--preset", "no-such-preset", "--out", str(run.path)])
    started.process.wait(60)
    assert "no-such-preset" in started.problem()
    assert not set("│╭╰─") & set(started.problem())
