"""How the entries of a `tokenizer.json` spell bytes.

Byte-level BPE writes each byte as one printable character, so that an entry is readable JSON: GPT-2's table keeps the
188 printable characters of Latin-1 and gives the other 68 bytes the characters from U+0100 on (space is Ġ, newline is
Ċ).  SentencePiece writes a space as ▁ and a byte outside its vocabulary as `<0x0A>`.

Source: `bytes_to_unicode` in openai/gpt-2, src/encoder.py.
"""

import re

_PRINTABLE = (*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1))
_UNPRINTABLE = [byte for byte in range(256) if byte not in _PRINTABLE]

SYMBOLS = tuple(chr(256 + _UNPRINTABLE.index(byte) if byte in _UNPRINTABLE else byte) for byte in range(256))
BYTES = {symbol: byte for byte, symbol in enumerate(SYMBOLS)}

_SENTENCEPIECE_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


def from_symbols(entry: str) -> bytes:
    r"""The bytes that a byte-level entry stands for.

    >>> from_symbols("Ġé")  # the symbol é is byte E9, half of nothing yet
    b' \xe9'
    """
    try:
        return bytes(BYTES[symbol] for symbol in entry)
    except KeyError:  # not spelt in symbols, which tokenizers reads as plain text too
        return entry.encode("utf-8")


def from_piece(entry: str) -> bytes:
    r"""The bytes that a SentencePiece entry stands for.

    >>> from_piece("▁the"), from_piece("<0x0A>")
    (b' the', b'\n')
    """
    if match := _SENTENCEPIECE_BYTE.fullmatch(entry):
        return bytes.fromhex(match[1])
    return entry.replace("▁", " ").encode("utf-8")


def from_text(entry: str) -> bytes:
    """The bytes of an entry that is plain text, such as one character."""
    return entry.encode("utf-8")
