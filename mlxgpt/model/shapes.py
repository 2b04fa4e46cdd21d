"""The name and shape of every parameter of a model, from its config alone.

No MLX and no memory: `info` counts with it, and a checkpoint is checked against it before anything is built.  A test
holds it equal to the real model.

V vocab · C channels (n_embd) · H heads · K kv heads · D head dim · F inner width (ffn_width)
"""

import math

from mlxgpt.model.config import PLACEMENTS, ModelConfig

Shape = tuple[int, ...]


def parameter_shapes(config: ModelConfig) -> dict[str, Shape]:
    """Every parameter by its name, in the order of the forward pass."""
    V, C = config.vocab_size, config.n_embd
    shapes: dict[str, Shape] = {"embedding.weight": (V, C)}
    if config.position == "learned":
        shapes["positions.weight"] = (config.context_length, C)
    block = block_shapes(config)
    for layer in range(config.n_layer):
        shapes |= {f"blocks.{layer}.{name}": shape for name, shape in block.items()}
    if config.norm_placement != "residual":
        shapes |= _norm("final_norm", config)
    if not config.tie_embeddings:
        shapes["head.weight"] = (V, C)
    return shapes


def block_shapes(config: ModelConfig) -> dict[str, Shape]:
    """The parameters of one block; all blocks are alike."""
    C, F = config.n_embd, config.ffn_width
    H, K, D = config.n_head, config.kv_heads, config.head_width
    places = PLACEMENTS[config.norm_placement]
    shapes: dict[str, Shape] = {}
    for place in places:
        shapes |= _norm(f"attn_norm.{place}", config)
    for name, heads in (("q", H), ("k", K), ("v", K)):
        shapes |= _linear(f"attn.{name}_proj", C, heads * D, config.has_bias("qkv"))
    shapes |= _linear("attn.o_proj", H * D, C, config.has_bias("out"))
    if config.qk_norm != "none":
        shapes["attn.q_norm.weight"] = (H * D if config.qk_norm == "width" else D,)
        shapes["attn.k_norm.weight"] = (K * D if config.qk_norm == "width" else D,)
    for place in places:
        shapes |= _norm(f"ffn_norm.{place}", config)
    for name in ("gate", "up") if config.gated else ("up",):
        shapes |= _linear(f"ffn.{name}_proj", C, F, config.has_bias("ffn"))
    return shapes | _linear("ffn.down_proj", F, C, config.has_bias("ffn"))


def count(shapes: dict[str, Shape]) -> int:
    """How many numbers the parameters hold."""
    return sum(map(math.prod, shapes.values()))


def _linear(name: str, inputs: int, outputs: int, bias: bool) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {f"{name}.weight": (outputs, inputs)}
    return shapes | {f"{name}.bias": (outputs,)} if bias else shapes


def _norm(name: str, config: ModelConfig) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {f"{name}.weight": (config.n_embd,)}
    has_bias = config.norm == "layernorm" and config.has_bias("norm")
    return shapes | {f"{name}.bias": (config.n_embd,)} if has_bias else shapes
