"""A GPT: tokens become vectors, blocks let the vectors talk to each other, a head scores every possible next token.

    tokens (B, T) -> embedding (B, T, C) -> n_layer blocks (B, T, C) -> final norm -> head -> logits (B, T, V)

The call `model(tokens, cache=None)` and the properties around it are mlx-lm's contract, so that its tools run our
models.

B batch · T time · C channels (n_embd) · V vocab
"""

from collections.abc import Sequence

import mlx.core as mx
import mlx.nn as nn

from mlxgpt.model import functional
from mlxgpt.model.attention import Attention
from mlxgpt.model.cache import Cache, KVCache
from mlxgpt.model.config import PLACEMENTS, ModelConfig
from mlxgpt.model.layers import NORMS, dropout, feed_forward
from mlxgpt.model.positions import POSITIONS, NoPositions
from mlxgpt.model.recurrent import Flow, RecurrentState
from mlxgpt.model.rwkv6 import RWKV6Block
from mlxgpt.model.rwkv7 import RWKV7Block
from mlxgpt.model.tap import NO_TAP, Tap, inside

Memory = Cache | RecurrentState  # what a block remembers while decoding


class BranchNorms(nn.Module):
    """The norms around one branch of a block; the branch itself is given when called."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        for place in PLACEMENTS[config.norm_placement]:
            self[place] = NORMS[config.norm](config.n_embd, config.norm_eps, bias=config.has_bias("norm"))

    def apply(self, place: str, x: mx.array) -> mx.array:
        """The norm at `place`, or `x` itself where none stands."""
        return self[place](x) if place in self else x


class TransformerBlock(nn.Module):
    """Attention, where positions exchange information, then a feed-forward network, where each thinks for itself."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.attn_norm = BranchNorms(config)
        self.attn = Attention(config, layer)
        self.ffn_norm = BranchNorms(config)
        self.ffn = feed_forward(config)
        self._dropout = config.dropout

    def __call__(
        self,
        x: mx.array,
        positions: NoPositions,
        cache: Cache | None = None,
        tap: Tap = NO_TAP,
        key: mx.array | None = None,
        flow: Flow | None = None,
    ) -> mx.array:
        keys = [None, None] if key is None else mx.random.split(key)
        x = tap("resid_pre", x)
        attn_out = self.attn(self.attn_norm.apply("before", x), positions, cache, inside(tap, "attn"))
        attn_out = dropout(self.attn_norm.apply("after", attn_out), self._dropout, keys[0])
        x = tap("resid_mid", self.attn_norm.apply("outer", x + tap("attn_out", attn_out)))
        ffn_out = self.ffn(self.ffn_norm.apply("before", x), inside(tap, "ffn"))
        ffn_out = dropout(self.ffn_norm.apply("after", ffn_out), self._dropout, keys[1])
        return tap("resid_post", self.ffn_norm.apply("outer", x + tap("ffn_out", ffn_out)))

    def make_cache(self) -> Cache:
        """An empty memory for decoding."""
        return KVCache()


BLOCKS: dict[str, type[nn.Module]] = {"transformer": TransformerBlock, "rwkv6": RWKV6Block, "rwkv7": RWKV7Block}


class GPT(nn.Module):
    """The whole model.  It is built empty: `initialize` or a checkpoint gives the values."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self._config = config
        self.embedding = nn.Embedding(config.vocab_size, config.n_embd)
        self.positions = POSITIONS[config.position](config)
        self.blocks = [BLOCKS[config.block](config, layer) for layer in range(config.n_layer)]
        if config.norm_placement != "residual":  # there the last block has already normalised
            self.final_norm = NORMS[config.norm](config.n_embd, config.norm_eps, bias=config.has_bias("norm"))
        if not config.tie_embeddings:
            self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)

    def __call__(
        self,
        tokens: mx.array,
        cache: Sequence[Memory] | None = None,
        tap: Tap = NO_TAP,
        key: mx.array | None = None,
    ) -> mx.array:
        """Logits (B, T, V) for tokens (B, T).

        With `cache`, one entry a block, the tokens continue what the cache has seen.  With `key`, dropout is on.
        """
        x = self.hidden(tokens, cache, tap, key)  # (B, T, C)
        return tap("logits", self.unembed(x))

    def hidden(
        self,
        tokens: mx.array,
        cache: Sequence[Memory] | None = None,
        tap: Tap = NO_TAP,
        key: mx.array | None = None,
    ) -> mx.array:
        """The residual stream after the final norm, (B, T, C): the model without its head."""
        config = self._config
        caches = [None] * config.n_layer if cache is None else cache
        keys = [None] * (config.n_layer + 1) if key is None else mx.random.split(key, config.n_layer + 1)
        offset = 0 if caches[0] is None else caches[0].offset
        x = self.embedding(tokens)
        if config.embed_scale != 1.0:
            x = x * mx.array(config.embed_scale, x.dtype)
        x = tap("embed", self.positions.embed(x, offset))
        x = dropout(x, config.dropout, keys[-1])
        flow = Flow(ends=None if config.document_end < 0 else (tokens == config.document_end).astype(mx.float32))
        for i, block in enumerate(self.blocks):
            x = block(x, self.positions, caches[i], inside(tap, f"blocks.{i}"), keys[i], flow)
        return tap("final_norm", self.final_norm(x) if "final_norm" in self else x)

    def unembed(self, x: mx.array) -> mx.array:
        """Logits (…, V) for vectors (…, C) of the normalised residual stream."""
        logits = self.embedding.as_linear(x) if self._config.tie_embeddings else self.head(x)
        return functional.soft_cap(logits, self._config.logit_softcap)

    @property
    def config(self) -> ModelConfig:
        """What the model is."""
        return self._config

    @property
    def layers(self) -> list[nn.Module]:
        """The blocks, under the name mlx-lm knows."""
        return self.blocks

    def make_cache(self) -> list[Memory]:
        """One empty memory a block."""
        return [block.make_cache() for block in self.blocks]
