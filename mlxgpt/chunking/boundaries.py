r"""Where a text may be cut without splitting what a reader sees as one character.

An approximation of Unicode's grapheme clusters (UAX #29) without its tables: marks, joiners, variation selectors, skin
tones, tags, Hangul vowels and finals stay with what is before them, "\n" with its "\r", flags are pairs, and consonants
of Indic scripts stay with a virama before them.
"""

import unicodedata
from functools import cache

import numpy as np
import numpy.typing as npt

_JOINER = "\u200d"
_VIRAMAS = "\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d"  # they join two consonants (rule GB9c)
FIRST_MARK = 0x300  # the first code point that may belong to the character before it, "\n" aside


def cut_before(text: str, at: int, low: int) -> int:
    """The last place in [low, at] that splits no character; `low` must be such a place."""
    while at > low and not is_whole(text, at, low):
        at -= 1
    return max(at, low)


def cut_after(text: str, at: int, low: int) -> int:
    """The first place from `at` on that splits no character; `low` is one before it."""
    while at < len(text) and not is_whole(text, at, low):
        at += 1
    return at


def is_whole(text: str, at: int, low: int = 0) -> bool:
    r"""True when the characters before and after `at` are not parts of one; `low` is where to stop looking back.

    >>> [is_whole("e\u0301\r\n", at) for at in range(5)]
    [True, False, True, False, True]
    """
    if at <= 0 or at >= len(text):
        return True
    before, after = text[at - 1], text[at]
    if after < "\u0300":
        return not (before == "\r" and after == "\n")
    if before == _JOINER or _extends(after) or (before in _VIRAMAS and unicodedata.category(after) == "Lo"):
        return False
    if _is_flag_half(after):
        start = at
        while start > low and _is_flag_half(text[start - 1]):
            start -= 1
        return (at - start) % 2 == 0
    return True


def _extends(character: str) -> bool:
    return (
        character == _JOINER
        or unicodedata.category(character) in ("Mn", "Mc", "Me")
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
        or "\U000e0020" <= character <= "\U000e007f"  # tags, as in the flag of Wales
        or "\u1160" <= character <= "\u11ff"  # Hangul vowels and finals
    )


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def whole_mask(codes: npt.NDArray[np.uint32], positions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """`is_whole` at each of the positions, which lie in [0, N], of a text given by its code points.  (K,)"""
    whole = np.ones(len(positions), dtype=bool)
    inner = np.flatnonzero((positions > 0) & (positions < len(codes)))
    after = codes[positions[inner]]
    doubtful = (after >= FIRST_MARK) | (after == ord("\n"))
    inner, after = inner[doubtful], after[doubtful]
    if len(inner) == 0:
        return whole
    before = codes[positions[inner] - 1]
    joined = (after >= FIRST_MARK) & ((before == ord(_JOINER)) | _extending()[after])
    for place in np.flatnonzero(np.isin(before, _LINKERS)).tolist():
        joined[place] |= unicodedata.category(chr(after[place])) == "Lo"
    whole[inner] = ~(joined | ((before == ord("\r")) & (after == ord("\n"))))
    flags = inner[_is_flag(after) & whole[inner]]
    whole[flags] = _even_flags(codes, positions[flags])
    return whole


_LINKERS = np.array([ord(character) for character in _VIRAMAS], dtype=np.uint32)


def _is_flag(codes: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    return (codes >= 0x1F1E6) & (codes <= 0x1F1FF)


def _even_flags(codes: npt.NDArray[np.uint32], positions: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether an even number of flag halves stands before each position.  (F,)"""
    if len(positions) == 0:
        return np.ones(0, dtype=bool)
    others = np.flatnonzero(~_is_flag(codes))
    run = np.searchsorted(others, positions)  # how many others are before
    starts = np.where(run > 0, others[np.maximum(run - 1, 0)] + 1, 0) if len(others) else np.zeros_like(positions)
    even: npt.NDArray[np.bool_] = (positions - starts) % 2 == 0
    return even


@cache
def _extending() -> npt.NDArray[np.bool_]:
    """(0x110000,) `_extends` of every code point; 10 ms, once."""
    table = np.zeros(0x110000, dtype=bool)
    for low, high in _WITH_MARKS:
        table[low:high] = [_extends(chr(code)) for code in range(low, high)]
    return table


# Where Unicode has marks and joiners, to the 256; planes 2 to 13 hold ideographs or nothing.
_WITH_MARKS = (
    (0x300, 0x1E00),
    (0x2000, 0x2100),
    (0x2C00, 0x3100),
    (0xA600, 0xAC00),
    (0xFB00, 0xFF00),
    (0x10100, 0x10400),
    (0x10A00, 0x11F00),
    (0x13400, 0x13500),
    (0x16100, 0x17000),
    (0x1BC00, 0x1BD00),
    (0x1CF00, 0x1D300),
    (0x1DA00, 0x1EA00),
    (0x1F300, 0x1F400),
    (0xE0000, 0xE0200),
)
