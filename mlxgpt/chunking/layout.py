"""How a text is laid out: whether its lines are broken to a width and whether it has capital letters.

Both are decided from the whole of what is given, so whoever reads a file in blocks decides once and passes the result on.

R runs of white space · G of them with line breaks (the gaps between lines) · L = G + 1 lines.
"""

from dataclasses import dataclass

import numpy as np

from mlxgpt.chunking.characters import Codes, Flags, Kind, Kinds, Places, Runs, among

_NARROWEST, _WIDEST = 40, 160  # widths that prose is broken to
_CAPITALS = 200  # text with one capital letter among so many, or fewer, is lower-cased


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`width`: where lines are broken, 0 when each line break is meant.  `lowered`: capital letters say nothing."""

    width: int
    lowered: bool


def layout_of(kinds: Kinds, runs: Runs) -> Layout:
    """The layout of a text."""
    upper, lower = np.count_nonzero(kinds == Kind.UPPER), np.count_nonzero(kinds == Kind.LOWER)
    return Layout(width=_width(kinds, runs), lowered=bool(upper * _CAPITALS <= lower and lower > 0))


def _width(kinds: Kinds, runs: Runs) -> int:
    """The width that the lines are filled to, 0 when they are not.

    In filled text the next word would not have fitted on the line, and most lines go on in lower case; verse, lists
    and code are not like that.
    """
    single = np.flatnonzero(runs.breaks == 1)
    if len(single) < 2:
        return 0
    lengths, words = _fill(runs, single)
    width = int(np.sort(lengths)[len(lengths) * 95 // 100])
    if not _NARROWEST <= width <= _WIDEST:
        return 0
    full = np.mean(lengths + 1 + words > 0.95 * width)
    goes_on = np.mean(kinds[runs.ends[single]] == Kind.LOWER)
    return width if full >= 0.7 and goes_on >= 0.3 else 0


def _fill(runs: Runs, gaps: Places) -> tuple[Places, Places]:
    """The length of the line before each gap and that of the first word behind it.  (G,), (G,)"""
    breaks = np.flatnonzero(runs.breaks > 0)
    line = np.searchsorted(breaks, gaps)
    begins = np.where(line > 0, runs.ends[breaks[np.maximum(line - 1, 0)]], runs.first)
    following = np.minimum(gaps + 1, len(runs.starts) - 1)
    ends = np.where(gaps + 1 < len(runs.starts), runs.starts[following], runs.last)
    return runs.starts[gaps] - begins, ends - runs.ends[gaps]


def line_gaps(codes: Codes, kinds: Kinds, runs: Runs, layout: Layout) -> Flags:
    """The runs where a line ends that is meant as one.  (R,)"""
    new_line = runs.breaks > 0
    if not layout.width:
        return new_line
    gaps = np.flatnonzero(runs.breaks == 1)
    lengths, words = _fill(runs, gaps)
    room = lengths + 1 + words < 0.8 * layout.width  # the next word would have fitted
    new_line[gaps] = room | _opens_item(codes, kinds, runs.ends[gaps])
    return new_line


def _opens_item(codes: Codes, kinds: Kinds, heads: Places) -> Flags:
    """Whether each line begins like a list item, a heading, a table row or speech: "- ", "# ", "| ", "12. ".  (G,)"""
    last = len(codes) - 1
    second, third = np.minimum(heads + 1, last), np.minimum(heads + 2, last)
    bullet = among(codes[heads], "-–—*+•#|>") & (kinds[second] <= Kind.BREAK)
    marks = among(codes[second], ".)"), among(codes[third], ".)")
    digit = kinds[heads] == Kind.DIGIT
    number = digit & (marks[0] | (marks[1] & (kinds[second] == Kind.DIGIT)))
    opens: Flags = bullet | number | among(codes[heads], "|>")
    return opens


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """The lines of a text that are not blank, without the white space around them."""

    heads: Places  # (L,) the first character
    tails: Places  # (L,) behind the last
    blank: Flags  # (L + 1,) whether a blank line, or nothing at all, is before each and behind the last


def lines_of(runs: Runs, gaps: Places) -> Lines:
    """The lines between the runs numbered in `gaps`."""
    if runs.first >= runs.last:
        nothing = np.zeros(0, dtype=np.int64)
        return Lines(heads=nothing, tails=nothing, blank=np.ones(1, dtype=bool))
    return Lines(
        heads=np.concatenate([[runs.first], runs.ends[gaps]]),
        tails=np.concatenate([runs.starts[gaps], [runs.last]]),
        blank=np.concatenate([[True], runs.breaks[gaps] > 1, [True]]),
    )
