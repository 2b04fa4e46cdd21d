"""Batches as a function of (seed, step): nothing to save but the step, so a resumed run sees exactly what comes next.

An epoch is a fixed number of rows, of T inputs each, in random order; `rows` says what a row holds.  Where sources have
weights, an epoch passes so many times over each of them: twice over one that weighs 2, over half of one that weighs 0.5, and
over its other half in the next.  Rows are numbered through all epochs, and batch `step` is rows `step * B … step * B + B - 1`:
so `a` micro-batches of b rows are exactly one batch of a * b, `r` ranks that take turns see together what one would see, and
a batch may reach into the next epoch, or over several when the corpus is small.

Legend: N tokens of the stream · R rows in an epoch · B batch · T context length
"""

import math
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count, islice

import numpy as np
import numpy.typing as npt

from mlxgpt.data.packing import Source, Stream, require_context
from mlxgpt.data.rows import PACKINGS, Pieces, Rows, Windows, best_fit, documents_of, one_each, pieces_of
from mlxgpt.data.shuffle import Indices, shuffled
from mlxgpt.errors import ConfigError, DataError, nearest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Batch:
    """Inputs, the ids that follow them, and what each counts in the loss (None: all the same).

    `epoch` is how many passes over the stream are done when this batch is.  `documents` says which document each target
    belongs to (-1: padding), for an attention that does not look across; it is there when it was asked for.
    """

    inputs: npt.NDArray[np.int32]  # (B, T)
    targets: npt.NDArray[np.int32]  # (B, T)
    weights: npt.NDArray[np.float32] | None  # (B, T)
    epoch: float
    documents: npt.NDArray[np.int32] | None = None  # (B, T)


class Loader:
    """Training batches from a stream; a batch costs one gather.

    With `concat` an epoch predicts R * T of the N tokens once each; the fewer than T that are left out of each source lie
    elsewhere each time.  With the other packings it predicts every token once.  Raises `DataError` when the stream is
    shorter than one context.
    """

    def __init__(
        self,
        stream: Stream,
        context_length: int,
        batch_size: int,
        seed: int = 0,
        *,
        packing: str = "concat",
        rank: int = 0,
        ranks: int = 1,
        boundaries: bool = False,
    ) -> None:
        if packing not in PACKINGS:
            raise ConfigError(f"There is no packing {packing!r}.", hint=nearest(packing, PACKINGS))
        if packing == "concat":
            require_context(len(stream.ids), context_length)
        self.stream, self.context_length, self.batch_size, self.seed = stream, context_length, batch_size, seed
        self._rank, self._ranks = rank, ranks
        self._padded, self._boundaries = packing != "concat", boundaries
        stretches = _stretches(stream)
        self._parts: list[Rows] = [
            Windows(source.start, source.stop, context_length, seed)
            if packing == "concat"
            else _pieces(stream, source, context_length, packing)
            for source in stretches
        ]
        self._shares = [  # rows of each part in an epoch
            max(1, round(source.weight * part.count)) for source, part in zip(stretches, self._parts, strict=True)
        ]
        self._ends = np.cumsum(self._shares)
        self.windows = int(self._ends[-1])

    @property
    def steps_per_epoch(self) -> float:
        """Batches in one epoch."""
        return self.windows / (self.batch_size * self._ranks)

    def steps_in(self, epochs: float) -> int:
        """Batches that make at least so many epochs."""
        return math.ceil(epochs * self.windows / (self.batch_size * self._ranks))

    def batch(self, step: int) -> Batch:
        """Batch number `step`, counted from 0; of several ranks, this one's."""
        first = (step * self._ranks + self._rank) * self.batch_size
        rows = np.arange(first, first + self.batch_size)
        inputs = np.empty((self.batch_size, self.context_length), dtype=np.int64)
        targets = np.empty_like(inputs)
        for part, turn, here, numbers in self._places(rows):
            targets[here] = self._parts[part].targets(turn, numbers)
            inputs[here] = self._parts[part].inputs(targets[here])
        done = (step + 1) * self._ranks * self.batch_size / self.windows
        return _gather(self.stream, inputs, targets, done, padded=self._padded, boundaries=self._boundaries)

    def _places(self, rows: Indices) -> Iterator[tuple[int, int, Indices, Indices]]:
        """Which rows of which part, in its which pass: (part, pass, where they are in the batch, their numbers)."""
        epochs = rows // self.windows
        for epoch in np.unique(epochs).tolist():
            here = np.flatnonzero(epochs == epoch)
            drawn = shuffled(rows[here] % self.windows, self.windows, self.seed, epoch)
            parts = np.searchsorted(self._ends, drawn, side="right")
            for part in np.unique(parts).tolist():
                of_part = np.flatnonzero(parts == part)
                share = self._shares[part]
                own = epoch * share + drawn[of_part] - (self._ends[part] - share)  # through all its passes
                turns, numbers = np.divmod(own, self._parts[part].count)
                for turn in np.unique(turns).tolist():
                    in_turn = turns == turn
                    order = shuffled(numbers[in_turn], self._parts[part].count, self.seed, turn, part + 1)
                    yield part, turn, here[of_part[in_turn]], order


def _stretches(stream: Stream) -> list[Source]:
    """The parts of the stream that are drawn from by themselves: neighbours of the same weight are one."""
    merged: list[Source] = []
    for source in stream.sources or (Source(start=0, stop=len(stream.ids)),):
        if source.stop <= source.start or not source.weight:
            continue
        if merged and merged[-1].weight == source.weight and merged[-1].stop == source.start:
            source = Source(start=merged.pop().start, stop=source.stop, weight=source.weight)
        merged.append(source)
    if not merged:
        raise DataError("No source is left to learn from.", hint="Give at least one of them a weight above 0.")
    return merged


def _pieces(stream: Stream, source: Source, context_length: int, packing: str) -> Pieces:
    """The documents of a stretch, packed."""
    first, last = np.searchsorted(stream.ends, [source.start, source.stop], side="right")
    ends = np.asarray(stream.ends[first:last], dtype=np.int64)
    if not len(ends) or int(ends[-1]) != source.stop:
        raise DataError(
            f"This text does not say where its documents end, which packing = {packing!r} needs.",
            hint="Build it with mlxgpt data build, or use packing = 'concat'.",
        )
    starts, sizes = pieces_of(ends, source.start, context_length)
    rows = best_fit(sizes, context_length) if packing == "best-fit" else one_each(sizes, context_length)
    return Pieces(starts, sizes, rows, context_length)


def _gather(
    stream: Stream, inputs: Indices, targets: Indices, epoch: float, *, padded: bool = False, boundaries: bool = False
) -> Batch:
    """The tokens at places of the stream; if it is `padded`, a target of -1 is padding and weighs nothing."""
    read = stream.ids.take(inputs, mode="wrap").astype(np.int32)
    predicted = stream.ids.take(targets, mode="wrap").astype(np.int32)
    weights = None if stream.mask is None else stream.mask.take(targets, mode="wrap").astype(np.float32)
    if padded:
        padding = targets < 0
        weights = np.ones(targets.shape, dtype=np.float32) if weights is None else weights
        read[padding], predicted[padding], weights[padding] = 0, 0, 0.0
    return Batch(
        inputs=read, targets=predicted, weights=weights, epoch=epoch,
        documents=documents_of(stream.ends, targets) if boundaries else None,
    )  # fmt: skip


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
        places = (np.arange(first, first + B) * T)[:, None] + np.arange(T)  # (B, T)
        batch = _gather(stream, places, places + 1, epoch=0.0)
        real = places < predicted  # beyond, the ring begins anew
        weights = real.astype(np.float32) if batch.weights is None else batch.weights * real
        yield Batch(inputs=batch.inputs, targets=batch.targets, weights=weights, epoch=0.0)
