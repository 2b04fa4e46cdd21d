"""Headings of plain text: "CAPÍTULO II", "XII", "Art. 5º", a line of capitals, a short line that stands alone.

L lines · C candidates among them.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.abbreviations import Keys, keys_after, word_key
from mlxgpt.chunking.characters import Codes, Kind, Kinds, Places
from mlxgpt.chunking.layout import Lines

Flags = npt.NDArray[np.bool_]
Ranks = npt.NDArray[np.uint8]  # 0 no heading, 1 section, 2 chapter, 3 part

SECTION, CHAPTER, PART = 1, 2, 3
_LONGEST, _SHORT = 100, 60  # characters of a heading, and of one that only its shortness gives away

# Followed by a number: "Parte II", "Chapter 3", "CAPÍTULO PRIMEIRO".
_NUMBERED = {
    PART: "parte part livro book tomo volume título titulo",
    CHAPTER: "capítulo capitulo chapter ato acto act canto cap adventure",
    SECTION: "seção secção secao subseção section anexo appendix apêndice cena scene letter carta",
}
_ORDINALS = """
    primeiro primeira segundo segunda terceiro terceira quarto quarta quinto quinta sexto sexta sétimo sétima oitavo
    oitava nono nona décimo décima último última único única first second third fourth fifth sixth seventh eighth ninth
    tenth last one two three four five six seven eight nine ten um dois três
"""
_ALONE = """
    prólogo prefácio preâmbulo introdução conclusão epílogo posfácio advertência apresentação preface prologue
    introduction conclusion epilogue foreword afterword
"""
_ARTICLES = "art artigo"

_TERMINATED = (Kind.STOP, Kind.ENDER, Kind.ELLIPSIS, Kind.CLAUSE, Kind.DASH, Kind.QUOTE)


def plain_headings(codes: Codes, kinds: Kinds, lines: Lines, taken: Flags) -> tuple[Flags, Ranks]:
    """Which lines are headings, and how high each ranks; lines that are `taken` are something else.  (L,), (L,)

    Where headings follow each other ("CAPÍTULO II", "DO LIVRO") the first has the highest rank of them, the others 0.
    An article of a law ranks as a section but is no heading: its text follows on the same line.
    """
    ranks = np.zeros(len(lines.heads), dtype=np.uint8)
    first = kinds[lines.heads]
    size = lines.tails - lines.heads
    capital = (first == Kind.UPPER) | (first == Kind.DIGIT)
    chosen = np.flatnonzero(capital & (size <= _LONGEST) & ~taken)  # (C,)
    if len(chosen):
        ranks[chosen] = _ranks(codes, kinds, lines, chosen)
    heading = ranks > 0
    ranks = _led(ranks)
    ranks[_articles(codes, kinds, lines, taken)] = SECTION
    return heading, ranks


def _ranks(codes: Codes, kinds: Kinds, lines: Lines, chosen: Places) -> Ranks:
    """The rank of each candidate.  (C,)"""
    heads, tails = lines.heads[chosen], lines.tails[chosen]
    size = tails - heads
    apart = lines.blank[chosen] | lines.blank[chosen + 1]
    open_end = ~np.isin(kinds[tails - 1], _TERMINATED)
    keys, second = _word_and_next(codes, kinds, heads)
    following, _ = keys_after(codes, kinds, second)
    within = second < tails
    number = within & ((kinds[second] == Kind.DIGIT) | _is_roman(codes, kinds, second) | _is_in(following, _ORDINALS))
    numbered = np.where(number & (open_end | (size <= _SHORT // 2)), _numbered_rank(keys), 0)
    capitals = _all_capitals(kinds, heads, tails)
    dash = within & (kinds[second] == Kind.DASH)
    titled = kinds[np.minimum(second + 2, len(kinds) - 1)] == Kind.UPPER
    roman = _is_roman(codes, kinds, heads) & (~within | (open_end & (capitals | (dash & titled))))
    alone = open_end & (size <= _SHORT) & _stands_alone(kinds, lines, chosen)
    by_words = np.where(_is_in(keys, _ALONE), CHAPTER, SECTION)
    cases = [numbered > 0, roman & apart, capitals & open_end & apart & (size > 1), alone]
    return np.select(cases, [numbered, CHAPTER, by_words, by_words], default=0).astype(np.uint8)


def _word_and_next(codes: Codes, kinds: Kinds, heads: Places) -> tuple[Keys, Places]:
    """The first word of each line, and where the next begins, a stop between them aside: "Art. 5º".  (C,), (C,)"""
    keys, ends = keys_after(codes, kinds, heads)
    last = len(kinds) - 1
    stop = kinds[np.minimum(ends, last)] == Kind.STOP
    ends = np.minimum(ends + stop, last)
    return keys, np.minimum(ends + (kinds[ends] == Kind.SPACE), last)


def _is_roman(codes: Codes, kinds: Kinds, at: Places) -> Flags:
    """Whether a Roman numeral in capitals begins at each place: I, XIV, not C, D, L, M alone.  (C,)"""
    size = np.zeros(len(at), dtype=np.int64)
    goes_on = np.ones(len(at), dtype=bool)
    table = np.zeros(129, dtype=bool)
    table[[ord(letter) for letter in "IVXLC"]] = True
    last = len(codes) - 1
    for _ in range(8):
        behind = at + size
        goes_on &= (behind <= last) & table[np.minimum(codes[np.minimum(behind, last)], 128)]
        size += goes_on
    end = at + size
    letter = (end <= last) & np.isin(kinds[np.minimum(end, last)], (Kind.LOWER, Kind.UPPER, Kind.LETTER, Kind.DIGIT))
    single = (size == 1) & np.isin(codes[at], (ord("L"), ord("C")))
    return (size > 0) & ~letter & ~single


def _all_capitals(kinds: Kinds, heads: Places, tails: Places) -> Flags:
    """Whether each line has capital letters, two at least, and no small ones.  (C,)"""
    bounds = np.stack([heads, np.minimum(tails, len(kinds) - 1)], axis=1).ravel()  # a last line loses its last letter
    lower = np.add.reduceat(kinds == Kind.LOWER, bounds, dtype=np.int64)[::2]
    upper = np.add.reduceat(kinds == Kind.UPPER, bounds, dtype=np.int64)[::2]
    return (lower == 0) & (upper >= 2) & (kinds[tails - 1] != Kind.LOWER)


def _stands_alone(kinds: Kinds, lines: Lines, chosen: Places) -> Flags:
    """Whether each line has blank lines around it, a finished one before and a longer one behind.  (C,)"""
    ending = kinds[lines.tails - 1]
    finished = np.concatenate([[True], np.isin(ending, _TERMINATED)])[chosen]
    size = np.append(lines.tails - lines.heads, 0)
    longer = size[chosen + 1] > 1.5 * size[chosen]
    return lines.blank[chosen] & lines.blank[chosen + 1] & finished & longer


def _led(ranks: Ranks) -> Ranks:
    """The highest rank of each stretch of headings at its first line, 0 at the others.  (L,)"""
    heading = ranks > 0
    first = np.flatnonzero(heading & ~np.concatenate([[False], heading[:-1]]))
    led = np.zeros_like(ranks)
    if len(first):
        led[first] = np.maximum.reduceat(ranks, first)  # the lines up to the next stretch have rank 0
    return led


def _articles(codes: Codes, kinds: Kinds, lines: Lines, taken: Flags) -> Places:
    """The lines that begin an article of a law.  (A,)"""
    opens = np.flatnonzero((codes[lines.heads] == ord("A")) & lines.blank[:-1] & ~taken)
    keys, second = _word_and_next(codes, kinds, lines.heads[opens])
    return opens[_is_in(keys, _ARTICLES) & (kinds[second] == Kind.DIGIT)]


def _is_in(keys: Keys, words: str) -> Flags:
    return np.isin(keys, _keys(words))


@cache
def _keys(words: str) -> Keys:
    return np.array([word_key(word) for word in words.split()], dtype=np.int64)


def _numbered_rank(keys: Keys) -> Ranks:
    """The rank of each word that a number follows, 0 for other words.  (C,)"""
    ranks = np.zeros(len(keys), dtype=np.uint8)
    for rank, words in _NUMBERED.items():
        ranks[_is_in(keys, words)] = rank
    return ranks
