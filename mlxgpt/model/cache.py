"""What a layer remembers while decoding: the keys and values of the tokens before.

All caches speak mlx-lm's contract (`offset`, `update_and_fetch`, `make_mask`), so our models run with its caches and
its tools with ours.

B batch · K kv heads · T new tokens · S tokens seen by attention · D head dim
"""

from typing import TypeAlias

import mlx.core as mx

Mask: TypeAlias = mx.array | str | None


def causal_mask(length: int, offset: int = 0, window: int = 0) -> mx.array:
    """(length, offset + length) booleans: query i, at position offset + i, sees position j when j <= offset + i, and,
    with a window w, when it is one of the last w positions."""
    queries = mx.arange(offset, offset + length)[:, None]
    keys = mx.arange(offset + length)[None]
    mask = keys <= queries
    return mask & (keys > queries - window) if window else mask


class KVCache:
    """Every key and value so far.  The arrays grow in steps, so that most tokens are written in place."""

    step = 256

    def __init__(self) -> None:
        self.keys: mx.array | None = None
        self.values: mx.array | None = None
        self.offset = 0

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Append (B, K, T, D) and return everything so far, (B, K, S, D)."""
        end = self.offset + keys.shape[2]
        if self.keys is None or end > self.keys.shape[2]:
            self._grow(keys, values, end)
        assert self.keys is not None and self.values is not None
        self.keys[..., self.offset : end, :] = keys
        self.values[..., self.offset : end, :] = values
        self.offset = end
        return self.keys[..., :end, :], self.values[..., :end, :]

    def _grow(self, keys: mx.array, values: mx.array, end: int) -> None:
        B, K, _, D = keys.shape
        new = -(-end // self.step) * self.step - self.offset
        empty_keys = mx.zeros((B, K, new, D), keys.dtype)
        empty_values = mx.zeros((B, K, new, values.shape[3]), values.dtype)
        if self.keys is None or self.values is None:
            self.keys, self.values = empty_keys, empty_values
        else:
            self.keys = mx.concatenate([self.keys[..., : self.offset, :], empty_keys], axis=2)
            self.values = mx.concatenate([self.values[..., : self.offset, :], empty_values], axis=2)

    def pack(self, keys: mx.array, values: mx.array) -> list[mx.array]:
        """The arrays that are held of keys and values: themselves."""
        return [keys, values]

    def unpack(self, arrays: list[mx.array]) -> tuple[mx.array, mx.array]:
        """Keys and values from what is held of them."""
        keys, values = arrays
        return keys, values

    def make_mask(self, length: int, window_size: int | None = None, return_array: bool = False) -> Mask:
        """The mask for `length` new tokens: None when all are seen, "causal" where the kernel knows it."""
        window = window_size or 0
        if return_array or (window and self.offset + length > window):
            return causal_mask(length, self.offset, window)
        return "causal" if length > 1 else None

    @property
    def positions(self) -> list[int]:
        """The position of the token in each slot that attention sees."""
        return list(range(self.offset))

    @property
    def state(self) -> list[mx.array]:
        """The arrays to evaluate."""
        return [] if self.keys is None or self.values is None else [self.keys, self.values]

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(array.nbytes for array in self.state)

    def is_trimmable(self) -> bool:
        return True

    def trim(self, n: int) -> int:
        """Forget the last n tokens; returns how many were forgotten."""
        n = min(n, self.offset)
        self.offset -= n
        return n


class RotatingKVCache:
    """The first `keep` tokens and the most recent ones, `max_size` in all: memory stays constant.

    The first few tokens serve as an attention sink, without which a model that loses them falls apart (Xiao et al.
    2023, "Efficient streaming language models with attention sinks").  A new token overwrites the oldest one that is
    not kept. Keys carry their rotary position, so the order of the slots does not matter.
    """

    def __init__(self, max_size: int, keep: int = 0) -> None:
        if not 0 <= keep < max_size:
            raise ValueError(f"keep = {keep} must be smaller than max_size = {max_size}")
        self.max_size, self.keep = max_size, keep
        self.keys: mx.array | None = None
        self.values: mx.array | None = None
        self.offset = 0  # tokens seen, dropped ones included
        self._positions: list[int] = []  # the position of the token in each slot

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Append (B, K, T, D); return what the new tokens may see, (B, K, S, D)."""
        T = keys.shape[2]
        new = list(range(self.offset, self.offset + T))
        self.offset += T
        if self.keys is None or self.values is None:
            self.keys, self.values, self._positions = keys, values, new
            seen = keys, values
        elif T == 1 and len(self._positions) == self.max_size:
            slot = self._positions.index(min(self._positions[self.keep :]), self.keep)
            self.keys[..., slot : slot + 1, :] = keys
            self.values[..., slot : slot + 1, :] = values
            self._positions[slot] = new[0]
            return self.keys, self.values
        else:
            self.keys = mx.concatenate([self.keys, keys], axis=2)
            self.values = mx.concatenate([self.values, values], axis=2)
            self._positions = self._positions + new
            seen = self.keys, self.values
        self._drop()
        return seen

    def _drop(self) -> None:
        """Keep the sink and the most recent tokens only."""
        excess = len(self._positions) - self.max_size
        if excess > 0 and self.keys is not None and self.values is not None:
            order = sorted(range(self.keep, len(self._positions)), key=self._positions.__getitem__)[excess:]
            slots = [*range(self.keep), *order]
            index = mx.array(slots)
            self.keys, self.values = self.keys[..., index, :], self.values[..., index, :]
            self._positions = [self._positions[slot] for slot in slots]

    def make_mask(self, length: int, window_size: int | None = None, return_array: bool = False) -> Mask:
        """Each new token sees the sink and the `max_size - keep` most recent tokens (or `window_size`, when that is less)."""
        if length == 1 and not window_size:
            return None  # every slot is the sink's or recent; the oldest is about to be overwritten
        window = min(window_size or self.max_size, self.max_size)
        slots = list(self._positions)
        if length == 1 and len(slots) == self.max_size:  # the slot that will be overwritten
            slots[slots.index(min(slots[self.keep :]), self.keep)] = self.offset
        else:
            slots += range(self.offset, self.offset + length)
        positions = mx.array(slots)[None]
        queries = mx.arange(self.offset, self.offset + length)[:, None]
        recent = positions > queries - (window if window_size else self.max_size - self.keep)
        sink = (positions < self.keep) if not window_size else mx.array(False)
        return (positions <= queries) & (recent | sink)

    @property
    def positions(self) -> list[int]:
        """The position of the token in each slot."""
        return list(self._positions)

    @property
    def state(self) -> list[mx.array]:
        return [] if self.keys is None or self.values is None else [self.keys, self.values]

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self.state)

    def is_trimmable(self) -> bool:
        return False

    def trim(self, n: int) -> int:
        return 0


class QuantizedKVCache(KVCache):
    """A `KVCache` that holds its keys and values in few bits: an eighth to a third of the bytes, for long contexts.

    Each head's vector is cut into groups that share a scale and an offset, and is made whole again when attention asks, one
    layer at a time, so everything that works on keys and values works on these.  That costs time; docs/export.md says how
    much.  `keys` and `values` stay empty.
    """

    def __init__(self, bits: int, group_size: int) -> None:
        super().__init__()
        self.bits, self.group_size = bits, group_size
        self._parts: list[mx.array] = []  # words, scales, offsets of the keys, then of the values: (B, K, rooms, …)

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Append (B, K, T, D) and return everything so far, (B, K, S, D), as the packed numbers say."""
        new, end = self.pack(keys, values), self.offset + keys.shape[2]
        rooms = self._parts[0].shape[2] if self._parts else 0
        if end > rooms:
            more = -(-end // self.step) * self.step - self.offset
            empty = [mx.zeros((*part.shape[:2], more, part.shape[3]), part.dtype) for part in new]
            held = [part[..., : self.offset, :] for part in self._parts]
            self._parts = [mx.concatenate(pair, axis=2) for pair in zip(held, empty, strict=True)] if held else empty
        for part, fresh in zip(self._parts, new, strict=True):
            part[..., self.offset : end, :] = fresh
        self.offset = end
        return self.unpack([part[..., :end, :] for part in self._parts])

    def pack(self, keys: mx.array, values: mx.array) -> list[mx.array]:
        """The six arrays that stand for keys and values."""
        return [part for array in (keys, values) for part in mx.quantize(array, self.group_size, self.bits)]

    def unpack(self, parts: list[mx.array]) -> tuple[mx.array, mx.array]:
        """Keys and values from their six arrays."""
        keys, values = (mx.dequantize(*parts[i : i + 3], self.group_size, self.bits) for i in (0, 3))
        return keys, values

    @property
    def state(self) -> list[mx.array]:
        return self._parts


Cache = KVCache | RotatingKVCache
