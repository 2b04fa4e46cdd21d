"""A tap that keeps what it hears, and may change it: attention maps, lenses, ablation and patching all stand on this.

    trace = Trace("blocks.*.attn.pattern")
    logits = trace.run(model, ids)
    trace["blocks.2.attn.pattern"]  # (B, H, T, T)

Watching changes no logit.  Only "attn.pattern" needs the explicit kernel, which is tested equal to the fused one; all
other points are read from the very computation that would have run.

B batch · T time · S tokens seen · C channels (n_embd) · H heads · K kv heads · D head dim · F inner width
"""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from mlxgpt.errors import ConfigError, DataError, nearest
from mlxgpt.inspection.reports import Numbers
from mlxgpt.model.cache import Cache
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT

Edit = Callable[[mx.array], mx.array]  # the value of a point -> the value to go on with, of the same shape

# The points of one block, in the order of the forward pass, and the axis of time in each.
BLOCK_POINTS = {
    "resid_pre": 1,  # (B, T, C) what enters
    "attn.q": 2,  # (B, H, T, D) after norm and rotation, as k
    "attn.k": 2,  # (B, K, T, D)
    "attn.v": 2,  # (B, K, T, D)
    "attn.pattern": 2,  # (B, H, T, S) who looks at whom; rows sum to one
    "attn.z": 2,  # (B, H, T, D) what each head gathered
    "attn_out": 1,  # (B, T, C) what attention adds
    "resid_mid": 1,  # (B, T, C)
    "ffn.hidden": 1,  # (B, T, F)
    "ffn_out": 1,  # (B, T, C) what the feed-forward network adds
    "resid_post": 1,  # (B, T, C) what leaves
}
# Of a recurrent block: time mixing stands for attention, channel mixing for the feed-forward network; N head size.
RECURRENT_POINTS = {
    "resid_pre": 1,
    "attn.mix": 2,  # (5, B, T, C) how much of the token before each part sees; RWKV-6 only, in RWKV-7 it is a parameter
    "attn.r": 2,  # (B, H, T, N) what is read with
    "attn.k": 2,  # (B, H, T, N)
    "attn.v": 2,  # (B, H, T, N)
    "attn.w": 2,  # (B, H, T, N) how fast the state fades, in float32
    "attn.a": 2,  # (B, H, T, N) RWKV-7 only: the direction that is taken out
    "attn.b": 2,  # (B, H, T, N) RWKV-7 only: and what is written back
    "attn.g": 1,  # (B, T, C) the gate
    "attn.pattern": 2,  # (B, H, T, T) what each token takes of the value of each; no attention, see `rwkv`
    "attn.z": 2,  # (B, H, T, N) what each head has read
    "attn.gated": 1,  # (B, T, C) the same after norm and gate, all heads
    "attn_out": 1,
    "resid_mid": 1,
    "ffn.hidden": 1,
    "ffn_out": 1,
    "resid_post": 1,
}
ONLY = {"attn.mix": "rwkv6", "attn.a": "rwkv7", "attn.b": "rwkv7"}


def block_points(config: ModelConfig) -> dict[str, int]:
    """The points of one block of a model, and the axis of time in each."""
    if not config.recurrent:
        return BLOCK_POINTS
    return {name: axis for name, axis in RECURRENT_POINTS.items() if ONLY.get(name, config.block) == config.block}


def point_names(config: ModelConfig) -> list[str]:
    """Every point of a model that a tap hears."""
    blocks = [f"blocks.{layer}.{point}" for layer in range(config.n_layer) for point in block_points(config)]
    return ["embed", *blocks, "final_norm", "logits"]


class Trace:
    """Keeps the values of the points that match a pattern (`*` stands for anything); `edits` replace values on the way.

    What is kept is what the model went on with, so an edited point is kept as edited.  With a cache a model is called
    several times: `trace[name]` joins the pieces along time.
    """

    def __init__(self, *patterns: str, edits: Mapping[str, Edit] | None = None) -> None:
        self.patterns, self.edits = patterns, dict(edits or {})
        self._kept: dict[str, list[mx.array]] = {}

    def __call__(self, name: str, value: mx.array) -> mx.array:
        for pattern, edit in self.edits.items():
            if fnmatchcase(name, pattern):
                edited = edit(value)
                if edited.shape != value.shape:
                    raise ValueError(f"the edit of {name} made {edited.shape} of {value.shape}")
                value = edited
        if _matches(name, self.patterns):
            self._kept.setdefault(name, []).append(value)
        return value

    def wants(self, name: str) -> bool:
        """Whether `name` is watched or edited."""
        return _matches(name, self.patterns) or _matches(name, self.edits)

    def run(
        self, model: GPT, ids: Sequence[int] | mx.array | npt.NDArray[np.integer], cache: Sequence[Cache] | None = None
    ) -> mx.array:
        """The logits (B, T, V) of ids (T,) or (B, T), computed, with everything that is watched.

        Raises `ConfigError` for a pattern that no point of the model matches.
        """
        known = point_names(model.config)
        for pattern in (*self.patterns, *self.edits):
            if not any(fnmatchcase(name, pattern) for name in known):
                raise ConfigError(f"No point of the model is called {pattern!r}.", hint=nearest(pattern, known))
        tokens = mx.array(ids)
        logits = model(tokens[None] if tokens.ndim == 1 else tokens, cache, tap=self)
        mx.eval(logits, self._kept)
        return logits

    def __getitem__(self, name: str) -> mx.array:
        """The value of a point; the pieces of several calls joined along time."""
        pieces = self._kept[name]
        if len(pieces) == 1:
            return pieces[0]
        point = name.split(".", 2)[2] if name.startswith("blocks.") else name
        if point == "attn.pattern":  # earlier rows had fewer tokens to see
            width = max(piece.shape[-1] for piece in pieces)
            pieces = [mx.pad(piece, [(0, 0)] * 3 + [(0, width - piece.shape[-1])]) for piece in pieces]
        return mx.concatenate(pieces, axis=(BLOCK_POINTS | RECURRENT_POINTS).get(point, 1))

    def numpy(self, name: str) -> Numbers:
        """The value of a point as numbers that any thread may hold."""
        return np.array(self[name].astype(mx.float32))

    @property
    def names(self) -> list[str]:
        """What was kept, in the order it was heard."""
        return list(self._kept)


def _matches(name: str, patterns: Sequence[str] | Mapping[str, Edit]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def patterns(model: GPT, ids: npt.NDArray[np.integer]) -> Numbers:
    """The attention weights of all layers for ids (B, T), (L, B, H, T, T); of a recurrent model what stands for them."""
    trace = Trace("blocks.*.attn.pattern")
    trace.run(model, ids)
    return np.stack([trace.numpy(f"blocks.{layer}.attn.pattern") for layer in range(model.config.n_layer)])


def require_attention(config: ModelConfig) -> None:
    """Raise `DataError` for a model whose blocks have no attention."""
    if config.block != "transformer":
        raise DataError(
            f"The blocks of {config.name} are {config.block}: they have no attention to look at.",
            hint="Its own views are `mlxgpt inspect state`, `decay` and `shift`; `attention` shows who takes what of whom.",
        )


# ---- edits -----------------------------------------------------------------------------------------------------------


def zeroed(head: int | None = None, position: int | None = None) -> Edit:
    """Zero ablation: the value, or only that of one head or position, becomes zero."""
    return lambda value: _with(value, mx.zeros_like(value), head, position)


def averaged(head: int | None = None, position: int | None = None) -> Edit:
    """Mean ablation: each position gets the mean over all positions of the text, which keeps what is always there."""
    return lambda value: _with(value, value.mean(axis=-2, keepdims=True), head, position)


def replaced(other: mx.array, head: int | None = None, position: int | None = None) -> Edit:
    """Patching: the value, or only that of one head or position, becomes that of another run."""
    return lambda value: _with(value, other, head, position)


def _with(value: mx.array, other: mx.array, head: int | None, position: int | None) -> mx.array:
    """`value` (…, H, T, D) or (B, T, C) with what stands at `head` and `position` taken from `other`."""
    if head is not None and value.ndim != 4:
        raise ValueError("only q, k, v, pattern and z have heads")
    index = [slice(None)] * value.ndim
    for axis, place in ((1, head), (value.ndim - 2, position)):
        if place is not None:
            index[axis] = slice(place, place + 1)
    other = mx.broadcast_to(other, value.shape)
    changed = mx.array(value)
    changed[tuple(index)] = other[tuple(index)]
    return changed
