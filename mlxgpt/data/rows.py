"""What a row of a batch is: which tokens it reads, and which it is to predict.

    concat     a window of T tokens out of the stream, wherever documents end in it
    best-fit   whole documents that fill T together; only those longer than T are cut (Ding et al. 2024, arXiv:2404.10830)
    pad        one document, or T tokens of it

Each document follows the <EOS> of the one before it, so even its first token is predicted from something.  A place is the
number of a token in the stream; -1 is padding.

Legend: N tokens of the stream · R rows · T context length
"""

from collections.abc import Mapping
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mlxgpt.data.shuffle import Indices

_OFFSET = 1 << 32  # sets the key of an epoch's offset apart from that of its order


class Rows(Protocol):
    """The rows of a stretch of the stream."""

    @property
    def count(self) -> int:
        """How many there are in one pass."""

    def targets(self, turn: int, rows: Indices) -> Indices:
        """The places to be predicted by rows of the `turn`-th pass.  (R, T)"""

    def inputs(self, targets: Indices) -> Indices:
        """The places of the tokens before them.  (R, T)"""


class Windows:
    """`concat`: the stretch is a ring, turned by a random offset in each pass, so that cuts fall elsewhere."""

    def __init__(self, start: int, stop: int, context_length: int, seed: int) -> None:
        self._start, self._size = start, stop - start
        self._context_length, self._seed = context_length, seed
        self.count = max(1, self._size // context_length)

    def targets(self, turn: int, rows: Indices) -> Indices:
        offset = int(np.random.default_rng([self._seed % 2**64, turn, _OFFSET]).integers(self._size))
        begins = offset + rows * self._context_length
        return self._start + (begins[:, None] + np.arange(1, self._context_length + 1)) % self._size

    def inputs(self, targets: Indices) -> Indices:
        return self._start + (targets - self._start - 1) % self._size


class Pieces:
    """`best-fit` and `pad`: row i holds the pieces first[i] … first[i + 1], each a stretch of one document."""

    def __init__(self, starts: Indices, sizes: Indices, row_of: Indices, context_length: int) -> None:
        order = np.argsort(row_of, kind="stable")
        self._starts, self._sizes = starts[order], sizes[order]
        self.count = int(row_of.max()) + 1 if len(row_of) else 0
        self._first = np.searchsorted(row_of[order], np.arange(self.count + 1))
        self._context_length = context_length

    def targets(self, turn: int, rows: Indices) -> Indices:
        places = np.full((len(rows), self._context_length), -1, dtype=np.int64)
        for row, number in zip(places, rows.tolist(), strict=True):
            at = 0
            for piece in range(self._first[number], self._first[number + 1]):
                size = int(self._sizes[piece])
                row[at : at + size] = np.arange(self._starts[piece], self._starts[piece] + size)
                at += size
        return places

    def inputs(self, targets: Indices) -> Indices:
        return targets - 1  # before the first of all comes the last, which is an <EOS> too


def pieces_of(ends: Indices, start: int, context_length: int) -> tuple[Indices, Indices]:
    """Documents that end at `ends` (the first begins at `start`), cut into pieces of at most T: (starts, sizes)."""
    begins = np.concatenate([[start], ends[:-1]])
    counts = -(-(ends - begins) // context_length)
    number = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)  # of a piece in its document
    starts = np.repeat(begins, counts) + number * context_length
    return starts, np.minimum(context_length, np.repeat(ends, counts) - starts)


def best_fit(sizes: Indices, capacity: int) -> Indices:
    """The row of each piece: from the largest on, each goes where it leaves the least room.  (P,)

    >>> best_fit(np.array([3, 5, 2, 4]), 6).tolist()  # 5 | 4 + 2 | 3
    [2, 0, 1, 1]
    """
    rows = np.zeros(len(sizes), dtype=np.int64)
    order = np.argsort(-sizes, kind="stable")
    whole = int((sizes == capacity).sum())  # those that fill a row need no search
    rows[order[:whole]] = np.arange(whole)
    room: list[list[int]] = [[] for _ in range(capacity + 1)]  # the rows that have so much left
    open_ = 0  # bit r is set when a row has r left
    used = whole
    for piece, size in zip(order[whole:].tolist(), sizes[order[whole:]].tolist(), strict=True):
        fitting = open_ >> size
        if fitting:
            left = size + (fitting & -fitting).bit_length() - 1
            row = room[left].pop()
            if not room[left]:
                open_ ^= 1 << left
        else:
            left, row = capacity, used
            used += 1
        rows[piece] = row
        if left > size:
            room[left - size].append(row)
            open_ |= 1 << (left - size)
    return rows


def one_each(sizes: Indices, capacity: int) -> Indices:
    """A row for each piece."""
    return np.arange(len(sizes))


def documents_of(ends: npt.NDArray[np.int64], places: Indices) -> npt.NDArray[np.int32]:
    """The number of the document that each place belongs to; -1 for padding."""
    return np.where(places < 0, -1, np.searchsorted(ends, places, side="right")).astype(np.int32)


PACKINGS: Mapping[str, str] = {
    "concat": "windows of the stream, wherever documents end",
    "best-fit": "whole documents that fill a row together",
    "pad": "one document a row",
}
