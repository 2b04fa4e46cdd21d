"""RWKV-6, "Finch": a block whose memory is a state of fixed size (Peng et al. 2024, 2404.05892).

It reads like a recurrent network, a token at a time with the same effort however long the text is, and trains like a
transformer, all tokens at once.  Where a transformer's block has attention and a feed-forward network, this one has

    time mixing      tokens exchange information: `wkv6` remembers values under keys, and forgets them by decays
    channel mixing   each token thinks for itself

and both look at the token before as well as at their own (`token_shift`).

Parameters have the names of the reference implementation, BlinkDL/RWKV-LM (x060), so that its checkpoints are ours:

    receptance       the matrix that makes r, what a token asks the memory for: a transformer's query
    time_maa_w       how much of the token before is mixed into what the decay w looks at, by channel; k, v, r, g the
                     same, and x into what decides about all of these; maa_w1, maa_w2: the thin matrices that decide
    time_decay       w of a token that asks for nothing special; time_decay_w1, _w2: what it may add
    time_faaaa       u, by how much a token's own value counts more than those it remembers

B batch · T time · C channels (n_embd) · H heads · N head size · F inner width · M rank of the mix · R rank of the decay
"""

import mlx.core as mx
import mlx.nn as nn

from mlxgpt.model import functional
from mlxgpt.model.attention import split_heads
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.layers import dropout
from mlxgpt.model.positions import NoPositions
from mlxgpt.model.recurrent import Flow, HeadNorm, RecurrentState, explicit, layer_norm, starting_state, token_shift
from mlxgpt.model.tap import NO_TAP, Tap, inside
from mlxgpt.model.wkv6 import Result, apart, wkv6


class TimeMix(nn.Module):
    """Tokens exchange information: each writes a value under a key, and reads what the tokens before have written."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        C, H, N = config.n_embd, config.n_head, config.head_width
        M, R = config.ranks["mix"], config.ranks["decay"]
        # how much of the token before goes into the mix itself, decay, key, value, receptance and gate
        for name in "xwkvrg":
            self[f"time_maa_{name}"] = mx.zeros((C,))
        self.time_maa_w1 = mx.zeros((C, 5 * M))
        self.time_maa_w2 = mx.zeros((5, M, C))
        self.time_decay = mx.zeros((C,))
        self.time_decay_w1 = mx.zeros((C, R))
        self.time_decay_w2 = mx.zeros((R, C))
        self.time_faaaa = mx.zeros((H, N))  # u, the bonus of a token's own value
        if config.learned_state:
            self.time_state = mx.zeros((H, N, N))  # what the memory holds before the first token
        self.receptance = nn.Linear(C, C, bias=False)
        self.key = nn.Linear(C, C, bias=False)
        self.value = nn.Linear(C, C, bias=False)
        self.gate = nn.Linear(C, C, bias=False)
        self.output = nn.Linear(C, C, bias=False)
        self.ln_x = HeadNorm(config)
        self._heads = H

    def __call__(self, x: mx.array, state: RecurrentState, flow: Flow, tap: Tap) -> mx.array:
        xx, state.att_shift = token_shift(x, state.att_shift, flow.ends)
        xw, xk, xv, xr, xg = (x + xx * share for share in apart(tap("mix", self.mix(x, xx)), 0))
        r, k, v = (split_heads(y, self._heads) for y in (self.receptance(xr), self.key(xk), self.value(xv)))
        r, k, v = tap("r", r), tap("k", k), tap("v", v)  # (B, H, T, N)
        g = tap("g", functional.silu(self.gate(xg)))
        w = tap("w", split_heads(self.decay(xw), self._heads))
        u, before = self.time_faaaa, starting_state(self, state, len(x))

        def read(values: mx.array, before: mx.array | None) -> Result:
            return wkv6(r, k, values, w, u, before, flow.ends)

        y, state.wkv = read(v, before)
        if tap.wants("pattern"):
            y = explicit(read, v, before, tap)
        z = tap("z", y.astype(x.dtype))
        return self.output(tap("gated", self.ln_x(z) * g))  # (B, T, C)

    def mix(self, x: mx.array, xx: mx.array) -> mx.array:
        """How much of the token before goes into what decay, key, value, receptance and gate look at, (5, B, T, C).

        Of each channel a learned share, and as much more or less as the token itself asks for.
        """
        B, T, C = x.shape
        z = functional.tanh((x + xx * self.time_maa_x) @ self.time_maa_w1)  # (B, T, 5 M)
        z = z.reshape(B * T, 5, -1).swapaxes(0, 1) @ self.time_maa_w2  # (5, B T, C)
        learned = (self.time_maa_w, self.time_maa_k, self.time_maa_v, self.time_maa_r, self.time_maa_g)
        return mx.stack(learned)[:, None, None] + z.reshape(5, B, T, C)

    def decay(self, xw: mx.array) -> mx.array:
        """w (B, T, C) in float32; what is remembered fades by exp(-exp(w)) at each token."""
        low = functional.tanh(xw @ self.time_decay_w1) @ self.time_decay_w2
        return self.time_decay.astype(mx.float32) + low.astype(mx.float32)


class ChannelMix(nn.Module):
    """Each token thinks for itself: sigmoid(R x) * V relu(K x)^2, seeing a little of the token before."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        C, F = config.n_embd, config.ffn_width
        self.time_maa_k = mx.zeros((C,))
        self.time_maa_r = mx.zeros((C,))
        self.key = nn.Linear(C, F, bias=False)
        self.receptance = nn.Linear(C, C, bias=False)
        self.value = nn.Linear(F, C, bias=False)

    def __call__(self, x: mx.array, state: RecurrentState, flow: Flow, tap: Tap) -> mx.array:
        xx, state.ffn_shift = token_shift(x, state.ffn_shift, flow.ends)
        hidden = tap("hidden", functional.relu_squared(self.key(x + xx * self.time_maa_k)))  # (B, T, F)
        return functional.sigmoid(self.receptance(x + xx * self.time_maa_r)) * self.value(hidden)


class RWKV6Block(nn.Module):
    """x + time mixing of x, then x + channel mixing of x, each behind a LayerNorm."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        if layer == 0:
            self.ln0 = layer_norm(config)  # the embeddings start tiny and learn fast; this brings them to size
        self.ln1, self.ln2 = layer_norm(config), layer_norm(config)
        self.att, self.ffn = self.mixing(config, layer)
        self._dropout = config.dropout

    def __call__(
        self,
        x: mx.array,
        positions: NoPositions,
        cache: RecurrentState | None = None,
        tap: Tap = NO_TAP,
        key: mx.array | None = None,
        flow: Flow | None = None,
    ) -> mx.array:
        state, flow = cache or RecurrentState(), flow or Flow()
        keys = [None, None] if key is None else mx.random.split(key)
        state.offset += x.shape[1]
        x = tap("resid_pre", self.ln0(x) if "ln0" in self else x)
        att_out = dropout(self.att(self.ln1(x), state, flow, inside(tap, "attn")), self._dropout, keys[0])
        x = tap("resid_mid", x + tap("attn_out", att_out))
        ffn_out = dropout(self.ffn(self.ln2(x), state, flow, inside(tap, "ffn")), self._dropout, keys[1])
        return tap("resid_post", x + tap("ffn_out", ffn_out))

    def mixing(self, config: ModelConfig, layer: int) -> tuple[nn.Module, nn.Module]:
        """Time mixing and channel mixing."""
        return TimeMix(config), ChannelMix(config)

    def make_cache(self) -> RecurrentState:
        """An empty memory for decoding."""
        return RecurrentState()
