"""Headings of plain text: "CAPÍTULO II", "XII", "Art. 5º", a line of capitals, a short line that stands alone, "== Title ==".

L lines · C candidates among them.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.abbreviations import Keys, keys_after, sorted_keys, word_key
from mlxgpt.chunking.characters import Codes, Flags, Kind, Kinds, Places, flags_of, ragged
from mlxgpt.chunking.layout import Lines
from mlxgpt.chunking.markdown import heading_depths

Ranks = npt.NDArray[np.uint8]  # 0 no heading, 1 section, 2 chapter, 3 part

SECTION, CHAPTER, PART = 1, 2, 3
_LONGEST = 100  # characters of a heading
_SHORT = 60  # of one that only its shortness gives away
_PARAGRAPH = 200  # characters that no verse, item or speech of a play has on one line, or hardly any
_DEEPEST = 6  # marks of a heading
_SHORTEST = 30  # of one that ends with a stop or the like, as in "CHAPTER I."

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

_TERMINATES = flags_of(Kind.STOP, Kind.ENDER, Kind.ELLIPSIS, Kind.CLAUSE, Kind.DASH, Kind.QUOTE)


def plain_headings(codes: Codes, kinds: Kinds, lines: Lines, taken: Flags) -> tuple[Flags, Ranks]:
    """Which lines are headings, and how high each ranks; lines that are `taken` are something else.  (L,), (L,)

    Where headings follow each other ("CAPÍTULO II", "DO LIVRO") the first has the highest rank of them, the others 0.
    An article of a law ranks as a section but is no heading: its text follows on the same line.
    """
    ranks = np.zeros(len(lines.heads), dtype=np.uint8)
    first = kinds[lines.heads]
    size = lines.tails - lines.heads
    capital = (first == Kind.UPPER) | (first == Kind.DIGIT)
    open_end = ~_TERMINATES[kinds[lines.tails - 1]]
    chosen = np.flatnonzero(capital & ~taken & (size <= np.where(open_end, _LONGEST, _SHORTEST)))  # (C,)
    if len(chosen):
        ranks[chosen] = _ranks(codes, kinds, lines, open_end, chosen)
    heading = ranks > 0
    ranks = _led(ranks)
    ranks[_articles(codes, kinds, lines, taken)] = SECTION
    return heading, ranks


def marked_depths(codes: Codes, kinds: Kinds, lines: Lines) -> Ranks:
    """The depth of each line that marks at its start make a heading, 0 for the others: "## Title", "== Title ==".  (L,)"""
    return np.maximum(heading_depths(codes, kinds, lines), _equals_depths(codes, kinds, lines))


def _equals_depths(codes: Codes, kinds: Kinds, lines: Lines) -> Ranks:
    """The depth of each heading as MediaWiki and AsciiDoc write them.  (L,)

    "= Title =" has depth 1, "== Title ==" 2; a single mark must be closed, more need not be.  Tokenized text has spaces
    between them, as in WikiText: "= = Title = =".
    """
    depths = np.zeros(len(lines.heads), dtype=np.uint8)
    opens = np.flatnonzero(codes[lines.heads] == ord("="))
    if len(opens) == 0:
        return depths
    heads, tails = lines.heads[opens], lines.tails[opens]
    left, start = _equals(codes, heads, 1)
    right, end = _equals(codes, tails - 1, -1)
    spaced = kinds[np.minimum(start, len(kinds) - 1)] == Kind.SPACE
    closed = (right == left) | ((right == 0) & (left > 1) & spaced)
    titled = (start <= end) & (left <= _DEEPEST) & (tails - heads <= _LONGEST)
    depths[opens[closed & titled]] = left[closed & titled]
    return depths


def _equals(codes: Codes, at: Places, step: int) -> tuple[Places, Places]:
    """How many = there are from each place on, one more than the deepest at most, and the place behind.  (C,), (C,)"""
    count = np.zeros(len(at), dtype=np.int64)
    behind = at.copy()
    last = len(codes) - 1
    for _ in range(_DEEPEST + 1):
        apart = (count > 0) & (codes[np.clip(behind, 0, last)] == ord(" "))
        place = np.clip(behind + step * apart, 0, last)
        more = codes[place] == ord("=")
        behind = np.where(more, place + step, behind)
        count += more
    return count, behind


def _ranks(codes: Codes, kinds: Kinds, lines: Lines, open_ends: Flags, chosen: Places) -> Ranks:
    """The rank of each candidate.  (C,)"""
    heads, tails = lines.heads[chosen], lines.tails[chosen]
    size = tails - heads
    apart = lines.blank[chosen] | lines.blank[chosen + 1]
    open_end = open_ends[chosen]
    keys, second = _word_and_next(codes, kinds, heads)
    within = second < tails
    numbered = _numbered_ranks(keys)
    named = np.flatnonzero(numbered)
    numbered[named] *= within[named] & _is_number(codes, kinds, second[named])
    ordinal = np.flatnonzero(_is_in(keys, _ORDINALS) & within)  # "TERCEIRA PARTE"
    words, ends = keys_after(codes, kinds, second[ordinal])
    numbered[ordinal] = _numbered_ranks(words) * (ends == tails[ordinal])
    capitals = _all_capitals(kinds, heads, tails)
    dash = within & (kinds[second] == Kind.DASH)
    titled = kinds[np.minimum(second + 2, len(kinds) - 1)] == Kind.UPPER
    lone = (codes[heads] == ord("L")) | (codes[heads] == ord("C"))  # letters, unless a word before says otherwise
    roman = (
        _is_roman(codes, kinds, heads)
        & ~(lone & (second - heads <= 2))
        & (~within | (open_end & (capitals | (dash & titled))))
    )
    alone = open_end & (size <= _SHORT) & _stands_alone(lines, open_ends, chosen)
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
    """Whether a Roman numeral in capitals begins at each place.  (C,)"""
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
    following = kinds[np.minimum(end, last)]
    letter = (end <= last) & (following >= Kind.LOWER) & (following <= Kind.DIGIT)
    roman: Flags = (size > 0) & ~letter
    return roman


def _is_number(codes: Codes, kinds: Kinds, at: Places) -> Flags:
    """Whether a number begins at each place, in figures or words: 3, III, "terceiro".  (C,)"""
    keys, _ = keys_after(codes, kinds, at)
    number: Flags = (kinds[at] == Kind.DIGIT) | _is_roman(codes, kinds, at) | _is_in(keys, _ORDINALS)
    return number


def _all_capitals(kinds: Kinds, heads: Places, tails: Places) -> Flags:
    """Whether each line has capital letters, two at least, and no small ones.  (C,)"""
    together = kinds[ragged(heads, tails)]
    first = np.cumsum(tails - heads) - (tails - heads)  # where each line begins among them
    lower = np.add.reduceat(together == Kind.LOWER, first, dtype=np.int64)
    upper = np.add.reduceat(together == Kind.UPPER, first, dtype=np.int64)
    capitals: Flags = (lower == 0) & (upper >= 2)
    return capitals


def _stands_alone(lines: Lines, open_ends: Flags, chosen: Places) -> Flags:
    """Whether each line has blank lines around it, a finished one before and a longer one behind.  (C,)

    The blank line behind may be missing before a whole paragraph on one line.
    """
    finished = np.concatenate([[True], ~open_ends])[chosen]
    size = np.append(lines.tails - lines.heads, 0)
    longer = size[chosen + 1] > 1.5 * size[chosen]
    behind = lines.blank[chosen + 1] | (size[chosen + 1] >= _PARAGRAPH)
    alone: Flags = lines.blank[chosen] & behind & finished & longer
    return alone


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
    second = np.minimum(lines.heads + 1, len(codes) - 1)
    opens = np.flatnonzero((codes[lines.heads] == ord("A")) & (codes[second] == ord("r")) & lines.blank[:-1] & ~taken)
    keys, second = _word_and_next(codes, kinds, lines.heads[opens])
    articles: Places = opens[_is_in(keys, _ARTICLES) & (kinds[second] == Kind.DIGIT)]
    return articles


def _is_in(keys: Keys, words: str) -> Flags:
    table = _keys(words)
    known: Flags = table[np.searchsorted(table, keys)] == keys
    return known


@cache
def _keys(words: str) -> Keys:
    return sorted_keys(word_key(word) for word in words.split())


def _numbered_ranks(keys: Keys) -> Ranks:
    """The rank of each word that may stand before a number, 0 for other words.  (C,)"""
    ranks = np.zeros(len(keys), dtype=np.uint8)
    for rank, words in _NUMBERED.items():
        ranks[_is_in(keys, words)] = rank
    return ranks
