"""Where a text may be cut, and how strong each place is: a word's end is weak, a chapter's strong.

The whole text is judged at once, in arrays: `characters` says what each character is and where the white space lies,
`endings` which of it ends a sentence, `layout` which line breaks are meant, `headings` and `markdown` what begins a section.
Linear in the length of any text; about 15 ms per million characters of prose.

N code points · R runs of white space · K cuts · L lines.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.boundaries import whole_mask
from mlxgpt.chunking.characters import Codes, Kind, Kinds, Places, Runs, flags_of, kinds_of, ragged, whitespace_runs
from mlxgpt.chunking.endings import sentence_ends, wide_ends
from mlxgpt.chunking.headings import CHAPTER, PART, SECTION, marked_depths, plain_headings
from mlxgpt.chunking.layout import Layout, Lines, layout_of, line_gaps, lines_of

Levels = npt.NDArray[np.uint8]


class Level(IntEnum):
    """What ends at a cut, or for the last three what begins there."""

    INSIDE = 0  # a place that a reader would not cut: before a lone comma, at a no-break space
    WORD = 1
    CLAUSE = 2
    SENTENCE = 3
    LINE = 4
    PARAGRAPH = 5
    SECTION = 6  # a heading of depth 3 and more, a line of capitals, an article of a law
    CHAPTER = 7  # depth 2, "CAPÍTULO II", "XII"
    PART = 8  # depth 1, "PARTE II"


LEVELS = tuple(Level)  # LEVELS[number] is three times as fast as Level(number)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cuts:
    """Places where a text may be cut, in order and never at its ends, with the `Level` of each."""

    positions: Places  # (K,)
    levels: Levels  # (K,)


def find_cuts(codes: Codes, layout: Layout | None = None) -> Cuts:
    """Where the text may be cut: once at each run of white space, and behind the marks of scripts that use none.

    The cut is behind the run, but before its last character if that is a space: the space opens the next piece, as in
    the pre-tokens of GPT-2.  No cut splits a grapheme.  `layout` is found from the text if it is not given.

    A cut behind a heading is a SENTENCE at most, whatever blank lines follow: a heading belongs to its text.
    """
    kinds = kinds_of(codes)
    runs = whitespace_runs(codes, kinds)
    layout = layout or layout_of(kinds, runs)
    last = codes[runs.ends - 1]  # (R,)
    levels = _run_levels(codes, kinds, runs, last, layout)
    in_space = last == ord(" ")
    positions = runs.ends - in_space  # (R,)
    behind = np.flatnonzero(~in_space)  # nothing joins a space to what is before it, but marks may follow other breaks
    joined = behind[~whole_mask(codes, positions[behind])]
    if len(joined):
        positions, levels = np.delete(positions, joined), np.delete(levels, joined)
    return _with_wide(codes, kinds, Cuts(positions=positions, levels=levels))


def _run_levels(codes: Codes, kinds: Kinds, runs: Runs, last: Codes, layout: Layout) -> Levels:
    """The level of each run of white space, given the last character of each.  (R,)"""
    before, after = kinds[runs.starts - 1], kinds[runs.ends]  # (R,), (R,)
    clause = (before == Kind.CLAUSE) | (before == Kind.WIDE_CLAUSE) | (after == Kind.OPENER) | (after == Kind.DASH)
    levels: Levels = clause + np.uint8(Level.WORD)  # (R,) a CLAUSE is one more than a WORD
    _weaken(kinds, runs, after, last, levels)
    new_line = line_gaps(codes, kinds, runs, layout)
    sentences, clauses = sentence_ends(codes, kinds, runs, before, new_line, lowered=layout.lowered)
    levels[clauses] = Level.CLAUSE
    levels[sentences] = Level.SENTENCE
    gaps = np.flatnonzero(new_line)
    levels[gaps] = np.where(runs.breaks[gaps] > 1, Level.PARAGRAPH, Level.LINE)
    _mark_headings(codes, kinds, runs, lines_of(runs, gaps), gaps, levels)
    return levels


def _weaken(kinds: Kinds, runs: Runs, after: Kinds, last: Codes, levels: Levels) -> None:
    """Lower what no reader would cut: before a mark that stands alone ("word ,") or in "-5", at a no-break space."""
    marks = np.flatnonzero((after >= Kind.STOP) & (after <= Kind.DASH) | (after == Kind.CLAUSE))
    mark = after[marks]
    behind = kinds[np.minimum(runs.ends[marks] + 1, len(kinds) - 1)]
    levels[marks[_LONE[mark] & (behind <= Kind.BREAK)]] = Level.INSIDE
    levels[marks[(mark == Kind.DASH) & (behind > Kind.BREAK) & (behind != Kind.DASH)]] = Level.WORD
    levels[(last == 0xA0) | (last == 0x202F)] = Level.INSIDE


def _mark_headings(codes: Codes, kinds: Kinds, runs: Runs, lines: Lines, gaps: Places, levels: Levels) -> None:
    """Raise the cuts before headings, lower those behind them and inside them.  `gaps` are the runs between lines."""
    depths = marked_depths(codes, kinds, lines)
    heading, ranks = plain_headings(codes, kinds, lines, depths > 0)
    marked = np.where(depths > 0, _OF_DEPTH[depths], _OF_RANK[ranks])  # (L,)
    heading |= depths > 0
    within = np.flatnonzero(heading)
    if len(within):
        first = np.searchsorted(runs.starts, lines.heads[within])
        last = np.searchsorted(runs.starts, lines.tails[within])
        inside = ragged(first, last)
        levels[inside] = np.minimum(levels[inside], np.uint8(Level.CLAUSE))  # "CHAPTER I. A Scandal" is one piece
    levels[gaps[heading[:-1]]] = Level.SENTENCE
    begins = np.flatnonzero(marked[1:])
    levels[gaps[begins]] = marked[1:][begins]


def _with_wide(codes: Codes, kinds: Kinds, cuts: Cuts) -> Cuts:
    """`cuts` and those behind Chinese and Japanese marks without white space."""
    if not (kinds >= Kind.WIDE_STOP).any():
        return cuts
    sentences, clauses = wide_ends(kinds, Kind.WIDE_STOP), wide_ends(kinds, Kind.WIDE_CLAUSE)
    more = np.concatenate([sentences, clauses])
    levels = np.repeat(np.array([Level.SENTENCE, Level.CLAUSE], np.uint8), [len(sentences), len(clauses)])
    whole = whole_mask(codes, more)
    positions = np.concatenate([cuts.positions, more[whole]])
    positions, first = np.unique(positions, return_index=True)  # the first of equals: white space before marks
    return Cuts(positions=positions, levels=np.concatenate([cuts.levels, levels[whole]])[first])


_LONE = flags_of(Kind.STOP, Kind.ENDER, Kind.ELLIPSIS, Kind.CLAUSE, Kind.CLOSER)
_OF_DEPTH = np.array(
    [0, Level.PART, Level.CHAPTER, Level.SECTION, Level.SECTION, Level.SECTION, Level.SECTION], dtype=np.uint8
)
_OF_RANK = np.zeros(4, dtype=np.uint8)
_OF_RANK[[SECTION, CHAPTER, PART]] = (Level.SECTION, Level.CHAPTER, Level.PART)
