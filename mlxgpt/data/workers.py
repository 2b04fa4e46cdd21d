"""Processes that work on batches and hand the results back in order; with one worker, this process itself.

Each has a pipe of its own and gets every n-th batch.  When this process dies, however suddenly, the pipes end and the
workers with them; when a worker dies, its pipe ends and that is an error here.  A worker reads ahead in a thread, so that
neither side ever waits for the other to read first.
"""

import multiprocessing
import os
import queue
import signal
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar

from mlxgpt.errors import ResourceError

T = TypeVar("T")  # what a batch carries along
B = TypeVar("B")
R = TypeVar("R")

_WAITING = 2  # batches for each process, one of them being worked on


class Workers(Generic[B, R]):
    """`function` in `count` processes, which must be able to receive it.  Use it as a context."""

    def __init__(self, function: Callable[[B], R], count: int) -> None:
        self._function, self._count = function, count
        self._processes: list[BaseProcess] = []
        self._pipes: list[Connection] = []

    def __enter__(self) -> "Workers[B, R]":
        if self._count > 1:
            context = multiprocessing.get_context("spawn")  # tokenizers has threads, which a fork breaks
            for _ in range(self._count):
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs, self._function), daemon=True)
                process.start()
                theirs.close()
                self._processes.append(process)
                self._pipes.append(ours)
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(0.2)
            if process.is_alive():  # it was in the middle of something that nobody wants any more
                process.kill()
                process.join()
            process.close()

    def map(self, batches: Iterable[tuple[T, B]]) -> Iterator[tuple[T, R]]:
        """The result of each batch with what came along with it, in order; batches are read a few ahead."""
        if not self._pipes:
            yield from ((along, self._function(batch)) for along, batch in batches)
            return
        waiting: deque[tuple[T, int]] = deque()
        for number, (along, batch) in enumerate(batches):
            turn = number % self._count
            if len(waiting) >= _WAITING * self._count:
                yield self._take(waiting)
            try:
                self._pipes[turn].send(batch)
            except OSError:
                raise self._died(turn) from None
            waiting.append((along, turn))
        while waiting:
            yield self._take(waiting)

    def _take(self, waiting: deque[tuple[T, int]]) -> tuple[T, R]:
        along, turn = waiting.popleft()
        try:
            done, result = self._pipes[turn].recv()
        except (EOFError, OSError):
            raise self._died(turn) from None
        if not done:
            raise result
        return along, result

    def _died(self, turn: int) -> ResourceError:
        process = self._processes[turn]
        process.join(1.0)
        return ResourceError(
            f"A worker process ended unexpectedly (exit code {process.exitcode}).",
            hint="The system may have run out of memory: give fewer --workers and run the command again.",
        )


def _serve(pipe: Connection, function: Callable[[B], R]) -> None:
    """The life of a worker: a batch, its result, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    os.environ["TOKENIZERS_PARALLELISM"] = "false"  # there is a process for each core already
    batches: queue.SimpleQueue[object] = queue.SimpleQueue()

    def receive() -> None:
        try:
            while True:
                batches.put(pipe.recv())
        except (EOFError, OSError):
            batches.put(_END)

    threading.Thread(target=receive, daemon=True).start()
    while (batch := batches.get()) is not _END:
        try:
            answer: tuple[bool, object] = True, function(batch)  # type: ignore[arg-type]  # the queue holds batches
        except Exception as error:
            error.add_note(traceback.format_exc())
            answer = False, error
        try:
            pipe.send(answer)
        except OSError:
            return


_END = object()
