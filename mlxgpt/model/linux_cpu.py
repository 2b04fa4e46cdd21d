"""The same functions, formulated for MLX's Linux CPU backend.

There `exp`, `tanh`, `erf` and `where` run one element at a time at 5 to 30 ns each, while `mx.compile` turns a chain of
multiplications and additions into one vectorised loop at 0.15 ns an operation.  So everything is built from such chains:
no calls, no branches (`max(x, c)` is a branch, `(x + c + |x - c|) / 2` is not), and each function with a derivative
returns it beside its value, so that the backward pass is one product.  Together they make a training step of a small
GPT about 2.3 times faster; `docs/log.md` has the figures.
"""

import math
from functools import lru_cache

import mlx.core as mx

_MAGIC = 12582912.0  # 1.5 * 2^23: adding it to a float32 rounds to the nearest integer


def exp(x: mx.array) -> mx.array:
    """e^x for |x| <= 87 (the caller bounds it), to 8e-7 relative.

    x = (i + f) ln 2 with integer i and |f| <= 1/2: 2^i is written into the exponent bits, 2^f is a polynomial.
    """
    z = x * (1.0 / math.log(2.0))
    i = (z + _MAGIC) - _MAGIC
    f = z - i
    f2 = f * f
    low = 1.0 + f * 0.6931472028550421
    middle = 0.2402264791363012 + f * 0.05550332471162809
    high = (0.00961843735767464 + f * 0.001339887440266574) + f2 * 0.000153533618831949
    two_to_f = low + f2 * (middle + f2 * high)
    two_to_i = ((i.astype(mx.int32) + 127) << 23).view(mx.float32)
    return two_to_f * two_to_i


def sigmoid(x: mx.array) -> mx.array:
    """1 / (1 + e^-x)."""
    return 1.0 / (1.0 + exp(-_clamp(x, 80.0)))


def _clamp(x: mx.array, bound: float) -> mx.array:
    """x held between ±bound, without a branch."""
    return 0.5 * (mx.abs(x + bound) - mx.abs(x - bound))


# ---- activations: each returns (value, derivative) ------------------------------------------------------------------------


@mx.custom_function
def _silu(x: mx.array) -> tuple[mx.array, mx.array]:
    s = sigmoid(x)
    y = x * s
    return y, s + y * (1.0 - s)


@mx.custom_function
def _gelu_tanh(x: mx.array) -> tuple[mx.array, mx.array]:
    # 0.5 (1 + tanh u) = sigmoid(2u)
    a, b = 2.0 * math.sqrt(2.0 / math.pi), 0.044715
    x2 = x * x
    s = sigmoid(a * x * (1.0 + b * x2))
    y = x * s
    return y, s + y * (1.0 - s) * a * (1.0 + 3.0 * b * x2)


@mx.custom_function
def _gelu(x: mx.array) -> tuple[mx.array, mx.array]:
    # erf by the rational approximation of Eigen on [-4, 4] (4e-7); the density e^(-x^2/2) / sqrt(2 pi) by `exp`
    u = _clamp(x * (1.0 / math.sqrt(2.0)), 4.0)
    y = u * u
    p = 2.77068142495902e-08 + y * -2.72614225801306e-10
    p = -5.69250639462346e-05 + y * (-2.10102402082508e-06 + y * p)
    p = -1.60960333262415e-02 + y * (-2.95459980854025e-03 + y * (-7.34990630326855e-04 + y * p))
    q = -2.13374055278905e-04 + y * -1.45660718464996e-05
    q = -1.42647390514189e-02 + y * (-7.37332916720468e-03 + y * (-1.68282697438203e-03 + y * q))
    phi = 0.5 + 0.5 * (u * p / q)
    return x * phi, phi + x * exp(-y) * (1.0 / math.sqrt(2.0 * math.pi))


@mx.custom_function
def _relu_squared(x: mx.array) -> tuple[mx.array, mx.array]:
    twice = x + mx.abs(x)
    return 0.25 * (twice * twice), twice


for _activation in (_silu, _gelu_tanh, _gelu, _relu_squared):

    @_activation.vjp
    def _(primals: mx.array, cotangents: tuple[mx.array, mx.array], outputs: tuple[mx.array, mx.array]) -> mx.array:
        return cotangents[0] * outputs[1]


def silu(x: mx.array) -> mx.array:
    """x * sigmoid(x)."""
    return _silu(x)[0]


def gelu_tanh(x: mx.array) -> mx.array:
    """0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))."""
    return _gelu_tanh(x)[0]


def gelu(x: mx.array) -> mx.array:
    """x * Phi(x)."""
    return _gelu(x)[0]


def relu_squared(x: mx.array) -> mx.array:
    """max(x, 0) squared."""
    return _relu_squared(x)[0]


# ---- attention ------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _mask_bias(B: int, K: int, G: int, T: int, S: int, window: int) -> mx.array:
    """0 where a query may look and -1e4 where not, (B, K, G T, S), written out: a broadcast one is not vectorised."""
    queries, keys = mx.arange(S - T, S)[:, None], mx.arange(S)[None]
    allowed = keys <= queries
    if window:
        allowed = allowed & (keys > queries - window)
    bias = mx.tile(mx.where(allowed, 0.0, -1e4), (G, 1))  # (G T, S)
    bias = mx.contiguous(mx.broadcast_to(bias, (B, K, G * T, S)))
    mx.eval(bias)
    return bias


@mx.custom_function
def _attention(q: mx.array, k: mx.array, v: mx.array, bias: mx.array) -> tuple[mx.array, mx.array, mx.array]:
    scores = q @ k.swapaxes(-1, -2) + bias
    scores = scores - scores.max(axis=-1, keepdims=True)
    weights = exp(0.5 * ((scores - 80.0) + mx.abs(scores + 80.0)))  # max(scores, -80)
    total = weights.sum(axis=-1, keepdims=True)
    return (weights @ v) / total, weights, total


@_attention.vjp
def _(
    primals: tuple[mx.array, ...], cotangents: tuple[mx.array, ...], outputs: tuple[mx.array, ...]
) -> tuple[mx.array, mx.array, mx.array, mx.array]:
    q, k, v, bias = primals
    z, weights, total = outputs
    dz = cotangents[0] / total
    dv = weights.swapaxes(-1, -2) @ dz
    # d scores = pattern * (dz v' - sum(dz * z)): the softmax Jacobian, with the division by `total` done on dz
    ds = weights * (dz @ v.swapaxes(-1, -2) - (dz * z).sum(axis=-1, keepdims=True))
    return ds @ k, ds.swapaxes(-1, -2) @ q, dv, mx.zeros((1,))


def causal_attention(q: mx.array, k: mx.array, v: mx.array, scale: float, window: int = 0) -> mx.array:
    """softmax(scale q k' + causal mask) v.  q (B, H, T, D), k and v (B, K, S, D) -> (B, H, T, D).

    The G = H / K query heads that share a key head are laid one after the other along time, so that grouped attention is
    the same batched product as the plain one.
    """
    B, H, T, D = q.shape
    K, S = k.shape[1], k.shape[2]
    G = H // K
    grouped = (q * scale).reshape(B, K, G * T, D)
    return _attention(grouped, k, v, _mask_bias(B, K, G, T, S, window))[0].reshape(B, H, T, D)


# ---- loss -----------------------------------------------------------------------------------------------------------------


@mx.custom_function
def _cross_entropy(logits: mx.array, targets: mx.array) -> tuple[mx.array, mx.array, mx.array]:
    highest = logits.max(axis=-1, keepdims=True)
    shifted = logits - highest
    weights = exp(0.5 * ((shifted - 80.0) + mx.abs(shifted + 80.0)))
    total = weights.sum(axis=-1, keepdims=True)
    picked = mx.take_along_axis(shifted, targets[:, None], axis=-1)
    return (mx.log(total) - picked).squeeze(-1), weights, total


@_cross_entropy.vjp
def _(
    primals: tuple[mx.array, mx.array], cotangents: tuple[mx.array, ...], outputs: tuple[mx.array, ...]
) -> tuple[mx.array, mx.array]:
    targets = primals[1]
    _, weights, total = outputs
    gradient = weights * (cotangents[0][:, None] / total)  # ct * softmax, then ct less at the target
    rows = mx.arange(targets.shape[0])
    return gradient.at[rows, targets].subtract(cotangents[0]), mx.zeros_like(targets)


def cross_entropy(logits: mx.array, targets: mx.array) -> mx.array:
    """-log softmax(logits)[target].  (N, V) and (N,) -> (N,)."""
    return _cross_entropy(logits, targets)[0]
