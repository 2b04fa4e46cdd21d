"""Do the cuts lie where the subject turns?  How alike the text is on both sides of a cut, against random sentence gaps.

M places · W words · G sentence gaps
"""

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.analysis.chance import SEED, Compared, ComparedTally, Values
from mlxgpt.chunking.analysis.view import ChunkView, DocumentView

WORDS = 150  # on each side
ZLIB_CHARACTERS, ZLIB_LEAST = 1000, 400  # on each side
ZLIB_CUTS, ZLIB_GAPS = 200, 400  # as many are looked at: 0.1 ms each
_BLOCK = 1 << 20  # words looked at in one go

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohesion:
    """Lexical cohesion and compression at the cuts, both against chance.

    `lexical`: g = cosine of the bags of the 150 words on each side of a place, a word weighing its count times
    idf = ln(sentences / sentences that have it) (TextTiling, Hearst 1997, whose blocks are 120 to 200 words; Choi 2000).
    Low where the subject turns: good cuts are below chance.  `drop` = chance - value, and `drop_z` = -z: positive is good.
    Words and not sentences on each side, because long sentences would make long bags, which are always more alike; it
    also finds headings better (area under the ROC curve .75 and .70 for wikitexts and Machado, six sentences .73 and .60).

    `compression`: (C(d + q) - C(d)) / C(q), C the size after raw deflate, d and q the 1000 characters before and behind
    (Cilibrasi and Vitányi 2005).  High where what follows is new: good cuts are above chance.
    """

    lexical: Compared | None
    compression: Compared | None

    @property
    def drop(self) -> float | None:
        """How much less alike the two sides of a cut are than those of a random sentence gap."""
        return None if self.lexical is None else self.lexical.chance - self.lexical.value

    @property
    def drop_z(self) -> float | None:
        """The drop in standard deviations of the random segmentations."""
        return None if self.lexical is None or self.lexical.z is None else -self.lexical.z


class CohesionTally:
    """Adds up `Cohesion`."""

    def __init__(self, *, with_compression: bool = True) -> None:
        self._lexical = ComparedTally()
        self._compression = ComparedTally() if with_compression else None

    def add(self, view: ChunkView, gaps: "GapScores") -> None:
        """Add a document; `gaps` are the scores of its sentence gaps."""
        self._lexical.add(gaps.lexical_at(view.cuts), gaps.lexical)
        if self._compression is not None:
            rng = np.random.default_rng(SEED)
            cuts = view.cuts
            if len(cuts) > ZLIB_CUTS:
                cuts = np.sort(rng.choice(cuts, ZLIB_CUTS, replace=False))
            self._compression.add(compression(view.document, cuts), gaps.compression)

    def result(self) -> Cohesion:
        """The cohesion at the cuts of all documents so far."""
        compression = None if self._compression is None else self._compression.result()
        return Cohesion(lexical=self._lexical.result(), compression=compression)


class GapScores:
    """The scores of a document's sentence gaps, which do not depend on how it is chunked."""

    def __init__(self, document: DocumentView, *, with_compression: bool = True) -> None:
        self._document = document
        words = document.words
        places = words.before(document.gaps)
        self._places = np.unique(places[(places > 0) & (places < len(words.starts))])  # (G,) in words
        self._weights = _weights(words.ids, words.kinds, self._places)
        self.lexical = self._cosines(self._places)  # (G,)
        self.compression = np.zeros(0)
        if with_compression:
            gaps = document.gaps
            if len(gaps) > ZLIB_GAPS:
                gaps = np.sort(np.random.default_rng(SEED).choice(gaps, ZLIB_GAPS, replace=False))
            self.compression = compression(document, gaps)

    def lexical_at(self, positions: Places) -> Values:
        """g at each place; those without words on both sides left out.  (≤ M,)"""
        places = self._document.words.before(positions)
        places = places[(places > 0) & (places < len(self._document.words.starts))]
        known = np.searchsorted(self._places, places)
        at_gap = np.zeros(len(places), dtype=bool)
        if len(self._places):
            at_gap = self._places[np.minimum(known, len(self._places) - 1)] == places
        values = np.zeros(len(places))
        values[at_gap] = self.lexical[known[at_gap]]
        values[~at_gap] = self._cosines(places[~at_gap])
        return values

    def _cosines(self, places: Places) -> Values:
        """g at places given in words.  (M,)"""
        ids = self._document.words.ids
        lefts, rights = np.maximum(places - WORDS, 0), np.minimum(places + WORDS, len(ids))
        return _cosines(ids, self._weights, lefts, places, rights)


def _weights(ids: Places, kinds: int, gaps: Places) -> Values:
    """The square of the idf of each different word.  (V,)"""
    sentence = np.searchsorted(gaps, np.arange(len(ids)), side="right")
    pairs = np.unique(sentence * max(1, kinds) + ids)  # each word once a sentence
    found = np.bincount(pairs % max(1, kinds), minlength=kinds)
    weights: Values = np.log((len(gaps) + 1) / np.maximum(1, found)) ** 2
    return weights


def _cosines(ids: Places, weights: Values, lefts: Places, middles: Places, rights: Places) -> Values:
    """The cosine of the bags of words [left, middle) and [middle, right), 0 when one has no weight.  (M,)"""
    values = np.zeros(len(middles))
    totals = np.concatenate([[0], np.cumsum(rights - lefts)])
    low = 0
    while low < len(middles):
        high = max(low + 1, int(np.searchsorted(totals, totals[low] + _BLOCK, side="right")) - 1)
        values[low:high] = _cosines_at_once(ids, weights, lefts[low:high], middles[low:high], rights[low:high])
        low = high
    return values


def _cosines_at_once(ids: Places, weights: Values, lefts: Places, middles: Places, rights: Places) -> Values:
    sizes = rights - lefts
    place = np.repeat(np.arange(len(sizes)), sizes)
    offsets = np.cumsum(sizes) - sizes
    at = np.arange(int(sizes.sum())) - np.repeat(offsets - lefts, sizes)  # each word of each window
    keys = ((place * len(weights) + ids[at]) << 1) | (at >= np.repeat(middles, sizes))
    keys.sort()
    first = np.flatnonzero(np.diff(keys, prepend=-1))  # each different word of each bag
    counts = np.diff(first, append=len(keys)).astype(np.float64)
    bags = keys[first]
    words, side = bags >> 1, bags & 1
    place, weight = words // len(weights), weights[words % len(weights)]
    squares = counts * counts * weight
    left = np.bincount(place[side == 0], squares[side == 0], len(sizes))
    right = np.bincount(place[side == 1], squares[side == 1], len(sizes))
    both = np.flatnonzero(words[1:] == words[:-1])  # a word of the left bag, then the same of the right one
    dot = np.bincount(place[both], counts[both] * counts[both + 1] * weight[both], len(sizes))
    norm = np.sqrt(left * right)
    cosines: Values = np.divide(dot, norm, out=np.zeros(len(sizes)), where=norm > 0)
    return cosines


def compression(document: DocumentView, positions: Places) -> Values:
    """(C(d + q) - C(d)) / C(q) at each place that has 400 characters on both sides.  (≤ M,)"""
    text = document.text
    inner = positions[(positions >= ZLIB_LEAST) & (positions <= len(text) - ZLIB_LEAST)]
    return np.array(
        [_new_share(text[max(0, at - ZLIB_CHARACTERS) : at], text[at : at + ZLIB_CHARACTERS]) for at in inner]
    )


def _new_share(before: str, behind: str) -> float:
    d, q = before.encode(), behind.encode()
    return (deflated(d + q) - deflated(d)) / deflated(q)


def deflated(data: bytes) -> int:
    """The size of `data` after raw deflate, level 6."""
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return len(packer.compress(data)) + len(packer.flush())
