"""Batches as a function of (seed, step): nothing to save but the step, so a resumed run sees exactly what comes next.

The stream is a ring: after its end, an <EOS>, comes its beginning.  An epoch turns it by a random offset, cuts it into
windows of T inputs, and takes them in random order.  Rows are numbered through all epochs, and batch `step` is rows
`step * B … step * B + B - 1`: so `a` micro-batches of b rows are exactly one batch of a * b, and a batch may reach into
the next epoch, or over several when the corpus is small.

Legend: N tokens of the stream · W windows in an epoch · B batch · T context length
"""

import math
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
import numpy.typing as npt

from mlxgpt.data.packing import Mask, Stream, TokenIds, require_context
from mlxgpt.errors import DataError

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Inputs, the ids that follow them, and what each counts in the loss (None: all the same).

    `epoch` is how many passes over the stream are done when this batch is.
    """

    inputs: npt.NDArray[np.int32]  # (B, T)
    targets: npt.NDArray[np.int32]  # (B, T)
    weights: npt.NDArray[np.float32] | None  # (B, T)
    epoch: float


class Loader:
    """Training batches from a stream; a batch costs one gather.

    An epoch predicts W * T of the N tokens once each; the fewer than T that are left out lie elsewhere each time.
    Raises `DataError` when the stream is shorter than one context.
    """

    def __init__(self, ids: TokenIds, mask: Mask | None, context_length: int, batch_size: int, seed: int = 0) -> None:
        require_context(len(ids), context_length)
        self.ids, self.mask = ids, mask
        self.context_length, self.batch_size, self.seed = context_length, batch_size, seed
        self.windows = len(ids) // context_length
        self._latest = (-1, np.zeros(0, dtype=np.int64))

    @property
    def steps_per_epoch(self) -> float:
        """Batches in one pass over the stream."""
        return self.windows / self.batch_size

    def steps_in(self, epochs: float) -> int:
        """Batches that make at least so many passes."""
        return math.ceil(epochs * self.windows / self.batch_size)

    def batch(self, step: int) -> Batch:
        """Batch number `step`, counted from 0."""
        rows = range(step * self.batch_size, (step + 1) * self.batch_size)
        first, last = rows[0] // self.windows, rows[-1] // self.windows
        starts = np.concatenate([self._starts(epoch) for epoch in range(first, last + 1)])
        skipped = rows[0] - first * self.windows
        starts = starts[skipped : skipped + self.batch_size]
        return _gather(self.ids, self.mask, starts, self.context_length, epoch=rows.stop / self.windows)

    def _starts(self, epoch: int) -> Indices:
        """Where the windows of an epoch start, in the order they are taken.  (W,)"""
        known, starts = self._latest  # one tuple, so that threads see both or neither
        if known != epoch:
            random = np.random.default_rng([self.seed % 2**64, epoch])
            offset = random.integers(len(self.ids))
            starts = (offset + random.permutation(self.windows) * self.context_length) % len(self.ids)
            self._latest = epoch, starts
        return starts


def _gather(ids: TokenIds, mask: Mask | None, starts: Indices, context_length: int, epoch: float) -> Batch:
    """The windows that begin at `starts`, on the ring."""
    places = starts[:, None] + np.arange(context_length + 1)  # (B, T+1)
    tokens = ids.take(places, mode="wrap").astype(np.int32)
    weights = None if mask is None else mask.take(places[:, 1:], mode="wrap").astype(np.float32)
    inputs, targets = np.ascontiguousarray(tokens[:, :-1]), np.ascontiguousarray(tokens[:, 1:])
    return Batch(inputs=inputs, targets=targets, weights=weights, epoch=epoch)


def prefetch(
    loader: Loader, start: int = 0, steps: int | None = None, *, ahead: int = 4
) -> Generator[Batch, None, None]:
    """Batches `start …` (`steps` of them, or without end), up to `ahead` made in a background thread.

    An error in the thread is raised here; closing the iterator ends the thread.
    """
    wanted = iter(count(start) if steps is None else range(start, start + steps))
    pending: deque[Future[Batch]] = deque()
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="prefetch")
    try:
        pending.extend(pool.submit(loader.batch, step) for step in islice(wanted, ahead))
        while pending:
            batch = pending.popleft().result()
            pending.extend(pool.submit(loader.batch, step) for step in islice(wanted, 1))
            yield batch
    finally:
        pool.shutdown(cancel_futures=True)


def validation_batches(
    stream: Stream, context_length: int, batch_size: int, *, most_tokens: int = 0
) -> Iterator[Batch]:
    """Every token of `stream` but its first, predicted once, in order; with `most_tokens`, only the first so many.

    All batches have one shape, and weights: what fills up the last one weighs 0.  Raises `DataError` at once when the
    stream is too short to predict anything.
    """
    if len(stream.ids) < 2:
        raise DataError(
            f"The validation text has {len(stream.ids)} tokens: too few to predict one.", hint="Hold out more."
        )
    predicted = len(stream.ids) - 1
    predicted = min(predicted, most_tokens) if most_tokens else predicted
    windows = -(-predicted // context_length)
    return _validation_batches(stream, context_length, min(batch_size, windows), windows, predicted)


def _validation_batches(stream: Stream, T: int, B: int, windows: int, predicted: int) -> Iterator[Batch]:
    for first in range(0, windows, B):
        starts = np.arange(first, first + B) * T
        batch = _gather(stream.ids, stream.mask, starts, T, epoch=0.0)
        real = starts[:, None] + np.arange(T) < predicted  # (B, T); beyond, the ring begins anew
        weights = real.astype(np.float32) if batch.weights is None else batch.weights * real
        yield Batch(inputs=batch.inputs, targets=batch.targets, weights=weights, epoch=0.0)
