"""A budget in time ends when the time does, whatever a step takes; moments come as often as asked."""

from types import SimpleNamespace

import pytest

from mlxgpt.training import meter
from mlxgpt.training.meter import Clock, Moments


@pytest.fixture
def clock_time(monkeypatch):
    """A time that only the test moves."""
    now = [100.0]
    # Only the module's own name: servers of other tests live in this process and look at the clock too.
    monkeypatch.setattr(meter, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def run(clock, now, seconds_of_a_step, first=0.0):
    """Step until the budget is spent; how many steps that were."""
    done = 0
    while clock.share(done) < 1.0 and done < 10_000:
        clock.begin_step()
        now[0] += seconds_of_a_step + (first if done == 0 else 0.0)
        clock.end_step()
        done += 1
    return done


@pytest.mark.parametrize("step", [0.01, 0.3, 2.0])
def test_a_budget_in_time_ends_on_time(clock_time, step):
    clock = Clock(seconds=10.0)
    done = run(clock, clock_time, step)
    assert 10.0 - 2 * step <= clock.elapsed <= 10.0
    assert done == pytest.approx(10.0 / step, abs=2)


def test_the_first_step_compiles_and_does_not_count(clock_time):
    clock = Clock(seconds=10.0)
    assert run(clock, clock_time, 0.5, first=60.0) == pytest.approx(21, abs=1)


def test_the_estimate_of_steps_is_right_once_a_few_are_timed(clock_time):
    clock = Clock(seconds=10.0)
    for _ in range(5):
        clock.begin_step()
        clock_time[0] += 0.5
        clock.end_step()
    assert clock.steps(5) == pytest.approx(21.0)
    assert clock.seconds_left(5) == pytest.approx(8.0)


def test_a_continued_run_keeps_its_time(clock_time):
    assert Clock(seconds=10.0, seconds_before=4.0).elapsed == 4.0
    assert Clock(seconds=10.0, seconds_before=11.0).share(7) == 1.0
    assert Clock(seconds=10.0).share(0) == 0.0


def test_a_budget_in_steps_does_not_look_at_the_time(clock_time):
    clock = Clock(steps=8)
    assert run(clock, clock_time, 3.0) == 8
    assert clock.share(2) == 0.25
    assert clock.seconds_left(6) == pytest.approx(6.0)


def test_moments_of_every_so_many_steps():
    moments = Moments(3, 10, 0.0)
    assert [step for step in range(1, 10) if moments.due(step, step / 9)] == [3, 6, 9]


@pytest.mark.parametrize("steps", [10, 37, 100, 1000])
def test_so_many_moments_in_a_run(steps):
    moments = Moments(0, 10, 0.0)
    due = [step for step in range(1, steps + 1) if moments.due(step, step / steps)]
    assert len(due) == 10
    assert due[-1] == steps


@pytest.mark.parametrize("stopped", range(1, 100))
def test_moments_after_a_break_are_those_without_it(stopped):
    whole, before = Moments(0, 10, 0.0), Moments(0, 10, 0.0)
    all_due = [step for step in range(1, 101) if whole.due(step, step / 100)]
    first = [step for step in range(1, stopped + 1) if before.due(step, step / 100)]
    after = Moments(0, 10, stopped / 100)
    assert first + [step for step in range(stopped + 1, 101) if after.due(step, step / 100)] == all_due
