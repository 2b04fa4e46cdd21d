"""Blocks are cut by this process or by several; the results are the same."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing.util import Finalize

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.base import Chunker
from mlxgpt.chunking.levels import Level
from mlxgpt.chunking.measured import end_level, measure_block
from mlxgpt.chunking.sources import TextBlock
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.pretokens import Codes
from mlxgpt.tokenizer.scanner import scanner_for

# One row a chunk: start and end in characters, tokens, level of its end, characters of overlap, start and end in bytes.
# Workers count them from the beginning of the block, `shift` moves them to their place in the document.
Borders = npt.NDArray[np.int64]  # (n, 7)
COLUMNS = 7
WORTH_BYTES = 1 << 23  # a process takes half a second to start: less text is cut sooner without
_WAITING = 3  # blocks for each process


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutter:
    """A strategy and the tokenizer it counts with."""

    chunker: Chunker
    tokenizer: Tokenizer
    remember: bool = False  # keep what is learnt of the tokenizer for the next time

    def finish(self) -> None:
        """When everything is cut."""
        if self.remember:
            scanner_for(self.tokenizer).save()

    def cut(self, text: str, last: bool) -> Borders:
        """The chunks of a block."""
        block = measure_block(text, 0, self.tokenizer, Level.PART if last else end_level(text))
        rows = [
            (chunk.start, chunk.end, chunk.n_tokens, chunk.level, chunk.overlap)
            for chunk in self.chunker.cut(block, self.tokenizer)
        ]
        cut = np.array(rows, dtype=np.int64)
        return np.hstack([cut, _bytes_before(block.scan.codes, cut[:, :2])])


def shift(characters: int, bytes: int) -> Borders:  # noqa: A002
    """What to add to rows to move them that far.  (7,)"""
    return np.array([characters, characters, 0, 0, 0, bytes, bytes], dtype=np.int64)


def _bytes_before(codes: Codes, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The bytes of UTF-8 before each place: one for each character, and more for those from U+0080, U+0800 and U+10000."""
    found = places.copy()
    wide = np.arange(0)
    for first in (0x80, 0x800, 0x10000):
        wide = np.flatnonzero(codes >= first) if first == 0x80 else wide[codes[wide] >= first]
        found += np.searchsorted(wide, places)
    return found


def workers_for(total_bytes: int, wanted: int) -> int:
    """How many processes are worth their start; `wanted` when it is not 0."""
    if wanted:
        return wanted
    return 1 if total_bytes < WORTH_BYTES else min(os.cpu_count() or 1, 8)


@dataclass(slots=True)
class Crew:
    """Processes that cut; with one worker, this process itself.  Use it as a context."""

    cutter: Cutter
    workers: int
    _pool: ProcessPoolExecutor | None = None

    def __enter__(self) -> "Crew":
        if self.workers > 1:
            self._pool = ProcessPoolExecutor(
                self.workers,
                mp_context=multiprocessing.get_context("spawn"),  # MLX and tokenizers have threads, which a fork breaks
                initializer=_begin_work,
                initargs=(self.cutter,),
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._pool is None:
            self.cutter.finish()
        else:
            self._pool.shutdown(cancel_futures=True)

    @property
    def most_waiting(self) -> int:
        """How many blocks should be under way, to keep everybody busy."""
        return 0 if self._pool is None else _WAITING * self.workers

    def begin(self, block: TextBlock) -> Callable[[], Borders]:
        """Let somebody cut a block; what is returned waits for the result."""
        if self._pool is None:
            return partial(self.cutter.cut, block.text, block.last)
        return self._pool.submit(_work, block.text, block.last).result


_cutter: Cutter | None = None  # of a worker process


def _begin_work(cutter: Cutter) -> None:
    global _cutter  # a process pool hands its workers nothing else
    _cutter = cutter
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    Finalize(None, cutter.finish, exitpriority=0)


def _work(text: str, last: bool) -> Borders:
    assert _cutter is not None
    return _cutter.cut(text, last)
