"""The name and shape of every parameter of a model, from its config alone.

No MLX and no memory: `info` counts with it, and a checkpoint is checked against it before anything is built.  A test
holds it equal to the real model.

V vocab · C channels (n_embd) · H heads · K kv heads · D head dim · F inner width (ffn_width) ·
M, R ranks of thin matrices
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
    for layer in range(config.n_layer):
        shapes |= {f"blocks.{layer}.{name}": shape for name, shape in block_shapes(config, layer).items()}
    if config.norm_placement != "residual":
        shapes |= _norm("final_norm", config)
    if not config.tie_embeddings:
        shapes["head.weight"] = (V, C)
    return shapes


def block_shapes(config: ModelConfig, layer: int) -> dict[str, Shape]:
    """The parameters of one block.  All blocks of a transformer are alike; the first of a recurrent model is not."""
    return BLOCK_SHAPES[config.block](config, layer)


def _transformer(config: ModelConfig, layer: int) -> dict[str, Shape]:
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


def _rwkv6(config: ModelConfig, layer: int) -> dict[str, Shape]:
    C, F, M, R = config.n_embd, config.ffn_width, config.ranks["mix"], config.ranks["decay"]
    att: dict[str, Shape] = {f"time_maa_{name}": (C,) for name in "xwkvrg"}
    att |= {"time_maa_w1": (C, 5 * M), "time_maa_w2": (5, M, C)}
    att |= {"time_decay": (C,), "time_decay_w1": (C, R), "time_decay_w2": (R, C)}
    att["time_faaaa"] = (config.n_head, config.head_width)
    att |= {f"{name}.weight": (C, C) for name in ("receptance", "key", "value", "gate", "output")}
    ffn: dict[str, Shape] = {"time_maa_k": (C,), "time_maa_r": (C,)}
    ffn |= {"key.weight": (F, C), "receptance.weight": (C, C), "value.weight": (C, F)}
    return _recurrent(config, layer, att, ffn)


def _rwkv7(config: ModelConfig, layer: int) -> dict[str, Shape]:
    C, F = config.n_embd, config.ffn_width
    att: dict[str, Shape] = {f"x_{name}": (C,) for name in "rwkvag"}
    for name, rank in zip("wavg", config.ranks.values(), strict=True):
        if name != "v" or layer > 0:
            att |= {} if name == "g" else {f"{name}0": (C,)}
            att |= {f"{name}1": (C, rank), f"{name}2": (rank, C)}
    att |= {"k_k": (C,), "k_a": (C,), "r_k": (config.n_head, config.head_width)}
    att |= {f"{name}.weight": (C, C) for name in ("receptance", "key", "value", "output")}
    return _recurrent(config, layer, att, {"x_k": (C,), "key.weight": (F, C), "value.weight": (C, F)})


def _recurrent(config: ModelConfig, layer: int, att: dict[str, Shape], ffn: dict[str, Shape]) -> dict[str, Shape]:
    """What the two have in common, around their time and channel mixing."""
    if config.learned_state:
        att["time_state"] = (config.n_head, config.head_width, config.head_width)
    att |= _norm("ln_x", config)
    shapes: dict[str, Shape] = {}
    for name in ("ln0", "ln1", "ln2") if layer == 0 else ("ln1", "ln2"):
        shapes |= _norm(name, config)
    return shapes | {f"att.{n}": shape for n, shape in att.items()} | {f"ffn.{n}": shape for n, shape in ffn.items()}


BLOCK_SHAPES = {"transformer": _transformer, "rwkv6": _rwkv6, "rwkv7": _rwkv7}


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
