"""A conversation with a model: what was said, what is asked for next, and a memory that is kept between turns.

A chat model is given the conversation in its tokenizer's chat form.  When that outgrows the context, whole turns are
left out, the oldest first, and a `Noted` event says so.  A model that was only trained on texts cannot answer; it
completes: each message begins a new text, and an empty message goes on with the last one.

Either way the window keeps what it has read: of a conversation that grew by a turn, only the turn is read.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

from mlxgpt.errors import ConfigError, nearest
from mlxgpt.events import Event, GenerationFinished, Noted, PromptRead, TokenGenerated
from mlxgpt.generation import states
from mlxgpt.generation.config import GenerateConfig
from mlxgpt.generation.generate import begin_id, generate, open_window
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.chat import ROLES, Message, chat_ids

MODES = ("auto", "chat", "completion")


class Chat:
    """A conversation that can be changed between turns: `config`, `system`, `messages`.

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
        self.messages: list[Message] = []
        self.read: PromptRead | None = None  # figures of the last turn, for /stats
        self.finished: GenerationFinished | None = None
        self._text: list[int] = []  # the text being completed
        self.window = open_window(model, self.config)

    def say(self, text: str, *, stop: threading.Event | None = None) -> Iterator[Event]:
        """The answer to `text`, as `generate` yields it; what was written is kept even when it is stopped or closed."""
        window = open_window(self.model, self.config)
        if window.policy != self.window.policy:
            self.window = window
        if self.completes:
            yield from self._complete(text, stop)
        else:
            yield from self._answer(text, stop)

    def reset(self) -> None:
        """Begin a new conversation; settings and the system message stay."""
        self.messages, self._text = [], []
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
        if path.exists():
            text = states.load(path, self.window)
            self._text, self.system, self.messages = text.ids, text.system or self.system, text.messages

    def _answer(self, text: str, stop: threading.Event | None) -> Iterator[Event]:
        asked = [*self.messages, Message(role="user", content=text)]
        ids, left_out = self._prompt(asked)
        if left_out:
            turns = "the oldest turn" if left_out == 1 else f"the {left_out} oldest turns"
            yield Noted(text=f"The conversation is longer than the context: the model no longer sees {turns}.")
        roles = {token for token in map(self.tokenizer.id_of, ROLES.values()) if token is not None}
        yield from self._generate(text, ids, self.tokenizer.stop_ids | roles, stop)

    def _complete(self, text: str, stop: threading.Event | None) -> Iterator[Event]:
        ids = self._text
        if text or not ids:
            begin = begin_id(self.tokenizer)
            ids = ([] if begin is None else [begin]) + self.tokenizer.encode(text)
        yield from self._generate(text, ids, self.tokenizer.stop_ids, stop)

    def _generate(
        self, text: str, ids: list[int], stop_ids: frozenset[int], stop: threading.Event | None
    ) -> Iterator[Event]:
        """`generate` with this chat's window; message and answer are written down however it ends.

        A message that got no token of an answer counts as not said.
        """
        job = generate(self.model, self.tokenizer, ids, self.config, window=self.window, stop_ids=stop_ids, stop=stop)
        answer: list[TokenGenerated] = []
        try:
            for event in job:
                match event:
                    case TokenGenerated():
                        answer.append(event)
                    case PromptRead():
                        self.read, self.finished = event, None
                    case GenerationFinished():
                        self.finished = event
                yield event
        finally:
            if answer:
                written = "".join(event.text for event in answer)
                self.messages += [Message(role="user", content=text), Message(role="assistant", content=written)]
                self._text = ids + [event.id for event in answer if event.id not in stop_ids]

    def _prompt(self, messages: list[Message]) -> tuple[list[int], int]:
        """The ids of a conversation that fit the context, and how many of the oldest turns were left out.

        An answer needs room too: `max_tokens`, but no more than half of the context.  The system message and the last
        message always stay; if they alone are too long, the window cuts them.
        """
        context = self.window.size
        budget = context - min(self.config.max_tokens, context // 2)
        system = [Message(role="system", content=self.system)] if self.system else []
        starts = [i for i, message in enumerate(messages) if message["role"] == "user"]
        left_out = 0
        ids = chat_ids(self.tokenizer, system + messages)
        while len(ids) > budget and left_out + 1 < len(starts):
            left_out += 1
            ids = chat_ids(self.tokenizer, system + messages[starts[left_out] :])
        return ids, left_out
