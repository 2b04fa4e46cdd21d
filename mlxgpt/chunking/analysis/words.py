"""The words of a text as numbers: where each lies, and the same id for the same word whatever its case.

N characters · W words · V different words.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.characters import Codes, Kind, Kinds, codes_of, kinds_of

Places = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

_LOWERED = 0x2000  # code points below are folded to lower case: Latin, Greek, Cyrillic, Armenian, Georgian
_BLOCK = 1 << 17  # words hashed at once, which bounds the memory


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Words:
    """Runs of letters, digits and marks."""

    starts: Places  # (W,)
    ends: Places  # (W,)
    hashes: Hashes  # (W,) the same for the same word in lower case
    ids: Places  # (W,) from 0 to V - 1
    kinds: int  # V

    def before(self, positions: Places) -> Places:
        """How many words begin before each position."""
        return np.searchsorted(self.starts, positions)


def words_of(codes: Codes, kinds: Kinds) -> Words:
    """The words of a text, in order."""
    letters = ((kinds >= Kind.LOWER) & (kinds <= Kind.DIGIT)) | ((codes >= 0x300) & (codes < 0x370))  # and accents
    edges = np.flatnonzero(np.diff(letters, prepend=False, append=False))
    starts, ends = edges[::2], edges[1::2]
    blocks = [
        _hashes(codes, starts[low : low + _BLOCK], ends[low : low + _BLOCK]) for low in range(0, len(starts), _BLOCK)
    ]
    hashes = np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.uint64)
    different, ids = np.unique(hashes, return_inverse=True)
    return Words(starts=starts, ends=ends, hashes=hashes, ids=ids, kinds=len(different))


def word_hashes(words: list[str]) -> Hashes:
    """The hash of each of some words, as `Words.hashes` has it.  (n,)"""
    found = [words_of(codes, kinds_of(codes)).hashes for codes in map(codes_of, words)]
    return np.array([hashes[0] for hashes in found], dtype=np.uint64)


def _hashes(codes: Codes, starts: Places, ends: Places) -> Hashes:
    """Σ value(letter) · power(place in the word) mod 2**64, with random odd powers.  (W,)"""
    if len(starts) == 0:
        return np.zeros(0, dtype=np.uint64)
    sizes = ends - starts
    offsets = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    inside = np.arange(int(sizes.sum())) - np.repeat(offsets, sizes)  # the place of each letter in its word
    letters = codes[inside + np.repeat(starts, sizes)]
    low = letters < _LOWERED
    letters = np.where(low, _lower()[np.where(low, letters, 0)], letters)
    powers = _mixed(np.arange(int(sizes.max()), dtype=np.uint64) + np.uint64(1 << 32)) | np.uint64(1)
    return np.add.reduceat(_mixed(letters.astype(np.uint64)) * powers[inside], offsets)


def _mixed(values: Hashes) -> Hashes:
    """The finalizer of SplitMix64 (Steele, Lea and Flood 2014): numbers that look random."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


@cache
def _lower() -> npt.NDArray[np.uint32]:
    """(_LOWERED,) the lower case of each code point; those that become two letters stay."""
    lowered = [chr(code).lower() for code in range(_LOWERED)]
    return np.array([ord(c) if len(c) == 1 else code for code, c in enumerate(lowered)], dtype=np.uint32)
