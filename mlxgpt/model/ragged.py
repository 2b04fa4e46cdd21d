"""Caches of several texts of different lengths, side by side: what continuous batching decodes with.

The texts stand right-aligned, so that a new token of each goes into the same column; what is left of a shorter text is
padding, which the mask hides:

    padding 0    t0 t1 t2 t3 t4 | new
    padding 3     .  .  . t0 t1 | new

All layers have the same texts, so they share one `Rows`, which knows the columns, the offsets and the masks; each layer
has a `RaggedCache` with its keys and values.  A text joins with what an ordinary cache of its own holds, and leaves again
without the others noticing.

B batch · K kv heads · S columns · D head dim
"""

from collections.abc import Sequence
from typing import Any

import mlx.core as mx

from mlxgpt.model.cache import KVCache

_STEP = 256  # columns are added so many at a time
_ENDLESS = 2**30  # more tokens than any text has


class Rows:
    """Where each text stands.  `limits[b]` is how many tokens text b may see, and `sinks[b]` how many of its first
    tokens it never forgets, as a `RotatingKVCache` of that size and keep would."""

    def __init__(self) -> None:
        self.end = 0  # columns in use
        self.padding: list[int] = []
        self.limits: list[int] = []
        self.sinks: list[int] = []
        self._offsets: mx.array | None = None
        self._forget()

    def __len__(self) -> int:
        return len(self.padding)

    def length(self, row: int) -> int:
        """How many tokens text `row` has."""
        return self.end - self.padding[row]

    def join(self, length: int, limit: int, sink: int) -> None:
        """A text of `length` tokens more; the columns grow where it is the longest so far."""
        grown = max(self.end, length)
        self.padding = [each + grown - self.end for each in self.padding] + [grown - length]
        self.limits, self.sinks = [*self.limits, limit], [*self.sinks, sink]
        self.end = grown
        self._forget()

    def keep(self, rows: Sequence[int]) -> int:
        """Keep `rows` only; returns how many columns at the left nobody needs any more, which are gone too."""
        spare = min((self.padding[row] for row in rows), default=self.end)
        self.padding = [self.padding[row] - spare for row in rows]
        self.limits, self.sinks = [self.limits[row] for row in rows], [self.sinks[row] for row in rows]
        self.end -= spare
        self._forget()
        return spare

    def advance(self) -> None:
        """Every text has got its new token."""
        self.end += 1
        self._offsets = None
        self._masks.clear()

    @property
    def offsets(self) -> mx.array:
        """The position of the new token of each text, (B,)."""
        if self._offsets is None:
            self._offsets = self.end - self._padding
        return self._offsets

    def mask(self, window: int = 0) -> mx.array | None:
        """Who a new token sees, (B, 1, 1, S), itself included; None when every text sees every column."""
        if window not in self._masks:
            self._masks[window] = self._mask(window)
        return self._masks[window]

    def _mask(self, window: int) -> mx.array | None:
        longest = self.end + 1 - min(self.padding)
        turning = longest > min(self.limits)
        if not any(self.padding) and not turning and not (window and longest > window):
            return None
        position = mx.arange(self.end + 1) - self._padding[:, None]  # (B, S), negative for padding
        seen = position >= 0
        back = self.offsets[:, None] - position  # 0 for the new token
        if turning:
            seen &= (position < self._sinks[:, None]) | (back < self._recent[:, None])
        if window:
            seen &= back < window
        return seen[:, None, None]

    def _forget(self) -> None:
        """The texts are others now."""
        self._padding = mx.array(self.padding, mx.int32)
        self._sinks = mx.array(self.sinks, mx.int32)
        recent = [min(limit - sink, _ENDLESS) for limit, sink in zip(self.limits, self.sinks, strict=True)]
        self._recent = mx.array(recent, mx.int32)
        self._offsets = None
        self._masks: dict[int, mx.array | None] = {}


class RaggedCache:
    """The keys and values of one layer, in mlx-lm's contract, for one new token of each text at a time.

    `like` is an empty cache of the layer's own kind, and says what is held of keys and values: themselves, or fewer bits.
    """

    def __init__(self, rows: Rows, like: KVCache) -> None:
        self.rows = rows
        self._like = like
        self._arrays: list[mx.array] = []  # each (B, K, columns, …), of which `rows.end` columns are in use

    @property
    def cache(self) -> "RaggedCache":
        """What the layer is given."""
        return self

    @property
    def offset(self) -> mx.array:
        """The position of the next token of each text, (B,)."""
        return self.rows.offsets

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Append (B, K, 1, D) and return everything so far, (B, K, S, D); `rows.advance` follows when all layers did."""
        end, new = self.rows.end, self._like.pack(keys, values)
        if not self._arrays:
            self._arrays = [_columns(array, 0, 0, _STEP) for array in new]
        elif end == self._arrays[0].shape[2]:
            self._arrays = [_columns(array, 0, end, _STEP) for array in self._arrays]
        for array, fresh in zip(self._arrays, new, strict=True):
            array[..., end : end + 1, :] = fresh
        return self._like.unpack([array[..., : end + 1, :] for array in self._arrays])

    def make_mask(self, length: int, window_size: int | None = None, return_array: bool = False) -> mx.array | None:
        """See `Rows.mask`."""
        assert length == 1, "several tokens at once are read before a text joins"
        return self.rows.mask(window_size or 0)

    def join(self, parts: Sequence[tuple[KVCache, int, int]], before: int) -> None:
        """Add texts, each given as an ordinary cache, its row there and the length that counts; `rows` knows them already.

        `before` is how many columns were in use until now.
        """
        end, there = self.rows.end, len(self.rows) - len(parts)
        new = [(cache.state, slice(row, row + 1), length) for cache, row, length in parts]
        pieces = [(self._arrays, slice(None), before), *new] if there else new
        like = next((arrays for arrays, _, _ in pieces if arrays), None)
        if like is None:  # nothing was read of any text yet
            self._arrays = []
            return
        right = -(-(end + 1) // _STEP) * _STEP - end
        joined: list[list[mx.array]] = [[] for _ in like]
        for arrays, row, length in pieces:
            for side, (model, whole) in enumerate(zip(like, joined, strict=True)):
                if arrays:
                    array = arrays[side]
                else:
                    _, K, _, D = model.shape
                    array = mx.zeros((there if row == slice(None) else 1, K, 0, D), model.dtype)
                whole.append(_columns(array[row], end - length, length, right))
        self._arrays = [mx.concatenate(whole) for whole in joined]

    def keep(self, rows: mx.array, spare: int) -> None:
        """Keep some rows, and drop the first `spare` columns."""
        self._arrays = [array[rows, :, spare:] for array in self._arrays]

    @property
    def state(self) -> list[mx.array]:
        """The arrays to evaluate."""
        return self._arrays

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(array.nbytes for array in self.state)


class RaggedState:
    """What a recurrent layer remembers of texts side by side: its size does not depend on their lengths.

    `cache` is a state of the layer's own kind, which holds its arrays, texts first, in a list `state`; empty when nothing
    was read.
    """

    def __init__(self, cache: Any) -> None:  # Any: a layer's state, whatever it is made of
        self.cache, self._rows = cache, 0

    def join(self, parts: Sequence[tuple[Any, int, int]], before: int) -> None:
        """Add texts, each given as a state of its own kind, its row there and its length."""
        rows = [(self.cache, slice(0, self._rows)), *((state, slice(row, row + 1)) for state, row, _ in parts)]
        read = next((state for state, _ in rows if state.state), None)
        self._rows += len(parts)
        if read is None:
            return
        self.cache.state = [
            mx.concatenate([
                state.state[i][row] if state.state else mx.zeros((row.stop - row.start, *like.shape[1:]), like.dtype)
                for state, row in rows
            ])
            for i, like in enumerate(read.state)
        ]  # fmt: skip

    def keep(self, rows: mx.array, spare: int) -> None:
        """Keep some rows."""
        self._rows = rows.size
        if self.cache.state:
            self.cache.state = [array[rows] for array in self.cache.state]


def ragged(cache: Any, rows: Rows) -> RaggedCache | RaggedState:  # Any: what a layer remembers, see `make_cache`
    """The memory of a layer for texts side by side; `cache` is an empty one of the layer's own kind."""
    return RaggedCache(rows, cache) if isinstance(cache, KVCache) else RaggedState(cache)


def _columns(array: mx.array, left: int, used: int, right: int) -> mx.array:
    """The first `used` columns of (B, K, columns, D), with `left` empty ones before and `right` after them."""
    return mx.pad(array[..., :used, :], [(0, 0), (0, 0), (left, right), (0, 0)])
