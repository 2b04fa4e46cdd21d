"""What a model sees of a text that may outgrow it: at most `context_length` tokens, and their caches.

Below that nothing is special: the caches hold every token.  When one more does not fit, a policy decides:

- rotating: the oldest token after the first `sink_tokens` is forgotten for each new one (Xiao et al. 2023).  Costs
  nothing, but what remains was computed while the forgotten tokens were still seen, and positions grow on; so it needs
  positions that are unbounded (rope, none).
- chunked: the window becomes its first `sink_tokens` tokens and the most recent ones, half the context in all, and is
  read again from position 0.  Exactly what the model would say of that shorter text, for any positions.  Reading H
  tokens makes room for H more, so it costs about one more token read for each token written.
- auto: rotating where positions are unbounded and keys and values are held as they are, else chunked.

A recurrent model has no such limit: its states never grow, nothing is dropped and the window is never full.

A prompt that is too long is cut in the same way before it is read: its first `sink_tokens` tokens and the most recent
ones, the whole context (rotating) or half of it (chunked) in all.  The sink is never more than half of what is kept.

B batch · T tokens · V vocab
"""

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import mlx.core as mx

from mlxgpt.convert.foreign import ForeignModel, lacking
from mlxgpt.errors import ConfigError
from mlxgpt.model.cache import KVCache, QuantizedKVCache, RotatingKVCache
from mlxgpt.model.gpt import GPT, Memory
from mlxgpt.model.recurrent import RecurrentState
from mlxgpt.model.tap import NO_TAP, Tap


def prefill(model: GPT, tokens: mx.array, caches: Sequence[Memory], at_once: int = 512) -> None:
    """Read `tokens` (B, T) into the caches, `at_once` at a time so that memory stays bounded.

    The logits are never computed: MLX is lazy, and only the caches are asked for.
    """
    for start in range(0, tokens.shape[1], at_once):
        model(tokens[:, start : start + at_once], caches)
        mx.eval([cache.state for cache in caches])


def decode(model: GPT, token: mx.array, caches: Sequence[Memory], tap: Tap = NO_TAP) -> mx.array:
    """Logits (B, V) of what follows `token` (B, 1), not evaluated."""
    return model(token, caches, tap)[:, -1]


class Opened(NamedTuple):
    """How a prompt was taken in: its last token (B, 1), still to be read; how many tokens were dropped or reused."""

    last: mx.array
    dropped: int
    reused: int


class Read(NamedTuple):
    """Prompts that were read, and the states after them."""

    rows: list[list[int]]
    states: list[RecurrentState]


MOST_READ = 4


class Window:
    """The tokens a model sees and its memory of them; B texts of one length side by side.

    A cache can forget its last tokens, a state cannot; so of a recurrent model the states after each prompt are kept as
    well, and a text that goes on from one of the last prompts need not read it again.
    """

    def __init__(
        self, model: GPT, *, overflow: str = "auto", sink_tokens: int = 4, prefill_tokens: int = 512, kv_bits: int = 0
    ) -> None:
        unbounded = model.positions.unbounded
        if overflow == "rotating" and not unbounded:
            raise ConfigError(
                f"{model.config.position!r} positions end at {model.config.context_length}: the context cannot rotate.",
                hint="Choose overflow 'chunked' or 'auto'.",
            )
        self.model, self.recurrent = model, model.config.recurrent
        self.size = sys.maxsize if self.recurrent else model.config.context_length
        self.rotates = overflow == "rotating" or (overflow == "auto" and unbounded and not kv_bits)
        self.kept = self.size if self.rotates else max(1, self.size // 2)  # tokens that stay when it overflows
        self.sink = min(sink_tokens, self.kept // 2)
        self.prefill_tokens, self.kv_bits = prefill_tokens, kv_bits
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self.caches = memories(self.model, self.kv_bits)
        self.rows: list[list[int]] = []  # the ids of each text that were read, as far as they are known
        self._pending: mx.array | None = None  # tokens (B, 1) read last, perhaps not computed yet
        self._rotating = False
        self._read: list[Read] = []

    def open(self, prompts: Sequence[Sequence[int]]) -> Opened:
        """Make the window hold `prompts`, of one length, except their last token; what it holds is not read again."""
        rows, dropped = [list(row) for row in prompts], 0
        if len(rows[0]) > self.size:
            dropped = len(rows[0]) - self.kept
            rows = [cut(row, self.kept, self.sink) for row in rows]
        reused = self._reuse(rows)
        prefill(self.model, mx.array([row[reused:] for row in rows])[:, :-1], self.caches, self.prefill_tokens)
        self.rows = [row[:-1] for row in rows]
        self._keep()
        return Opened(mx.array([row[-1:] for row in rows]), dropped, reused)

    def step(self, token: mx.array, tap: Tap = NO_TAP) -> mx.array:
        """Logits (B, V) of what follows `token` (B, 1), which need not be computed yet."""
        self._settle()
        if len(self.rows[0]) >= self.size and not self._rotating:
            token = self._overflow(token)
        self._pending = token
        return decode(self.model, token, self.caches, tap)

    @property
    def policy(self) -> tuple[bool, int, int, int]:
        """What happens when it is full and how it remembers, to compare."""
        return self.rotates, self.sink, self.prefill_tokens, self.kv_bits

    @property
    def length(self) -> int:
        """Tokens the model sees now."""
        self._settle()
        return min(len(self.rows[0]), self.size) if self.rows else 0

    @property
    def nbytes(self) -> int:
        """Bytes of the caches."""
        return sum(cache.nbytes for cache in self.caches)

    def _settle(self) -> None:
        """Write down the pending token, which was read before the one after it was asked for.

        No operation here: even a slice would queue up behind the token in flight, and end the pipelining.
        """
        if self._pending is not None:
            tokens: Any = self._pending.tolist()  # Any: MLX's stub does not know the depth of the list
            for row, (token,) in zip(self.rows, tokens, strict=True):
                row.append(token)
            self._pending = None

    def _overflow(self, token: mx.array) -> mx.array:
        """Make room for `token`, which is given back; the policies of the heading."""
        if self.rotates:
            self.caches = [rotating(cache, self.size, self.sink) for cache in self.caches]
            self._rotating = True
            return token
        rows = [cut(row, self.kept - 1, self.sink) for row in self.rows]
        self.clear()
        self.rows = rows
        if rows[0]:
            prefill(self.model, mx.array(rows), self.caches, self.prefill_tokens)
        return token

    def _keep(self) -> None:
        """Remember the states of a recurrent model as they are now; that copies nothing."""
        states = [cache.copy() for cache in self.caches if isinstance(cache, RecurrentState)]
        if states and states[0].offset:
            self._read = [*self._read, Read([list(row) for row in self.rows], states)][-MOST_READ:]

    def _reuse(self, rows: list[list[int]]) -> int:
        """Shrink to the longest beginning that `rows` have in common with what was read; how many tokens that is."""
        self._settle()
        held = len(self.rows[0]) if len(self.rows) == len(rows) else 0
        same = min(common_prefix(old, new[:-1]) for old, new in zip(self.rows, rows, strict=True)) if held else 0
        if held and same == held:
            return same
        if same and not self._rotating and all(cache.is_trimmable() for cache in self.caches):
            for cache in self.caches:
                cache.trim(held - same)
            return same
        read = self._read
        self.clear()
        for known in reversed(read):
            length = len(known.rows[0])
            if [row[:-1][:length] for row in rows] == known.rows:
                self.caches, self.rows, self._read = [state.copy() for state in known.states], known.rows, read
                return length
        return 0


def memories(model: GPT, kv_bits: int = 0) -> list[Memory]:
    """Empty memories for each block, keys and values in `kv_bits` bits; 0: as they are computed.

    Raises `ConfigError` when the model has none, or heads that are no whole groups.
    """
    if not kv_bits:
        return model.make_cache()
    config = model.config
    if isinstance(model, ForeignModel):
        raise lacking(config.block, "cache of keys and values in few bits", "Leave kv_bits out.")
    if config.recurrent:
        raise ConfigError("This model has no keys and values: its state never grows.", hint="Leave kv_bits out.")
    group = next((size for size in KV_GROUPS if config.head_width % size == 0), None)
    if group is None:
        raise ConfigError(
            f"A head of this model is {config.head_width} wide; a cache of few bits needs a multiple of {KV_GROUPS[-1]}.",
            hint="Leave kv_bits out.",
        )
    return [QuantizedKVCache(kv_bits, group) for _ in model.blocks]


KV_GROUPS = (64, 32)  # numbers that share a scale, the best first


def cut(ids: Sequence[int], kept: int, sink: int) -> list[int]:
    """The first `sink` ids and the most recent ones, `kept` in all.

    >>> cut([1, 2, 3, 4, 5, 6, 7, 8], kept=4, sink=1)
    [1, 6, 7, 8]
    """
    ids = list(ids)
    return ids if len(ids) <= kept else ids[:sink] + ids[len(ids) - (kept - sink) :]


def common_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """How many ids at the beginning of `a` and `b` are the same."""
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def rotating(cache: Memory, size: int, sink: int) -> Memory:
    """A rotating cache with what `cache` holds; a state that does not grow, as of a recurrent block, stays as it is."""
    if not isinstance(cache, KVCache) or cache.keys is None or cache.values is None:
        return cache
    turned = RotatingKVCache(size, keep=sink)
    turned.update_and_fetch(cache.keys[..., : cache.offset, :], cache.values[..., : cache.offset, :])
    return turned
