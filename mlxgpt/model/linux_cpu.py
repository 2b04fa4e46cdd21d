"""The same functions, formulated for MLX's Linux CPU backend.

There `exp`, `tanh`, `erf` and `where` run one element at a time at 5 to 30 ns each, while `mx.compile` turns a chain of
multiplications and additions into one vectorised loop at 0.15 ns an operation.  So everything is built from such
chains: no calls, no branches (`max(x, c)` is a branch, `(x + c + |x - c|) / 2` is not), and each function with a
derivative returns it beside its value, so that the backward pass is one product.  Together they make a training step of
a small GPT about 2.3 times faster; `docs/log.md` has the figures.
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
    low = f * 0.6931472028550421
    middle = 0.2402264791363012 + f * 0.05550332471162809
    high = (0.00961843735767464 + f * 0.001339887440266574) + f2 * 0.000153533618831949
    two_to_f = 1.0 + (low + f2 * (middle + f2 * high))  # one is added last: near it, all digits are right
    two_to_i = ((i.astype(mx.int32) + 127) << 23).view(mx.float32)
    return two_to_f * two_to_i


def sigmoid(x: mx.array) -> mx.array:
    """1 / (1 + e^-x)."""
    # the fence: `exp` and a division in one loop are too much to be vectorised, and take twice as long
    return 1.0 / (1.0 + _fence(exp(-_clamp(x, 80.0))))


def _clamp(x: mx.array, bound: float) -> mx.array:
    """x held between ±bound, without a branch."""
    return 0.5 * (mx.abs(x + bound) - mx.abs(x - bound))


# ---- exponentials: each returns (value, derivative) ------------------------------------------------------------------


@mx.custom_function
def _sigmoid(x: mx.array) -> tuple[mx.array, mx.array]:
    s = sigmoid(x)
    return s, s * (1.0 - s)


@mx.custom_function
def _tanh(x: mx.array) -> tuple[mx.array, mx.array]:
    t = 2.0 / (1.0 + _fence(exp(-2.0 * _clamp(x, 40.0)))) - 1.0
    return t, 1.0 - t * t


@mx.custom_function
def _exp(x: mx.array) -> tuple[mx.array, mx.array]:
    y = exp(x)
    return y, y


@mx.custom_function
def _double_exp(x: mx.array) -> tuple[mx.array, mx.array]:
    # held between -18, where the result is 1 - 1.5e-8, and 4.4, where it is 4e-36: |x| must stay small, because the
    # digits that the clamp loses of it are digits of the exponent
    c = 0.5 * ((4.4 - 18.0) + mx.abs(x + 18.0) - mx.abs(x - 4.4))
    e = _fence(exp(c))
    y = exp(-e)
    return y, -e * y


# ---- activations: each returns (value, derivative) -------------------------------------------------------------------


@mx.custom_function
def _silu(x: mx.array) -> tuple[mx.array, mx.array]:
    s = sigmoid(x)
    y = x * s
    return y, s + y * (1.0 - s)


@mx.custom_function
def _gelu_tanh(x: mx.array) -> tuple[mx.array, mx.array]:
    # 0.5 (1 + tanh u) = sigmoid(2u), which is 0 or 1 beyond |x| = 6: so x is held there, before the cube of a large one
    # has no digits left for the clamp of `sigmoid`
    a, b = 2.0 * math.sqrt(2.0 / math.pi), 0.044715
    c = _clamp(x, 6.0)
    c2 = c * c
    s = 1.0 / (1.0 + _fence(exp(-a * c * (1.0 + b * c2))))
    return x * s, s + c * s * (1.0 - s) * a * (1.0 + 3.0 * b * c2)


@mx.custom_function
def _gelu(x: mx.array) -> tuple[mx.array, mx.array]:
    # Both Phi(x) - 1/2 and its sum with x phi(x) are odd: u P(u^2) / Q(u^2) and u R(u^2) / Q(u^2), with one
    # denominator, fitted to 1e-6 on |x| <= 5.25; beyond, x is held there (u is 2x).
    u = _fence(mx.abs(x + 5.25) - mx.abs(x - 5.25))
    r = _fence(u / _polynomial(_GELU_Q, u * u))
    return x * (0.5 + r * _polynomial(_GELU_P, u * u)), 0.5 + r * _polynomial(_GELU_R, u * u)


_GELU_P = (
    *(0.19947342574596, 0.0051502534188330, 0.00016240682452917),
    *(1.8714952148e-06, 1.25712329435e-08, 8.19885478953e-12),
)
_GELU_Q = (1.0, 0.067494437098503, 0.0020621139556170, 3.6534889659e-05, 3.61740205790e-07, 9.90407755808e-10)
_GELU_R = (
    *(0.39894407987595, -0.0063211959786713, 0.00044973628246225, -2.1181638203e-06),
    *(4.47482086940e-08, -1.33730138074e-10, 2.65712202665e-13),
)


def _polynomial(c: tuple[float, ...], y: mx.array) -> mx.array:
    """c0 + c1 y + c2 y^2 …, in pairs (Estrin): `mx.compile` fuses at most eleven operations in a row."""
    y2 = y * y
    pairs = [c[i] + c[i + 1] * y if i + 1 < len(c) else c[i] for i in range(0, len(c), 2)]
    quads = [pairs[i] + pairs[i + 1] * y2 if i + 1 < len(pairs) else pairs[i] for i in range(0, len(pairs), 2)]
    return quads[0] + quads[1] * (y2 * y2)


def _fence(x: mx.array) -> mx.array:
    """x itself, where one fused loop ends and the next begins: one that grows too deep is not vectorised."""
    return mx.contiguous(x)


@mx.custom_function
def _relu_squared(x: mx.array) -> tuple[mx.array, mx.array]:
    twice = x + mx.abs(x)
    return 0.25 * (twice * twice), twice


for _function in (_sigmoid, _tanh, _exp, _double_exp, _silu, _gelu_tanh, _gelu, _relu_squared):

    @_function.vjp
    def _(primals: mx.array, cotangents: tuple[mx.array, mx.array], outputs: tuple[mx.array, mx.array]) -> mx.array:
        return cotangents[0] * outputs[1]


def logistic(x: mx.array) -> mx.array:
    """1 / (1 + e^-x)."""
    return _sigmoid(x)[0]


def tanh(x: mx.array) -> mx.array:
    """(e^x - e^-x) / (e^x + e^-x), to 2e-7."""
    return _tanh(x)[0]


def bounded_exp(x: mx.array) -> mx.array:
    """e^x for |x| <= 87."""
    return _exp(x)[0]


def double_exp(x: mx.array) -> mx.array:
    """exp(-exp(x)), to 1e-6."""
    return _double_exp(x)[0]


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


# ---- norms -----------------------------------------------------------------------------------------------------------
#
# A mean over channels is a product with a column of 1/C, which BLAS does faster than MLX reduces.


@mx.custom_function
def _rms_norm(x: mx.array, weight: mx.array, eps: mx.array) -> tuple[mx.array, mx.array, mx.array]:
    scale = mx.rsqrt((x * x) @ _mean(x) + eps)  # (N, 1)
    unit = _fence(x * scale)
    return unit * weight, unit, scale


@_rms_norm.vjp
def _(
    primals: tuple[mx.array, ...], cotangents: tuple[mx.array, ...], outputs: tuple[mx.array, ...]
) -> tuple[mx.array, mx.array, mx.array]:
    x, weight, _ = primals
    _, unit, scale = outputs
    g = cotangents[0]
    gw, gu = _fence(g * weight), _fence(g * unit)
    return _fence(gw - _fence(unit * (gu @ (weight / x.shape[1])[:, None]))) * scale, gu.sum(axis=0), mx.zeros(())


def _mean(x: mx.array) -> mx.array:
    """The column that averages the rows of x (N, C)."""
    return mx.full((x.shape[1], 1), 1.0 / x.shape[1])


def rms_norm(x: mx.array, weight: mx.array, eps: float) -> mx.array:
    """x / sqrt(mean(x * x) + eps) * weight over the last axis."""
    return _rms_norm(x.reshape(-1, x.shape[-1]), weight, mx.array(eps))[0].reshape(x.shape)


@mx.custom_function
def _layer_norm(x: mx.array, weight: mx.array, bias: mx.array, eps: mx.array) -> tuple[mx.array, mx.array, mx.array]:
    # x (R, G, C), weight and bias (G, C); unit and scale keep one row for each of the R G vectors
    flat = x.reshape(-1, x.shape[-1])
    centred = flat - flat @ _mean(flat)
    scale = mx.rsqrt(_fence(centred * centred) @ _mean(flat) + eps)
    unit = _fence(centred * scale)  # centred again: that costs less than to write it and read it twice
    return unit.reshape(x.shape) * weight + bias, unit, scale


@_layer_norm.vjp
def _(
    primals: tuple[mx.array, ...], cotangents: tuple[mx.array, ...], outputs: tuple[mx.array, ...]
) -> tuple[mx.array, mx.array, mx.array, mx.array]:
    x, weight, _, _ = primals
    _, unit, scale = outputs
    R, G, C = x.shape
    g = cotangents[0].reshape(R, G * C)
    gu = _fence(g * unit.reshape(R, G * C))
    # two means over channels, of g weight and of g weight unit, as products with a block of weight / C for each group
    blocks = (mx.eye(G)[:, None] * (weight / C)[..., None]).reshape(G * C, G)
    mean, slope = (g @ blocks).reshape(-1, 1), (gu @ blocks).reshape(-1, 1)
    dx = ((g * weight.reshape(-1)).reshape(unit.shape) - mean - unit * slope) * scale
    rows = mx.ones((1, R))
    return dx.reshape(x.shape), (rows @ gu).reshape(G, C), (rows @ g).reshape(G, C), mx.zeros(())


def layer_norm(x: mx.array, weight: mx.array, bias: mx.array | None, eps: float) -> mx.array:
    """(x - mean) / sqrt(variance + eps) * weight + bias over the last axis; weight (C,), or (G, C) for x (…, G, C)."""
    weight = weight.reshape(-1, x.shape[-1])
    bias = mx.zeros_like(weight) if bias is None else bias.reshape(weight.shape)
    return _layer_norm(x.reshape(-1, *weight.shape), weight, bias, mx.array(eps))[0].reshape(x.shape)


# ---- attention -------------------------------------------------------------------------------------------------------


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
    scores = _fence(scores - scores.max(axis=-1, keepdims=True))
    # max(scores, -60): 9e-27 is nothing beside the 1 of the highest, and its products with gradients are no denormal
    # numbers, with which Intel processors take a hundred times as long
    weights = exp(0.5 * ((scores - 60.0) + mx.abs(scores + 60.0)))
    total = weights.sum(axis=-1, keepdims=True)
    return (weights @ v) / total, weights, total


@_attention.vjp
def _(
    primals: tuple[mx.array, ...], cotangents: tuple[mx.array, ...], outputs: tuple[mx.array, ...]
) -> tuple[mx.array, mx.array, mx.array, mx.array]:
    q, k, v, _ = primals
    z, weights, total = outputs
    dz = cotangents[0] / total
    dv = weights.swapaxes(-1, -2) @ dz
    # d scores = pattern * (dz v' - sum(dz * z)): the softmax Jacobian, with the division by `total` done on dz
    ds = weights * _fence(dz @ v.swapaxes(-1, -2) - (dz * z).sum(axis=-1, keepdims=True))
    return ds @ k, ds.swapaxes(-1, -2) @ q, dv, mx.zeros((1,))


def causal_attention(q: mx.array, k: mx.array, v: mx.array, scale: float, window: int = 0) -> mx.array:
    """softmax(scale q k' + causal mask) v.  q (B, H, T, D), k and v (B, K, S, D) -> (B, H, T, D).

    The G = H / K query heads that share a key head are laid one after the other along time, so that grouped attention
    is the same batched product as the plain one.
    """
    B, H, T, D = q.shape
    K, S = k.shape[1], k.shape[2]
    G = H // K
    grouped = (q * scale).reshape(B, K, G * T, D)
    return _attention(grouped, k, v, _mask_bias(B, K, G, T, S, window))[0].reshape(B, H, T, D)


# ---- loss ------------------------------------------------------------------------------------------------------------


@mx.custom_function
def _cross_entropy(logits: mx.array, targets: mx.array) -> tuple[mx.array, mx.array, mx.array]:
    highest = logits.max(axis=-1, keepdims=True)
    shifted = _fence(logits - highest)
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
