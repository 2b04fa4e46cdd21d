"""One message as lines: a heading, what was noted, the text, and an empty line.  No Textual.

`grow` takes in the tokens that came since the last time, so a message that is being written is never laid out again.
"""

import time

from mlxgpt.text import visible
from tui.conversation import Message
from tui.wrapping import Run, Wrapped

END = "∎"  # shown for the token that ended the text
INDENT = 2


class Block:
    """The lines of a message at a width; `beginning` is the prompt that a completing model goes on with."""

    def __init__(
        self,
        message: Message,
        width: int,
        *,
        beginning: str = "",
        place: tuple[int, int] = (1, 1),
        unseen: bool = False,
    ) -> None:
        self.message, self.width, self.beginning, self.place, self.unseen = message, width, beginning, place, unseen
        self.notes = _wrap("\n".join(message.notes), width - INDENT - 2) if message.notes else []
        self.body = Wrapped(width - INDENT - 1)
        self._taken, self._ended = 0, False
        if beginning:
            self.body.append(beginning)
        if not message.tokens:
            self.body.append(message.text)
        self.grow()

    @property
    def key(self) -> tuple[object, ...]:
        """What this block was made of; another key means another block."""
        message = self.message
        return (
            message.id,
            self.width,
            self.beginning,
            self.place,
            self.unseen,
            len(message.notes),
            message.settings,
            "" if message.tokens else message.text,
        )

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
        """Who, then what is known of it, and at the right end which of its siblings it is."""
        message = self.message
        who = "you" if message.role == "user" else "mlxgpt" if message.role == "assistant" else message.role
        when = time.strftime("%H:%M", time.localtime(message.written)) if message.written else ""
        known = [part for part in (visible(message.model), message.settings) if part]
        if message.role != "assistant":
            known = [when] if when else []
        if self.unseen:
            known.append("no longer read")
        number, of = self.place
        return who, " · ".join(known), f"‹ {number} of {of} ›" if of > 1 else ""

    def token_at(self, line: int, column: int) -> int | None:
        """The token under a cell of the block."""
        number = self.text_line(line)
        return None if number is None or column < INDENT else self.body.token_at(number, column - INDENT)

    def place_of(self, token: int) -> tuple[int, int] | None:
        """Line and column of the block where a token stands."""
        found = self.body.place_of(self.shown(token))
        return None if found is None else (self.top + found[0], INDENT + found[1])

    def lines_of(self, token: int) -> list[int]:
        """The lines of the block that a token is on."""
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


def _wrap(text: str, width: int) -> list[str]:
    wrapped = Wrapped(width)
    wrapped.append(text)
    return ["".join(cluster.text for cluster in line) for line in wrapped.lines]
