"""The functions a model is made of, one name each.

Each is MLX's own kernel where that is the fastest, which is everywhere but on Linux CPUs: there the formulations of
`linux_cpu` take over for large float32 arrays.  Both ways are tested equal.
"""

import math
import sys

import mlx.core as mx
import mlx.nn as nn

from mlxgpt.model import linux_cpu

_LINUX = sys.platform == "linux"
_WORTH_IT = 16_384  # elements; below this the longer formulations cost more in calls than they save


def on_linux_cpu(x: mx.array) -> bool:
    """True when `x` is large, float32 and computed by MLX's Linux CPU backend."""
    return _LINUX and x.dtype == mx.float32 and x.size >= _WORTH_IT and mx.default_device() == mx.Device(mx.cpu)


def layer_norm(x: mx.array, weight: mx.array, bias: mx.array | None, eps: float) -> mx.array:
    """(x - mean) / sqrt(variance + eps) * weight + bias over the last axis."""
    if on_linux_cpu(x):
        return linux_cpu.layer_norm(x, weight, bias, eps)
    return mx.fast.layer_norm(x, weight, bias, eps)


def group_norm(x: mx.array, weight: mx.array, bias: mx.array, eps: float) -> mx.array:
    """The same for x (…, G, C) where each of G groups has a weight and a bias of its own, (G, C)."""
    if on_linux_cpu(x):
        return linux_cpu.layer_norm(x, weight, bias, eps)
    return mx.fast.layer_norm(x, None, None, eps) * weight + bias


def rms_norm(x: mx.array, weight: mx.array, eps: float) -> mx.array:
    """x / sqrt(mean(x * x) + eps) * weight over the last axis."""
    return linux_cpu.rms_norm(x, weight, eps) if on_linux_cpu(x) else mx.fast.rms_norm(x, weight, eps)


def relu(x: mx.array) -> mx.array:
    """max(x, 0)."""
    return mx.maximum(x, 0.0)


def relu_squared(x: mx.array) -> mx.array:
    """max(x, 0) squared (So et al. 2021, Primer)."""
    return linux_cpu.relu_squared(x) if on_linux_cpu(x) else mx.square(mx.maximum(x, 0.0))


def gelu(x: mx.array) -> mx.array:
    """x * Phi(x), with the exact normal distribution function (Hendrycks & Gimpel 2016)."""
    return linux_cpu.gelu(x) if on_linux_cpu(x) else x * (1.0 + mx.erf(x * (1.0 / math.sqrt(2.0)))) * 0.5


def gelu_tanh(x: mx.array) -> mx.array:
    """0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): the approximation GPT-2 was trained with."""
    return linux_cpu.gelu_tanh(x) if on_linux_cpu(x) else nn.gelu_approx(x)


def silu(x: mx.array) -> mx.array:
    """x * sigmoid(x)."""
    return linux_cpu.silu(x) if on_linux_cpu(x) else x * mx.sigmoid(x)


def sigmoid(x: mx.array) -> mx.array:
    """1 / (1 + e^-x)."""
    return linux_cpu.logistic(x) if on_linux_cpu(x) else mx.sigmoid(x)


def tanh(x: mx.array) -> mx.array:
    """(e^x - e^-x) / (e^x + e^-x)."""
    return linux_cpu.tanh(x) if on_linux_cpu(x) else mx.tanh(x)


def bounded_exp(x: mx.array) -> mx.array:
    """e^x, where the caller knows that |x| <= 87."""
    return linux_cpu.bounded_exp(x) if on_linux_cpu(x) else mx.exp(x)


def double_exp(x: mx.array) -> mx.array:
    """exp(-exp(x)), between 1 and 0: how RWKV-6 turns any number into a decay.

    Above 5 it is 0 in float32; from 88 on the inner exp would overflow, and the derivative be inf · 0.
    """
    x = mx.minimum(x, 80.0)
    return linux_cpu.double_exp(x) if on_linux_cpu(x) else mx.exp(-mx.exp(x))


def soft_cap(x: mx.array, cap: float) -> mx.array:
    """cap * tanh(x / cap): x where it is small, never beyond ±cap; a cap of 0 changes nothing (Gemma 2)."""
    return x if cap == 0.0 else cap * mx.tanh(x * (1.0 / cap))


def cross_entropy(logits: mx.array, targets: mx.array) -> mx.array:
    """-log softmax(logits)[target] for each position, in float32.  (…, V) and (…) -> (…)."""
    logits = logits.astype(mx.float32)
    if on_linux_cpu(logits):
        flat = linux_cpu.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))
        return flat.reshape(targets.shape)
    picked = mx.take_along_axis(logits, targets[..., None], axis=-1).squeeze(-1)
    return mx.logsumexp(logits, axis=-1) - picked
