"""Documents from files: plain text, Markdown, and JSON lines with texts or chats, one document at a time.

Nothing is skipped in silence: a file that cannot be read stops the reading with its name and place.  A text keeps its
characters, but for a byte order mark (dropped), CRLF (a newline) and blank lines at its two ends (dropped).
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxgpt.errors import DataError, nearest
from mlxgpt.tokenizer.chat import ROLES, Message

SUFFIXES = (".txt", ".md", ".jsonl")  # what is read in a folder; a file given by name is text unless it is .jsonl

# What stands between the documents of a .txt: two or more blank lines, or a line <|endoftext|>.
_SEPARATOR = re.compile(r"\n(?:[^\S\n]*\n){2,}|^[^\S\n]*<\|endoftext\|>[^\S\n]*$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A text, or a chat when there are `messages`; `index` counts the documents of its file from 0."""

    text: str = ""
    messages: tuple[Message, ...] = ()
    source: Path
    index: int = 0

    @property
    def texts(self) -> tuple[str, ...]:
        """All that is written in it: the text, or what each message says."""
        return tuple(message["content"] for message in self.messages) if self.messages else (self.text,)


def read_documents(path: Path) -> Iterator[Document]:
    """The documents of a file, or of every .txt, .md and .jsonl in a folder: recursively, sorted, without hidden ones.

    Raises `DataError` for what is missing, empty or unreadable.  An empty file among others holds no document and is no
    error; a folder of only such files is.
    """
    files = find_files(path)
    found = False
    for file in files:
        for document in _read_file(file):
            found = True
            yield document
    if not found:
        what = f"{path} is empty" if len(files) == 1 else f"The {len(files)} files in {path} are empty"
        raise DataError(f"{what}: there is no text to learn from.", hint="Give a file with text in it.")


def find_files(path: Path) -> list[Path]:
    """The files that `read_documents` reads, in order."""
    if not path.exists():
        raise DataError(f"{path} does not exist.", hint=_neighbour(path))
    if not path.is_dir():
        return [path]
    files = sorted(_walk(path), key=lambda file: file.relative_to(path).parts)
    usable = [file for file in files if file.suffix.lower() in SUFFIXES]
    if not usable:
        others = sorted({file.suffix.lower() or file.name for file in files})[:8]
        has = f"only {', '.join(others)}" if others else "nothing"
        raise DataError(f"{path} holds no {', '.join(SUFFIXES)} file: {has}.", hint="Put plain text files in it.")
    return usable


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below `folder` that is not hidden; linked folders are followed, each folder once."""
    seen: set[str] = set()
    for root, folders, names in os.walk(folder, followlinks=True, onerror=_refuse):
        real = os.path.realpath(root)
        folders[:] = [] if real in seen else sorted(name for name in folders if not name.startswith("."))
        if real not in seen:
            yield from (Path(root, name) for name in names if not name.startswith("."))
        seen.add(real)


def _read_file(path: Path) -> Iterator[Document]:
    if path.suffix.lower() == ".jsonl":
        return _read_json_lines(path)
    texts = [_decode(_read_bytes(path), path)]
    if path.suffix.lower() != ".md":  # in Markdown, blank lines are only layout
        texts = _SEPARATOR.split(texts[0])
    texts = [text for text in map(_without_blank_ends, texts) if text]
    return (Document(text=text, source=path, index=index) for index, text in enumerate(texts))


def _read_json_lines(path: Path) -> Iterator[Document]:
    index = offset = 0
    for number, line in enumerate(_read_bytes(path).split(b"\n"), start=1):
        text = _decode(line, path, offset)
        offset += len(line) + 1
        if text.strip():
            document = _from_json(text, path, number, index)
            if document is not None:
                index += 1
                yield document


def _from_json(line: str, path: Path, number: int, index: int) -> Document | None:
    """The document of one line; None for an empty `text`."""
    where = f"{path}:{number}"
    try:
        row = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        raise DataError(f"{where} is not valid JSON: {error}", hint="Each line must be one JSON object.") from None
    if not isinstance(row, dict):
        raise DataError(f"{where} is not a JSON object.", hint='Write each line as {"text": "…"}.')
    if "messages" in row:
        return Document(messages=_messages(row["messages"], where), source=path, index=index)
    if "text" not in row:
        raise DataError(
            f"{where} has neither a `text` nor `messages`; its keys are {', '.join(map(str, row)) or 'none'}.",
            hint="Rename the key that holds the text to `text`.",
        )
    text = _without_blank_ends(_whole_text(row["text"], f"{where}: `text`").replace("\r\n", "\n"))
    return Document(text=text, source=path, index=index) if text else None


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


def _without_blank_ends(text: str) -> str:
    """`text` from its first line with something on it (its indent kept) to the last character that is no space."""
    text = text.rstrip()
    first = len(text) - len(text.lstrip())
    return text[text.rfind("\n", 0, first) + 1 :]


def _read_bytes(path: Path) -> bytes:
    if path.exists() and not path.is_file():  # a pipe would wait for ever
        raise DataError(f"{path} is not a regular file.", hint="Save its content as a file first.")
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error.strerror}.", hint="Mend or remove it, then try again."
        ) from error


def _decode(data: bytes, path: Path, offset: int = 0) -> str:
    """`data` as text with plain newlines; `offset` is where it stands in the file."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")) and not offset:
        raise DataError(f"{path} is UTF-16, not UTF-8.", hint=_convert("UTF-16", path))
    zero = data.find(b"\0")
    if zero >= 0:
        raise DataError(
            f"{path} is not text: it has a NUL byte at byte {offset + zero}.",
            hint="Remove it if it is a binary file. " + _convert("UTF-16LE", path),
        )
    try:
        text = data.decode("utf-8-sig" if not offset else "utf-8")
    except UnicodeDecodeError as error:
        # utf-8-sig counts from behind the mark
        start = offset + error.start + (3 if not offset and data.startswith(b"\xef\xbb\xbf") else 0)
        raise DataError(
            f"{path} is not UTF-8: byte {start} is 0x{error.object[error.start]:02x}.",
            hint=_convert("WINDOWS-1252", path),
        ) from None
    return text.replace("\r\n", "\n")


def _convert(encoding: str, path: Path) -> str:
    return f"If it is {encoding}, convert it: iconv -f {encoding} -t UTF-8 '{path}' > '{path.stem}-utf8{path.suffix}'"


def _neighbour(path: Path) -> str:
    """Where a missing path may be instead."""
    try:
        return nearest(
            path.name, [entry.name for entry in path.parent.iterdir() if not entry.name.startswith(".")][:50]
        )
    except OSError:
        return f"The folder {path.parent} does not exist either."


def _refuse(error: OSError) -> None:
    raise DataError(f"{error.filename} cannot be read: {error.strerror}.", hint="Check its permissions.") from error
