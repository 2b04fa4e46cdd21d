r"""Where a text may be cut without splitting what a reader sees as one character.

An approximation of Unicode's grapheme clusters (UAX #29) without its tables: marks, joiners, variation selectors, skin
tones, tags, Hangul vowels and finals stay with what is before them, "\n" with its "\r", flags are pairs.
"""

import unicodedata

_JOINER = "\u200d"


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
    if before == _JOINER or _extends(after):
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
