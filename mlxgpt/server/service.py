"""A model at work for many clients: requests in, events out, with the engine's thread between.

The web server's loop and the engine's thread meet here and nowhere else.  Texts are written by one `Batcher`, a job of the
engine that goes on while there are any; everything else is a call between two of its steps.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import mlx.core as mx
from mlx.utils import tree_flatten

from mlxgpt import checkpoint, hub, runs
from mlxgpt.backend import devices
from mlxgpt.engine import Engine, Job
from mlxgpt.errors import DataError, MlxgptError
from mlxgpt.events import Event, GenerationFinished
from mlxgpt.generation.batch import Batcher, Happened, Text
from mlxgpt.generation.config import GenerateConfig
from mlxgpt.generation.one_by_one import batcher
from mlxgpt.inspection.inspector import Inspector
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer

CACHE_BYTES = 128 << 20  # freed memory that MLX may keep, or as much as the weights: texts come in all sizes, for days

T = TypeVar("T")


class Busy(MlxgptError):
    """As many texts wait as may."""


class Stream:
    """The events of one text, for a client that may go away at any time."""

    def __init__(self, service: "Service") -> None:
        self._service = service
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | BaseException] = asyncio.Queue()
        self._over = False
        self.text: Text | None = None  # the engine's

    def put(self, event: Event | BaseException) -> None:
        """Hand an event over, from any thread."""
        self._loop.call_soon_threadsafe(self._events.put_nowait, event)

    async def __aiter__(self) -> AsyncIterator[Event]:
        """The events up to GenerationFinished; raises what went wrong."""
        while not self._over:
            event = await self._events.get()
            if isinstance(event, BaseException):
                self.close()
                raise event
            if isinstance(event, GenerationFinished):
                self.close()
            yield event

    def close(self) -> None:
        """Nobody listens any more: the text is not written on."""
        if not self._over:
            self._over = True
            self._service.forget(self)


class Service:
    """One model, loaded on an engine of its own."""

    def __init__(
        self, word: str, *, device: str = "auto", batch_size: int = 16, queue: int = 64, kv_bits: int = 0
    ) -> None:
        directory = runs.find_model(word)
        inside_run = directory.parent.name == "checkpoints"
        self.name = directory.parent.parent.name if inside_run else hub.model_name(directory)
        self.engine, self.waiting = Engine(), 0
        self._limit, self._batch_size, self._kv_bits = batch_size + queue, batch_size, kv_bits
        try:
            self.model, self.tokenizer, self._batcher = self.engine.call(
                lambda: _load(directory, device, batch_size, kv_bits)
            ).result()
        except BaseException:
            self.engine.stop()
            raise
        self.chats = bool(
            self.tokenizer.chat_template and checkpoint.read_record(directory).get("data", {}).get("chats", True)
        )
        self.modified = int((directory / "config.json").stat().st_mtime)
        self._inspector: Inspector | None = None
        self._streams: dict[Text, Stream] = {}  # the engine's thread alone looks at it
        self._job: Job[Happened] | None = None

    def write(self, texts: Sequence[tuple[list[int], GenerateConfig]], stop_ids: frozenset[int]) -> list[Stream]:
        """Begin to write texts, all or none; `Busy` when too many wait, `DataError` when they can never be taken."""
        if len(texts) > self._limit:
            raise DataError(f"That is {len(texts)} texts, and this server takes {self._limit} at a time.")
        if self.waiting + len(texts) > self._limit:
            raise Busy(f"{self.waiting} texts are being written or wait.", hint="Try again in a moment.")
        streams = [Stream(self) for _ in texts]
        self.waiting += len(texts)
        for stream, (ids, config) in zip(streams, texts, strict=True):
            self.engine.call(partial(self._add, stream, ids, config, stop_ids))
        return streams

    async def call(self, work: Callable[[GPT, Tokenizer], T]) -> T:
        """What `work` makes of the model, on the engine's thread, between two steps of writing."""
        return await asyncio.wrap_future(self.engine.call(lambda: work(self.model, self.tokenizer)))

    async def inspect(self, look: Callable[[Inspector], T]) -> T:
        """What `look` sees in the model."""

        def work() -> T:
            checkpoint.require_inside(self.model)
            if self._inspector is None:
                self._inspector = Inspector(self.model, self.tokenizer, self.name)
            return look(self._inspector)

        return await asyncio.wrap_future(self.engine.call(work))

    @property
    def memory(self) -> tuple[int, int]:
        """Bytes that MLX uses, and those that it keeps for later."""
        return mx.get_active_memory(), mx.get_cache_memory()

    def forget(self, stream: Stream) -> None:
        """A stream is over, or its client has left."""
        self.waiting -= 1
        with suppress(RuntimeError):  # the engine has stopped, and with it all writing
            self.engine.call(lambda: self._drop(stream))

    def close(self) -> None:
        """Stop writing, and give MLX back."""
        self.engine.stop()

    # ---- on the engine's thread --------------------------------------------------------------------------------------

    def _add(self, stream: Stream, ids: list[int], config: GenerateConfig, stop_ids: frozenset[int]) -> None:
        try:
            stream.text = self._batcher.submit(ids, config, stop_ids=stop_ids)
        except BaseException as error:
            stream.put(error)
            return
        self._streams[stream.text] = stream
        if self._job is None or self._job.done.done():
            self._job = self.engine.play(self._batcher.run, self._show)
            self._job.done.add_done_callback(self._ended)

    def _show(self, happened: Happened) -> None:
        for text, event in happened:
            if stream := self._streams.get(text):
                stream.put(event)

    def _drop(self, stream: Stream) -> None:
        if stream.text is not None:
            stream.text.cancelled = True
            self._streams.pop(stream.text, None)

    def _ended(self, done: "Future[None]") -> None:
        """Writing is over, or it failed, as when memory runs out: then all that was under way fails with it."""
        if error := done.exception():
            failed, self._streams = list(self._streams.values()), {}
            self._batcher = batcher(self.model, self.tokenizer, batch_size=self._batch_size, kv_bits=self._kv_bits)
            for stream in failed:
                stream.put(error)


def _load(directory: Path, device: str, batch_size: int, kv_bits: int) -> tuple[GPT, Tokenizer, Batcher]:
    model, tokenizer = checkpoint.load_to_run(directory, devices.prepare(device).device)
    weights = sum(array.nbytes for _, array in tree_flatten(model.parameters()))
    mx.set_cache_limit(max(CACHE_BYTES, weights))
    return model, tokenizer, batcher(model, tokenizer, batch_size=batch_size, kv_bits=kv_bits)
