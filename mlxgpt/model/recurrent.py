"""What RWKV-6 and RWKV-7 have in common: the state they remember by, the token shift, the norm of the heads.

B batch · T time · C channels (n_embd) · H heads · N head size
"""

from collections.abc import Callable
from dataclasses import dataclass

import mlx.core as mx
import mlx.nn as nn

from mlxgpt.model import functional
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.layers import LayerNorm
from mlxgpt.model.tap import Tap
from mlxgpt.model.wkv6 import Result

HEAD_NORM_EPS = 64e-5  # of all published RWKV-6 and RWKV-7 models


class RecurrentState:
    """Everything a block remembers of the tokens before; its size does not depend on how many there were.

    It stands where a transformer has a cache.  Its arrays are replaced and never changed, so a copy costs nothing.
    """

    def __init__(self) -> None:
        self.att_shift: mx.array | None = None  # (B, C): the last token, as time mixing saw it
        self.wkv: mx.array | None = None  # (B, H, N, N), float32
        self.ffn_shift: mx.array | None = None  # (B, C): the last token, as channel mixing saw it
        self.offset = 0  # tokens seen

    @property
    def state(self) -> list[mx.array]:
        """The arrays to evaluate."""
        arrays = (self.att_shift, self.wkv, self.ffn_shift)
        return [array for array in arrays if array is not None]

    @state.setter
    def state(self, arrays: list[mx.array]) -> None:
        self.att_shift, self.wkv, self.ffn_shift = arrays

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return sum(array.nbytes for array in self.state)

    def copy(self) -> "RecurrentState":
        """The state as it is now."""
        other = RecurrentState()
        other.att_shift, other.wkv, other.ffn_shift = self.att_shift, self.wkv, self.ffn_shift
        other.offset = self.offset
        return other

    def is_trimmable(self) -> bool:
        return False

    def trim(self, n: int) -> int:
        """Nothing can be forgotten: what a token left in the state is mixed with what came before."""
        return 0


@dataclass(slots=True)
class Flow:
    """What the blocks of one forward pass share besides the residual stream."""

    ends: mx.array | None = None  # (B, T) 1.0 at the last token of a document, after which states are empty
    first_values: mx.array | None = None  # (B, T, C): the values of the first block, which RWKV-7's others mix in


def token_shift(x: mx.array, last: mx.array | None, ends: mx.array | None) -> tuple[mx.array, mx.array]:
    """Each token's difference to the one before it, x_{t-1} - x_t, and the last token (B, C), for the tokens to come.

    `last` is the token before the first, zero if None; after the end of a document the token before is zero too.
    """
    first = mx.zeros_like(x[:, :1]) if last is None else last[:, None].astype(x.dtype)
    kept = x if ends is None else x * (1.0 - ends)[..., None].astype(x.dtype)
    before = first if x.shape[1] == 1 else mx.concatenate([first, kept[:, :-1]], axis=1)
    return before - x, kept[:, -1]


class HeadNorm(nn.Module):
    """LayerNorm of each head by itself (GroupNorm with H groups), gain and bias for each channel."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.weight = mx.ones((config.n_embd,))
        self.bias = mx.zeros((config.n_embd,))

    def __call__(self, y: mx.array) -> mx.array:
        """(B, H, T, N) -> (B, T, C)."""
        y = y.swapaxes(1, 2)  # (B, T, H, N)
        heads = y.shape[2:]
        y = functional.group_norm(y, self.weight.reshape(heads), self.bias.reshape(heads), HEAD_NORM_EPS)
        return y.flatten(2)


def layer_norm(config: ModelConfig) -> LayerNorm:
    """A LayerNorm over the residual stream."""
    return LayerNorm(config.n_embd, config.norm_eps)


def starting_state(mix: nn.Module, state: RecurrentState, batch: int) -> mx.array | None:
    """What the memory of `mix` holds before the first of some tokens, (B, H, N, N); None for nothing."""
    if state.wkv is None and "time_state" in mix:
        learned = mix.time_state.astype(mx.float32)
        return mx.broadcast_to(learned, (batch, *learned.shape))
    return state.wkv


def explicit(
    read: Callable[[mx.array, mx.array | None], Result], v: mx.array, before: mx.array | None, tap: Tap
) -> mx.array:
    """What `read` (values, state before) reads, (B, H, T, N), by way of the weights each token gives to each value.

    They pass the tap as "pattern" (B, H, T, T), and are found by asking: with unit vectors for values, what is read is
    the weights.  What is left of the state before comes on top.
    """
    B, H, T, _ = v.shape
    pattern = tap("pattern", read(mx.broadcast_to(mx.eye(T), (B, H, T, T)), None)[0])
    return pattern @ v.astype(mx.float32) + read(mx.zeros_like(v), before)[0]
