"""How far a run is, how fast it goes, and when it is time to look up: the clock and the moments of a run."""

import statistics
import time
from collections import deque

_GUESSED_STEPS = 1000.0  # of a budget in time, until a few steps have been timed


class Clock:
    """Measures a run against its budget, which is a number of steps or a time.

    Both budgets speak of `steps`: with a time, the number is an estimate from the median of recent steps, renewed at each
    one, so that schedules planned in steps end when the time does.  The first step, which compiles, does not count.
    """

    def __init__(self, *, steps: int = 0, seconds: float = 0.0, seconds_before: float = 0.0) -> None:
        self._steps, self._budget = steps, seconds
        self._began = time.monotonic() - seconds_before
        self._step_began = 0.0
        self._timed = 0
        self._recent: deque[float] = deque(maxlen=50)

    @property
    def elapsed(self) -> float:
        """Seconds of training, those before a resume included."""
        return time.monotonic() - self._began

    @property
    def step_seconds(self) -> float:
        """The median duration of recent steps; 0 before the first."""
        return statistics.median(self._recent) if self._recent else 0.0

    def begin_step(self) -> None:
        """A step begins."""
        self._step_began = time.monotonic()

    def end_step(self) -> None:
        """The step is done."""
        duration = time.monotonic() - self._step_began
        if self._timed == 0:
            self._began += duration
        elif self._timed == 1:
            self._recent.clear()
        self._recent.append(duration)
        self._timed += 1

    def wait(self, seconds: float) -> None:
        """So much time passed in which nobody trained."""
        self._began += seconds

    def steps(self, done: int) -> float:
        """How many steps the run will have taken at its end, when `done` are behind it."""
        if self._steps:
            return self._steps
        if self._timed < 4:
            return max(_GUESSED_STEPS, done)
        return done + max(0.0, self._budget - self.elapsed) / self.step_seconds

    def share(self, done: int) -> float:
        """The share of the budget that is spent, 0 … 1."""
        if self._steps:
            return min(1.0, done / self._steps)
        next_step = self.step_seconds if self._timed > 1 else 0.0
        return 1.0 if self.elapsed + next_step > self._budget else self.elapsed / self._budget

    def seconds_left(self, done: int) -> float:
        """An estimate of the time to the end; evaluations not counted when the budget is in steps."""
        return max(0.0, self._budget - self.elapsed if self._budget else (self.steps(done) - done) * self.step_seconds)


class Moments:
    """When to do something: every so many steps, or so many times in a run."""

    def __init__(self, every: int, times: int, share: float) -> None:
        self._every, self._times = every, times
        self._done = self._passed(share)

    def due(self, step: int, share: float) -> bool:
        """Whether the moment is now; asked once a step."""
        if self._every > 0:
            return step % self._every == 0
        passed = self._passed(share)
        is_due, self._done = passed > self._done, passed
        return is_due

    def _passed(self, share: float) -> int:
        return int(share * self._times + 1e-9)  # 0.29 * 100 is a little less than 29
