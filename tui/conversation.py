"""A conversation as a tree of messages, each made of tokens: what the chat page shows and the store keeps.

No Textual and no MLX: everything here is plain, so that its rules are tested without a screen.  A message that was edited,
regenerated or branched gets a sibling; the conversation on the screen is the path from the first message to `leaf`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from mlxgpt.events import TokenGenerated


@dataclass(slots=True, kw_only=True)
class Message:
    """What somebody said.  `tokens` are those the model wrote, empty for a person's; `text` is what they spell."""

    id: int
    parent: int | None  # the message before; None for the first
    role: str  # user | assistant | system
    text: str = ""
    tokens: list[TokenGenerated] = field(default_factory=list)
    model: str = ""
    settings: str = ""  # how it was drawn, as it is shown: "T 0.8 · top-p 0.95 · seed 7"
    reason: str = ""  # why it ended: eos, stop, length, stopped; empty while it is being written
    written: float = 0.0  # seconds since the epoch
    forced: int = 0  # so many of its first tokens were not drawn here: taken over from the message it branched from
    notes: list[str] = field(default_factory=list)  # what was said about the writing: turns left out, a command's reply
    seed: int | None = None  # with which it was drawn, once it is known
    read: tuple[int, ...] = field(
        default=(), compare=False
    )  # the ids before its tokens, if it was written since the start


@dataclass(slots=True, kw_only=True)
class Conversation:
    """Messages by id, in the order they were begun, and the last one of the path that is shown."""

    title: str = ""
    messages: dict[int, Message] = field(default_factory=dict)
    leaf: int | None = None
    session: int | None = None  # its row in the store, once it has one

    def add(self, role: str, *, parent: int | None = None, text: str = "") -> Message:
        """A new message after `parent` (the end of the path unless given), which the path now leads to."""
        message = Message(
            id=max(self.messages, default=0) + 1, parent=self.leaf if parent is None else parent, role=role, text=text
        )
        self.messages[message.id] = message
        self.leaf = message.id
        return message

    def sibling(self, message: Message) -> Message:
        """A new message in the place of another, which stays beside it."""
        other = self.add(message.role)
        other.parent = message.parent
        return other

    def drop(self, message: Message) -> None:
        """Forget a message that nobody answered yet; the path leads to the one before it."""
        del self.messages[message.id]
        self.leaf = message.parent

    def path(self) -> list[Message]:
        """The messages on the screen, the first one first."""
        found, at = [], self.leaf
        while at is not None:
            found.append(self.messages[at])
            at = self.messages[at].parent
        return found[::-1]

    def before(self, message: Message) -> list[Message]:
        """The messages that a message answers, the first one first."""
        found, at = [], message.parent
        while at is not None:
            found.append(self.messages[at])
            at = self.messages[at].parent
        return found[::-1]

    def siblings(self, message: Message) -> list[Message]:
        """All messages in the same place, the oldest first."""
        return [
            other for other in self.messages.values() if other.parent == message.parent and other.role == message.role
        ]

    def show(self, message: Message) -> None:
        """Let the path lead through a message, and on along its newest descendants."""
        self.leaf = message.id
        while children := [other for other in self.messages.values() if other.parent == self.leaf]:
            self.leaf = children[-1].id

    def tokens(self) -> Iterator[tuple[Message, int]]:
        """Every token on the screen: its message, and its number in it."""
        for message in self.path():
            for i in range(len(message.tokens)):
                yield message, i
