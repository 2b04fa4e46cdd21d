"""Documents: what a source holds, and how text, Markdown and rows of JSON, CSV or Parquet become them; `sources` reads files.

Nothing is skipped in silence: what cannot be a document raises `DataError` with its place.  A text keeps its characters, but
for blank lines at its two ends, which are dropped.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mlxgpt.errors import DataError, nearest
from mlxgpt.tokenizer.chat import ROLES, Message

MARK = "<|endoftext|>"  # a line of its own between two documents of a text file
LONGEST = 1 << 24  # characters: a longer text is cut at a blank line, so that no file has to fit into memory

Row = Mapping[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text, or a chat when there are `messages`.

    `source` is the path it came from (or <stdin>), `place` where it is there, such as "line 7"; `index` counts the documents
    of the source from 0.  `encoding` is how its bytes were read, and `metadata` what else its JSON or CSV row says.
    """

    text: str = ""
    messages: tuple[Message, ...] = ()
    source: str
    place: str = ""
    index: int = 0
    encoding: str = "utf-8"
    metadata: Row = field(default_factory=dict, hash=False)

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is written in it: the text, or what each message says."""
        return tuple(message["content"] for message in self.messages) if self.messages else (self.text,)

    @property
    def where(self) -> str:
        """Source and place, for a message."""
        return f"{self.source}, {self.place}" if self.place else self.source


def read_documents(path: Path) -> Iterator[Document]:
    """The documents of a file or folder as training reads them: the first thing that cannot be read raises `DataError`."""
    from mlxgpt.data.sources import read  # `sources` stands on this module

    return read([path])


def split_text(lines: Iterable[str]) -> Iterator[str]:
    """The documents of a text file: between them are two or more blank lines, or a line <|endoftext|>.

    One longer than `LONGEST` is cut at a blank line, or where a line ends when none comes.
    """
    kept: list[str] = []
    size = blank = 0
    for line in lines:
        bare = line.strip()
        if bare and (blank > 1 or (blank and size > LONGEST) or size > LONGEST + LONGEST // 4):
            yield from whole_text(kept)
            kept, size = [], 0
        blank = 0 if bare else blank + 1
        if bare == MARK:
            yield from whole_text(kept)
            kept, size = [], 0
        elif bare or kept:
            kept.append(line)
            size += len(line)
    yield from whole_text(kept)


def whole_text(lines: Iterable[str]) -> Iterator[str]:
    """The text of `lines` without blank ends; nothing when that leaves nothing."""
    if text := without_blank_ends("".join(lines)):
        yield text


def without_blank_ends(text: str) -> str:
    """`text` from its first line with something on it (its indent kept) to the last character that is no space."""
    text = text.rstrip()
    first = len(text) - len(text.lstrip())
    return text[text.rfind("\n", 0, first) + 1 :]


def parse_json(line: str, where: str) -> Row:
    """The JSON object on a line."""
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{where} is not valid JSON: {error}", hint="Each line must be one JSON object.") from None
    if not isinstance(row, dict):
        raise DataError(f"{where} is not a JSON object.", hint='Write each line as {"text": "…"}.')
    return row


def from_row(row: Row, where: str, column: str | None = None, *, repair: bool = False) -> Document | None:
    """The document of a row: its `column`, else its `messages` or its `text`; None when that is empty.

    With `repair`, halves of surrogate pairs are joined or become U+FFFD instead of an error.
    """
    name = column or ("messages" if "messages" in row else "text")
    if name not in row:
        raise no_column(where, column, row)
    value = _paired(row[name]) if repair else row[name]
    metadata = {key: kept for key, kept in row.items() if key != name}
    if name == "messages":
        return Document(messages=_messages(value, where), source=where, metadata=metadata)
    text = without_blank_ends(_whole_text(value, f"{where}: `{name}`").replace("\r\n", "\n"))
    return Document(text=text, source=where, metadata=metadata) if text else None


def no_column(where: str, column: str | None, names: Iterable[object]) -> DataError:
    """What to say when the column that holds the text is not there; `names` are those that are."""
    known = [str(name) for name in names]
    if column is None:
        return DataError(
            f"{where} has neither a `text` nor `messages`; its keys are {', '.join(known) or 'none'}.",
            hint="Rename the key that holds the text to `text`, name it with --column where a command has that, or keep such "
            "files elsewhere.",
        )
    return DataError(
        f"{where} has no column `{column}`; its columns are {', '.join(known) or 'none'}.",
        hint=nearest(column, known) if known else "",
    )


def _messages(turns: Any, where: str) -> tuple[Message, ...]:  # Any: JSON
    """Checked messages of a chat, at least one of them the assistant's."""
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise DataError(
            f"{where}: `messages` is not a list of objects.", hint='Write [{"role": "user", "content": "…"}, …].'
        )
    for number, turn in enumerate(turns, start=1):
        role = turn.get("role")
        if not isinstance(role, str) or role not in ROLES:
            raise DataError(f"{where}: message {number} has the role {role!r}.", hint=nearest(str(role), ROLES))
        _whole_text(turn.get("content"), f"{where}: the content of message {number}")
    if not any(turn["role"] == "assistant" and turn["content"] for turn in turns):
        raise DataError(
            f"{where}: the chat has no message by the assistant, so there is nothing to learn from it.",
            hint="Add the assistant's answer, or remove the line.",
        )
    return tuple(Message(role=turn["role"], content=turn["content"]) for turn in turns)


def _paired(value: Any) -> Any:  # Any: JSON
    """`value` with every surrogate in it joined to its other half, or U+FFFD."""
    match value:
        case str():
            return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        case dict():
            return {key: _paired(kept) for key, kept in value.items()}
        case list():
            return [_paired(kept) for kept in value]
        case _:
            return value


def _whole_text(value: Any, what: str) -> str:  # Any: JSON
    """`value`, when it is a string that has a UTF-8 form."""
    if not isinstance(value, str):
        raise DataError(f"{what} is {type(value).__name__}, not a string.", hint="Put the text in double quotes.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(
            f"{what} has half a surrogate pair (\\u{ord(value[error.start]):04x}) at character {error.start}.",
            hint="Write the character as UTF-8, or as both halves.",
        ) from None
    return value
