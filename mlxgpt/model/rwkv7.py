"""RWKV-7, "Goose": RWKV-6 whose state can be corrected, not only faded (Peng et al. 2025, 2503.14456).

Read `rwkv6.py` first; this is what changes.  The memory is `wkv7`.  Which share of the token before is mixed in no
longer depends on the token.  Values of the first block are mixed into those of the later ones.  The bonus of a token's
own value is added after the norm, and channel mixing loses its gate.  Decay, rate, value share and gate each come from
two thin matrices: bias + activation(x w1) w2.

Names are those of BlinkDL/RWKV-LM (x070): receptance makes r, what a token asks the memory for; x_r … x_g are how much
of the token before each looks at; w0 w1 w2 make the decay, a0 a1 a2 the rate of correction, v0 v1 v2 the share of the
first block's values, g1 g2 the gate; k_k turns the key into the direction kk that is corrected, k_a lets the rate weaken
the key, and r_k is the bonus of a token's own value.

B batch · T time · C channels (n_embd) · H heads · N head size · F inner width
"""

import math

import mlx.core as mx
import mlx.nn as nn

from mlxgpt.model import functional
from mlxgpt.model.attention import merge_heads, split_heads
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.recurrent import Flow, HeadNorm, RecurrentState, explicit, starting_state, token_shift
from mlxgpt.model.rwkv6 import RWKV6Block
from mlxgpt.model.tap import Tap
from mlxgpt.model.wkv6 import Result
from mlxgpt.model.wkv7 import wkv7

FASTEST = -math.exp(-0.5)  # the smallest logarithm of a decay, -0.6065


class TimeMix(nn.Module):
    """Tokens exchange information: each corrects the memory, writes a value under a key, and reads."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        C, H, N = config.n_embd, config.n_head, config.head_width
        for name in "rwkvag":  # how much of the token before goes into receptance, decay, key, value, rate, gate
            self[f"x_{name}"] = mx.zeros((C,))
        for name, rank in config.ranks.items():
            low = {"decay": "w", "rate": "a", "value": "v", "gate": "g"}[name]
            if low == "v" and layer == 0:
                continue  # the first block's values are its own
            if low != "g":
                self[low + "0"] = mx.zeros((C,))
            self[low + "1"] = mx.zeros((C, rank))
            self[low + "2"] = mx.zeros((rank, C))
        self.k_k = mx.zeros((C,))
        self.k_a = mx.zeros((C,))
        self.r_k = mx.zeros((H, N))
        if config.learned_state:
            self.time_state = mx.zeros((H, N, N))  # what the memory holds before the first token
        self.receptance = nn.Linear(C, C, bias=False)
        self.key = nn.Linear(C, C, bias=False)
        self.value = nn.Linear(C, C, bias=False)
        self.output = nn.Linear(C, C, bias=False)
        self.ln_x = HeadNorm(config)
        self._heads = H

    def __call__(self, x: mx.array, state: RecurrentState, flow: Flow, tap: Tap) -> mx.array:
        xx, state.att_shift = token_shift(x, state.att_shift, flow.ends)
        xr, xw, xk, xv, xa, xg = (x + xx * self[f"x_{name}"] for name in "rwkvag")
        r, k, v = self.receptance(xr), self.key(xk), self.value(xv)  # (B, T, C)
        if flow.first_values is None:
            flow.first_values = v
        else:
            v = v + (flow.first_values - v) * functional.sigmoid(self.v0 + xv @ self.v1 @ self.v2)
        rate = functional.sigmoid(self.a0 + xa @ self.a1 @ self.a2)
        g = tap("g", functional.sigmoid(xg @ self.g1) @ self.g2)
        kk = unit(split_heads(k * self.k_k, self._heads))  # (B, H, T, N): the direction that is corrected
        k = k * (1.0 + (rate - 1.0) * self.k_a)
        r, k, v, lw, rate = (split_heads(y, self._heads) for y in (r, k, v, self.log_decay(xw), rate))
        r, k, v, lw = tap("r", r), tap("k", k), tap("v", v), tap("w", lw)
        a, b = tap("a", -kk), tap("b", kk * rate)
        before = starting_state(self, state, len(x))

        def read(values: mx.array, before: mx.array | None) -> Result:
            return wkv7(r, lw, k, values, a, b, before, flow.ends)

        y, state.wkv = read(v, before)
        if tap.wants("pattern"):
            y = explicit(read, v, before, tap)
        z = tap("z", y.astype(x.dtype))
        bonus = (r * k * self.r_k[:, None]).sum(axis=-1, keepdims=True) * v
        return self.output(tap("gated", (self.ln_x(z) + merge_heads(bonus)) * g))  # (B, T, C)

    def log_decay(self, xw: mx.array) -> mx.array:
        """lw (B, T, C) in float32, between -0.61 and 0; what is remembered fades by exp(lw) at each token."""
        low = functional.tanh(xw @ self.w1) @ self.w2
        return FASTEST * functional.sigmoid(self.w0.astype(mx.float32) + low.astype(mx.float32))


def unit(x: mx.array) -> mx.array:
    """Vectors of the last axis at length 1; those shorter than 1e-12 stay short."""
    x = x.astype(mx.float32)
    return x * mx.rsqrt(mx.maximum((x * x).sum(axis=-1, keepdims=True), 1e-24))


class ChannelMix(nn.Module):
    """Each token thinks for itself: V relu(K x)^2, seeing a little of the token before."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.x_k = mx.zeros((config.n_embd,))
        self.key = nn.Linear(config.n_embd, config.ffn_width, bias=False)
        self.value = nn.Linear(config.ffn_width, config.n_embd, bias=False)

    def __call__(self, x: mx.array, state: RecurrentState, flow: Flow, tap: Tap) -> mx.array:
        xx, state.ffn_shift = token_shift(x, state.ffn_shift, flow.ends)
        return self.value(tap("hidden", functional.relu_squared(self.key(x + xx * self.x_k))))


class RWKV7Block(RWKV6Block):
    """The same block with RWKV-7's mixing."""

    def mixing(self, config: ModelConfig, layer: int) -> tuple[nn.Module, nn.Module]:
        """Time mixing and channel mixing."""
        return TimeMix(config, layer), ChannelMix(config)
