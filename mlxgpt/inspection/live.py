"""Looking on while a model writes: some steps a second, one layer's attention, the lens; and any earlier step, read again.

What is looked at is computed beside the step, from values that it has anyway, so the tokens drawn are the same whether
somebody looks or not.  A look costs about the head of the model for each layer; `PER_SECOND` and `SHARE` bound how often.

L layers · C channels · V vocab · H heads · D head dim
"""

import math
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np

from mlxgpt.generation.window import Window
from mlxgpt.inspection.attention import entropy
from mlxgpt.inspection.lens import decode, stream_names
from mlxgpt.inspection.live_reports import LiveStep, Used
from mlxgpt.inspection.reports import Numbers, Passage
from mlxgpt.inspection.trace import Trace
from mlxgpt.model import functional
from mlxgpt.model.gpt import GPT, Memory
from mlxgpt.model.recurrent import RecurrentState
from mlxgpt.model.tap import NO_TAP, Tap
from mlxgpt.tokenizer.base import Tokenizer

PER_SECOND = 15.0  # as often as anybody can see
SHARE = 0.03  # of the time at most; what a look takes is measured once
LIKELY = 12  # alternatives
MOST_AGAIN = 1024  # tokens that are read again; of a recurrent model the map grows with their square


class Kept:
    """A tap that keeps the points of these names."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names, self.values = frozenset(names), dict[str, mx.array]()

    def __call__(self, name: str, value: mx.array) -> mx.array:
        if name in self.names:
            self.values[name] = value
        return value

    def wants(self, name: str) -> bool:
        """Nothing that the kernels do not compute anyway."""
        return False


class Guesses(NamedTuple):
    """What the lens says at one position, as arrays still to be computed."""

    top: mx.array  # (L+1,)
    top_probability: mx.array  # (L+1,)
    final_probability: mx.array  # (L+1,)
    likely: mx.array  # (k,), in no order
    likely_probability: mx.array  # (k,)
    entropy: mx.array
    probability: mx.array  # of the token drawn
    rank: mx.array


class Look(NamedTuple):
    """One step, as arrays still to be computed."""

    number: int
    ids: list[int]  # what was read before
    token: mx.array  # (1, 1), read by this step
    drawn: mx.array  # (1, 1)
    layer: int
    positions: list[int]  # of the tokens in the slots of the memory
    weights: mx.array | None  # (H, S)
    norms: mx.array | None  # (H,)
    changes: mx.array | None  # (H,)
    guesses: Guesses
    nbytes: int


class Watch:
    """A `generation.watcher.Watcher`: `take` gives what was seen since the last time.

    `layer` and `on` may be set, and `take` called, from any thread; the rest runs where the text is written.
    """

    def __init__(self, model: GPT, tokenizer: Tokenizer, name: str = "") -> None:
        self.model, self.tokenizer, self.name = model, tokenizer, name or model.config.name
        self.layer, self.on = model.config.n_layer - 1, False
        self._steps: deque[LiveStep] = deque(maxlen=4)
        self._looks: deque[Look] = deque()
        self._pieces: dict[int, str] = {}
        self._nothing = np.zeros((model.config.n_head, 0), np.float32)
        self._seconds = 0.0  # of a look
        self.begin()

    @property
    def layers(self) -> int:
        """How many there are to choose from."""
        return self.model.config.n_layer

    def take(self) -> list[LiveStep]:
        """The latest steps that were looked at, each given once."""
        return [self._steps.popleft() for _ in range(len(self._steps))]

    # ---- while a text is written -------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A text begins."""
        self._looks.clear()
        self._asked = self._known = 0
        if self.on and not self._seconds:
            self._seconds = self._trial()
        self._began, self._first, self._last = time.perf_counter(), 0.0, -math.inf
        self._tap: Kept | None = None

    def _trial(self) -> float:
        """Seconds that the lens takes; between two steps it could not be told from them."""
        streams = mx.zeros((self.layers + 1, self.model.config.n_embd))
        for _ in range(2):  # the first may compile something
            began = time.perf_counter()
            mx.eval(guesses(self.model, streams, mx.zeros((1, 1), mx.int32)))
        return time.perf_counter() - began

    def before(self, window: Window) -> Tap:
        """A tap for the coming step, if it is time to look again."""
        self._asked += 1
        now = time.perf_counter()
        if not self.on or now - self._last < max(1.0 / PER_SECOND, self._seconds / SHARE):
            self._tap = None
            return NO_TAP
        self._last, self._layer = now, min(self.layer, self.model.config.n_layer - 1)
        query = () if self.model.config.recurrent else (f"blocks.{self._layer}.attn.q",)
        self._tap = Kept([*stream_names(self.model.config.n_layer), *query])
        memory = window.caches[self._layer]
        self._before = memory.wkv if isinstance(memory, RecurrentState) else None
        return self._tap

    def after(self, window: Window, token: mx.array, drawn: mx.array) -> None:
        """Submit what is to be seen of the step, behind the draw, so that the token does not wait for it."""
        if self._tap is None:
            return
        values, memory = self._tap.values, window.caches[self._layer]
        weights = norms = changes = None
        positions: list[int] = []
        if isinstance(memory, RecurrentState):
            norms, changes = _held(memory, self._before)
        else:
            weights = self.model.blocks[self._layer].attn.row(values[f"blocks.{self._layer}.attn.q"], memory)[0]
            positions = memory.positions
        streams = mx.stack([values[name][0, -1] for name in stream_names(self.model.config.n_layer)])
        look = Look(
            self._asked, list(window.rows[0]), token, drawn, self._layer, positions, weights, norms, changes,
            guesses(self.model, streams, drawn), window.nbytes,
        )  # fmt: skip
        mx.async_eval([part for part in (look.weights, look.norms, look.changes) if part is not None], look.guesses)
        self._looks.append(look)
        self._tap = None

    def drawn(self) -> None:
        """A token has become known, and with it what was looked at in its step."""
        self._known += 1
        self._first = self._first or time.perf_counter() - self._began
        while self._looks and self._looks[0].number <= self._known:
            self._steps.append(self._step(self._looks.popleft()))

    def _step(self, look: Look) -> LiveStep:
        ids = [*look.ids, int(look.token.item())]
        order = np.argsort(look.positions, kind="stable")
        seen = [ids[look.positions[slot]] for slot in order] if look.weights is not None else ids[-MOST_AGAIN:]
        return self._report(
            look.guesses,
            ids=seen,
            earlier=len(ids) - len(seen),
            drawn=int(look.drawn.item()),
            layer=look.layer,
            kind="state" if look.weights is None else "attention",
            weights=self._nothing if look.weights is None else _numpy(look.weights)[:, order],
            norms=_numpy(look.norms),
            changes=_numpy(look.changes),
            written=look.number,
            nbytes=look.nbytes,
            seconds=time.perf_counter() - self._began,
            first_seconds=self._first,
        )

    # ---- any step, read again ----------------------------------------------------------------------------------------

    def read(self, ids: Sequence[int], layer: int | None = None, drawn: int | None = None) -> LiveStep:
        """The step that reads the last of `ids`, in one pass over them, or over as many of the last as the model sees.

        `drawn` is the token that was drawn there.  Attention and lens may differ in their last digits from those of the
        decoding, which multiplied other shapes.
        """
        config = self.model.config
        most = MOST_AGAIN if config.recurrent else min(config.context_length, MOST_AGAIN)
        seen = list(ids)[-most:]
        layer = self.layer if layer is None else layer
        point = f"blocks.{layer}.attn." + ("pattern" if config.recurrent else "q")
        trace, caches = Trace(*stream_names(config.n_layer), point), self.model.make_cache()
        self.model(mx.array([seen]), caches, tap=trace)
        if config.recurrent:
            weights = trace[point][0, :, -1]  # (H, T)
            norms, changes = _held(caches[layer], None)
        else:
            weights = self.model.blocks[layer].attn.row(trace[point][:, :, -1:], caches[layer])[0]
            norms = changes = None
        streams = mx.stack([trace[name][0, -1] for name in stream_names(config.n_layer)])
        return self._report(
            guesses(self.model, streams, mx.array([[drawn or 0]])),
            ids=seen,
            earlier=len(ids) - len(seen),
            drawn=drawn,
            layer=layer,
            kind="effective" if config.recurrent else "attention",
            weights=_numpy(weights),
            norms=_numpy(norms),
            changes=_numpy(None if changes is None else changes * mx.nan),
            written=0,
            nbytes=sum(cache.nbytes for cache in caches),
            seconds=0.0,
            first_seconds=0.0,
        )

    # ---- to plain values ---------------------------------------------------------------------------------------------

    def _report(
        self, said: Guesses, *, ids: list[int], kind: str, weights: Numbers, drawn: int | None, nbytes: int, **rest: Any
    ) -> LiveStep:  # Any: fields of LiveStep
        top, likely = np.array(said.top).astype(np.int64), np.array(said.likely).astype(np.int64)
        chances = _numpy(said.likely_probability)
        best = np.argsort(-chances, kind="stable")
        shown = {*top.tolist(), *likely.tolist(), *([] if drawn is None else [drawn])}
        return LiveStep(
            passage=Passage(model=self.name, text="", ids=tuple(ids), pieces=tuple(map(self._piece, ids))),
            kind=kind,
            weights=weights,
            spread=entropy(weights) if kind == "attention" else _numpy(None),
            drawn=drawn,
            top=top,
            top_probability=_numpy(said.top_probability),
            final_probability=_numpy(said.final_probability),
            likely=likely[best],
            likely_probability=chances[best],
            entropy=float(said.entropy.item()),
            probability=float("nan") if drawn is None else float(said.probability.item()),
            rank=0 if drawn is None else int(said.rank.item()),
            pieces={token: self._piece(token) for token in shown},
            context=0 if self.model.config.recurrent else self.model.config.context_length,
            vocabulary=self.model.config.vocab_size,
            used=Used(
                context=nbytes,
                active=mx.get_active_memory(),
                peak=mx.get_peak_memory(),
                kept=mx.get_cache_memory(),
            ),
            **rest,
        )

    def _piece(self, token: int) -> str:
        if token not in self._pieces:
            self._pieces[token] = self.tokenizer.token_text(token)
        return self._pieces[token]


def guesses(model: GPT, streams: mx.array, drawn: mx.array) -> Guesses:
    """What residual streams (L+1, C) of one position would predict, not evaluated; `drawn` (1, 1) is asked about."""
    logits = decode(model, streams)  # (L+1, V), float32
    shifted = logits - logits.max(axis=-1, keepdims=True)
    e = functional.bounded_exp(mx.maximum(shifted, -87.0))  # at most 1
    total = e.sum(axis=-1)  # (L+1,)
    top = logits.argmax(axis=-1)  # (L+1,)
    p = e[-1] / total[-1]  # (V,)
    k = min(LIKELY, p.size)
    likely = mx.argpartition(-p, k - 1)[:k]
    return Guesses(
        top=top,
        top_probability=1.0 / total,
        final_probability=e[:, top[-1]] / total,
        likely=likely,
        likely_probability=p[likely],
        entropy=mx.log(total[-1]) - (p * shifted[-1]).sum(),  # -sum p ln p
        probability=p[drawn[0, 0]],
        rank=(shifted[-1] > shifted[-1][drawn[0, 0]]).sum() + 1,
    )


def _held(state: Memory, before: mx.array | None) -> tuple[mx.array, mx.array]:
    """How much each head of a state holds, (H,), and by what share of that it changed."""
    assert isinstance(state, RecurrentState) and state.wkv is not None
    now = state.wkv[0]  # (H, N, N)
    norm = mx.sqrt(mx.square(now).sum(axis=(-2, -1)))
    change = now if before is None else now - before[0]
    return norm, mx.sqrt(mx.square(change).sum(axis=(-2, -1))) / mx.maximum(norm, 1e-30)


def _numpy(array: mx.array | None) -> Numbers:
    return np.zeros(0, np.float32) if array is None else np.array(array.astype(mx.float32))
