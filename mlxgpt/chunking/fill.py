"""Chunks as full as they get, with or without overlap: the work behind `fixed`, `sliding` and `overlapping`."""

from collections.abc import Iterator

import numpy as np

from mlxgpt.chunking.measured import Block


def filled(block: Block, max_size: int, *, overlap: int = 0, stride: int = 0) -> Iterator[tuple[int, int]]:
    """Spans that are full, each beginning up to `overlap` tokens before the end of the one before.

    With a `stride` they begin so many tokens after the beginning of the one before instead, or earlier.  Each begins and
    ends later than the one before, and no place is left out.
    """
    start = done = 0
    while done < block.last:
        end = _farthest(block, start, max_size)
        while end <= done and start < done:  # give up some of the overlap
            start += 1
            end = _farthest(block, start, max_size)
        end = max(end, done + 1)
        yield start, end
        if stride:
            wanted = int(np.searchsorted(block.totals, int(block.totals[start]) + stride, side="right")) - 1
        else:
            wanted = int(np.searchsorted(block.totals, int(block.totals[end]) - overlap))
        start, done = min(max(wanted, start + 1), end), end


def _farthest(block: Block, start: int, max_size: int) -> int:
    """The last place to which the tokens from `start` on fit; `start` when not even one piece does."""
    most = int(block.totals[start]) + max_size
    end = min(int(np.searchsorted(block.arrivals, most, side="right")), block.last)
    while end > start and not block.fits(start, end, max_size):
        end -= 1
    return end
