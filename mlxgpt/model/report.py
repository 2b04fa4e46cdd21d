"""What a model is made of and what it costs, reckoned from its config alone (`mlxgpt info`).

Nothing is built: every figure is arithmetic on shapes.  The formulas stand in the docstrings, with their sources.

V vocab · C channels (n_embd) · H heads · K kv heads · D head dim · F inner width (ffn_width) · T context_length
"""

import math
from dataclasses import dataclass

from mlxgpt.config import Settings
from mlxgpt.model.config import ModelConfig, load_preset, read_preset
from mlxgpt.model.shapes import Shape, block_shapes, count, parameter_shapes


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the architecture tree; `times` says how often it stands there, `parameters` counts all of them."""

    depth: int
    name: str
    what: str
    shape: str
    parameters: int
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReport:
    """A model's parts and costs."""

    name: str
    about: str
    context_length: int
    vocab_size: int
    tree: tuple[Line, ...]
    parameters_by_part: dict[str, int]
    parameters: int
    flops_per_token: int  # forward, at full context
    training_flops_per_token: int
    cache_bytes_per_token: dict[str, int]  # by number format
    batch_size: int  # sequences of context_length, for the figures on training
    training_bytes: dict[str, int]  # weights, gradients, optimizer, activations, total
    running_bytes: dict[str, int]  # by number format: weights and a full cache


def examine(config: ModelConfig, *, batch_size: int = 8, about: str = "") -> ModelReport:
    """The report of a model."""
    shapes = parameter_shapes(config)
    forward = flops_per_token(config)
    cache = {"bfloat16": cache_bytes_per_token(config, 2), "float32": cache_bytes_per_token(config, 4)}
    return ModelReport(
        name=config.name,
        about=about,
        context_length=config.context_length,
        vocab_size=config.vocab_size,
        tree=tuple(tree(config)),
        parameters_by_part=by_part(shapes),
        parameters=count(shapes),
        flops_per_token=forward,
        training_flops_per_token=3 * forward,
        cache_bytes_per_token=cache,
        batch_size=batch_size,
        training_bytes=training_bytes(config, batch_size),
        running_bytes={
            word: count(shapes) * size + cache_tokens(config) * cache[word] // config.n_layer
            for word, size in (("bfloat16", 2), ("float32", 4))
        },
    )


def examine_preset(name: str, overrides: Settings | None = None) -> ModelReport:
    """The report of a preset, with the vocabulary its own [tokenizer] table plans when the model leaves it open."""
    table = read_preset(name)
    config = load_preset(name, overrides)
    if not config.vocab_size:
        planned = table.get("tokenizer", {})
        typical = TYPICAL_VOCABULARY[planned.get("algorithm", "bpe")]
        config = config.with_(vocab_size=planned.get("vocab_size") or typical)
    batch_size = table.get("train", {}).get("batch_size") or 8
    return examine(config, batch_size=batch_size, about=str(table.get("about", "")))


TYPICAL_VOCABULARY = {"byte": 265, "char": 100, "bpe": 4096}  # where a preset leaves it to the corpus


# ---- parts -----------------------------------------------------------------------------------------------------------


def by_part(shapes: dict[str, Shape]) -> dict[str, int]:
    """Parameters of the embedding, positions, attention, feed-forward networks, norms and head; they add up to all."""
    parts = dict.fromkeys(("embedding", "positions", "attention", "feed-forward", "norms", "head"), 0)
    for name, shape in shapes.items():
        parts[_part(name)] += math.prod(shape)
    return {part: number for part, number in parts.items() if number}


def _part(name: str) -> str:
    if "norm" in name:
        return "norms"
    if not name.startswith("blocks."):
        return name.split(".")[0]
    return "attention" if ".attn." in name else "feed-forward"


def tree(config: ModelConfig) -> list[Line]:
    """The architecture, one line a part."""
    shapes, block = parameter_shapes(config), block_shapes(config)
    T, C, V, F = config.context_length, config.n_embd, config.vocab_size, config.ffn_width
    heads = f"{config.n_head} heads of {config.head_width}"
    shared = f", {config.kv_heads} for keys and values" if config.kv_heads != config.n_head else ""

    def line(depth: int, name: str, what: str, shape: str, prefix: str) -> Line:
        inside = block if depth == 2 else shapes
        times = config.n_layer if depth == 2 else 1
        held = count({key: value for key, value in inside.items() if key.startswith(prefix)})
        return Line(depth=depth, name=name, what=what, shape=shape, parameters=held * times, times=times)

    whole = f"(B, {T}) -> (B, {T}, {V})"
    table = f"{T} x {C}" if config.position == "learned" else ""
    inner = f"{C} -> {config.n_head * config.head_width} -> {C}"
    lines = [
        Line(depth=0, name=config.name, what=config.block, shape=whole, parameters=count(shapes)),
        line(1, "embedding", "one vector a token", f"{V} x {C}", "embedding."),
        line(1, "positions", POSITION_WORDS[config.position], table, "positions."),
        Line(
            depth=1,
            name="blocks",
            what=f"norms: {config.norm_placement}",
            shape=f"(B, {T}, {C})",
            parameters=count(block) * config.n_layer,
            times=config.n_layer,
        ),
        line(2, "attn_norm", config.norm, str(C), "attn_norm."),
        line(2, "attn", heads + shared + _extras(config), inner, "attn."),
        line(2, "ffn_norm", config.norm, str(C), "ffn_norm."),
        line(2, "ffn", config.ffn, f"{C} -> {F} -> {C}", "ffn."),
    ]
    if config.norm_placement != "residual":
        lines.append(line(1, "final_norm", config.norm, str(C), "final_norm."))
    head = "the embedding again" if config.tie_embeddings else "a score for each token"
    return [*lines, line(1, "head", head, f"{C} -> {V}", "head.")]


def _extras(config: ModelConfig) -> str:
    words = []
    if config.qk_norm != "none":
        words.append(f"QK-norm by {config.qk_norm}")
    if config.attn_softcap:
        words.append(f"soft-cap {config.attn_softcap:g}")
    if sliding := sum(config.slides(layer) for layer in range(config.n_layer)):
        words.append(f"window {config.sliding_window} in {sliding} of {config.n_layer} layers")
    return "".join(f", {word}" for word in words)


POSITION_WORDS = {
    "learned": "learned, one vector a position",
    "sinusoidal": "sinusoidal, fixed",
    "rope": "rotary, inside attention",
    "none": "none",
}


# ---- costs -----------------------------------------------------------------------------------------------------------


def flops_per_token(config: ModelConfig) -> int:
    """Floating-point operations of the forward pass for one token: 2 N + 4 H D (tokens seen), summed over the layers.

    N counts the weights of matrix products: everything two-dimensional but the tables that are only looked up; a tied
    embedding works as the head, so it counts.  Each weight is multiplied and added once, and so is each pair of query
    and key, and of weight and value.  A layer sees T tokens, or its window, as if each token saw all: PaLM (Chowdhery
    et al. 2022), appendix B, whose 6 N + 12 L H Q T for training is three times this; the backward pass is twice the
    forward.
    """
    matrices = {name: shape for name, shape in parameter_shapes(config).items() if len(shape) == 2}
    N = count({name: shape for name, shape in matrices.items() if name not in LOOKED_UP})
    N += config.vocab_size * config.n_embd if config.tie_embeddings else 0
    return 2 * N + 4 * config.n_head * config.head_width * cache_tokens(config)


LOOKED_UP = ("embedding.weight", "positions.weight")


def cache_tokens(config: ModelConfig) -> int:
    """Tokens that the layers see at full context, added up: T each, less where a window is shorter."""
    T = config.context_length
    return sum(min(T, config.sliding_window) if config.slides(layer) else T for layer in range(config.n_layer))


def cache_bytes_per_token(config: ModelConfig, size: int) -> int:
    """2 L K D times the bytes of a number: one key and one value a layer and kv head."""
    return 2 * config.n_layer * config.kv_heads * config.head_width * size


def training_bytes(config: ModelConfig, batch_size: int) -> dict[str, int]:
    """Memory of a training step in float32 with AdamW: 4 bytes each for a weight, its gradient and two moments; and an
    estimate of the activations, 4 bytes times those kept for the backward pass."""
    weights = 4 * count(parameter_shapes(config))
    kept = 4 * batch_size * config.context_length * activations_per_token(config)
    parts = {"weights": weights, "gradients": weights, "optimizer": 2 * weights, "activations": kept}
    return parts | {"total": sum(parts.values())}


def activations_per_token(config: ModelConfig) -> int:
    """Numbers kept a token for the backward pass, an estimate after Korthikanti et al. 2022, section 4.1:

    L (6 C + (2 H + 2 K) D + H (tokens seen) + g F) + 2 V.  In each layer the residual stream before and after each
    branch and its norms (6 C), q, k, v and what attention gives (2 H + 2 K) D, the attention weights (none are kept by
    Metal's and CUDA's kernels, so there this is the upper end), and the inner vectors (g: 4 gated, 2 plain); then
    logits and their gradient.
    """
    per_layer = 6 * config.n_embd + 2 * (config.n_head + config.kv_heads) * config.head_width
    per_layer += (4 if config.gated else 2) * config.ffn_width
    return config.n_layer * per_layer + config.n_head * cache_tokens(config) + 2 * config.vocab_size
