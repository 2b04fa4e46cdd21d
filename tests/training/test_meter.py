"""The clock of a run, with a time that the tests move."""

import pytest

from mlxgpt.training import meter
from mlxgpt.training.meter import Clock, Moments


@pytest.fixture
def now(monkeypatch):
    class Now:
        seconds = 100.0

    monkeypatch.setattr(meter.time, "monotonic", lambda: Now.seconds)
    return Now


def take_step(clock, now, seconds):
    clock.begin_step()
    now.seconds += seconds
    clock.end_step()


def test_a_budget_of_steps_does_not_look_at_the_time(now):
    clock = Clock(steps=10)
    now.seconds += 1e6
    assert (clock.steps(3), clock.share(3), clock.share(10)) == (10, 0.3, 1.0)


def test_the_first_step_of_a_time_budget_does_not_count(now):
    clock = Clock(seconds=60)
    take_step(clock, now, 30.0)
    assert (clock.elapsed, clock.share(1)) == (0.0, 0.0)
    take_step(clock, now, 2.0)
    assert clock.elapsed == 2.0
    assert clock.step_seconds == 2.0


def test_steps_of_a_time_budget_are_estimated_from_the_median_step(now):
    clock = Clock(seconds=60)
    for seconds in (30.0, 2.0, 2.0, 8.0):
        take_step(clock, now, seconds)
    assert clock.steps(4) == 4 + (60 - 12) / 2


def test_a_time_budget_ends_before_a_step_that_would_exceed_it(now):
    clock = Clock(seconds=10)
    take_step(clock, now, 5.0)
    for done in range(2, 5):
        take_step(clock, now, 3.0)
        assert (clock.share(done) == 1.0) == (clock.elapsed > 7.0)


def test_seconds_before_a_resume_count(now):
    clock = Clock(seconds=60, seconds_before=40)
    for seconds in (1.0, 2.0):
        take_step(clock, now, seconds)
    assert clock.elapsed == 42.0
    assert clock.seconds_left(2) == 18.0


def test_moments_come_every_so_many_steps_or_so_many_times_in_a_run():
    every = Moments(5, 10, 0.0)
    assert [step for step in range(1, 21) if every.due(step, step / 20)] == [5, 10, 15, 20]
    times = Moments(0, 4, 0.0)
    assert [step for step in range(1, 21) if times.due(step, step / 20)] == [5, 10, 15, 20]
    resumed = Moments(0, 4, 0.5)
    assert [step for step in range(11, 21) if resumed.due(step, step / 20)] == [15, 20]
