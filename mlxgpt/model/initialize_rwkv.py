"""Every initial value of RWKV blocks, as their authors train them (BlinkDL/RWKV-LM, x060 and x070).

Nothing here is drawn like the next: a channel's place, i of C, decides how much of the token before it sees and how
fast it forgets, and so does a block's place, l of L.  Fast channels and slow ones, early blocks and late ones are there
from the first step.  Matrices that end a branch are zero, so that each block starts as the identity.

p = i / C · s = i / (C - 1) · up = l / (L - 1) · down = 1 - l / L
"""

import math
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

from mlxgpt.model.config import ModelConfig

Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a parameter stands: channels from first to last, blocks from first (up = 0) to last."""

    p: mx.array
    s: mx.array
    up: float
    down: float
    l: int  # noqa: E741  # the letter of the formulas
    L: int


def rwkv(name: str, shape: Shape, config: ModelConfig, key: mx.array) -> mx.array | None:
    """The initial value of a parameter of an RWKV model; None where it is right as it was built."""
    part, _, leaf = name.rpartition(".")
    if name == "embedding.weight":  # tiny: the norm behind brings it to size, and a small step changes it much
        return mx.random.normal(shape, key=key) * 0.02 if config.tie_embeddings else _uniform(shape, 1e-4, key)
    if name == "head.weight":
        return orthogonal(shape, 0.5 * math.sqrt(max(1.0, shape[0] / shape[1])), key)
    if not name.startswith("blocks."):
        return None
    layer, C, L = int(name.split(".")[1]), config.n_embd, config.n_layer
    i = mx.arange(C).astype(mx.float32)
    place = Place(p=i / C, s=i / max(1, C - 1), up=layer / max(1, L - 1), down=1 - layer / L, l=layer, L=L)
    inner = name.split(".", 2)[2]
    if inner == "att.ln_x.weight":
        return mx.full(shape, ((1 + layer) / L) ** 0.7)
    if leaf == "weight" and part.endswith(MATRICES):
        gain = GAINS[config.block].get(inner.removesuffix(".weight"), 0.0)
        return orthogonal(shape, gain, key) if gain else mx.zeros(shape)
    return (_rwkv6 if config.block == "rwkv6" else _rwkv7)(inner, shape, place, config.head_width, key)


MATRICES = ("receptance", "key", "value", "gate", "output")

# Matrices that are orthogonal, and their gain; all others are zero.
GAINS = {
    "rwkv6": {"att.receptance": 1.0, "att.key": 0.1, "att.value": 1.0, "att.gate": 0.1, "ffn.key": 1.0},
    "rwkv7": {"att.receptance": 1.0, "att.key": 0.1, "att.value": 1.0, "ffn.key": 1.0},
}


def _rwkv6(name: str, shape: Shape, at: Place, head: int, key: mx.array) -> mx.array | None:
    match name:
        case "att.time_maa_x" | "att.time_maa_w" | "att.time_maa_k":
            return 1 - at.p**at.down
        case "att.time_maa_v":
            return 1 - (at.p**at.down + 0.3 * at.up)
        case "att.time_maa_r" | "att.time_maa_g":
            return 1 - at.p ** (0.5 * at.down)
        case "att.time_decay":
            return -6 + 5 * at.s ** (0.7 + 1.3 * at.up)
        case "att.time_faaaa":
            return (at.up * (1 - at.s) + 0.1 * ((mx.arange(at.s.size) + 1) % 3 - 1)).reshape(shape)
        case "att.time_maa_w2" | "att.time_decay_w2":
            return _uniform(shape, 0.01, key)
        case "ffn.time_maa_k" | "ffn.time_maa_r":
            return 1 - at.p ** (at.down**3)
    return None


def _rwkv7(name: str, shape: Shape, at: Place, head: int, key: mx.array) -> mx.array | None:
    place = (mx.arange(at.s.size) % head).astype(mx.float32)
    zigzag = (place - (head - 1) / 2) / max(0.5, (head - 1) / 2)  # -1 to 1 in each head
    zigzag, linear = zigzag * mx.abs(zigzag), at.s - 0.5
    match name:
        case "att.x_r" | "att.x_w" | "att.x_k" | "att.x_v" | "att.x_a" | "att.x_g":
            share = {"r": 0.2, "w": 0.9, "k": 0.7, "v": 0.7, "a": 0.9, "g": 0.2}[name[-1]]
            return 1 - at.p ** (share * at.down)
        case "ffn.x_k":
            return 1 - at.p ** (at.down**4)
        case "att.w0":
            return -6 + 6 * at.s ** (1 + at.up**0.3) + 0.5 + 2.5 * zigzag
        case "att.a0":
            return -0.19 + 0.3 * zigzag + 0.4 * linear
        case "att.v0":
            return 0.73 - 0.4 * linear
        case "att.k_k":
            return 0.71 - 0.1 * linear
        case "att.k_a":
            return mx.full(shape, 1.02)
        case "att.r_k":
            return mx.full(shape, -0.04)
        case "att.w2" | "att.a2" | "att.v2" | "att.g2":
            return orthogonal(shape, 0.1, key)
    return None


def orthogonal(shape: Shape, gain: float, key: mx.array) -> mx.array:
    """A matrix whose rows or columns, whichever are fewer, are orthogonal and `gain` long (Saxe et al. 2014)."""
    normal = mx.random.normal((max(shape), min(shape)), key=key)
    q, r = map(
        mx.array, np.linalg.qr(np.array(normal))
    )  # on Linux six times as fast as MLX's, for large models minutes
    q = q * mx.sign(mx.diag(r))  # without this the directions are not uniform
    return gain * (q if shape[0] >= shape[1] else q.T)


def _uniform(shape: Shape, bound: float, key: mx.array) -> mx.array:
    return mx.random.uniform(-bound, bound, shape, key=key)
