"""Losses that lie far above those before them.  No MLX: a live run is watched with it too."""

import statistics
from collections.abc import Sequence

WINDOW, LIMIT = 20, 6.0  # steps that say what is usual, and how many of their standard deviations are not


def find_spikes(losses: Sequence[float], begin: int = 0) -> list[tuple[int, float]]:
    """(index, usual loss) where a loss lies more than LIMIT deviations above the median of the WINDOW before it.

    The deviation is 1.4826 times the median distance from that median: like the standard deviation, but a spike in the
    window does not hide the next.  Losses before index `begin` are not judged.
    """
    found = []
    for index in range(max(WINDOW, begin), len(losses)):
        before = losses[index - WINDOW : index]
        usual = statistics.median(before)
        deviation = 1.4826 * statistics.median(abs(loss - usual) for loss in before)
        if losses[index] - usual > LIMIT * max(deviation, 1e-9):
            found.append((index, usual))
    return found
