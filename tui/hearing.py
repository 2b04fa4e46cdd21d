"""What the model had read when it drew a token of a conversation: the same ids, in the same layout, for every view of it."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mlxgpt.commands.talk import as_read
from mlxgpt.text import visible
from tui.conversation import Conversation, Message
from tui.page import Request

if TYPE_CHECKING:
    from mlxgpt.inspection.reports import Heard, Passage
    from mlxgpt.tokenizer.base import Tokenizer
    from tui.bridge import Bridge


def foreign(bridge: "Bridge", message: Message) -> bool:
    """Whether the tokens of a message are another model's, whose numbers mean nothing to this one."""
    return bool(message.tokens and bridge.opened is not None and message.model not in ("", bridge.opened.name))


def hearing(bridge: "Bridge", talk: Conversation, message: Message, count: int | None = None) -> "Callable[[], Heard]":
    """A function, for the engine's thread, that says what was read up to the first `count` tokens of a message, and with them.

    The ids before an answer are those that were read when it was written.  Of a conversation from the store they are laid
    out again; and what another model wrote is read anew, in tokens of this one.
    """
    said = [{"role": each.role, "content": each.text} for each in talk.before(message)]
    tokens, read, forced = message.tokens[:count], message.read, message.forced
    text = "".join(token.text for token in tokens) if count is not None else message.text
    own = bool(tokens) and not foreign(bridge, message)

    def find() -> "Heard":
        from mlxgpt.inspection.reports import Heard

        if not own:
            return as_read(bridge.chat, [*said, {"role": message.role, "content": text}])  # type: ignore[list-item]
        before: Sequence[int] = read or bridge.chat.prompt(said, forced)[0]  # type: ignore[arg-type]  # such dicts are messages
        return Heard(ids=(*before, *(token.id for token in tokens)), answer=len(before))

    return find


async def asked_about(
    bridge: "Bridge", talk: Conversation, message: Message, count: int | None = None, **place: Any
) -> Request:  # Any: fields of Request
    """What Inspect is to look at: a conversation up to a message's first `count` tokens, at the last one unless said."""
    heard = await bridge.ask(hearing(bridge, talk, message, count))
    before, completes = talk.before(message), bridge.opened is not None and bridge.opened.completes
    written = message.text if count is None else "".join(token.text for token in message.tokens[:count])
    question = f"{before[-1].text}{'' if completes else ' '}" if before else ""
    request = Request(text=question + written, heard=heard, position=-1)
    return dataclasses.replace(request, **place)


def spelled(passage: "Passage", text: str, tokenizer: "Tokenizer") -> tuple[int, ...]:
    """The ids of a passage whose text was changed somewhere: around the change they stay as they were read."""
    pieces, kept, begin = [visible(piece) for piece in passage.pieces], 0, 0
    while kept < len(pieces) and text.startswith(pieces[kept], begin):
        begin += len(pieces[kept])
        kept += 1
    after, end = len(pieces), len(text)
    while after > kept and text.endswith(pieces[after - 1], begin, end):
        after -= 1
        end -= len(pieces[after])
    return (*passage.ids[:kept], *tokenizer.encode(text[begin:end], specials=True), *passage.ids[after:])
