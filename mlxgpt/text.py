"""Text from models and files is hostile until proven otherwise: one function makes it safe to show."""

import codecs
import unicodedata
from typing import TextIO

_KEPT = "\n\t"
_JOINERS = "\u200c\u200d"  # zero-width (non-)joiners hold emoji and Indic clusters together


def visible(text: str) -> str:
    r"""`text` with nothing in it that could steer a terminal.

    C0 controls become their pictures (ESC -> ␛), other controls, bidirectional overrides and lone surrogates become
    U+FFFD; newline and tab stay.

    >>> visible("a\x1b[31mb")
    'a␛[31mb'
    """
    if text.isprintable():  # nothing of what is replaced below is
        return text
    return "".join(map(_visible_character, text))


def writes_unicode(stream: TextIO) -> bool:
    """Whether every character can be written to a stream: its encoding is a UTF, not Latin-1 or ASCII."""
    return codecs.lookup(stream.encoding or "utf-8").name.startswith("utf")


def _visible_character(character: str) -> str:
    if character in _KEPT or character in _JOINERS:
        return character
    code = ord(character)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"):
        return "\ufffd"
    return character
