"""The one thread that owns MLX: others hand it work and get plain values back.

A lazy `mx.array` belongs to the thread that made it, so a program with a user interface or a server gives MLX a thread of
its own.  Two things can be asked of it: `call` a function, and `play` a job, a generator, which goes on one step at a time
with calls and other jobs in between:

    engine = Engine()
    model = engine.call(load).result()
    training = engine.play(train, show)      # `show(event)` is called on the engine's thread
    text = engine.call(generate).result()    # while it trains
    training.close()
    engine.stop()
"""

import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Job(Generic[T]):
    """A job in the works; `done` is set when it ended, with what it raised if it failed."""

    def __init__(self, make: Callable[[], Iterator[T]], show: Callable[[T], object]) -> None:
        self._make, self._show = make, show
        self._steps: Iterator[T] | None = None
        self._closing = False
        self.done: Future[None] = Future()

    def close(self) -> None:
        """End it before its next step, from any thread; its `finally` runs on the engine's."""
        self._closing = True

    def step(self) -> bool:
        """Go on by one event, on the engine's thread; False when it is over."""
        try:
            if self._steps is None:
                self._steps = self._make()
            if not self._closing:
                self._show(next(self._steps))
                return True
            if isinstance(self._steps, Generator):
                self._steps.close()
            self.done.set_result(None)
        except StopIteration:
            self.done.set_result(None)
        except BaseException as error:
            self.done.set_exception(error)
        return False


class Engine:
    """A thread with a queue of calls, and jobs that it advances in turn while no call waits."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._jobs: deque[Job[Any]] = deque()
        self._lock = threading.Lock()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="mlxgpt-engine", daemon=True)
        self._thread.start()

    def call(self, work: Callable[[], T]) -> "Future[T]":
        """Run `work` on the engine's thread, between two steps of whatever else it does."""
        future: Future[T] = Future()
        with self._lock:
            if self._stopped:
                raise RuntimeError("the engine was stopped")
            self._queue.put((work, future))
        return future

    def play(self, make: Callable[[], Iterator[T]], show: Callable[[T], object]) -> Job[T]:
        """Make a job on the engine's thread and advance it to its end; `show` is given each event there."""
        job = Job(make, show)
        self.call(lambda: self._jobs.append(job))
        return job

    def stop(self) -> None:
        """Do what was called before, close all jobs, and give MLX's streams back; from now on `call` raises."""
        with self._lock:
            if not self._stopped:
                self._stopped = True
                self._queue.put(None)
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                item = self._queue.get(block=not self._jobs)
            except queue.Empty:
                job = self._jobs.popleft()
                if job.step():
                    self._jobs.append(job)
                continue
            if item is None:
                break
            work, future = item
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except BaseException as error:
                    future.set_exception(error)
        for job in self._jobs:
            job.close()
            job.step()
        if "mlx.core" in sys.modules:
            import mlx.core as mx  # only what the work itself imported

            mx.synchronize()
            mx.clear_streams()
