"""Conversations as rows of the store's tables, and back; and words as they are searched for."""

import json
import struct
import unicodedata
from collections.abc import Sequence
from itertools import chain
from typing import Any

from mlxgpt.events import TokenGenerated
from tui.conversation import Conversation, Message

MESSAGE_COLUMNS = ("id", "parent", "role", "text", "model", "settings", "reason", "written", "forced", "notes", "seed")
TOKEN_COLUMNS = ("id", "text", "token", "probability", "rank", "entropy", "draw", "slice", "alternatives", "slices")
_PACKED = {
    "slice": "ff",
    "alternatives": "If",
    "slices": "ff",
}  # pairs side by side; the numbers were computed in 32 bits


def message_row(message: Message) -> tuple[Any, ...]:
    """The columns of `MESSAGE_COLUMNS`."""
    return tuple(
        json.dumps(message.notes) if name == "notes" else _sound(getattr(message, name)) for name in MESSAGE_COLUMNS
    )


def token_row(message: int, place: int, token: TokenGenerated) -> tuple[Any, ...]:
    """The columns of the table `token` but for the session."""
    return message, place, *(_column(name, getattr(token, name)) for name in TOKEN_COLUMNS)


def _column(name: str, value: Any) -> Any:  # Any: a field's value, and what SQLite keeps of it
    if name not in _PACKED:
        return _sound(value)
    pairs = () if value is None else (value,) if name == "slice" else value
    return struct.pack("<" + _PACKED[name] * len(pairs), *chain.from_iterable(pairs))


def _field(name: str, value: Any) -> Any:  # Any: as above
    if name not in _PACKED:
        return value
    pairs = tuple(struct.iter_unpack("<" + _PACKED[name], value))
    return pairs if name != "slice" else pairs[0] if pairs else None


def conversation(
    session: int, title: str, leaf: int | None, messages: Sequence[Sequence[Any]], tokens: Sequence[Sequence[Any]]
) -> Conversation:
    """The tree that rows stand for; `KeyError` for a message that is not there."""
    talk = Conversation(title=title, leaf=leaf, session=session)
    for values in messages:
        message = Message(**dict(zip(MESSAGE_COLUMNS, values, strict=True)))
        message.notes = json.loads(str(message.notes))
        if message.parent is not None:
            talk.messages[message.parent]  # comes before its answers, always: so there is no ring
        if message.role == "assistant" and not message.reason:
            message.reason = "stopped"
        talk.messages[message.id] = message
    for number, *values in tokens:
        token = {name: _field(name, value) for name, value in zip(TOKEN_COLUMNS, values, strict=True)}
        talk.messages[number].tokens.append(TokenGenerated(**token))
    if leaf is not None:
        talk.messages[leaf]
    return talk


def title_of(talk: Conversation) -> str:
    """Its own title, or its first words."""
    first = next((words for message in talk.path() if (words := " ".join(message.text.split()))), "")
    return sound(talk.title or (first if len(first) <= 60 else first[:59].rstrip() + "…"))


def sound(text: str) -> str:
    """`text` without lone surrogates, which UTF-8 has no bytes for."""
    return text.encode("utf-8", "replace").decode() if not text.isascii() else text


def _sound(value: Any) -> Any:  # Any: a column's value
    return sound(value) if isinstance(value, str) else value


def folded(text: str) -> str:
    """Without case and accents: "Ação" is "acao"."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in plain if not unicodedata.combining(c))


def split(text: str) -> list[str]:
    """The words of a text; nothing that means something to FTS5 is left in them."""
    return "".join(c if c.isalnum() else " " for c in unicodedata.normalize("NFC", text)).split()
