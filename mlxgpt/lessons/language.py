"""The words of the lessons: one TOML file a lesson, Portuguese and English side by side, numbers left out.

A text is a template: `{loss:.3f}` is filled with a number that was just computed, and written as its language writes
numbers.  Templates hold no digits of their own (a test reads them all), so a lesson cannot recite a figure.  A first line
that begins with "# " is the heading.
"""

import string
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mlxgpt.text import visible

_FOLDER = Path(__file__).resolve().parent / "texts"
_SWAPPED = str.maketrans(",.", ".,")


class Catalogue:
    """The texts of one file in one language.

    >>> Catalogue("path", "en").write("levels.beginner")
    'beginner'
    """

    def __init__(self, name: str, lang: str) -> None:
        self.lang = lang
        self._entries = read(name)

    def write(self, key: str, **values: Any) -> str:  # Any: numbers and words
        """The text of `key` ("ask.slope.hint"), filled."""
        entry: Any = self._entries
        for part in key.split("."):
            entry = entry[part]
        return _Filler(self.lang).vformat(entry[self.lang].strip("\n").rstrip(), (), values)

    def has(self, key: str) -> bool:
        """Whether there is such a text."""
        entry: Any = self._entries
        for part in key.split("."):
            if not isinstance(entry, dict) or part not in entry:
                return False
            entry = entry[part]
        return True


@cache
def read(name: str) -> Mapping[str, Any]:
    """The entries of a file of texts: tables whose leaves are `pt` and `en`."""
    return tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def number(value: object, spec: str, lang: str) -> str:
    """A value in a language's writing: Portuguese swaps point and comma.  Words are made safe to show.

    >>> number(1234.5, ",.1f", "pt")
    '1.234,5'
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        text = format(value, spec)
        return text.translate(_SWAPPED) if lang == "pt" else text
    return visible(format(str(value), spec))


class _Filler(string.Formatter):
    """`str.format` whose numbers are written in a language."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def format_field(self, value: Any, format_spec: str) -> str:
        return number(value, format_spec, self.lang)
