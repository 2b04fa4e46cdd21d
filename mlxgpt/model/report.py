"""What a model is made of and what it costs, reckoned from its config alone (`mlxgpt info`).

Nothing is built: every figure is arithmetic on shapes.  The formulas stand in the docstrings, with their sources.

V vocab · C channels (n_embd) · H heads · K kv heads · D head dim · F inner width (ffn_width) · T context_length
"""

import math
from dataclasses import dataclass

from mlxgpt.config import Settings
from mlxgpt.model.config import ModelConfig, load_preset, read_preset
from mlxgpt.model.shapes import Shape, count, parameter_shapes


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
    cache_bytes_per_token: dict[str, int]  # by number format; empty for a recurrent model
    state_bytes: dict[str, int]  # what a recurrent model remembers a sequence by, by number format; else empty
    batch_size: int  # sequences of context_length, for the figures on training
    training_bytes: dict[str, int]  # weights, gradients, optimizer, activations, total
    running_bytes: dict[str, int]  # by number format: weights and a full cache


def examine(config: ModelConfig, *, batch_size: int = 8, about: str = "") -> ModelReport:
    """The report of a model."""
    shapes = parameter_shapes(config)
    forward = flops_per_token(config)
    sizes = {"bfloat16": 2, "float32": 4}
    cache = {} if config.recurrent else {word: cache_bytes_per_token(config, size) for word, size in sizes.items()}
    state = {word: state_bytes(config, size) for word, size in sizes.items()} if config.recurrent else {}
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
        state_bytes=state,
        batch_size=batch_size,
        training_bytes=training_bytes(config, batch_size),
        running_bytes={
            word: count(shapes) * size
            + (state[word] if config.recurrent else cache_tokens(config) * cache[word] // config.n_layer)
            for word, size in sizes.items()
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
    """Parameters of the embedding, positions, norms and head and of what blocks are made of; they add up to all."""
    words = ("embedding", "positions", "attention", "time mixing", "feed-forward", "norms", "head")
    parts = dict.fromkeys(words, 0)
    for name, shape in shapes.items():
        parts[_part(name)] += math.prod(shape)
    return {part: number for part, number in parts.items() if number}


def _part(name: str) -> str:
    if "norm" in name or ".ln" in name:
        return "norms"
    if not name.startswith("blocks."):
        return name.split(".")[0]
    return {"attn": "attention", "att": "time mixing", "ffn": "feed-forward"}[name.split(".")[2]]


def tree(config: ModelConfig) -> list[Line]:
    """The architecture, one line a part."""
    shapes = parameter_shapes(config)
    T, C, V, F = config.context_length, config.n_embd, config.vocab_size, config.ffn_width
    heads = f"{config.n_head} heads of {config.head_width}"
    shared = f", {config.kv_heads} for keys and values" if config.kv_heads != config.n_head else ""

    def line(depth: int, name: str, what: str, shape: str, prefix: str) -> Line:
        inside = depth == 2  # the blocks, each of them
        own = {
            key: value for key, value in shapes.items() if (key.split(".", 2)[-1] if inside else key).startswith(prefix)
        }
        return Line(
            depth=depth, name=name, what=what, shape=shape, parameters=count(own), times=config.n_layer if inside else 1
        )

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
            parameters=count({key: value for key, value in shapes.items() if key.startswith("blocks.")}),
            times=config.n_layer,
        ),
    ]
    if config.recurrent:
        ranks = ", ".join(f"{name} {rank}" for name, rank in config.ranks.items())
        lines += [
            line(2, "ln", f"{config.norm}, and one more before the first block", str(C), "ln"),
            line(2, "att", f"time mixing: {heads}, ranks: {ranks}", inner, "att."),
            line(2, "ffn", "channel mixing: squared ReLU", f"{C} -> {F} -> {C}", "ffn."),
        ]
    else:
        lines += [
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
    forward.  A recurrent layer does the same for every token, 5 (RWKV-6) or 9 (RWKV-7) H D^2: each number of the state
    fades (1), takes up the value (2) and is read (2); in RWKV-7 it is also looked up (2) and corrected (2).
    """
    shapes = parameter_shapes(config)
    N = count({name: shape for name, shape in shapes.items() if len(shape) >= 2 and not name.endswith(NOT_MULTIPLIED)})
    N += config.vocab_size * config.n_embd if config.tie_embeddings else 0
    if config.recurrent:
        return 2 * N + WKV_FLOPS[config.block] * config.n_layer * config.n_embd * config.head_width
    return 2 * N + 4 * config.n_head * config.head_width * cache_tokens(config)


NOT_MULTIPLIED = ("embedding.weight", "positions.weight", "att.time_faaaa", "att.r_k", "att.time_state")
WKV_FLOPS = {"rwkv6": 5, "rwkv7": 9}


def cache_tokens(config: ModelConfig) -> int:
    """Tokens that the layers see at full context, added up: T each, less where a window is shorter."""
    T = config.context_length
    return sum(min(T, config.sliding_window) if config.slides(layer) else T for layer in range(config.n_layer))


def cache_bytes_per_token(config: ModelConfig, size: int) -> int:
    """2 L K D times the bytes of a number: one key and one value a layer and kv head."""
    return 2 * config.n_layer * config.kv_heads * config.head_width * size


def state_bytes(config: ModelConfig, size: int) -> int:
    """L (4 H D^2 + 2 C size): a recurrent layer's state, always float32, and the last token as each of its mixings saw
    it."""
    return config.n_layer * (4 * config.n_embd * config.head_width + 2 * config.n_embd * size)


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
    logits and their gradient.  A recurrent layer keeps no weights over the tokens seen, but each step of its chunks:
    about 32 C (RWKV-6) or 40 C (RWKV-7) and 2 F, an estimate from measured peaks.
    """
    if config.recurrent:
        wide = {"rwkv6": 32, "rwkv7": 40}[config.block]
        return config.n_layer * (wide * config.n_embd + 2 * config.ffn_width) + 2 * config.vocab_size
    per_layer = 6 * config.n_embd + 2 * (config.n_head + config.kv_heads) * config.head_width
    per_layer += (4 if config.gated else 2) * config.ffn_width
    return config.n_layer * per_layer + config.n_head * cache_tokens(config) + 2 * config.vocab_size
