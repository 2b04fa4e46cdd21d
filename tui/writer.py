"""The model writing a message of a conversation: what is asked of it, and what its events mean.  No Textual.

    begin a message -> play -> take … take -> over

A message may begin with tokens that are there already: those it has (`kept`), and some that are `forced` on it next.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from mlxgpt.events import Event, GenerationFinished, Noted, PromptRead, TokenGenerated
from mlxgpt.generation.config import GenerateConfig
from mlxgpt.tokenizer.base import StreamDecoder
from tui.bridge import Bridge, Feed
from tui.conversation import Conversation, Message

if TYPE_CHECKING:
    from mlxgpt.tokenizer.base import Tokenizer

SOON = 0.25  # seconds in which a speed cannot be told: tokens come in handfuls


class Writer:
    """Writes one message at a time; the figures of the last one stay."""

    def __init__(self, bridge: Bridge) -> None:
        self.bridge = bridge
        self.message: Message | None = None  # what is being written
        self.read: PromptRead | None = None
        self.finished: GenerationFinished | None = None
        self.error: BaseException | None = None  # what the last writing ended with
        self.unseen: frozenset[int] = frozenset()  # ids of the messages that the model no longer reads
        self._feed: Feed[Event] | None = None
        self._asked: list[Message] = []
        self._forced: Sequence[int] = ()
        self._began = self._first = self._last = 0.0
        self._new = 0  # tokens since it began

    # ---- writing -----------------------------------------------------------------------------------------------------

    def write(
        self, talk: Conversation, message: Message, *, forced: Sequence[int] = (), most: int | None = None
    ) -> None:
        """Let the model write a message, or go on with it; it draws as `message.seed` says, if that is given."""
        opened, config = self.bridge.opened, self.config
        assert opened is not None and self.message is None
        self._asked = talk.before(message)
        said = [{"role": each.role, "content": each.text} for each in self._asked]
        kept, seed = [token.id for token in message.tokens], message.seed
        message.model = opened.name
        message.settings = in_words(config if seed is None else config.with_(seed=seed))
        message.written = message.written or time.time()
        message.reason = ""
        self.message, self.read, self.finished, self._new = message, None, None, 0
        self._forced = forced
        self._began = time.monotonic()
        self._feed = self.bridge.play(
            lambda stop: self.bridge.chat.write(said, kept=kept, forced=forced, seed=seed, most=most, stop=stop)  # type: ignore[arg-type]  # a Message is such a dict
        )

    def take(self) -> list[int]:
        """What was written since the last time, put into the message: the numbers of its new tokens."""
        message, feed = self.message, self._feed
        if message is None or feed is None:
            return []
        new: list[int] = []
        over = feed.over  # asked first: what came before is taken below
        for event in feed.take():
            match event:
                case TokenGenerated():
                    new.append(len(message.tokens))
                    message.tokens.append(event)
                    message.text += event.text
                    self._last = time.monotonic()
                    self._first = self._first if self._new else self._last
                    self._new += 1
                case Noted():
                    if event.text not in message.notes:
                        message.notes.append(event.text)
                case PromptRead():
                    self.read, message.read = event, tuple(self.bridge.chat.asked)
                    self.unseen = frozenset(self._asked[number].id for number in event.left_out)
                case GenerationFinished():
                    self.finished = event
                    message.reason, message.seed = event.reason, event.seed
        if over:
            message.reason = message.reason or ("failed" if feed.error is not None else "stopped")
            self.error = feed.error
            if self._new < len(self._forced):
                new += complete(message, self._forced[self._new :], self.bridge.tokenizer)
            self.message = self._feed = None
        return new

    def stop(self) -> None:
        """End it after the current token; what is written stays."""
        if self._feed is not None:
            self._feed.stop.set()

    # ---- figures -----------------------------------------------------------------------------------------------------

    @property
    def config(self) -> GenerateConfig:
        """How is written now: a frozen value, which any thread may read."""
        return self.bridge.chat.config

    @property
    def speed(self) -> float:
        """Tokens per second after the first one; 0 while there are too few to tell it by."""
        if self.finished is not None:
            return self.finished.tokens_per_second if self.finished.tokens > 1 else 0.0
        seconds = self._last - self._first
        return (self._new - 1) / seconds if seconds > SOON else 0.0

    @property
    def first_seconds(self) -> float:
        """To the first token; 0 before it."""
        if self.finished is not None:
            return self.finished.seconds_to_first_token
        return self._first - self._began if self._new else 0.0

    @property
    def seen(self) -> int:
        """Tokens that the model has read of the context."""
        opened = self.bridge.opened
        tokens = (self.read.tokens - self.read.dropped_tokens if self.read else 0) + self._new
        return tokens if opened is None or opened.recurrent else min(tokens, opened.context_length)

    def status(self, message: Message | None, width: int) -> str:
        """The line of state, as much of it as fits: how much, how fast, and how it is drawn."""
        opened = self.bridge.opened
        if opened is None:
            return self.bridge.missing
        parts = []
        if message is not None and message.tokens:
            parts.append(f"{'●' if self.message is not None else '○'} {len(message.tokens)} tok")
        if self.speed:
            parts.append(f"{self.speed:.0f} tok/s")
        if self.first_seconds and width >= 100:
            parts.append(f"ttft {self.first_seconds * 1000:.0f} ms")
        if self.read is not None:
            parts.append(f"ctx {self.seen}" + ("" if opened.recurrent else f"/{opened.context_length}"))
        parts += in_words(self.config).split(" · ")
        if message is not None and message.seed not in (None, self.config.sampling.seed):
            parts.append(f"drew with seed {message.seed}")
        from mlxgpt.generation.recall import OFF  # and with it the chunkers: not before the first picture

        chunking = self.bridge.chat.chunking
        if chunking.strategy != OFF:
            parts.append(f"chunks {chunking.strategy} {chunking.size}")
        line = ""
        for part in parts:
            line += (" · " if line else "") + part if len(line) + len(part) + 3 <= width - 2 else ""
        return line


def in_words(config: GenerateConfig) -> str:
    """How tokens are chosen: "T 0.8 · k 40 · p 0.95 · seed 7", only what is on."""
    drawn = config.sampling
    parts = ["greedy" if drawn.temperature == 0 else f"T {drawn.temperature:g}"]
    if drawn.temperature:
        parts += [f"k {drawn.top_k}"] * bool(drawn.top_k)
        parts += [f"p {drawn.top_p:g}"] * (0 < drawn.top_p < 1)
        parts += [f"min-p {drawn.min_p:g}"] * bool(drawn.min_p)
    parts += [f"penalty {drawn.repetition_penalty:g}"] * (drawn.repetition_penalty != 1)
    parts += [f"seed {drawn.seed}"] * (drawn.seed is not None)
    return " · ".join(parts)


# ---- other ways to go on ---------------------------------------------------------------------------------------------


def copied(talk: Conversation, message: Message, count: int) -> Message:
    """A sibling that begins with the first `count` tokens of a message, as they were."""
    other = talk.sibling(message)
    other.tokens = list(message.tokens[:count])
    other.text = "".join(token.text for token in other.tokens)
    other.forced = count
    other.seed = message.seed
    return other


def complete(message: Message, rest: Sequence[int], tokenizer: "Tokenizer") -> list[int]:
    """Put the `rest` of what was forced on a message behind it, without figures: the numbers of those tokens.

    The model was stopped before it read them; what a person typed is not lost by that.
    """
    first = len(message.tokens)
    stream = StreamDecoder(tokenizer)
    texts = [stream.push(token) for token in [*(token.id for token in message.tokens), *rest]]
    texts[-1] += stream.flush()
    if message.tokens:  # it may have been the end, with half a letter
        message.tokens[-1] = replace(message.tokens[-1], text=texts[first - 1])
    for token, text in zip(rest, texts[first:], strict=True):
        message.tokens.append(TokenGenerated(id=token, text=text, token=tokenizer.token_text(token)))
    message.text = "".join(token.text for token in message.tokens)
    return list(range(first, len(message.tokens)))


def without_end(message: Message, stop_ids: frozenset[int]) -> int:
    """How many tokens a message has without the one that ended it."""
    return len(message.tokens) - (bool(message.tokens) and message.tokens[-1].id in stop_ids)


def edited(message: Message, text: str, tokenizer: "Tokenizer") -> tuple[int, list[int]]:
    """How many tokens of a message another text begins with, and the ids of the rest of that text."""
    kept = written = 0
    for number, token in enumerate(message.tokens, 1):
        if not text.startswith(token.text, written):
            break
        written += len(token.text)
        kept = number if token.text else kept
    return kept, tokenizer.encode(text[written:])
