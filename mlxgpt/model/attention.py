"""Attention: every position asks (query) all earlier ones (key) and takes what they offer (value).

Two ways stand side by side and are tested equal: `fused`, MLX's kernel, which never holds the attention weights, and
`explicit`, which shows each step and gives the weights to whoever watches.

B batch · T new tokens · S tokens seen · C channels (n_embd) · H heads · K kv heads · G = H / K · D head dim
"""

import mlx.core as mx
import mlx.nn as nn

from mlxgpt.model import functional, linux_cpu
from mlxgpt.model.cache import Cache, Mask, causal_mask
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.layers import NORMS, RMSNorm
from mlxgpt.model.positions import NoPositions
from mlxgpt.model.tap import NO_TAP, Tap


class Attention(nn.Module):
    """Multi-head causal self-attention (Vaswani et al. 2017, 3.2), with as many key/value heads as asked.

    n_kv_head = n_head is multi-head, 1 is multi-query (Shazeer 2019), between is grouped-query (Ainslie et al. 2023).
    """

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        H, K, D, C = config.n_head, config.kv_heads, config.head_width, config.n_embd
        bias = config.has_bias("qkv")
        self.q_proj = nn.Linear(C, H * D, bias=bias)
        self.k_proj = nn.Linear(C, K * D, bias=bias)
        self.v_proj = nn.Linear(C, K * D, bias=bias)
        self.o_proj = nn.Linear(H * D, C, bias=config.has_bias("out"))
        if config.qk_norm != "none":
            norm = RMSNorm if config.norm == "layernorm" else NORMS[config.norm]
            whole = config.qk_norm == "width"
            self.q_norm = norm(H * D if whole else D, config.norm_eps)
            self.k_norm = norm(K * D if whole else D, config.norm_eps)
        self._qk_norm = config.qk_norm
        self._heads, self._kv_heads = H, K
        self._scale = config.attn_scale or D**-0.5
        self._softcap = config.attn_softcap
        self._local = config.slides(layer)
        self._window = config.sliding_window if self._local else 0

    def __call__(self, x: mx.array, positions: NoPositions, cache: Cache | None = None, tap: Tap = NO_TAP) -> mx.array:
        offset = cache.offset if cache is not None else 0
        q, k, v = self.q_proj(x), self.k_proj(x), self.v_proj(x)
        if self._qk_norm == "width":
            q, k = self.q_norm(q), self.k_norm(k)
        q = split_heads(q, self._heads)  # (B, H, T, D)
        k, v = split_heads(k, self._kv_heads), split_heads(v, self._kv_heads)  # (B, K, T, D)
        if self._qk_norm == "head":
            q, k = self.q_norm(q), self.k_norm(k)
        q = tap("q", positions.rotate(q, offset, self._local))
        k = tap("k", positions.rotate(k, offset, self._local))
        v = tap("v", v)
        mask = self.mask(x.shape[1], cache)
        if cache is not None:
            k, v = cache.update_and_fetch(k, v)  # (B, K, S, D)
        if self._softcap or tap.wants("pattern"):
            z = explicit(q, k, v, scale=self._scale, mask=mask, softcap=self._softcap, tap=tap)
        else:
            z = fused(q, k, v, scale=self._scale, mask=mask, window=self._window, cache=cache)
        return self.o_proj(merge_heads(tap("z", z)))  # (B, T, C)

    def row(self, q: mx.array, cache: Cache) -> mx.array:
        """Whom the last token looked at, (B, H, S), from its query (B, H, 1, D) and the cache that has read it.

        Beside whatever kernel ran, so that looking changes no logit.
        """
        assert cache.keys is not None
        positions = mx.array(cache.positions)  # (S,)
        mask = (positions > positions.max() - self._window)[None] if self._window else None
        k = cache.keys[..., : positions.size, :]
        return weights(q, k, scale=self._scale, mask=mask, softcap=self._softcap)[:, :, 0]

    def mask(self, length: int, cache: Cache | None) -> Mask:
        """Who sees whom: None for everything, "causal", or booleans (T, S), with ragged texts (B, 1, T, S)."""
        if cache is not None:
            return cache.make_mask(length, window_size=self._window or None)
        if self._window and length > self._window:
            return causal_mask(length, window=self._window)
        return "causal" if length > 1 else None


def split_heads(x: mx.array, heads: int) -> mx.array:
    """(B, T, heads * D) -> (B, heads, T, D)."""
    B, T, _ = x.shape
    return x.reshape(B, T, heads, -1).swapaxes(1, 2)


def merge_heads(z: mx.array) -> mx.array:
    """(B, H, T, D) -> (B, T, H * D)."""
    B, _, T, _ = z.shape
    return z.swapaxes(1, 2).reshape(B, T, -1)


def fused(
    q: mx.array, k: mx.array, v: mx.array, *, scale: float, mask: Mask, window: int = 0, cache: Cache | None = None
) -> mx.array:
    """softmax(scale q k' + mask) v in one kernel; keys are never repeated for grouped heads."""
    if cache is None and mask is not None and functional.on_linux_cpu(q):
        return linux_cpu.causal_attention(q, k, v, scale, window)
    return mx.fast.scaled_dot_product_attention(q, k, v, scale=scale, mask=mask)


def explicit(
    q: mx.array, k: mx.array, v: mx.array, *, scale: float, mask: Mask, softcap: float = 0.0, tap: Tap = NO_TAP
) -> mx.array:
    """The same, step by step: scores, cap, mask, softmax, weighted sum.  The weights pass the tap as "pattern"."""
    B, H, T, D = q.shape
    K, S = k.shape[1], k.shape[2]
    pattern = tap("pattern", weights(q, k, scale=scale, mask=mask, softcap=softcap))
    z = pattern.reshape(B, K, H // K, T, S) @ v[:, :, None]  # (B, K, G, T, D)
    return z.reshape(B, H, T, D)


def weights(q: mx.array, k: mx.array, *, scale: float, mask: Mask, softcap: float = 0.0) -> mx.array:
    """Who looks at whom, softmax(scale q k' + mask), (B, H, T, S); rows sum to one."""
    B, H, T, D = q.shape
    K, S = k.shape[1], k.shape[2]
    grouped = (q * scale).reshape(B, K, H // K, T, D)
    scores = grouped @ k[:, :, None].swapaxes(-1, -2)  # (B, K, G, T, S)
    scores = functional.soft_cap(scores, softcap)
    if mask is not None:
        allowed = causal_mask(T, S - T) if isinstance(mask, str) else mask
        if allowed.ndim == 4:  # (B, 1, T, S), one for each text
            allowed = allowed[:, :, None]
        scores = mx.where(allowed, scores, mx.array(-mx.inf, scores.dtype))
    return mx.softmax(scores, axis=-1, precise=True).reshape(B, H, T, S)
