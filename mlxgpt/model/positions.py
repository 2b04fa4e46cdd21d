"""How a model knows the order of its tokens.

A position scheme answers two questions: `embed(x, offset)`, what is added to the embeddings, and `rotate(q, offset)`,
what is done to queries and keys.  The forward pass asks both, always; each scheme answers one and leaves the other
alone. `offset` is the position of the first token: an int, or one per sequence (B,) when a batch is ragged.

B batch · T time · C channels (n_embd) · H heads · D head dim
"""

import math
from typing import TypeAlias

import mlx.core as mx
import mlx.nn as nn

from mlxgpt.model.config import ModelConfig

Offset: TypeAlias = int | mx.array


class NoPositions(nn.Module):
    """No positions at all: the causal mask alone tells early from late (NoPE, Kazemnejad et al. 2023)."""

    unbounded = True  # sequences may grow beyond context_length

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()

    def embed(self, x: mx.array, offset: Offset) -> mx.array:
        return x

    def rotate(self, q: mx.array, offset: Offset, local: bool = False) -> mx.array:
        return q


class LearnedPositions(NoPositions):
    """One trained vector for each position (GPT-2)."""

    unbounded = False

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.weight = mx.zeros((config.context_length, config.n_embd))

    def embed(self, x: mx.array, offset: Offset) -> mx.array:
        return x + _rows(self.weight, offset, x.shape[1])


class SinusoidalPositions(NoPositions):
    """Fixed waves (Vaswani et al. 2017, 3.5): channel 2i is sin(t / 10000^(2i/C)), channel 2i+1 its cosine."""

    unbounded = False

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self._table = sinusoids(config.context_length, config.n_embd)

    def embed(self, x: mx.array, offset: Offset) -> mx.array:
        return x + _rows(self._table, offset, x.shape[1]).astype(x.dtype)


class RotaryPositions(NoPositions):
    """Turns each pair (i, i + D/2) of a query or key by position * theta^(-2i/D) (RoFormer, Su et al. 2021).

    The score of a query and a key then depends on how far apart they are, not on where they stand.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self._dims = config.head_width
        self._theta = config.rope_theta
        self._local_theta = config.rope_local_theta
        self._wavelengths = scaled_wavelengths(config)

    def rotate(self, q: mx.array, offset: Offset, local: bool = False) -> mx.array:
        # fast.rope wants a base or wavelengths ("freqs" in its signature are wavelengths / 2 pi, 1 / frequency)
        own = local and self._local_theta > 0
        freqs = None if own else self._wavelengths
        base = None if freqs is not None else self._local_theta if own else self._theta
        return mx.fast.rope(q, self._dims, traditional=False, base=base, scale=1.0, offset=offset, freqs=freqs)


def sinusoids(length: int, width: int) -> mx.array:
    """The table of Vaswani et al. 2017, (length, width): sin and cos interleaved."""
    positions = mx.arange(length)[:, None]
    frequencies = mx.exp(mx.arange(0, width, 2) * (-math.log(10000.0) / width))
    angles = positions * frequencies  # (T, C/2)
    return mx.stack([mx.sin(angles), mx.cos(angles)], axis=-1).reshape(length, width)


def scaled_wavelengths(config: ModelConfig) -> mx.array | None:
    """Wavelength / 2 pi of each RoPE pair, (D/2,), stretched as `rope_scaling` says; None when it is not.

    "linear" multiplies all by the factor (position interpolation, Chen et al. 2023).  "llama3" multiplies the long
    ones, keeps the short ones and blends between (Llama 3.1's reference code).
    """
    D = config.head_width
    wavelengths = config.rope_theta ** (mx.arange(0, D, 2) / D)
    if config.rope_scaling == "linear":
        return wavelengths * config.rope_factor
    if config.rope_scaling == "llama3":
        low, high = config.rope_low_freq_factor, config.rope_high_freq_factor
        turns = config.rope_original_context / (2 * math.pi * wavelengths)  # full turns within the original context
        keep = mx.clip((turns - low) / (high - low), 0.0, 1.0)  # 0: stretch, 1: keep
        return 1.0 / ((1 - keep) / (wavelengths * config.rope_factor) + keep / wavelengths)
    return None


def _rows(table: mx.array, offset: Offset, length: int) -> mx.array:
    """Rows offset … offset + length of a table: (T, C), or (B, T, C) when there is one offset a sequence."""
    if isinstance(offset, int):
        return table[offset : offset + length]
    return table[offset[..., None] + mx.arange(length)]


POSITIONS = {
    "learned": LearnedPositions,
    "sinusoidal": SinusoidalPositions,
    "rope": RotaryPositions,
    "none": NoPositions,
}
