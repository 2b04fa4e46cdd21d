"""What a cut takes away from those who read one chunk alone: split sentences, split spans, and "it" without what it means.

C chunks · S sentences
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.analysis.view import ChunkView
from mlxgpt.chunking.analysis.words import Hashes, word_hashes
from mlxgpt.text import visible

SPANS = (16, 32, 64, 128, 256, 512)  # tokens
EXAMPLES, EXAMPLE_CHARACTERS = 5, 56


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What stays together.

    `sentences_whole` is the share of sentences that lie wholly in a chunk, white space aside; `paragraphs_whole` the same for
    paragraphs (parts between blank lines, or lines where there are no blank lines; a heading belongs to what follows).

    `spans_whole[i]` = P(a span of L = `SPANS[i]` tokens lies wholly in a chunk), each place of the text as likely:
    Σ max(0, n_i - L + 1) / (N - L + 1), n_i the tokens of the chunks, N of the text; the bound on recall of Chroma's
    evaluation in closed form.  With overlap, a span that two chunks hold counts once, and N has the tokens of
    overlaps once, as their share of the characters.  It rewards large chunks and nothing else: a curve, not a score.
    """

    sentences: int
    sentences_whole: float
    paragraphs: int
    paragraphs_whole: float
    spans_whole: tuple[float | None, ...]  # at `SPANS`; None where no text is as long


@dataclass(frozen=True, slots=True, kw_only=True)
class Dangling:
    """Chunks whose first word points back at what the reader does not see: a pronoun or a connective ("isso", "however").

    `chunks` of the `starts` that do not begin a document.  `sentences_share` is the same share over all sentences but the
    first: cutting at sentences without looking would give it.  A list of words, no analysis: a count to look into, with
    `examples`, not a score (in place of HOPE's semantic independence, 2505.02171).
    """

    starts: int
    chunks: int
    sentences_share: float
    examples: tuple[str, ...]

    @property
    def share(self) -> float:
        """The share of the starts."""
        return self.chunks / max(1, self.starts)


class ContextTally:
    """Adds up `Context`."""

    def __init__(self) -> None:
        self._units = np.zeros(4, dtype=np.int64)  # sentences, whole ones, paragraphs, whole ones
        self._spans = np.zeros((2, len(SPANS)))  # whole ones, all

    def add(self, view: ChunkView) -> None:
        """Add a document."""
        document = view.document
        for first, gaps in ((0, document.gaps), (2, document.paragraphs)):
            starts, ends = document.units(gaps)
            self._units[first : first + 2] += len(starts), _whole(view, starts, ends)
        if len(view.starts) == 0:
            return
        ends_in_tokens = np.cumsum(view.n_tokens - view.overlap_tokens)
        for place, length in enumerate(SPANS):
            # Spans begin up to here; those that lie in the chunk before too are its own.
            last = ends_in_tokens - length + 1
            first_place = np.maximum(ends_in_tokens - view.n_tokens, np.concatenate([[0.0], last[:-1]]))
            self._spans[0, place] += np.maximum(0.0, last - first_place).sum()
            self._spans[1, place] += max(0.0, ends_in_tokens[-1] - length + 1)

    def result(self) -> Context:
        """The context of all documents so far."""
        sentences, whole_sentences, paragraphs, whole_paragraphs = self._units.tolist()
        return Context(
            sentences=sentences,
            sentences_whole=whole_sentences / max(1, sentences),
            paragraphs=paragraphs,
            paragraphs_whole=whole_paragraphs / max(1, paragraphs),
            spans_whole=tuple(whole / total if total else None for whole, total in self._spans.T.tolist()),
        )


def _whole(view: ChunkView, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> int:
    """How many of the units, given in solid characters, lie in a chunk."""
    if len(view.starts) == 0:
        return 0
    solid = view.document.solid
    chunk_starts, chunk_ends = solid[view.starts], solid[view.ends]
    last = np.searchsorted(chunk_starts, starts, side="right") - 1  # the last chunk that begins before the unit
    return int(np.count_nonzero((last >= 0) & (chunk_ends[np.maximum(last, 0)] >= ends)))


class DanglingTally:
    """Adds up `Dangling`."""

    def __init__(self, lang: str) -> None:
        self._lang = lang
        self._starts = self._chunks = self._sentences = self._dangling_sentences = 0
        self._examples: list[str] = []

    def add(self, view: ChunkView) -> None:
        """Add a document."""
        document = view.document
        places = view.starts[document.solid[view.starts] > 0] if len(view.starts) else view.starts
        dangling = self._points_back(view, places)
        self._starts += len(places)
        self._chunks += int(dangling.sum())
        self._sentences += len(document.gaps)
        self._dangling_sentences += int(self._points_back(view, document.gaps).sum())
        for start in places[dangling][: EXAMPLES - len(self._examples)].tolist():
            line = " ".join(document.text[start : start + 2 * EXAMPLE_CHARACTERS].split())
            self._examples.append(visible(line[:EXAMPLE_CHARACTERS] + ("…" if len(line) > EXAMPLE_CHARACTERS else "")))

    def result(self) -> Dangling:
        """The dangling starts of all documents so far."""
        return Dangling(
            starts=self._starts,
            chunks=self._chunks,
            sentences_share=self._dangling_sentences / max(1, self._sentences),
            examples=tuple(self._examples),
        )

    def _points_back(self, view: ChunkView, places: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Whether the word, or the first two, from each place on are in the lists.  (M,)"""
        words = view.document.words
        if len(words.starts) == 0:
            return np.zeros(len(places), dtype=bool)
        single, first, second = _lists(self._lang)
        at = words.before(places)
        last = len(words.starts) - 1
        cut_word = (at > 0) & (words.ends[np.maximum(at - 1, 0)] > places)  # a word's rest says nothing
        inside = (at <= last) & ~cut_word
        one, two = words.hashes[np.minimum(at, last)], words.hashes[np.minimum(at + 1, last)]
        pair = (one[:, None] == first) & (two[:, None] == second)  # (M, pairs)
        found: npt.NDArray[np.bool_] = inside & (np.isin(one, single) | pair.any(axis=1))
        return found


@cache
def _lists(lang: str) -> tuple[Hashes, Hashes, Hashes]:
    """The hashes of single words, and of the first and second words of pairs."""
    chosen = WORDS_OF if lang == "auto" else {lang: WORDS_OF[lang]}
    entries = [entry for text in chosen.values() for line in text.splitlines() for entry in line.strip().split(", ")]
    single = [entry for entry in entries if entry and " " not in entry]
    pairs = [entry.split() for entry in entries if " " in entry]
    return word_hashes(single), word_hashes([pair[0] for pair in pairs]), word_hashes([pair[1] for pair in pairs])


# Anaphors and connectives that hardly ever begin a text.  "auto" takes all: what is a word in both languages is left out.
WORDS_OF = {
    "pt": """
        ele, ela, eles, elas, isso, isto, aquilo, esse, essa, esses, essas, este, esta, estes, estas, aquele, aquela
        aqueles, aquelas, dele, dela, deles, delas, seu, sua, seus, suas, disso, disto, nisso, nisto, tal, tais, lhe, lhes
        porém, contudo, todavia, entretanto, portanto, assim, logo, mas, também, então, pois, e, ou, porque, aliás, ademais
        outrossim, ainda, logo, senão, embora, enfim, nem
        no entanto, além disso, por isso, por conseguinte, por outro, ou seja, desse modo, dessa forma, deste modo
        desta forma, por fim, apesar disso, com isso, diante disso, em suma
    """,
    "en": """
        he, she, it, they, him, her, them, his, hers, its, their, this, that, these, those, such
        however, therefore, thus, hence, moreover, furthermore, nevertheless, nonetheless, but, and, or, so, then, also
        instead, otherwise, meanwhile, consequently, accordingly, besides, likewise, similarly, because, yet
        in addition, for example, for instance, in contrast, as such, by contrast, after that
    """,
}
LANGUAGES = ("auto", *WORDS_OF)
