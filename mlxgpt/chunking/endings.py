"""Which runs of white space end a sentence or a clause: the rules, for Portuguese and English.

A sentence ends at . ! ? … unless a lower-case letter follows ("— Sim. — disse ela.") or the stop belongs to an
abbreviation, an initial or the number of a list item.  When in doubt it does not end: a false end cuts a sentence.

R runs of white space · M of them behind a mark that may end a sentence · S of those behind a single full stop.
"""

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.abbreviations import Keys, Rule, keys_after, keys_before, open_sentences, rules_of
from mlxgpt.chunking.characters import Codes, Flags, Kind, Kinds, Places, Runs, among, flags_of

_DEEPEST = 6  # so many closers or openers are looked through
_LABEL_WORD = 9  # characters of a word before a number that labels a line: "Art.", "§", "Item"
_LABEL_ROMAN = 6  # letters of a Roman one
_LABEL_DIGITS = 3  # list numbers have no more: "2020." opens no item


_CLOSERS = flags_of(Kind.CLOSER, Kind.QUOTE, Kind.DASH)
_OPENERS = flags_of(Kind.OPENER, Kind.QUOTE, Kind.DASH, Kind.STOP, Kind.ELLIPSIS)
_MARKS = flags_of(Kind.STOP, Kind.ENDER, Kind.ELLIPSIS, Kind.WIDE_STOP)
_STARTS_NOTHING = flags_of(
    Kind.SPACE, Kind.BREAK, Kind.ENDER, Kind.CLAUSE, Kind.CLOSER, Kind.WIDE_STOP, Kind.WIDE_CLAUSE
)
_LETTERS = flags_of(Kind.LOWER, Kind.UPPER, Kind.LETTER)
_ROMAN = np.isin(np.arange(128), [ord(letter) for letter in "ivxlcIVXLC"])


def sentence_ends(
    codes: Codes, kinds: Kinds, runs: Runs, before: Kinds, new_line: Flags, *, lowered: bool
) -> tuple[Places, Places]:
    """The runs that end a sentence, and those that end only a clause.

    `before` is the kind before each run, `new_line` says where a line ends for sure (nothing is decided there), and
    `lowered` that the text has no capital letters to go by.
    """
    behind = np.flatnonzero((before >= Kind.STOP) & ~new_line)  # (M,) runs
    mark = _skip_back(kinds, runs.starts[behind] - 1)  # (M,) the mark, before quotes that close behind it
    kind = kinds[mark]
    clause = kind == Kind.CLAUSE
    follows = _skip_on(kinds, runs.ends[behind])  # (M,) the first letter of what follows
    following = kinds[follows]
    lower = following == Kind.LOWER
    dots = (kind == Kind.ELLIPSIS) | ((kind == Kind.STOP) & (kinds[mark - 1] == Kind.STOP) & (mark > 0))
    continues = _STARTS_NOTHING[following] | (lower if not lowered else lower & dots)
    ends = _MARKS[kind] & ~continues
    clause |= _MARKS[kind] & continues

    stop = np.flatnonzero((kind == Kind.STOP) & ~dots)  # (S,) the doubtful ones
    keys, starts = keys_before(codes, kinds, mark[stop])
    rules = _stop_rules(codes, kinds, keys, starts, mark[stop], lowered)
    ends[stop] &= _stop_ends(codes, kinds, rules, follows[stop], lowered)
    ended = np.zeros(len(before), dtype=bool)
    ended[behind] = ends
    label = _is_label(codes, kinds, runs, ended, new_line, behind[stop], starts, mark[stop])
    ends[stop] &= ~label
    clause[stop] &= (rules == Rule.WORD) & ~label
    return behind[ends], behind[clause & ~ends]


def wide_ends(kinds: Kinds, marks: int) -> Places:
    """The places behind Chinese and Japanese marks, and their closers, where text goes on without white space."""
    at = np.flatnonzero(kinds == marks) + 1
    for _ in range(_DEEPEST):
        at = at[at < len(kinds)]
        closes = kinds[at] == Kind.CLOSER
        if not closes.any():
            break
        at = at + closes
    following = kinds[at[at < len(kinds)]]
    goes_on = _LETTERS[following] | (following == Kind.DIGIT) | (following == Kind.QUOTE) | (following == Kind.OPENER)
    return np.unique(at[at < len(kinds)][goes_on])


def _skip_back(kinds: Kinds, at: Places) -> Places:
    """The last place at or before each that holds no closer."""
    at = at.copy()
    active = np.flatnonzero(_CLOSERS[kinds[at]])
    for _ in range(_DEEPEST if len(active) else 0):
        active = active[at[active] > 0]
        at[active] -= 1
        active = active[_CLOSERS[kinds[at[active]]]]
    return at


def _skip_on(kinds: Kinds, at: Places) -> Places:
    """The first place from each on that holds no opener, nor a dash with its space."""
    at = at.copy()
    active = np.flatnonzero(_OPENERS[kinds[at]])
    for _ in range(_DEEPEST if len(active) else 0):
        active = active[at[active] < len(kinds) - 1]
        dash = kinds[at[active]] == Kind.DASH
        at[active] += 1
        spaced = dash & (kinds[at[active]] == Kind.SPACE) & (at[active] < len(kinds) - 1)
        at[active[spaced]] += 1
        active = active[_OPENERS[kinds[at[active]]]]
    return at


def _stop_rules(
    codes: Codes, kinds: Kinds, keys: Keys, starts: Places, stops: Places, lowered: bool
) -> npt.NDArray[np.uint8]:
    """The `Rule` of the word before each full stop.  (S,)"""
    rules = rules_of(keys)
    capital = kinds[starts] == Kind.UPPER
    rules[(rules == Rule.CAPITAL) & ~capital] = Rule.WORD
    rules[(rules == Rule.CAPITAL) & capital] = Rule.NEVER
    head = np.maximum(starts - 1, 0)
    rules[(kinds[head] == Kind.OTHER) & (starts > 0)] = Rule.WORD  # part of something else, as "@sr."
    single = stops - starts == 1
    rules[single & (capital | lowered) & (rules != Rule.NEVER)] = Rule.NAME  # an initial
    rules[single & capital] = Rule.NAME
    return _chained(codes, kinds, starts, single, rules)


def _chained(
    codes: Codes, kinds: Kinds, starts: Places, single: Flags, rules: npt.NDArray[np.uint8]
) -> npt.NDArray[np.uint8]:
    """`rules` with those of the last letters in "U.S.", "p.m.", "S/A.", "e.g.", "300 a.C."."""
    at = np.flatnonzero(single & (starts > 1))
    last, joint, first = (codes[starts[at] - back] for back in range(3))
    chain = among(joint, "./") & _LETTERS[kinds[starts[at] - 2]]
    never = ((last == ord("g")) | (last == ord("e"))) & (joint == ord("."))  # e.g., i.e.
    final = ((last == ord("C")) & among(first, "ad")) | ((last == ord("A")) & (first == ord("S")))
    rules[at[chain]] = np.where(never, Rule.NEVER, np.where(final, Rule.END, Rule.NAME))[chain]
    return rules


def _stop_ends(codes: Codes, kinds: Kinds, rules: npt.NDArray[np.uint8], follows: Places, lowered: bool) -> Flags:
    """Whether a stop behind a word with each rule ends the sentence before what follows.  (S,)"""
    ends: Flags = rules == Rule.WORD
    doubtful = np.flatnonzero(~ends & (rules != Rule.NEVER) & (kinds[follows] != Kind.DIGIT))
    rule = rules[doubtful]
    ends[doubtful[rule == Rule.NUMBER]] = True
    if not lowered:
        ends[doubtful[rule == Rule.END]] = True
        name = doubtful[rule == Rule.NAME]
        keys, after = keys_after(codes, kinds, follows[name])
        initial = kinds[np.minimum(after, len(kinds) - 1)] == Kind.STOP  # "J. A. Silva", not "Plano B. A seguir"
        ends[name] = open_sentences(keys) & ~initial
    return ends


def _is_label(
    codes: Codes,
    kinds: Kinds,
    runs: Runs,
    ended: Flags,
    new_line: Flags,
    behind: Places,
    starts: Places,
    stops: Places,
) -> Flags:
    """Whether each stop belongs to a list item's number or letter: "1. Item", "IV. Item", "b. Item", "Art. 5. Item".

    `ended` says which runs end a sentence, `starts` where the letters before each stop start.  (S,)
    """
    previous, second = np.maximum(behind - 1, 0), np.maximum(behind - 2, 0)
    at_line = (behind == 0) | new_line[previous]
    begins = np.where(behind > 1, runs.ends[second], runs.first)
    second_word = ((behind == 1) | new_line[second]) & (runs.starts[previous] - begins <= _LABEL_WORD) & ~at_line
    colon = among(codes[runs.starts[previous] - 1], ":;")
    in_line = (ended[previous] | colon) & ~at_line
    label: Flags = at_line | ((second_word | in_line) & (kinds[stops - 1] == Kind.DIGIT))
    maybe = np.flatnonzero(label)  # few
    starts, short = _label_starts(codes, kinds, starts[maybe], stops[maybe])
    apart = (starts == 0) | (kinds[np.maximum(starts - 1, 0)] <= Kind.BREAK)
    label[maybe] = short & apart & ((stops[maybe] - starts <= 2) | ~in_line[maybe])
    return label


def _label_starts(codes: Codes, kinds: Kinds, starts: Places, stops: Places) -> tuple[Places, Flags]:
    """Where the label before each stop starts, and whether it is short enough for one.  (S,), (S,)"""
    size = stops - starts
    roman = (size > 0) & (size <= _LABEL_ROMAN) & (kinds[starts] == kinds[np.maximum(stops - 1, 0)])
    for back in range(1, _LABEL_ROMAN + 1):
        at = np.maximum(stops - back, 0)
        roman &= (back > size) | _ROMAN[np.minimum(codes[at], 127)]
    digits = stops.copy()
    for _ in range(_LABEL_DIGITS + 1):
        digits = digits - ((digits > 0) & (kinds[np.maximum(digits - 1, 0)] == Kind.DIGIT))
    number = stops - digits
    starts = np.where(number > 0, digits, starts)
    return starts, roman | (size == 1) | ((number > 0) & (number <= _LABEL_DIGITS))
