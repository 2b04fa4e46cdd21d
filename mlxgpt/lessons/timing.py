"""How long something takes, there and then: the middle of several runs, after one that does not count."""

import statistics
import time
from collections.abc import Callable

import mlx.core as mx

MOST_SECONDS = 1.0  # for one measurement; a busy machine gets fewer runs, never fewer than three


def median_milliseconds(work: Callable[[], object], runs: int = 15) -> float:
    """The median time of computing what `work` describes, in milliseconds."""
    mx.eval(work())
    times: list[float] = []
    began = time.perf_counter()
    while len(times) < 3 or (len(times) < runs and time.perf_counter() - began < MOST_SECONDS):
        start = time.perf_counter()
        mx.eval(work())
        times.append((time.perf_counter() - start) * 1000)
    return statistics.median(times)
