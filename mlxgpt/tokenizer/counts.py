"""What is known of pre-tokens: how many tokens each has, and which.

A pre-token's name is a 64-bit hash, so that a million of them are looked up at once in an array: at slot hash >> shift, or at the
next free one.  The hash is a polynomial, Σ r(c_i) Bⁱ mod 2⁶⁴, with a random number r for each character and B odd; the sums up to
every place of a text give that of any stretch between two places by one subtraction and one product with B⁻ⁱ.  Among
n known pre-tokens the chance that any two of them share a name is about n² / 2⁶⁵: one in 30 million for a million.

P pre-tokens · E known pre-tokens
"""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlxgpt import whole
from mlxgpt.tokenizer.base import Ids
from mlxgpt.tokenizer.pretokens import Codes, Places

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

_SEED = 20_261_125
_BASE = 0x9E3779B97F4A7C15 | 1
_SPREAD = np.uint64(0xD6E8FEB86659FD93)  # the low bits of a polynomial are poor: a product carries all of them upwards
_FEWEST_SLOTS = 1 << 12
MOST_ENTRIES, MOST_IDS = 1 << 22, 1 << 25


class Hasher:
    """The hashes of stretches of a text of up to `longest` characters."""

    def __init__(self, longest: int) -> None:
        random = np.random.default_rng(_SEED)
        self._numbers = random.integers(0, 1 << 64, size=0x110000, dtype=np.uint64)
        self._powers = _powers_of(_BASE, longest + 1)
        self._inverses = _powers_of(pow(_BASE, -1, 1 << 64), longest + 1)
        self.longest = longest

    def hashes(self, codes: Codes, starts: Places, ends: Places) -> Hashes:
        """The hash of each stretch from a start to its end.  (P,)"""
        sums = np.empty(len(codes) + 1, dtype=np.uint64)
        sums[0] = 0
        values = self._numbers[codes]
        values *= self._powers[: len(codes)]
        np.cumsum(values, out=sums[1:])
        result: Hashes = sums[ends]
        result -= sums[starts]
        result *= self._inverses[starts]
        result ^= (ends - starts).astype(np.uint64)  # "a" and "a" with zeros behind it differ
        result *= _SPREAD
        return result


def _powers_of(base: int, count: int) -> Hashes:
    factors = np.full(count, base % (1 << 64), dtype=np.uint64)
    factors[0] = 1
    return np.multiply.accumulate(factors)


class Counts:
    """A table from hashes to entries; entry e has the tokens ids[firsts[e] : firsts[e + 1]].

    When it holds too much it is forgotten and begins anew, so memory is bounded whatever is read.
    """

    def __init__(self) -> None:
        self.entries = 0
        self._hashes: Hashes = np.zeros(_FEWEST_SLOTS, dtype=np.uint64)  # (E,) in the order they came
        self._firsts: Ints = np.zeros(_FEWEST_SLOTS, dtype=np.int64)
        self._lengths: Ints = np.zeros(_FEWEST_SLOTS, dtype=np.int64)
        self._ids: Ids = np.zeros(_FEWEST_SLOTS, dtype=np.uint32)
        self._open(_FEWEST_SLOTS)

    def find(self, hashes: Hashes) -> Ints:
        """The entry of each hash, -1 where there is none.  (P,)"""
        slots = (hashes >> self._shift).astype(np.int64)
        found: Ints = self._entry_at[slots]
        wrong = np.flatnonzero((self._hash_at[slots] != hashes) & (found >= 0))
        while len(wrong):  # somebody else's slot: the next one
            slots[wrong] = (slots[wrong] + 1) & (len(self._entry_at) - 1)
            found[wrong] = self._entry_at[slots[wrong]]
            wrong = wrong[(self._hash_at[slots[wrong]] != hashes[wrong]) & (found[wrong] >= 0)]
        return found

    def lengths(self, entries: Ints) -> Ints:
        """How many tokens each entry has."""
        lengths: Ints = self._lengths[entries]
        return lengths

    def ids(self, entries: Ints) -> Ids:
        """The tokens of the entries, one after the other."""
        lengths = self._lengths[entries]
        ends = np.cumsum(lengths)
        if len(ends) == 0:
            return np.zeros(0, dtype=np.uint32)
        places = np.arange(int(ends[-1])) + np.repeat(self._firsts[entries] - (ends - lengths), lengths)
        ids: Ids = self._ids[places]
        return ids

    def add(self, hashes: Hashes, tokens: list[list[int]]) -> None:
        """Remember pre-tokens that are not known yet, each once."""
        lengths = np.fromiter(map(len, tokens), dtype=np.int64, count=len(tokens))
        if self.entries and (self.entries + len(tokens) > MOST_ENTRIES or self._used + lengths.sum() > MOST_IDS):
            self.__init__()  # type: ignore[misc]  # that is what beginning anew means
        first, begin, end = self._used, self.entries, self.entries + len(tokens)
        self._hashes, self._firsts, self._lengths = (
            _grown(array, end) for array in (self._hashes, self._firsts, self._lengths)
        )
        self._ids = _grown(self._ids, first + int(lengths.sum()))
        self._hashes[begin:end], self._lengths[begin:end] = hashes, lengths
        self._firsts[begin:end] = first + np.cumsum(lengths) - lengths
        self._ids[first : first + int(lengths.sum())] = [token for pre_token in tokens for token in pre_token]
        self.entries = end
        slots = len(self._entry_at)
        if slots < 2 * end:
            while slots < 2 * end:
                slots *= 2
            self._open(slots)
            begin = 0
        self._place(np.arange(begin, end))

    @property
    def _used(self) -> int:
        """How many ids there are."""
        return int(self._firsts[self.entries - 1] + self._lengths[self.entries - 1]) if self.entries else 0

    def _open(self, slots: int) -> None:
        """Empty slots, a power of two."""
        self._shift = np.uint64(64 - (slots.bit_length() - 1))
        self._hash_at = np.zeros(slots, dtype=np.uint64)
        self._entry_at = np.full(slots, -1, dtype=np.int64)

    def _place(self, waiting: Ints) -> None:
        """Put entries into slots."""
        slots = (self._hashes[waiting] >> self._shift).astype(np.int64)
        while len(waiting):
            free = self._entry_at[slots] < 0
            self._entry_at[slots[free]] = waiting[free]  # of several that want it, one has it now
            placed = self._entry_at[slots] == waiting
            self._hash_at[slots[placed]] = self._hashes[waiting[placed]]
            waiting, slots = waiting[~placed], (slots[~placed] + 1) & (len(self._entry_at) - 1)

    def save(self, path: Path) -> None:
        """Write what is known, whole or not at all."""
        buffer = io.BytesIO()
        known = slice(self.entries)
        np.savez_compressed(
            buffer, hashes=self._hashes[known], lengths=self._lengths[known], ids=self._ids[: self._used]
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        whole.write_bytes(path, buffer.getvalue())

    def load(self, path: Path, vocab_size: int) -> bool:
        """Take over what was saved; False, and nothing changed, when it is missing, damaged or of another tokenizer."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                hashes, lengths, ids = arrays["hashes"], arrays["lengths"], arrays["ids"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return False
        if not _is_table(hashes, lengths, ids, vocab_size):
            return False
        self.entries, self._hashes, self._lengths, self._ids = len(hashes), hashes, lengths, ids
        self._firsts = np.cumsum(lengths) - lengths
        self._open(1 << max(_FEWEST_SLOTS.bit_length() - 1, (2 * self.entries - 1).bit_length()))
        self._place(np.arange(self.entries))
        return True


def _is_table(hashes: Hashes, lengths: Ints, ids: Ids, vocab_size: int) -> bool:
    """True when the arrays fit together."""
    return bool(
        (hashes.dtype, lengths.dtype, ids.dtype) == (np.uint64, np.int64, np.uint32)
        and hashes.ndim == lengths.ndim == ids.ndim == 1
        and 0 < len(hashes) == len(lengths) <= MOST_ENTRIES
        and len(ids) <= MOST_IDS
        and lengths.min() > 0
        and lengths.sum() == len(ids)
        and len(np.unique(hashes)) == len(hashes)
        and int(ids.max()) < vocab_size
    )


def _grown(array: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:  # Any: of each of our types
    """`array`, at least so long, and twice as long when it had to grow."""
    if size <= len(array):
        return array
    return np.concatenate([array, np.zeros(max(size, 2 * len(array)) - len(array), dtype=array.dtype)])
