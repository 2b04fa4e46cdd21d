"""RWKV-6 for mlx-lm, which has none: mlxgpt puts this file beside the weights, and config.json names it as `model_file`.

    model, _ = load_model(path, trust_remote_code=True)      # mlx_lm.utils

It stands alone, written for running, not for training; mlxgpt itself computes with mlxgpt/model/rwkv6.py.
"""

from dataclasses import dataclass

import mlx.core as mx
import mlx.nn as nn
from mlx_lm.models.base import BaseModelArgs
from mlx_lm.models.cache import ArraysCache


@dataclass
class ModelArgs(BaseModelArgs):
    model_type: str
    vocab_size: int
    hidden_size: int
    intermediate_size: int
    num_hidden_layers: int
    head_size: int
    mix_low_rank_dim: int
    decay_low_rank_dim: int
    layer_norm_epsilon: float = 1e-5
    tie_word_embeddings: bool = False


def shifted(x, last):
    """The difference of each token to the one before it, and the last token."""
    last = mx.zeros_like(x[:, :1]) if last is None else last
    return mx.concatenate([last, x[:, :-1]], axis=1) - x, x[:, -1:]


class Attention(nn.Module):
    def __init__(self, args):
        super().__init__()
        C, N, M, R = args.hidden_size, args.head_size, args.mix_low_rank_dim, args.decay_low_rank_dim
        self._heads = C // N
        for name in "xwkvrg":
            self[f"time_maa_{name}"] = mx.zeros((1, 1, C))
        self.time_maa_w1, self.time_maa_w2 = mx.zeros((C, 5 * M)), mx.zeros((5, M, C))
        self.time_decay = mx.zeros((1, 1, C))
        self.time_decay_w1, self.time_decay_w2 = mx.zeros((C, R)), mx.zeros((R, C))
        self.time_faaaa = mx.zeros((C // N, N))
        for name in ("receptance", "key", "value", "gate", "output"):
            self[name] = nn.Linear(C, C, bias=False)
        self.ln_x = nn.LayerNorm(C, eps=64e-5)

    def __call__(self, x, cache):
        B, T, C = x.shape
        H = self._heads
        xx, last = shifted(x, cache[0] if cache else None)
        z = mx.tanh((x + xx * self.time_maa_x) @ self.time_maa_w1).reshape(B * T, 5, -1).swapaxes(0, 1)
        z = (z @ self.time_maa_w2).reshape(5, B, T, C)
        xw, xk, xv, xr, xg = (x + xx * (self[f"time_maa_{name}"] + z[i]) for i, name in enumerate("wkvrg"))
        w = self.time_decay.astype(mx.float32) + mx.tanh(xw @ self.time_decay_w1) @ self.time_decay_w2
        parts = (self.receptance(xr), self.key(xk), self.value(xv), mx.exp(-mx.exp(w)))
        r, k, v, d = (part.astype(mx.float32).reshape(B, T, H, -1) for part in parts)
        u = self.time_faaaa.astype(mx.float32)
        state = cache[1] if cache and cache[1] is not None else mx.zeros((B, H, C // H, C // H))
        ys = []
        for t in range(T):
            written = k[:, t, :, :, None] * v[:, t, :, None, :]
            ys.append(r[:, t, :, None, :] @ (state + u[..., None] * written))
            state = d[:, t, :, :, None] * state + written
        if cache:
            cache[0], cache[1] = last, state
        y = mx.concatenate(ys, axis=2).swapaxes(1, 2)  # (B, T, H, N)
        y = mx.fast.layer_norm(y, None, None, self.ln_x.eps).reshape(B, T, C).astype(x.dtype)
        return self.output((y * self.ln_x.weight + self.ln_x.bias) * nn.silu(self.gate(xg)))


class FeedForward(nn.Module):
    def __init__(self, args):
        super().__init__()
        C, F = args.hidden_size, args.intermediate_size
        self.time_maa_k, self.time_maa_r = mx.zeros((1, 1, C)), mx.zeros((1, 1, C))
        self.key, self.value = nn.Linear(C, F, bias=False), nn.Linear(F, C, bias=False)
        self.receptance = nn.Linear(C, C, bias=False)

    def __call__(self, x, cache):
        xx, last = shifted(x, cache[2] if cache else None)
        if cache:
            cache[2] = last
        k = mx.square(mx.maximum(self.key(x + xx * self.time_maa_k), 0.0))
        return mx.sigmoid(self.receptance(x + xx * self.time_maa_r)) * self.value(k)


class Block(nn.Module):
    def __init__(self, args, layer):
        super().__init__()
        norms = ("pre_ln", "ln1", "ln2") if layer == 0 else ("ln1", "ln2")
        for name in norms:
            self[name] = nn.LayerNorm(args.hidden_size, eps=args.layer_norm_epsilon)
        self.attention, self.feed_forward = Attention(args), FeedForward(args)

    def __call__(self, x, cache):
        x = self.pre_ln(x) if "pre_ln" in self else x
        x = x + self.attention(self.ln1(x), cache)
        return x + self.feed_forward(self.ln2(x), cache)


class Body(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.embeddings = nn.Embedding(args.vocab_size, args.hidden_size)
        self.blocks = [Block(args, layer) for layer in range(args.num_hidden_layers)]
        self.ln_out = nn.LayerNorm(args.hidden_size, eps=args.layer_norm_epsilon)

    def __call__(self, inputs, cache):
        x = self.embeddings(inputs)
        for block, state in zip(self.blocks, cache or [None] * len(self.blocks), strict=True):
            x = block(x, state)
        return self.ln_out(x)


class Model(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.args, self.model_type = args, args.model_type
        self.rwkv = Body(args)
        if not args.tie_word_embeddings:
            self.head = nn.Linear(args.hidden_size, args.vocab_size, bias=False)

    def __call__(self, inputs, cache=None):
        x = self.rwkv(inputs, cache)
        return self.rwkv.embeddings.as_linear(x) if self.args.tie_word_embeddings else self.head(x)

    @property
    def layers(self):
        return self.rwkv.blocks

    def make_cache(self):
        return [ArraysCache(size=3) for _ in self.layers]

    def sanitize(self, weights):
        return weights
