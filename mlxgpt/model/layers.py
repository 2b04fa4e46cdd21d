"""The parts that act on each position alone: norms, activations, feed-forward networks, dropout.

B batch · T time · C channels (n_embd) · F inner width (ffn_width)
"""

from collections.abc import Callable

import mlx.core as mx
import mlx.nn as nn

from mlxgpt.model import functional
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.tap import Tap

Activation = Callable[[mx.array], mx.array]


class LayerNorm(nn.Module):
    """y = (x - mean) / sqrt(variance + eps) * weight + bias  (Ba et al. 2016)."""

    def __init__(self, width: int, eps: float, bias: bool = True) -> None:
        super().__init__()
        self._eps = eps
        self.weight = mx.ones((width,))
        if bias:
            self.bias = mx.zeros((width,))

    def __call__(self, x: mx.array) -> mx.array:
        return functional.layer_norm(x, self.weight, self.get("bias"), self._eps)


class RMSNorm(nn.Module):
    """y = x / sqrt(mean(x * x) + eps) * weight  (Zhang & Sennrich 2019)."""

    def __init__(self, width: int, eps: float, bias: bool = False) -> None:
        super().__init__()
        self._eps = eps
        self.weight = mx.ones((width,))

    def __call__(self, x: mx.array) -> mx.array:
        return functional.rms_norm(x, self.weight, self._eps)


class RMSNormPlusOne(nn.Module):
    """RMSNorm with gain 1 + weight, so that weight decay pulls the gain to one, not to zero (Gemma)."""

    def __init__(self, width: int, eps: float, bias: bool = False) -> None:
        super().__init__()
        self._eps = eps
        self.weight = mx.zeros((width,))

    def __call__(self, x: mx.array) -> mx.array:
        return functional.rms_norm(x, 1.0 + self.weight, self._eps)


class FeedForward(nn.Module):
    """down( activation(up x) )."""

    def __init__(self, config: ModelConfig, activation: Activation) -> None:
        super().__init__()
        bias = config.has_bias("ffn")
        self._activation = activation
        self.up_proj = nn.Linear(config.n_embd, config.ffn_width, bias=bias)
        self.down_proj = nn.Linear(config.ffn_width, config.n_embd, bias=bias)

    def __call__(self, x: mx.array, tap: Tap) -> mx.array:
        hidden = tap("hidden", self._activation(self.up_proj(x)))  # (B, T, F)
        return self.down_proj(hidden)


class GatedFeedForward(nn.Module):
    """down( activation(gate x) * (up x) )  (Shazeer 2020, "GLU variants improve transformer")."""

    def __init__(self, config: ModelConfig, activation: Activation) -> None:
        super().__init__()
        bias = config.has_bias("ffn")
        self._activation = activation
        self.gate_proj = nn.Linear(config.n_embd, config.ffn_width, bias=bias)
        self.up_proj = nn.Linear(config.n_embd, config.ffn_width, bias=bias)
        self.down_proj = nn.Linear(config.ffn_width, config.n_embd, bias=bias)

    def __call__(self, x: mx.array, tap: Tap) -> mx.array:
        hidden = tap("hidden", self._activation(self.gate_proj(x)) * self.up_proj(x))  # (B, T, F)
        return self.down_proj(hidden)


def dropout(x: mx.array, rate: float, key: mx.array | None) -> mx.array:
    """`x` with a share `rate` of its elements zeroed and the rest scaled up; without a key (evaluation), `x` itself."""
    if rate == 0.0 or key is None:
        return x
    return x * mx.random.bernoulli(1.0 - rate, x.shape, key=key) * (1.0 / (1.0 - rate))


def feed_forward(config: ModelConfig) -> FeedForward | GatedFeedForward:
    """The feed-forward network that `config.ffn` names."""
    kind, activation = FFNS[config.ffn]
    return kind(config, activation)


NORMS: dict[str, type[nn.Module]] = {"layernorm": LayerNorm, "rmsnorm": RMSNorm, "rmsnorm_plus_one": RMSNormPlusOne}

FFNS: dict[str, tuple[type[FeedForward] | type[GatedFeedForward], Activation]] = {
    "relu": (FeedForward, functional.relu),
    "gelu": (FeedForward, functional.gelu),
    "gelu_tanh": (FeedForward, functional.gelu_tanh),
    "silu": (FeedForward, functional.silu),
    "relu2": (FeedForward, functional.relu_squared),
    "swiglu": (GatedFeedForward, functional.silu),
    "geglu": (GatedFeedForward, functional.gelu),
    "geglu_tanh": (GatedFeedForward, functional.gelu_tanh),
    "reglu": (GatedFeedForward, functional.relu),
}
