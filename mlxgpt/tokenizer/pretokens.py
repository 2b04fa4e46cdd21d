r"""Where GPT-2's pre-tokens begin, found in arrays instead of by a regular expression.

    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+

Characters are letters, numbers, white space or others, and a pre-token is a run of one kind, with four turns: a space joins
what follows it; of several white space characters before a word, all but the last are one pre-token; a run of white
space at the end of the text is one; and 's, 't, 're, 've, 'm, 'll, 'd are pre-tokens where the apostrophe begins one.

Which kind a character is, the `tokenizers` library itself is asked, once a character, so that both always agree.

N code points · P pre-tokens
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32]
Kinds = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

OTHER, LETTER, NUMBER, SPACE = range(4)
_UNKNOWN = 255
_CODE_POINTS = 0x110000
PART = 1 << 17  # characters looked at together, so that what is made of them stays in the processor's cache
_WINDOW = 1 << 8
_BLANK, _APOSTROPHE = ord(" "), ord("'")
_ENDINGS = ("s", "t", "m", "d", "re", "ve", "ll")


class Characters:
    """The kind of each character, learnt from `split`, which gives the pre-tokens of a short text."""

    def __init__(self, split: Callable[[str], list[str]]) -> None:
        self._split = split
        self._kinds = np.full(_CODE_POINTS, _UNKNOWN, dtype=np.uint8)

    def kinds(self, codes: Codes) -> Kinds:
        """The kind of each code point.  (N,)"""
        kinds = np.empty(len(codes), dtype=np.uint8)
        for begin in range(0, len(codes), PART):
            part = codes[begin : begin + PART]
            found = self._kinds.take(part)
            if found.max() == _UNKNOWN:
                for code in np.unique(part[found == _UNKNOWN]).tolist():
                    self._kinds[code] = self._ask(chr(code))
                found = self._kinds.take(part)
            kinds[begin : begin + PART] = found
        return kinds

    def _ask(self, character: str) -> int:
        """Letters join a letter before them, numbers a number, others an exclamation mark; white space joins none."""
        for kind, companion in ((LETTER, "a"), (NUMBER, "1"), (OTHER, "!")):
            if len(self._split(companion + character)) == 1:
                return kind
        return SPACE


def parts_of(kinds: Kinds) -> Iterator[tuple[int, int]]:
    """Where parts of a text of about PART characters begin and end, whose pre-tokens are those of the text.

    They end before white space that follows none: a pre-token begins there whatever is around it.
    """
    begin, n = 0, len(kinds)
    while begin < n:
        end, window = begin + PART, _WINDOW
        while end < n:
            near = kinds[end - 1 : end + window] == SPACE
            opens = near[1:] & ~near[:-1]
            found = int(opens.argmax()) if len(opens) else 0
            if len(opens) and opens[found]:
                end += found
                break
            end, window = end + window, 2 * window
        yield begin, (end := min(end, n))
        begin = end


def starts_of(codes: Codes, kinds: Kinds) -> tuple[Places, Places]:
    """Where pre-tokens begin, N at the end, and which of those ends a run of white space that would merge there.

    The second array holds indices j into the first: a text cut at start j ends in two pre-tokens of white space, j - 2 and
    j - 1, which would be one.  (P + 1,), (M,)
    """
    n = len(codes)
    begins = np.empty(n + 1, dtype=bool)
    begins[0] = begins[n] = True
    np.not_equal(kinds[1:], kinds[:-1], out=begins[1:n])
    spaces = kinds == SPACE
    last = spaces[:-1] & ~spaces[1:]  # (N - 1,) white space that something follows
    blank = last & (codes[:-1] == _BLANK)
    begins[:-2] |= last  # it is no part of the run before it
    begins[1:-1] &= ~blank  # and a space belongs to what follows
    _contract(codes, kinds, begins)
    starts = np.flatnonzero(begins)
    lonely = np.flatnonzero(last[1:] & ~blank[1:] & spaces[:-2]) + 1  # the last of two or more, and no space
    return starts, np.searchsorted(starts, lonely + 1)


def _contract(codes: Codes, kinds: Kinds, begins: npt.NDArray[np.bool_]) -> None:
    """Make 's and its like pre-tokens where the apostrophe stands alone and begins one."""
    n = len(codes)
    marks = np.flatnonzero(codes == _APOSTROPHE)
    marks = marks[begins[marks] & (marks + 1 < n)]
    marks = marks[kinds[marks + 1] == LETTER]
    if len(marks) == 0:
        return
    first = codes[marks + 1]
    second = codes[np.minimum(marks + 2, n - 1)]
    second = np.where(marks + 2 < n, second, 0)
    for ending in _ENDINGS:
        found = first == ord(ending[0])
        if len(ending) == 2:
            found &= second == ord(ending[1])
        at = marks[found]
        begins[at + 1] = False
        after = at + 1 + len(ending)
        after = after[after < n]
        begins[after[kinds[after] == LETTER]] = True
