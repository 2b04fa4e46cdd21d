"""What is known of pre-tokens: how many tokens each has, and which.

A pre-token has a 64-bit name, so that a million of them are looked up at once in an array, at slot name >> shift or the next
free one.  Its UTF-16 units are taken four at a time as numbers x₁, x₂, …, and with random a, c and odd m

    name = c · units + Σ aₖ · swap(mₖ · xₖ)  mod 2⁶⁴        where swap reverses the bytes

Two pre-tokens share a name with a probability of about 2⁻⁶⁴, and of at most 2⁻⁵⁵ if somebody chose them to: let them differ
in xₖ.  Σ is equal for one in 2⁶⁴⁻ᵛ aₖ, if 2ᵛ is the largest power of two in the difference of the two swap(…).  That is why
they are swapped: the high bits of a product are the random ones, and 2ᵛ is rarely large.  (For any two, the mean of
2ᵛ over m is below 64 + 256.)  So among a million pre-tokens the chance that any two share a name is one in 30 million.

U units of a text · P pre-tokens · S slots
"""

import functools
import hashlib
import io
import secrets
import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlxgpt import whole
from mlxgpt.tokenizer.base import Ids

Names = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Units = npt.NDArray[np.uint16]

LONGEST = 64  # units named by array operations; a longer pre-token gets its name from BLAKE2
PADDING = 4  # units that must follow the last one
# How much of four units belongs to a pre-token that has so many left.
_MASKS = np.array([(1 << 16 * min(left, 4)) - 1 for left in range(LONGEST + 1)], dtype=np.uint64)
_FEWEST_SLOTS = 1 << 13
MOST_ENTRIES, MOST_IDS = 1 << 22, 1 << 25
_MOST_BYTES = 12 * MOST_ENTRIES + 4 * MOST_IDS + (1 << 12)  # of a saved table
# What reading a file that is no table raises: not there, no archive, no such array, another kind of array.
_DAMAGE = (
    *(OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError),
    *(KeyError, AttributeError, TypeError, ValueError, MemoryError),
)


def names(units: Units, starts: Ints, ends: Ints, seed: int) -> Names:
    """The name of each stretch of units from a start to its end.  (P,)"""
    sizes = ends - starts
    times, odd = _keys(seed)
    # Entry i holds the units i to i + 3.  A copy: gathering from places that overlap is five times slower.
    fours = np.lib.stride_tricks.as_strided(units[:4].view(np.uint64), shape=(len(units) - 3,), strides=(2,)).copy()
    left = np.minimum(sizes, LONGEST)
    result: Names = sizes.view(np.uint64) * times[-1]
    result += _term(fours.take(starts), left, times[0], odd[0])
    rest = np.flatnonzero(sizes > 4)
    for k in range(1, LONGEST // 4):
        if len(rest) == 0:
            break
        result[rest] += _term(fours.take(starts[rest] + 4 * k), left[rest] - 4 * k, times[k], odd[k])
        rest = rest[sizes[rest] > 4 * (k + 1)]
    for at in np.flatnonzero(sizes > LONGEST).tolist():
        data = units[starts[at] : ends[at]].tobytes()
        key = seed.to_bytes(8, "little")
        result[at] = int.from_bytes(hashlib.blake2b(data, digest_size=8, key=key).digest(), "little")
    return result


def _term(fours: Names, left: Ints, times: np.uint64, odd: np.uint64) -> Names:
    """What four units add to names, of which only `left` belong to the pre-token."""
    fours &= _MASKS.take(left)
    fours *= odd
    fours.byteswap(inplace=True)
    fours *= times
    return fours


@functools.lru_cache(maxsize=8)
def _keys(seed: int) -> tuple[Names, Names]:
    """The random factors: a₁ … and c, and the odd m₁ …"""
    count = LONGEST // 4 + 1
    data = hashlib.shake_256(seed.to_bytes(8, "little")).digest(16 * count)
    keys = np.frombuffer(data, dtype="<u8").astype(np.uint64).reshape(2, count)
    return keys[0], keys[1] | np.uint64(1)


class Counts:
    """A table from names to tokens; the pre-token in slot s has the tokens ids[first[s] : first[s] + length[s]].

    A slot is free while its length is 0.  When the table holds too much it is forgotten and begins anew, so memory is
    bounded whatever is read.
    """

    def __init__(self) -> None:
        self.seed = secrets.randbits(64)  # of the names
        self.entries = 0
        self._used = 0  # ids
        self._ids: Ids = np.zeros(_FEWEST_SLOTS, dtype=np.uint32)
        self._open(_FEWEST_SLOTS)

    def find(self, names: Names) -> Ints:
        """The slot of each name, or a free one where it is not known.  (P,)"""
        slots = (names >> self._shift).view(np.int64)
        wrong = np.flatnonzero(self._name_at.take(slots) != names)
        wrong = wrong[self._length_at[slots[wrong]] > 0]
        while len(wrong):  # somebody else's slot: the next one
            slots[wrong] = following = (slots[wrong] + 1) & (len(self._name_at) - 1)
            wrong = wrong[(self._name_at[following] != names[wrong]) & (self._length_at[following] > 0)]
        return slots

    def lengths(self, slots: Ints) -> npt.NDArray[np.int32]:
        """How many tokens are in each slot: 0 when it is free."""
        return self._length_at.take(slots)

    def ids(self, slots: Ints) -> Ids:
        """The tokens in the slots, one after the other."""
        firsts, lengths = self._first_at.take(slots), self._length_at.take(slots)
        ends = np.cumsum(lengths)
        many = np.flatnonzero(lengths > 1)
        if len(many) == 0:
            return self._ids.take(firsts)
        result = np.empty(int(ends[-1]), dtype=np.uint32)
        result[ends - lengths] = self._ids.take(firsts)
        more = lengths[many] - 1  # tokens behind each first
        begins = np.cumsum(more) - more
        steps = np.arange(1, int(more.sum()) + 1) - np.repeat(begins, more)
        result[np.repeat(ends[many] - lengths[many], more) + steps] = self._ids[np.repeat(firsts[many], more) + steps]
        return result

    def add(self, names: Names, tokens: list[list[int]]) -> bool:
        """Remember pre-tokens that are not known yet, each once; slots that were found before are no longer true.

        False when there was no room, and everything is forgotten instead: names too, for they begin with a new seed.
        """
        lengths = np.fromiter(map(len, tokens), dtype=np.int32, count=len(tokens))
        size = int(lengths.sum())
        if self.entries and (self.entries + len(tokens) > MOST_ENTRIES or self._used + size > MOST_IDS):
            self.__init__()  # type: ignore[misc]  # that is what beginning anew means
            return False
        if self._used + size > len(self._ids):
            self._ids = np.concatenate([self._ids, np.zeros(max(size, len(self._ids)), dtype=np.uint32)])
        self._ids[self._used : self._used + size] = [token for pre_token in tokens for token in pre_token]
        firsts = self._used + np.cumsum(lengths) - lengths
        self._used += size
        self.entries += len(tokens)
        if len(self._name_at) < 2 * self.entries:
            taken = self._taken()
            known = self._name_at[taken], self._first_at[taken], self._length_at[taken]
            self._open(_slots_for(self.entries))
            self._place(*known)
        self._place(names, firsts, lengths)
        return True

    def _open(self, slots: int) -> None:
        """Free slots, a power of two."""
        self._shift = np.uint64(64 - (slots.bit_length() - 1))
        self._name_at: Names = np.zeros(slots, dtype=np.uint64)
        self._first_at = np.zeros(slots, dtype=np.int32)
        self._length_at = np.zeros(slots, dtype=np.int32)

    def _taken(self) -> Ints:
        """The slots in use, in the order in which their pre-tokens came."""
        taken = np.flatnonzero(self._length_at)
        return taken[np.argsort(self._first_at[taken])]

    def _place(self, names: Names, firsts: npt.NDArray[np.int32], lengths: npt.NDArray[np.int32]) -> None:
        """Put pre-tokens into free slots.  Of several that want one the first gets it: often the most frequent."""
        waiting = np.arange(len(names))[::-1]  # the last assignment to a slot is the one that stays
        slots = (names[waiting] >> self._shift).view(np.int64)
        while len(waiting):
            free = self._length_at[slots] == 0
            self._name_at[slots[free]] = names[waiting[free]]
            placed = free & (self._name_at[slots] == names[waiting])
            self._first_at[slots[placed]] = firsts[waiting[placed]]
            self._length_at[slots[placed]] = lengths[waiting[placed]]
            waiting, slots = waiting[~placed], (slots[~placed] + 1) & (len(self._name_at) - 1)

    def save(self, path: Path) -> None:
        """Write what is known, whole or not at all."""
        buffer = io.BytesIO()
        taken = self._taken()
        np.savez_compressed(
            buffer,
            seed=np.uint64(self.seed),
            names=self._name_at[taken],
            lengths=self._length_at[taken],
            ids=self.ids(taken),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        whole.write_bytes(path, buffer.getvalue())

    def load(self, path: Path, vocab_size: int) -> bool:
        """Take over what was saved; False, and nothing changed, when it is missing, damaged or of another tokenizer."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                if sum(member.file_size for member in arrays.zip.infolist()) > _MOST_BYTES:
                    return False
                names, lengths, ids, seed = (arrays[key] for key in ("names", "lengths", "ids", "seed"))
        except _DAMAGE:
            return False
        if not _is_table(names, lengths, ids, vocab_size) or seed.dtype != np.uint64 or seed.shape != ():
            return False
        self.seed = int(seed)
        self.entries, self._used, self._ids = len(names), len(ids), ids
        self._open(_slots_for(self.entries))
        self._place(names, np.cumsum(lengths) - lengths, lengths)
        return True


def _slots_for(entries: int) -> int:
    """The power of two that leaves at least half of the slots free."""
    return max(_FEWEST_SLOTS, 1 << (2 * entries - 1).bit_length())


def _is_table(names: Names, lengths: npt.NDArray[np.int32], ids: Ids, vocab_size: int) -> bool:
    """True when the arrays fit together."""
    return bool(
        [array.dtype for array in (names, lengths, ids)] == [np.uint64, np.int32, np.uint32]
        and names.ndim == lengths.ndim == ids.ndim == 1
        and 0 < len(names) == len(lengths) <= MOST_ENTRIES
        and len(ids) <= MOST_IDS
        and lengths.min() > 0
        and lengths.sum(dtype=np.int64) == len(ids)
        and len(np.unique(names)) == len(names)
        and int(ids.max()) < vocab_size
    )
