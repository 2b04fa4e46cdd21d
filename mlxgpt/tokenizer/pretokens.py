r"""Where GPT-2's pre-tokens begin, found in arrays instead of by a regular expression.

    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+

Characters are letters, numbers, white space or others, and a pre-token is a run of one kind, with four turns: a space joins
what follows it; of several white space characters before a word, all but the last are one pre-token; a run of white
space at the end of the text is one; and 's, 't, 're, 've, 'm, 'll, 'd are pre-tokens where the apostrophe begins one.

Which kind a character is, the `tokenizers` library itself is asked, once a character, so that both always agree.

N code points · P pre-tokens
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.uint32]
Kinds = npt.NDArray[np.uint8]
Places = npt.NDArray[np.int64]

OTHER, LETTER, NUMBER, SPACE = range(4)
_UNKNOWN = 255
_CODE_POINTS = 0x110000
_BLANK, _APOSTROPHE = ord(" "), ord("'")
_ENDINGS = ("s", "t", "m", "d", "re", "ve", "ll")


class Characters:
    """The kind of each character, learnt from `split`, which gives the pre-tokens of a short text."""

    def __init__(self, split: Callable[[str], list[str]]) -> None:
        self._split = split
        self._kinds = np.full(_CODE_POINTS, _UNKNOWN, dtype=np.uint8)

    def kinds(self, codes: Codes) -> Kinds:
        """The kind of each code point.  (N,)"""
        kinds = self._kinds.take(codes)
        unknown = kinds == _UNKNOWN
        if not unknown.any():
            return kinds
        for code in np.unique(codes[unknown]).tolist():
            self._kinds[code] = self._ask(chr(code))
        return self._kinds.take(codes)

    def _ask(self, character: str) -> int:
        """Letters join a letter before them, numbers a number, others an exclamation mark; white space joins none."""
        for kind, companion in ((LETTER, "a"), (NUMBER, "1"), (OTHER, "!")):
            if len(self._split(companion + character)) == 1:
                return kind
        return SPACE


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
