"""Duplicates: the same text again (`exact`), and nearly the same text (`near`), found while documents stream by.

    mark (workers): a text becomes a few bytes     check (one place, in order): has such a mark been here before?

Both kinds look at words alone, in small letters, so spaces, punctuation and capitals make no difference.  *Exact* compares a
hash of them.  *Near* compares sets of word 5-grams by MinHash (Broder 1997; Broder et al. 2000): under a random order of all
5-grams the first one of two sets is the same with the probability of their Jaccard similarity, so of `HASHES` orders that share
agree.  Only documents with a whole band of `ROWS` such numbers in common are compared at all (locality-sensitive hashing:
Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, section 3.4); with 25 bands of 5 that finds 99 % of the pairs at
a similarity of 0.7 and 99.99 % at 0.8.

The first of several stays.  Marks depend on the text alone and are checked in the order of the documents, so the result does
not depend on the number of workers; replaying the marks that were new restores the state.

datasketch and rensa do the same; docs/data.md has the measurements after which this stayed a page of numpy.

K hashes · S 5-grams · B bands · R rows of a band · W ways of a bucket
"""

import functools
import hashlib
import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from mlxgpt.errors import ConfigError, nearest

Hashes = npt.NDArray[np.uint64]
Signature = npt.NDArray[np.uint16]  # (K,)

GRAM = 5  # words
BANDS, ROWS = 25, 5
HASHES = 2 * BANDS * ROWS  # the bands are made of the first half; all say how similar two are
_WAYS = 8
_SMALLEST = 1 << 10  # documents that a new index has room for
_PART = 1 << 9  # 5-grams hashed together, so that they stay in the processor's cache
_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """The words and numbers of a text in small letters, composed."""
    return _WORD.findall(unicodedata.normalize("NFC", text).lower())


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A duplicate: of which document (counted from 0 among those that were new), how it was found, and how similar it is."""

    kind: str
    document: int
    similarity: float


class Marker(Protocol):
    """Makes the mark of a text; it goes to workers."""

    def mark(self, text: str) -> bytes:
        """The bytes that an `Index` of the same kind tells duplicates by."""


class Index(Protocol):
    """The marks so far."""

    def find(self, mark: bytes) -> tuple[int, float] | None:
        """The first document with such a mark, and the similarity."""

    def add(self, mark: bytes, document: int) -> None:
        """Remember the mark of a document."""

    @property
    def memory_bytes(self) -> int: ...


# ---- exact -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ExactMarker:
    """16 bytes of BLAKE2b of the words; of the text itself when it has none."""

    def mark(self, text: str) -> bytes:
        normal = " ".join(words_of(text)) or text.strip()
        return hashlib.blake2b(normal.encode("utf-8", "surrogatepass"), digest_size=16).digest()


class ExactIndex:
    """A dictionary of marks."""

    def __init__(self) -> None:
        self._first: dict[bytes, int] = {}

    def find(self, mark: bytes) -> tuple[int, float] | None:
        document = self._first.get(mark)
        return None if document is None else (document, 1.0)

    def add(self, mark: bytes, document: int) -> None:
        self._first[mark] = document

    @property
    def memory_bytes(self) -> int:
        """As CPython lays it out: the table, and a bytes and an int object for each entry."""
        return self._first.__sizeof__() + len(self._first) * (49 + 28)


# ---- near ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NearMarker:
    """A MinHash signature of 250 numbers of 16 bits; nothing for a text without words."""

    def mark(self, text: str) -> bytes:
        grams = grams_of(words_of(text))
        return signature(grams).tobytes() if len(grams) else b""


def grams_of(words: Sequence[str]) -> Hashes:
    """A number for each 5-gram of words, repetitions left out; all words make one gram when they are fewer.  (S,)"""
    if not words:
        return np.empty(0, np.uint64)
    codes = np.fromiter(map(_word_code, words), np.uint64, len(words))
    n = min(GRAM, len(words))
    grams = np.zeros(len(words) - n + 1, np.uint64)
    for at in range(n):
        grams = grams * _PRIME + codes[at : len(codes) - n + 1 + at]
    return np.unique(_mix(grams))


@functools.lru_cache(1 << 16)
def _word_code(word: str) -> int:
    return zlib.crc32(word.encode("utf-8", "surrogatepass"))


def _mix(numbers: Hashes) -> Hashes:
    """Numbers whose bits all depend on all bits (the end of MurmurHash3)."""
    numbers = (numbers ^ (numbers >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    numbers = (numbers ^ (numbers >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return numbers ^ (numbers >> np.uint64(33))


def signature(grams: Hashes) -> Signature:
    """For each of K orders, the smallest number among the grams, of which 16 bits are kept.  (K,)

    An order is a multiplication by an odd number modulo 2^32 and an exclusive or, both of which only rearrange.
    """
    least = np.full(HASHES, 0xFFFFFFFF, np.uint32)
    numbers = (grams >> np.uint64(32)).astype(np.uint32)
    for begin in range(0, len(numbers), _PART):
        ordered = numbers[None, begin : begin + _PART] * _FACTORS[:, None]  # (K, S)
        ordered ^= _TERMS[:, None]
        np.minimum(least, ordered.min(axis=1), out=least)
    return (_mix(least.astype(np.uint64)) & np.uint64(0xFFFF)).astype(np.uint16)


_PRIME = np.uint64(0x9E3779B97F4A7C15)
_RANDOM = np.random.Generator(np.random.PCG64(20240607))
_FACTORS = _RANDOM.integers(0, 2**31, HASHES, dtype=np.uint32) * np.uint32(2) + np.uint32(1)  # (K,)
_TERMS = _RANDOM.integers(0, 2**32, HASHES, dtype=np.uint32)  # (K,)


class NearIndex:
    """Signatures and, for each band, a table of buckets that says which documents have it.

    An index has 500 bytes of signature and 400 to 800 bytes of tables for each document, and grows by doubling up to
    `most_bytes`; then the oldest documents are forgotten, one for each new one.
    """

    def __init__(self, similarity: float = 0.7, most_bytes: int = 1 << 30) -> None:
        self.similarity = similarity
        self._most_bytes = most_bytes
        self._documents = 0  # ever added
        self._signatures = np.zeros((0, HASHES), np.uint16)  # (documents, K)
        self._numbers = np.zeros(0, np.int64)  # of each document, as `add` was told
        self._resize(_SMALLEST)

    def find(self, mark: bytes) -> tuple[int, float] | None:
        """The most similar document, the first among equals, if it is similar enough."""
        if not mark:
            return None
        wanted = np.frombuffer(mark, np.uint16)
        buckets, tags = self._places(wanted)
        slots = np.unique(self._slots[buckets][self._tags[buckets] == tags[:, None]])
        if not len(slots):
            return None
        shares = (self._signatures[slots] == wanted).mean(axis=1)
        # Two numbers of 16 bits agree by chance once in 65,536 times, which is nothing beside the error of the estimate.
        best = int(shares.argmax())
        numbers = self._numbers[slots]
        best = min(np.flatnonzero(shares == shares[best]).tolist(), key=lambda at: int(numbers[at]))
        return (int(numbers[best]), float(shares[best])) if shares[best] >= self.similarity else None

    def add(self, mark: bytes, document: int) -> None:
        if not mark:
            return
        if self._documents >= len(self._numbers) and 2 * self.memory_bytes <= self._most_bytes:
            self._resize(2 * len(self._numbers))
        slot = self._documents % len(self._numbers)
        self._documents += 1
        self._signatures[slot] = np.frombuffer(mark, np.uint16)
        self._numbers[slot] = document
        self._enter(slot)

    @property
    def memory_bytes(self) -> int:
        """What the arrays take."""
        return sum(a.nbytes for a in (self._signatures, self._numbers, self._tags, self._slots, self._next))

    def _resize(self, documents: int) -> None:
        """Make room for so many documents; those that are there move in."""
        known = self._documents
        signatures, numbers = np.zeros((documents, HASHES), np.uint16), np.zeros(documents, np.int64)
        signatures[:known], numbers[:known] = self._signatures[:known], self._numbers[:known]
        self._signatures, self._numbers = signatures, numbers
        buckets = 2 * documents * BANDS // _WAYS  # half full at most
        self._mask = np.uint64((1 << (buckets - 1).bit_length()) - 1)
        self._tags = np.zeros((int(self._mask) + 1, _WAYS), np.uint32)  # 0: nothing here
        self._slots = np.zeros_like(self._tags)
        self._next = np.zeros(len(self._tags), np.uint8)  # the way that the next one takes: the oldest
        for slot in range(known):
            self._enter(slot)

    def _enter(self, slot: int) -> None:
        buckets, tags = self._places(self._signatures[slot])
        ways = self._next[buckets]
        self._tags[buckets, ways] = tags
        self._slots[buckets, ways] = slot
        self._next[buckets] = (ways + 1) % _WAYS

    def _places(self, wanted: Signature) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint32]]:
        """For each band, its bucket and what it is known by there.  (B,), (B,)"""
        bands = wanted[: BANDS * ROWS].reshape(BANDS, ROWS).astype(np.uint64)
        keys = np.arange(BANDS, dtype=np.uint64)
        for row in range(ROWS):
            keys = _mix(keys * _PRIME + bands[:, row])
        return (keys & self._mask).astype(np.intp), (keys >> np.uint64(32)).astype(np.uint32) | np.uint32(1)


# ---- both ------------------------------------------------------------------------------------------------------------


class Duplicates:
    """The search for the `kinds` wanted: `markers` go to workers, their marks come back to `check` in order."""

    def __init__(self, kinds: Sequence[str], similarity: float = 0.7, most_bytes: int = 1 << 30) -> None:
        for kind in kinds:
            if kind not in KINDS:
                raise ConfigError(f"There is no kind of duplicates named {kind!r}.", hint=nearest(kind, KINDS))
        if not 0.5 <= similarity <= 1:
            raise ConfigError(
                f"similarity = {similarity} is not possible.", hint="Give 0.5 … 1; less alike is not found for certain."
            )
        self.kinds = tuple(kind for kind in KINDS if kind in kinds)
        self.markers: tuple[Marker, ...] = tuple(ExactMarker() if k == "exact" else NearMarker() for k in self.kinds)
        self.pairs = dict.fromkeys(self.kinds, 0)  # found so far
        self._indexes: tuple[Index, ...] = tuple(
            ExactIndex() if kind == "exact" else NearIndex(similarity, most_bytes) for kind in self.kinds
        )
        self._documents = 0

    def mark(self, text: str) -> tuple[bytes, ...]:
        """The marks of a text, one for each kind."""
        return tuple(marker.mark(text) for marker in self.markers)

    def check(self, marks: Sequence[bytes]) -> Match | None:
        """The earlier document that these marks repeat; None when they are new, and then they are remembered."""
        for kind, index, mark in zip(self.kinds, self._indexes, marks, strict=True):
            if found := index.find(mark):
                self.pairs[kind] += 1
                return Match(kind=kind, document=found[0], similarity=found[1])
        self.remember(marks)
        return None

    def remember(self, marks: Sequence[bytes]) -> None:
        """Take in the marks of a document that is known to be new."""
        for index, mark in zip(self._indexes, marks, strict=True):
            index.add(mark, self._documents)
        self._documents += 1

    @property
    def memory_bytes(self) -> int:
        """What is held to find duplicates."""
        return sum(index.memory_bytes for index in self._indexes)


KINDS = ("exact", "near")
