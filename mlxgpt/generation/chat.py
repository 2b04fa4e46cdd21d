"""A conversation with a model: what was said, what is asked for next, and a memory that is kept between turns.

A chat model is given the conversation in its tokenizer's chat form.  When that outgrows the context, `recall` says what
of it is read, and a `Noted` event says so.  A model that was only trained on texts cannot answer; it
completes: each message begins a new text, and an empty message goes on with the last one; where the text is kept in a file
(`go_on`), each message is its next line.

Either way the window keeps what it has read: of a conversation that grew by a turn, only the turn is read.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mlxgpt.errors import ConfigError, DataError, nearest
from mlxgpt.events import Event, GenerationFinished, Noted, PromptRead, TokenGenerated
from mlxgpt.generation import states
from mlxgpt.generation.config import GenerateConfig
from mlxgpt.generation.generate import beginning, generate, open_window
from mlxgpt.generation.recall import Chunking, Recalled, recall
from mlxgpt.generation.stops import TextStream
from mlxgpt.generation.watcher import Watcher
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.chat import ROLES, Message, chat_ids

MODES = ("auto", "chat", "completion")


class Chat:
    """A conversation that can be changed between turns: `config`, `system`, `messages`, `chunking`.

    `mode` auto is chat when the tokenizer has a chat template.  Our own always has one, so whoever knows that a model
    was never tuned on conversations says "completion".
    """

    def __init__(
        self,
        model: GPT,
        tokenizer: Tokenizer,
        config: GenerateConfig | None = None,
        *,
        system: str = "",
        mode: str = "auto",
    ) -> None:
        if mode not in MODES:
            raise ConfigError(f"chat mode {mode!r} is not known.", hint=nearest(mode, MODES))
        self.model, self.tokenizer = model, tokenizer
        self.config = config or GenerateConfig()
        self.system = system
        self.completes = mode == "completion" or (mode == "auto" and not tokenizer.chat_template)
        self.chunking = Chunking()
        self.messages: list[Message] = []
        self.read: PromptRead | None = None  # figures of the last turn, for /stats
        self.finished: GenerationFinished | None = None
        self.watch: Watcher | None = None  # looks on while answers are written
        self.asked: list[int] = []  # the ids that were read before the last answer
        self.answer: list[int] = []  # those of the answer, with the one that ended it
        self._text: list[int] = []  # the text being completed
        self._one_text = False  # a kept text goes on with every message, also of a model that only completes
        self.window = open_window(model, self.config)

    def say(self, text: str, *, stop: threading.Event | None = None) -> Iterator[Event]:
        """The answer to `text`, as `generate` yields it; what was written is kept even when it is stopped or closed."""
        asked = [*self.messages, Message(role="user", content=text)]
        if self.completes and not text and self._text:
            yield from self._generate(asked, self._text, self.config, stop=stop)
        else:
            yield from self.write(asked, stop=stop)

    def write(
        self,
        messages: Sequence[Message],
        *,
        kept: Sequence[int] = (),
        forced: Sequence[int] = (),
        seed: int | None = None,
        most: int | None = None,
        stop: threading.Event | None = None,
    ) -> Iterator[Event]:
        """The answer to `messages`, the last of which a user said; the conversation is these from now on.

        An answer goes on from what it has already: `kept` are its tokens so far, `forced` the next ones, see `generate`.
        `seed` and `most` (tokens) stand in for the config's.
        """
        if not messages or messages[-1]["role"] != "user":
            raise DataError("There is no message to answer.", hint="The last message must be a user's.")
        changes = {"seed": seed, "max_tokens": most}
        config = self.config.with_(**{name: value for name, value in changes.items() if value is not None})
        ids, left_out, note = self.prompt(messages, len(kept) + len(forced))
        if note:
            yield Noted(text=note)
        yield from self._generate(messages, ids, config, kept=kept, forced=forced, left_out=left_out, stop=stop)

    def prompt(self, messages: Sequence[Message], written: int = 0) -> tuple[list[int], tuple[int, ...], str]:
        """What is read before the answer to `messages`, of which `written` tokens are there already: its ids, the messages
        that are left out, and what there is to say of that."""
        if self.completes and self._one_text:
            return self._after(messages), (), ""
        if self.completes:
            return beginning(messages[-1]["content"], self.tokenizer), tuple(range(len(messages) - 1)), ""  # a new text
        recalled = self._recall(messages, written)
        return chat_ids(self.tokenizer, self._with_system(recalled.messages)), recalled.left_out, recalled.note

    def reset(self) -> None:
        """Begin a new conversation; settings and the system message stay."""
        self.messages, self._text, self.asked, self.answer = [], [], [], []
        self.read = self.finished = None
        self.window.clear()

    def keep(self, path: Path) -> int:
        """Write the conversation and the model's states to a file, and return its bytes (recurrent models).

        After `reset`, when nothing was said since, there is nothing to keep: the file goes, and 0 is returned.
        """
        if not self._text:
            path.unlink(missing_ok=True)
            return 0
        text = states.Text(ids=self._text, system=self.system, messages=self.messages)
        return states.save(path, self.window, text)

    def go_on(self, path: Path) -> None:
        """Take up the conversation of a file that `keep` wrote; a file that is not there begins one."""
        states.require_recurrent(self.model)
        states.require_place(path)
        self._one_text = True
        if path.exists():
            text = states.load(path, self.window)
            self._text, self.system, self.messages = text.ids, text.system or self.system, text.messages

    def _generate(
        self,
        asked: Sequence[Message],
        ids: list[int],
        config: GenerateConfig,
        *,
        kept: Sequence[int] = (),
        forced: Sequence[int] = (),
        left_out: tuple[int, ...] = (),
        stop: threading.Event | None,
    ) -> Iterator[Event]:
        """`generate` with this chat's window; messages and answer are written down however it ends.

        A message that got no token of an answer counts as not said.
        """
        window = open_window(self.model, config)
        if window.policy != self.window.policy:
            self.window = window
        stop_ids = self.tokenizer.stop_ids
        if not self.completes:
            stop_ids |= {token for token in map(self.tokenizer.id_of, ROLES.values()) if token is not None}
        job = generate(
            self.model, self.tokenizer, ids, config,
            kept=kept, forced=forced, window=self.window, stop_ids=stop_ids, stop=stop,
            watch=self.watch,
        )  # fmt: skip
        answer: list[TokenGenerated] = []
        self.asked, self.answer = ids, list(kept)
        try:
            for event in job:
                match event:
                    case TokenGenerated():
                        answer.append(event)
                        self.answer.append(event.id)
                    case PromptRead():
                        event = replace(event, left_out=left_out)
                        self.read, self.finished = event, None
                    case GenerationFinished():
                        self.finished = event
                yield event
        finally:
            if answer or kept:
                written = TextStream(self.tokenizer)
                before = "".join(map(written.push, kept))
                text = before + ("".join(event.text for event in answer) if answer else written.flush())
                self.messages = [*asked, Message(role="assistant", content=text)]
                self._text = [*ids, *kept, *(event.id for event in answer if event.id not in stop_ids)]

    def _recall(self, messages: Sequence[Message], written: int) -> Recalled:
        """What of a conversation fits the context, beside `written` tokens of the answer.

        What is still to be written needs room too: `max_tokens`, but no more than half of the context.
        """
        context = self.window.size
        room = context - min(self.config.max_tokens, context // 2) - written

        def count(some: Sequence[Message]) -> int:
            return len(chat_ids(self.tokenizer, self._with_system(some)))

        return recall(messages, room, count, self.tokenizer, self.chunking)

    def _after(self, messages: Sequence[Message]) -> list[int]:
        """All messages as one text, each of a user's on a line of its own; what was read already stays the ids it was."""
        *before, last = messages
        if self._text and before == self.messages:
            return [*self._text, *self.tokenizer.encode("\n" + last["content"])]
        text = ""
        for message in messages:
            line = (
                message["role"] == "user" and message["content"] and text
            )  # an empty message only let the model go on
            text += ("\n" if line else "") + message["content"]
        return beginning(text, self.tokenizer)

    def _with_system(self, messages: Sequence[Message]) -> list[Message]:
        return [*([Message(role="system", content=self.system)] if self.system else []), *messages]
