"""One message as lines: a heading, what was noted, the text, and an empty line.  No Textual.

`grow` takes in the tokens that came since the last time, so a message that is being written is never laid out again.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len

from mlxgpt.display.labels import fitted, fitting
from mlxgpt.text import visible
from tui.conversation import Conversation, Message
from tui.wrapping import Run, Wrapped

END = "∎"  # shown for the token that ended the text
INDENT = 2
WIDEST = 100  # columns of text: longer lines are hard to read


WHOLE = -1  # in the place of a token's number: the message itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a message is shown: columns, which of how many siblings, whether the model still reads it; `beginning` is the
    prompt that a completing model went on with, as the first words of its text."""

    width: int
    place: tuple[int, int] = (1, 1)
    unseen: bool = False
    beginning: Message | None = None


def key(message: Message, look: Look) -> tuple[object, ...]:
    """What a block is made of; another key means another block."""
    beginning = None if look.beginning is None else (look.beginning.id, look.beginning.text)
    text = "" if message.tokens else message.text
    known = len(message.notes), message.settings, message.model
    return message.id, look.width, look.place, look.unseen, beginning, known, text


def looks(talk: Conversation, width: int, *, completes: bool, unseen: frozenset[int]) -> Iterator[tuple[Message, Look]]:
    """The messages of the path that have a block of their own, and how each is shown.

    Where the model completes, a prompt that was answered has none: it is the beginning of the text that follows.
    """
    families: dict[tuple[int | None, str], list[int]] = {}
    for message in talk.messages.values():
        families.setdefault((message.parent, message.role), []).append(message.id)

    def place(message: Message) -> tuple[int, int]:
        family = families[message.parent, message.role]
        return family.index(message.id) + 1, len(family)

    path = talk.path()
    for before, message, following in zip([None, *path], path, [*path[1:], None], strict=False):
        if completes and message.role == "user" and following is not None and following.role == "assistant":
            continue
        begins = completes and message.role == "assistant" and before is not None and before.role == "user"
        beginning = before if begins else None
        which = place(message)
        if beginning is not None and which[1] == 1:
            which = place(beginning)
        yield message, Look(width=width, place=which, unseen=message.id in unseen, beginning=beginning)


class Block:
    """The lines of a message."""

    def __init__(self, message: Message, look: "Look") -> None:
        self.message, self.look = message, look
        self.key = key(message, look)
        self.notes = wrap("\n".join(message.notes), look.width - INDENT - 2) if message.notes else []
        self.body = Wrapped(min(look.width - INDENT - 1, WIDEST))
        self._taken, self._ended = 0, False
        if look.beginning is not None:
            self.body.append(look.beginning.text)
        if not message.tokens:
            self.body.append(message.text)
        self.grow()

    def grow(self) -> int | None:
        """Take in new tokens; the first line that changed, or None."""
        changed = None
        tokens = self.message.tokens
        for number in range(self._taken, len(tokens)):
            line = self.body.append(tokens[number].text, number)
            changed = line if changed is None else changed
        self._taken = len(tokens)
        if tokens and self.message.reason == "eos" and not self._ended:
            self._ended = True
            line = self.body.append(END, len(tokens) - 1)
            changed = line if changed is None else changed
        return None if changed is None else self.top + changed

    @property
    def top(self) -> int:
        """The line that the text begins on."""
        return 1 + len(self.notes)

    @property
    def height(self) -> int:
        """Lines in all."""
        return self.top + len(self.body.lines) + 1

    def text_line(self, line: int) -> int | None:
        """Which line of the text a line of the block is."""
        number = line - self.top
        return number if 0 <= number < len(self.body.lines) else None

    def heading(self) -> tuple[str, str, str]:
        """Who, then as many whole parts of what is known of it as fit, and at the right end which of its siblings it is."""
        message = self.message
        who = "you" if message.role == "user" else "mlxgpt" if message.role == "assistant" else visible(message.role)
        when = time.strftime("%H:%M", time.localtime(message.written)) if message.written else ""
        known = [visible(part) for part in (message.model, message.settings) if part]
        if message.role != "assistant":
            known = [when] if when else []
        if self.look.unseen:
            known.append("no longer read")
        number, of = self.look.place
        where = f"‹ {number} of {of} ›" if of > 1 else ""
        parts = [part for each in known for part in each.split(" · ")]
        room = self.look.width - cell_len(f"{who}  ") - cell_len(where) - 2  # a space before it and one at the end
        if parts and cell_len(parts[0]) > room:
            parts[0] = fitted(parts[0], max(room, 0))
        return who, fitting(parts, room, " · "), where

    def token_at(self, line: int, column: int) -> int | None:
        """The token under a cell of the block."""
        number = self.text_line(line)
        return None if number is None or column < INDENT else self.body.token_at(number, column - INDENT)

    def under(self, line: int, column: int) -> tuple[Message, int] | None:
        """What a cell stands for: a token, or a whole message where there are none."""
        if (token := self.token_at(line, column)) is not None:
            return self.message, token
        if line == 0 and (self.message.tokens or self.look.beginning is not None):
            return None
        number = self.text_line(line)
        empty = number is not None and column >= INDENT + sum(each.width for each in self.body.lines[number])
        if line and (number is None or empty):
            return None
        return self.look.beginning or self.message, WHOLE

    def place_of(self, token: int) -> tuple[int, int] | None:
        """Line and column of the block where a token, or what has none, stands."""
        if token == WHOLE:
            return self.top, INDENT
        found = self.body.place_of(self.shown(token))
        return None if found is None else (self.top + found[0], INDENT + found[1])

    def lines_of(self, token: int) -> list[int]:
        """The lines of the block that a token, or what has none, is on."""
        if token == WHOLE:
            return list(range(self.height))
        token = self.shown(token)
        return [
            self.top + number
            for number, line in enumerate(self.body.lines)
            if any(cluster.token == token for cluster in line)
        ]

    def shown(self, token: int) -> int:
        """The token that stands for another on the screen: what completes its letter."""
        tokens = self.message.tokens
        last = len(tokens) - 1
        return next((i for i in range(token, len(tokens)) if tokens[i].text or (i == last and self._ended)), token)

    def runs(self, number: int) -> list[Run]:
        """A line of the text as stretches of one token."""
        return self.body.runs(number)


def wrap(text: str, width: int) -> list[str]:
    """The lines of a text of at most `width` columns each."""
    wrapped = Wrapped(width)
    wrapped.append(text)
    return ["".join(cluster.text for cluster in line) for line in wrapped.lines]
