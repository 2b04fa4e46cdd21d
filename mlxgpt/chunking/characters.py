"""What kind of character each one is, and the runs of white space between the words: what every rule of `levels` reads.

One table lookup per character, after which a text is an array of small numbers.  N code points · R runs of white space.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32]  # (N,) the code points of a text
Kinds = npt.NDArray[np.uint8]  # (N,) a `Kind` each
Places = npt.NDArray[np.int64]  # positions in the text
Flags = npt.NDArray[np.bool_]


class Kind:
    """Ordered so that white space, letters and what may stand at a sentence's end are ranges.

    Plain numbers, not an enum: numpy compares bytes with an enum's members as 64-bit numbers, ten times slower.
    """

    SPACE = 0
    BREAK = 1  # ends a line
    LOWER = 2
    UPPER = 3
    LETTER = 4  # of a script without case
    DIGIT = 5
    CLAUSE = 6  # , ; :
    OPENER = 7
    OTHER = 8
    STOP = 9  # a full stop, which may also end an abbreviation
    ENDER = 10  # ! ? and their like
    ELLIPSIS = 11
    CLOSER = 12
    QUOTE = 13  # opens or closes: quotation marks and Markdown's emphasis
    DASH = 14
    WIDE_STOP = 15  # ends a sentence with no space behind it: Chinese, Japanese
    WIDE_CLAUSE = 16


KINDS = 17


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """The runs of white space with text on both sides; `breaks` counts the line breaks in each, CRLF as one."""

    starts: Places  # (R,)
    ends: Places  # (R,) the first character behind
    breaks: npt.NDArray[np.uint8]  # (R,) 0, 1, or 2 for two and more
    first: int  # where text begins, behind white space
    last: int  # where it ends; equal to `first` if there is none


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


@cache
def _latin_kinds() -> bytes:
    """The kinds of Latin-1, for `bytearray.translate`."""
    return _kind_table()[:256].tobytes()


def codes_of(text: str) -> Codes:
    """The code points of `text`.  (N,)"""
    return np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)


def kinds_of(codes: Codes) -> Kinds:
    """The kind of each character.  (N,)"""
    table, latin = _kind_table(), _latin_kinds()
    kinds = np.frombuffer(bytearray(codes.astype(np.uint8)).translate(latin), dtype=np.uint8)  # faster than indexing
    others = np.flatnonzero(codes > 0xFF)
    kinds[others] = table[codes[others]]
    return kinds


def whitespace_runs(codes: Codes, kinds: Kinds) -> Runs:
    """The runs of white space between the words; none at the ends of the text, where there is nothing to cut."""
    spaces = np.flatnonzero(kinds <= Kind.BREAK)
    apart = np.ones(len(spaces) + 1, dtype=bool)  # whether a run begins at each, or ended before it
    np.greater(np.diff(spaces), 1, out=apart[1:-1])
    starts, ends = spaces[apart[:-1]], spaces[apart[1:]] + 1  # (R,), (R,)
    breaks = np.zeros(len(starts), dtype=np.uint8)
    if len(starts) == 0:
        return Runs(starts=starts, ends=ends, breaks=breaks, first=0, last=len(codes))
    places = np.flatnonzero(kinds[spaces] == Kind.BREAK)
    places = places[_ends_line(codes, spaces[places])]
    joined = np.flatnonzero(~apart[:-1])  # those that begin no run are few
    run = places - np.searchsorted(joined, places, side="right")  # the run of each line break
    breaks[run] = 1
    breaks[run[1:][run[1:] == run[:-1]]] = 2
    opens, closes = bool(starts[0] == 0), bool(ends[-1] == len(codes))
    inner = slice(int(opens), len(starts) - int(closes))
    return Runs(
        starts=starts[inner],
        ends=ends[inner],
        breaks=breaks[inner],
        first=int(ends[0]) if opens else 0,
        last=int(starts[-1]) if closes and len(starts) > int(opens) else len(codes),
    )


def line_breaks(codes: Codes, kinds: Kinds) -> Places:
    """Where lines end, the "\\n" of a CRLF and not its "\\r"."""
    breaks = np.flatnonzero(kinds == Kind.BREAK)
    return breaks[_ends_line(codes, breaks)]


def _ends_line(codes: Codes, breaks: Places) -> Flags:
    following = codes[np.minimum(breaks + 1, len(codes) - 1)]
    ends: Flags = (codes[breaks] != ord("\r")) | (following != ord("\n"))
    return ends


def among(codes: Codes, characters: str) -> Flags:
    """Whether each code point is one of a few characters; `np.isin` takes ten times as long for them."""
    found = np.zeros(len(codes), dtype=bool)
    for character in characters:
        found |= codes == ord(character)
    return found


def flags_of(*kinds: int) -> Flags:
    """(KINDS,) a table that is true for these kinds."""
    table = np.zeros(KINDS, dtype=bool)
    table[list(kinds)] = True
    return table


def ragged(starts: Places, ends: Places) -> Places:
    """The places of all stretches, one after another.

    >>> ragged(np.array([3, 8]), np.array([5, 9])).tolist()
    [3, 4, 8]
    """
    sizes = ends - starts
    places: Places = np.arange(sizes.sum()) + np.repeat(starts - (np.cumsum(sizes) - sizes), sizes)
    return places
