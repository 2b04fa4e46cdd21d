"""Files of prompts: what a line may say, and what was done before.

A line of JSON is a text, or an object with `prompt` (a text) or `messages` (a conversation), an `id`, anything that
`generation.config` knows for this one alone, and `metadata`, which is handed on.  In a .txt file every line is a prompt.
No MLX here.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxgpt.config import Settings
from mlxgpt.errors import DataError, MlxgptError
from mlxgpt.generation.config import GenerateConfig, read
from mlxgpt.tokenizer.chat import Message

OWN = ("id", "prompt", "messages", "metadata")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """One line: what to continue, under which id, and how."""

    id: str | int
    text: str
    messages: tuple[Message, ...]  # a conversation instead of a text
    config: GenerateConfig
    metadata: Any  # Any: JSON of the user's

    @property
    def shown(self) -> Any:  # Any: JSON
        """What the output repeats of it."""
        return list(self.messages) if self.messages else self.text


def prompts(
    lines: Sequence[str], settings: Settings, *, plain: bool = False
) -> Iterator[tuple[int, Prompt | MlxgptError]]:
    """Each line's number, from 1, with what it asks for, or with what is wrong with it; empty lines are passed over.

    Without an `id`, the number is the id.
    """
    seen: set[str | int] = set()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            prompt = _prompt(number, line.rstrip("\r\n"), settings, plain)
            if prompt.id in seen:
                raise DataError(f"The id {prompt.id!r} was there before.", hint="Give every line an id of its own.")
            seen.add(prompt.id)
            yield number, prompt
        except MlxgptError as error:
            yield number, error


def _prompt(number: int, line: str, settings: Settings, plain: bool) -> Prompt:
    given: Any = line
    if not plain:
        try:
            given = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(
                f"This is not JSON: {error}.",
                hint="Lines of plain text belong in a .txt file; one text from standard input is --prompt -.",
            ) from None
    if isinstance(given, str):
        given = {"prompt": given}
    if not isinstance(given, dict):
        raise DataError("This is neither a text nor an object.", hint='Write "…" or {"prompt": "…"}.')
    own = {key: given.pop(key) for key in OWN if key in given}
    if ("prompt" in own) == ("messages" in own):
        raise DataError(
            "A line needs a prompt or messages, and not both.", hint='For example {"prompt": "Era uma vez"}.'
        )
    name, text, messages = own.get("id", number), own.get("prompt", ""), own.get("messages", [])
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise DataError(f"The id {name!r} is neither a text nor a whole number.")
    if not isinstance(text, str):
        raise DataError(f"The prompt is {text!r}, not a text.")
    if "messages" in own and not (
        isinstance(messages, list) and messages and all(isinstance(m, dict) for m in messages)
    ):
        raise DataError("messages is not a list of messages.", hint='[{"role": "user", "content": "…"}]')
    return Prompt(
        id=name, text=text, messages=tuple(messages), metadata=own.get("metadata"),
        config=read(settings, given),
    )  # fmt: skip


def done(path: Path) -> dict[tuple[str | int, int], Any]:  # Any: JSON
    """What an output file holds already: the prompt of each (id, sample).

    A last line that a crash cut off is taken away.  Raises `DataError` for a file of something else.
    """
    if not path.is_file():
        return {}
    data = path.read_bytes()
    if not data.endswith(b"\n"):
        data = data[: data.rfind(b"\n") + 1]
        with path.open("r+b") as file:
            file.truncate(len(data))
    found = {}
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), start=1):
        try:
            value = json.loads(line)
            found[value["id"], value["sample"]] = value["prompt"]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise DataError(
                f"{path}, line {number}, is not what this command writes.", hint="Choose another --output."
            ) from None
    return found
