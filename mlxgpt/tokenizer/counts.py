"""What is known of pre-tokens: how many tokens each has, and which.

A pre-token has a 64-bit name, so that a million of them are looked up at once in an array, at slot name >> shift or the next
free one.  The name is a hash of its UTF-16 units, four at a time: h ← (h ⊕ units) K, h ← h ⊕ (h >> 32), begun with a random
number, so that nobody can write two words that share a name.  Among n known pre-tokens the chance that any two do is about
n² / 2⁶⁵: one in 30 million for a million.

U units of a text · P pre-tokens · E known pre-tokens
"""

import hashlib
import io
import secrets
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mlxgpt import whole
from mlxgpt.tokenizer.base import Ids

Hashes = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Units = npt.NDArray[np.uint16]
Entries = npt.NDArray[np.int32]

LONGEST = 64  # units hashed by array operations; a longer pre-token gets its name from BLAKE2
PADDING = 4  # units that must follow the last one
_K = np.uint64(0x9E3779B97F4A7C15)
_FIRST_UNITS = np.array([(1 << 16 * units) - 1 for units in range(5)], dtype=np.uint64)  # masks for 0 to 4 units
_HALF = np.uint64(32)
_FEWEST_SLOTS = 1 << 12
MOST_ENTRIES, MOST_IDS = 1 << 22, 1 << 25


def names(units: Units, starts: Ints, ends: Ints, seed: int) -> Hashes:
    """The name of each stretch of units from a start to its end.  (P,)"""
    sizes = ends - starts
    # entry i holds the units i to i + 3
    fours = np.lib.stride_tricks.as_strided(units[:4].view(np.uint64), shape=(len(units) - 3,), strides=(2,))
    result: Hashes = fours[starts]
    result &= _FIRST_UNITS[np.minimum(sizes, 4)]
    result ^= np.uint64(seed)
    result *= _K
    result ^= result >> _HALF
    done, rest = 4, np.flatnonzero(sizes > 4)
    while len(rest) and done < LONGEST:
        more = fours[starts[rest] + done]
        more &= _FIRST_UNITS[np.minimum(sizes[rest] - done, 4)]
        more ^= result[rest]
        more *= _K
        more ^= more >> _HALF
        result[rest] = more
        done += 4
        rest = rest[sizes[rest] > done]
    result ^= sizes.astype(np.uint64)  # "a" and "a" with zeros behind it differ
    result *= _K
    for at in rest.tolist():
        data = units[starts[at] : ends[at]].tobytes()
        key = seed.to_bytes(8, "little")
        result[at] = int.from_bytes(hashlib.blake2b(data, digest_size=8, key=key).digest(), "little")
    return result


class Counts:
    """A table from hashes to entries; entry e has the tokens ids[firsts[e] : firsts[e + 1]].

    When it holds too much it is forgotten and begins anew, so memory is bounded whatever is read.
    """

    def __init__(self) -> None:
        self.entries = 0
        self.seed = secrets.randbits(64)  # of the names
        self._hashes: Hashes = np.zeros(_FEWEST_SLOTS, dtype=np.uint64)  # (E,) in the order they came
        self._firsts: Ints = np.zeros(_FEWEST_SLOTS, dtype=np.int64)
        self._lengths: Ints = np.zeros(_FEWEST_SLOTS, dtype=np.int64)
        self._ids: Ids = np.zeros(_FEWEST_SLOTS, dtype=np.uint32)
        self._open(_FEWEST_SLOTS)

    def find(self, hashes: Hashes) -> Entries:
        """The entry of each hash, -1 where there is none.  (P,)"""
        slots = (hashes >> self._shift).astype(np.int64)
        found = self._entry_at[slots]
        wrong = np.flatnonzero(self._hash_at[slots] != hashes)
        wrong = wrong[found[wrong] >= 0]
        while len(wrong):  # somebody else's slot: the next one
            slots[wrong] = (slots[wrong] + 1) & (len(self._entry_at) - 1)
            found[wrong] = self._entry_at[slots[wrong]]
            wrong = wrong[(self._hash_at[slots[wrong]] != hashes[wrong]) & (found[wrong] >= 0)]
        return found

    def lengths(self, entries: Entries) -> Ints:
        """How many tokens each entry has."""
        lengths: Ints = self._lengths[entries]
        return lengths

    def ids(self, entries: Entries) -> Ids:
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
        self._entry_at = np.full(slots, -1, dtype=np.int32)

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
            buffer,
            seed=np.uint64(self.seed),
            hashes=self._hashes[known],
            lengths=self._lengths[known],
            ids=self._ids[: self._used],
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        whole.write_bytes(path, buffer.getvalue())

    def load(self, path: Path, vocab_size: int) -> bool:
        """Take over what was saved; False, and nothing changed, when it is missing, damaged or of another tokenizer."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                hashes, lengths, ids = arrays["hashes"], arrays["lengths"], arrays["ids"]
                seed = int(arrays["seed"])
        except (OSError, TypeError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return False
        if not _is_table(hashes, lengths, ids, vocab_size) or not 0 <= seed < 1 << 64:
            return False
        self.seed = seed
        self.entries, self._hashes, self._lengths, self._ids = len(hashes), hashes, lengths, ids
        self._firsts = np.cumsum(lengths) - lengths
        self._open(1 << max(_FEWEST_SLOTS.bit_length() - 1, (2 * self.entries - 1).bit_length()))
        self._place(np.arange(self.entries))
        return True


def _is_table(hashes: Hashes, lengths: Ints, ids: Ids, vocab_size: int) -> bool:
    """True when the arrays fit together."""
    return bool(
        [array.dtype.name for array in (hashes, lengths, ids)] == ["uint64", "int64", "uint32"]
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
