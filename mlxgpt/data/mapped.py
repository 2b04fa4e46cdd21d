"""One long array out of many files, each mapped into memory when it is looked at."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]  # Any: of one type of integers, which the files decide
_MOST_OPEN = 64  # each open map holds a file descriptor, of which macOS gives a process 256


class Mapped:
    """Looks like an array of one dimension to `len`, `take` and a slice, and holds no more of it than was asked for."""

    def __init__(self, parts: Sequence[Callable[[], Array]], sizes: Sequence[int], dtype: npt.DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        self._parts = parts
        self._starts = np.concatenate([[0], np.cumsum(np.asarray(sizes, dtype=np.int64))])
        self._open: OrderedDict[int, Array] = OrderedDict()  # the last used last

    def __len__(self) -> int:
        return int(self._starts[-1])

    def take(self, places: npt.ArrayLike, mode: str = "wrap") -> Array:
        """What stands at `places`, in their shape; a place behind the end is one from the beginning."""
        assert mode == "wrap"
        wanted = np.asarray(places, dtype=np.int64) % len(self)
        parts = np.searchsorted(self._starts, wanted, side="right") - 1
        first, last = int(parts.min(initial=len(self._parts))), int(parts.max(initial=-1))
        if first == last:
            found: Array = self._part(first).take(wanted - self._starts[first])
            return found
        found = np.empty(wanted.shape, self.dtype)
        for number in np.unique(parts).tolist():
            chosen = parts == number
            found[chosen] = self._part(number).take(wanted[chosen] - self._starts[number])
        return found

    def __getitem__(self, span: slice) -> Array:
        """A stretch of it, as an array in memory."""
        start, stop, step = span.indices(len(self))
        assert step == 1
        return self.take(np.arange(start, stop)) if stop > start else np.zeros(0, self.dtype)

    def _part(self, number: int) -> Array:
        part = self._open.get(number)
        if part is None:
            part = self._parts[number]()
            while len(self._open) >= _MOST_OPEN:
                self._open.popitem(last=False)
        self._open[number] = part
        self._open.move_to_end(number)
        return part
