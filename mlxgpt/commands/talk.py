"""What the commands of a conversation act on: the chat, its model opened to be looked into, and settings to go back to."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mlxgpt.errors import DataError
from mlxgpt.generation.config import GenerateConfig

if TYPE_CHECKING:
    from mlxgpt.generation.chat import Chat
    from mlxgpt.inspection.inspector import Inspector
    from mlxgpt.inspection.reports import Heard
    from mlxgpt.tokenizer.chat import Message


class Talk:
    """A chat with what is needed to look at it.

    `word` is what its model was asked for with; `inspector(word)` opens a model to be looked into, "" the chat's own.
    """

    def __init__(self, chat: "Chat", word: str, inspector: "Callable[[str], Inspector]") -> None:
        self.chat, self.word, self.inspector = chat, word, inspector
        self.shown: Callable[[], Heard] | None = None  # says what is on a screen, which need not be the chat's last
        self._before: list[tuple[GenerateConfig, Any, str]] = []

    @property
    def config(self) -> GenerateConfig:
        """The chat's settings."""
        return self.chat.config

    @property
    def text(self) -> str:
        """What was written last: the text that was completed, or the answer; `DataError` before there is any."""
        messages = self.chat.messages
        if not messages:
            raise DataError("There is no answer to look at yet.", hint="Write something first.")
        return "".join(m["content"] for m in messages[-2:]) if self.chat.completes else messages[-1]["content"]

    @property
    def heard(self) -> "Heard":
        """What the model read last, as it read it, and what it wrote then; `DataError` before there is any."""
        from mlxgpt.inspection.reports import Heard

        chat = self.chat
        self.text  # noqa: B018  # raises
        if self.shown is not None:
            return self.shown()
        if chat.answer:
            return Heard(ids=(*chat.asked, *chat.answer), answer=len(chat.asked))
        return as_read(chat, chat.messages)  # another model wrote it, or it is from a file

    @property
    def step(self) -> int:
        """The position in `heard` of the step that drew its last token; of what is not answered yet, the last."""
        heard = self.heard
        return -2 if heard.answer < len(heard.ids) else -1

    @property
    def whole(self) -> str:
        """All that was said; `DataError` before there is any."""
        self.text  # noqa: B018  # raises
        return "\n\n".join(message["content"] for message in self.chat.messages)

    @property
    def settings(self) -> tuple[GenerateConfig, Any, str]:
        """What `undo` puts back."""
        return self.chat.config, self.chat.chunking, self.chat.system

    def remember(self, settings: tuple[GenerateConfig, Any, str]) -> None:
        """Settings as they were before a command, if it changed them."""
        if settings != self.settings:
            self._before.append(settings)

    def undo(self) -> bool:
        """Put the settings back that were changed last; False when none were."""
        if self._before:
            self.chat.config, self.chat.chunking, self.chat.system = self._before.pop()
            return True
        return False

    def take_over(self, other: "Talk") -> None:
        """Go on where another model was: its messages and settings."""
        self.chat.config, self.chat.chunking, self.chat.system = other.settings
        self.chat.messages = list(other.chat.messages)


def as_read(chat: "Chat", messages: "Sequence[Message]") -> "Heard":
    """A conversation laid out as a chat reads it; an answer at its end in the tokens of this chat's tokenizer."""
    from mlxgpt.inspection.reports import Heard

    *asked, last = messages
    if last["role"] != "assistant" or not asked:
        ids, _, _ = chat.prompt(messages)
        return Heard(ids=tuple(ids), answer=len(ids))
    written = chat.tokenizer.encode(last["content"])
    ids, _, _ = chat.prompt(asked, len(written))
    return Heard(ids=(*ids, *written), answer=len(ids))
