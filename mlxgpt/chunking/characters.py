"""What kind of character each one is, and the runs of white space between the words: what every rule of `levels` reads.

One table lookup per character, after which a text is an array of small numbers.  N code points · R runs of white space.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32]  # (N,) the code points of a text
Kinds = npt.NDArray[np.uint8]  # (N,) a `Kind` each
Places = npt.NDArray[np.int64]  # positions in the text


class Kind(IntEnum):
    """Ordered so that white space and letters are ranges."""

    SPACE = 0
    BREAK = 1  # ends a line
    LOWER = 2
    UPPER = 3
    LETTER = 4  # of a script without case
    DIGIT = 5
    STOP = 6  # a full stop, which may also end an abbreviation
    ENDER = 7  # ! ? and their like
    ELLIPSIS = 8
    CLAUSE = 9  # , ; :
    OPENER = 10
    CLOSER = 11
    QUOTE = 12  # opens or closes: quotation marks and Markdown's emphasis
    DASH = 13
    WIDE_STOP = 14  # ends a sentence with no space behind it: Chinese, Japanese
    WIDE_CLAUSE = 15
    OTHER = 16


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """The runs of white space with text on both sides; `breaks` counts the line breaks in each, CRLF as one."""

    starts: Places  # (R,)
    ends: Places  # (R,) the first character behind
    breaks: npt.NDArray[np.uint8]  # (R,) 0, 1, or 2 for two and more


_MEMBERS = {
    # The white space of Unicode, as regular expressions of tokenizers have it; str.isspace also takes \x1c to \x1f.
    Kind.SPACE: "\t \xa0\u1680\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B))),
    Kind.BREAK: "\n\v\f\r\x85\u2028\u2029",
    Kind.STOP: ".",
    Kind.ENDER: "!?‽¡¿\u203c\u2047\u2048\u2049\u0589\u061f\u06d4\u0964\u0965\u1362\u1367\u0700",
    Kind.ELLIPSIS: "…",
    Kind.CLAUSE: ",;:\u060c\u061b",
    Kind.OPENER: "([{（［｛",
    Kind.CLOSER: ")]}）］｝」』】〉》",
    Kind.QUOTE: "\"'“”‘’«»„‚‹›*_`~「『【〈《",
    Kind.DASH: "-–—―‒−",
    Kind.WIDE_STOP: "。！？｡．",
    Kind.WIDE_CLAUSE: "，、；：､",
}

# Where letters with case, scripts and digits lie; the big blocks of one kind are filled in whole.
_MIXED = (
    (0x0, 0x3400),
    (0xA000, 0xAC00),
    (0xF900, 0x10000),
    (0x10000, 0x13000),
    (0x16000, 0x17000),
    (0x1B000, 0x1F000),
)
_IDEOGRAPHS = ((0x3400, 0xA000), (0xAC00, 0xD7A4), (0x13000, 0x15000), (0x17000, 0x19000), (0x20000, 0x33480))


@cache
def _kind_table() -> Kinds:
    """(0x110000,) the kind of every code point; 10 ms, once."""
    table = np.full(0x110000, Kind.OTHER, dtype=np.uint8)
    for low, high in _IDEOGRAPHS:
        table[low:high] = Kind.LETTER
    for low, high in _MIXED:
        characters = np.arange(low, high, dtype=np.uint32).view("<U1")
        part = table[low:high]
        part[np.strings.isalpha(characters)] = Kind.LETTER
        part[np.strings.islower(characters)] = Kind.LOWER
        part[np.strings.isupper(characters)] = Kind.UPPER
        part[np.strings.isdigit(characters)] = Kind.DIGIT
    for kind, members in _MEMBERS.items():
        table[[ord(character) for character in members]] = kind
    table[[ord("¡"), ord("¿")]] = Kind.OPENER
    return table


def codes_of(text: str) -> Codes:
    """The code points of `text`.  (N,)"""
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


def kinds_of(codes: Codes) -> Kinds:
    """The kind of each character.  (N,)"""
    return _kind_table().take(codes, mode="clip")  # "clip" needs no second pass for the check


def whitespace_runs(codes: Codes, kinds: Kinds) -> Runs:
    """The runs of white space between the words; none at the ends of the text, where there is nothing to cut."""
    spaces = np.flatnonzero(kinds <= Kind.BREAK)
    if len(spaces) == 0:
        return Runs(starts=spaces, ends=spaces, breaks=np.zeros(0, np.uint8))
    apart = np.flatnonzero(np.diff(spaces) > 1)  # the last of each run but one
    starts = spaces[np.concatenate([[0], apart + 1])]  # (R,)
    ends = spaces[np.concatenate([apart, [len(spaces) - 1]])] + 1  # (R,)
    first, last = int(starts[0] == 0), len(starts) - int(ends[-1] == len(codes))
    starts, ends = starts[first:last], ends[first:last]
    return Runs(starts=starts, ends=ends, breaks=_line_breaks(codes, kinds, starts, ends))


def line_breaks(codes: Codes, kinds: Kinds) -> Places:
    """Where lines end, the "\\n" of a CRLF and not its "\\r"."""
    breaks = np.flatnonzero(kinds == Kind.BREAK)
    following = codes[np.minimum(breaks + 1, len(codes) - 1)]
    return breaks[(codes[breaks] != ord("\r")) | (following != ord("\n"))]


def _line_breaks(codes: Codes, kinds: Kinds, starts: Places, ends: Places) -> npt.NDArray[np.uint8]:
    """How many lines end in each run, 2 for more.  (R,)"""
    breaks = line_breaks(codes, kinds)
    counts = np.zeros(len(starts), dtype=np.uint8)
    if len(starts) == 0:
        return counts
    run = np.searchsorted(starts, breaks, side="right") - 1
    run = run[(run >= 0) & (breaks < ends[run])]  # not those at the ends of the text
    counts[run] = 1
    counts[run[1:][run[1:] == run[:-1]]] = 2
    return counts
