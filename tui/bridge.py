"""Between the screen and the one thread that owns MLX: what is asked of a model, and what comes back.

A page asks for a report (`await bridge.ask(lambda: bridge.inspector().lens(text))`) or plays a job and drains its feed
about thirty times a second (`feed = bridge.play(make)`, then `feed.take()`).  A lambda given to either runs on the engine's
thread: `chat` and `inspector` hold MLX arrays and are only touched there; events and reports may go anywhere.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from mlxgpt import jobs, runs
from mlxgpt.engine import Engine, Job
from mlxgpt.errors import MlxgptError

if TYPE_CHECKING:
    from mlxgpt.generation.chat import Chat
    from mlxgpt.inspection.inspector import Inspector
    from mlxgpt.tokenizer.base import Tokenizer

T = TypeVar("T")

SHOWN = {"show_tokens": True, "alternatives": 8}  # what is known of each token on the screen


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The model that the app talks to, in plain values: what the top bar and the pages may show at any time."""

    word: str  # what --model was
    name: str
    device: str
    n_layer: int  # 0, like heads and width, where mlx_lm runs the model and its inside is not visible
    n_head: int
    n_embd: int
    context_length: int
    vocab_size: int
    recurrent: bool
    completes: bool  # trained on texts only: it goes on with what is written, it does not answer


def name_of(word: str) -> str:
    """What people call the model that `word` means: its folder, and before a checkpoint its run.

    The same model always has the same name, whether it was asked for as "best", by its run or by its path.  A model that
    is gone keeps the last part of its path.
    """
    if word.startswith("hf:"):
        return word  # asking for it would fetch it
    try:
        folder = runs.find_model(word).resolve()
    except MlxgptError:
        return Path(word).name if Path(word).is_absolute() else word
    return f"{folder.parts[-3]}/{folder.name}" if folder.parent.name == "checkpoints" else folder.name


class Feed(Generic[T]):
    """What a job says, kept until the screen takes it."""

    def __init__(self) -> None:
        self._events: deque[T] = deque()
        self._job: Job[T] | None = None
        self.stop = threading.Event()  # jobs look at it after each step

    def take(self) -> list[T]:
        """What was said since the last time."""
        return [self._events.popleft() for _ in range(len(self._events))]

    @property
    def over(self) -> bool:
        """Whether the job has ended; there may still be events to take."""
        return self._job is not None and self._job.done.done()

    @property
    def error(self) -> BaseException | None:
        """What the job raised, once it is over."""
        return self._job.done.exception() if self._job is not None and self.over else None

    def close(self) -> None:
        """End the job before its next step."""
        self.stop.set()
        if self._job is not None:
            self._job.close()


class Bridge:
    """The engine, and the model that is open on it."""

    def __init__(self, device: str = "auto") -> None:
        self.device = device
        self.opened: Opened | None = None
        self.failed = False  # the last model that was asked for could not be opened
        self._engine = Engine()
        self._chat: Chat | None = None
        self._inspectors: dict[str, Inspector] = {}  # by model word; the last one asked for stays

    async def ask(self, work: Callable[[], T]) -> T:
        """The result of `work`, computed on the engine's thread; what it raises is raised here."""
        return await asyncio.wrap_future(self._engine.call(work))

    def play(self, make: Callable[[threading.Event], Iterator[T]]) -> Feed[T]:
        """Start a job; `make` is given the event that asks it to stop."""
        feed: Feed[T] = Feed()
        feed._job = self._engine.play(lambda: make(feed.stop), feed._events.append)
        return feed

    async def open(self, word: str, settings: dict[str, Any] | None = None, *, system: str = "") -> Opened:
        """Load a model and make it the one that is talked to; the one before stays when it cannot be loaded.

        How is written stays as it was with the one before.
        """

        def load() -> Opened:
            chat = jobs.open_chat(word, {**SHOWN, **(settings or {})}, system=system, device=self.device)
            if self._chat is not None and settings is None:
                before = self._chat
                chat.config, chat.system, chat.chunking = before.config, before.system, before.chunking
            self._chat, config = chat, chat.model.config
            self._inspectors.clear()
            layers, heads, width = (
                (config.n_layer, config.n_head, config.n_embd) if jobs.has_inside(chat) else (0, 0, 0)
            )
            return Opened(
                word=word, name=name_of(word), device=jobs.device(self.device),
                n_layer=layers, n_head=heads, n_embd=width,
                context_length=config.context_length, vocab_size=config.vocab_size,
                recurrent=config.recurrent, completes=chat.completes,
            )  # fmt: skip

        self.failed = False
        try:
            self.opened = await self.ask(load)
        except BaseException:
            self.failed = True
            raise
        return self.opened

    @property
    def missing(self) -> str:
        """What to say where a model is needed and none is open."""
        return "No model is open: page 6 lists them all." if self.failed else "The model is loading …"

    @property
    def chat(self) -> "Chat":
        """The conversation; on the engine's thread only."""
        assert self._chat is not None, "no model is open"
        return self._chat

    @property
    def tokenizer(self) -> "Tokenizer":
        """The open model's tokenizer; it is plain Python, and may be asked on any thread."""
        return self.chat.tokenizer

    def inspector(self, word: str = "") -> "Inspector":
        """The model opened to be looked into, in float32; on the engine's thread only.  `word` names another model."""
        assert self.opened is not None or word, "no model is open"
        word = word or self.opened.word  # type: ignore[union-attr]
        if word not in self._inspectors:
            self._inspectors = {word: jobs.open_inspector(word, device=self.device)}
        return self._inspectors[word]

    def close(self) -> None:
        """Drop the model and end the thread; without this Python may abort at exit."""

        def drop() -> None:
            self._chat = None
            self._inspectors.clear()

        self._engine.call(drop)
        self._engine.stop()
