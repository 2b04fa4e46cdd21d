"""What a model is, in words and numbers.  No MLX here: reading a config costs nothing.

The words name entries in small tables at the end of the files that hold the parts (`NORMS`, `FFNS`, `POSITIONS`,
`BLOCKS` …); the amounts switch a feature off at zero.  One flat dataclass describes GPT-2, Llama, Qwen, Gemma and our
own presets.
"""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxgpt.backend import places
from mlxgpt.config import Settings, build, read_toml, setting
from mlxgpt.errors import ConfigError, nearest

# Each word of a config and the words it may be.  A test holds them equal to the tables of parts.
WORDS: dict[str, tuple[str, ...]] = {
    "block": ("transformer", "rwkv6", "rwkv7"),
    "norm": ("layernorm", "rmsnorm", "rmsnorm_plus_one"),
    "norm_placement": ("pre", "post", "sandwich", "residual"),
    "ffn": ("relu", "gelu", "gelu_tanh", "silu", "relu2", "swiglu", "geglu", "geglu_tanh", "reglu"),
    "position": ("learned", "sinusoidal", "rope", "none"),
    "rope_scaling": ("none", "linear", "llama3"),
    "bias": ("none", "qkv", "attention", "ffn", "linear", "all"),
    "qk_norm": ("none", "head", "width"),
    "init": ("gpt2", "modern", "vaswani"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """The shape of a model.  Sizes count elements, `context_length` and `sliding_window` count tokens."""

    name: str = setting("custom", "name of the preset or model")
    block: str = setting("transformer", "kind of block")
    vocab_size: int = setting(0, "number of token ids; 0: taken from the tokenizer")
    context_length: int = setting(256, "longest sequence the model is trained on")
    n_layer: int = setting(4, "number of blocks")
    n_head: int = setting(4, "number of query heads")
    n_kv_head: int = setting(0, "number of key/value heads: n_head = MHA, 1 = MQA, between = GQA; 0: n_head")
    n_embd: int = setting(128, "width of the residual stream")
    head_dim: int = setting(0, "width of one head; 0: n_embd / n_head")
    d_ffn: int = setting(0, "inner width of the feed-forward network; 0: 4 n_embd, or 8/3 n_embd when gated")
    ffn: str = setting("gelu_tanh", "feed-forward network")
    norm: str = setting("layernorm", "normalisation")
    norm_eps: float = setting(1e-5, "epsilon of the normalisation")
    norm_placement: str = setting("pre", "where norms stand: before each branch, after it, both, or after the addition")
    position: str = setting("learned", "how the model knows the order of tokens")
    rope_theta: float = setting(10000.0, "base of the RoPE wavelengths")
    rope_local_theta: float = setting(
        0.0, "base for sliding layers, which are then not stretched (Gemma 3); 0: rope_theta"
    )
    rope_scaling: str = setting("none", "how RoPE is stretched beyond the context of pre-training")
    rope_factor: float = setting(1.0, "stretch factor of rope_scaling")
    rope_low_freq_factor: float = setting(1.0, "llama3 scaling: wavelengths above context / this are stretched")
    rope_high_freq_factor: float = setting(4.0, "llama3 scaling: wavelengths below context / this are kept")
    rope_original_context: int = setting(0, "llama3 scaling: context length before stretching")
    bias: str = setting(
        "all", "which layers have biases: none, qkv, attention (q, k, v, o), ffn, linear, all (norms too)"
    )
    qk_norm: str = setting("none", "RMSNorm of queries and keys: per head, or over the whole width (OLMo 2)")
    attn_scale: float = setting(0.0, "factor of the attention scores; 0: 1 / sqrt(head_dim)")
    attn_softcap: float = setting(0.0, "attention scores pass cap * tanh(s / cap); 0: off")
    logit_softcap: float = setting(0.0, "logits pass cap * tanh(s / cap); 0: off")
    sliding_window: int = setting(0, "tokens a sliding layer sees, itself included; 0: off")
    layer_pattern: str = setting("S", "with a window: S sliding or F full for each layer, repeated to n_layer")
    embed_scale: float = setting(1.0, "token embeddings are multiplied by this (Gemma: sqrt(n_embd))")
    tie_embeddings: bool = setting(True, "the output head shares the embedding matrix")
    dropout: float = setting(0.0, "dropout rate while training")
    init: str = setting("gpt2", "family of initial values; RWKV blocks have their own")
    mix_rank: int = setting(0, "RWKV-6: rank of the token shift; 0: the published choice, also below")
    decay_rank: int = setting(0, "RWKV: rank of the decay")
    rate_rank: int = setting(0, "RWKV-7: rank of the in-context learning rate")
    value_rank: int = setting(0, "RWKV-7: rank of the share of the first block's values")
    gate_rank: int = setting(0, "RWKV-7: rank of the gate")
    learned_state: bool = setting(False, "RWKV: the state before the first token is learned, not zero")
    document_end: int = setting(-1, "RWKV: token id after which states are emptied; -1: never")

    def __post_init__(self) -> None:
        _check(self)

    @property
    def kv_heads(self) -> int:
        """Key/value heads, K."""
        return self.n_kv_head or self.n_head

    @property
    def head_width(self) -> int:
        """Width of one head, D."""
        return self.head_dim or self.n_embd // self.n_head

    @property
    def gated(self) -> bool:
        """True when the feed-forward network multiplies two projections."""
        return "glu" in self.ffn

    @property
    def recurrent(self) -> bool:
        """True when the blocks remember by a state of fixed size, not by a cache that grows."""
        return self.block in RECURRENT

    @property
    def ranks(self) -> dict[str, int]:
        """Ranks of an RWKV block's thin matrices; the usual ones are those of the published models."""
        usual = RECURRENT[self.block](self.n_embd)
        return {name: getattr(self, f"{name}_rank") or rank for name, rank in usual.items()}

    @property
    def ffn_width(self) -> int:
        """Inner width of the feed-forward network; gated ones get 8/3 so that they cost what a plain 4x one does."""
        if self.block == "rwkv6":  # 3.5, because channel mixing has a third matrix
            return self.d_ffn or max(32, 7 * self.n_embd // 2 // 32 * 32)
        return self.d_ffn or (-(-8 * self.n_embd // 3 // 32) * 32 if self.gated else 4 * self.n_embd)

    def slides(self, layer: int) -> bool:
        """True when block `layer` sees only the sliding window."""
        return self.sliding_window > 0 and self.layer_pattern[layer % len(self.layer_pattern)] == "S"

    def has_bias(self, part: str) -> bool:
        """Whether the layers called `part` (qkv, out, ffn or norm) have a bias."""
        return part in BIASES[self.bias]

    def with_(self, **changes: Any) -> "ModelConfig":
        """A copy with some fields changed."""
        return dataclasses.replace(self, **changes)


# Where norms stand around a branch f:  x -> outer(x + after(f(before(x))))
PLACEMENTS: dict[str, tuple[str, ...]] = {
    "pre": ("before",),  # GPT-2, Llama
    "post": ("after",),  # OLMo 2
    "sandwich": ("before", "after"),  # Gemma 2
    "residual": ("outer",),  # the original transformer, GPT-1
}

# The parts that have biases
BIASES: dict[str, frozenset[str]] = {
    "none": frozenset(),
    "qkv": frozenset({"qkv"}),
    "attention": frozenset({"qkv", "out"}),
    "ffn": frozenset({"ffn"}),
    "linear": frozenset({"qkv", "out", "ffn"}),
    "all": frozenset({"qkv", "out", "ffn", "norm"}),
}


def _thirty_twos(x: float) -> int:
    return max(32, round(x / 32) * 32)


# The usual ranks of the recurrent blocks, by width.
RECURRENT: dict[str, Callable[[int], dict[str, int]]] = {
    "rwkv6": lambda C: {"mix": 64 if C >= 4096 else 32, "decay": 128 if C >= 4096 else 64},
    "rwkv7": lambda C: {
        "decay": _thirty_twos(2.5 * C**0.5),
        "rate": _thirty_twos(2.5 * C**0.5),
        "value": _thirty_twos(1.7 * C**0.5),
        "gate": _thirty_twos(5 * C**0.5),
    },
}

# What a recurrent block decides for itself: these settings must be left alone.
NOT_RECURRENT = (
    *("n_kv_head", "ffn", "norm", "norm_placement", "bias", "qk_norm", "attn_scale", "attn_softcap", "sliding_window"),
    *("rope_scaling", "init"),
)

# And what only it can be told.
RANKS = ("mix_rank", "decay_rank", "rate_rank", "value_rank", "gate_rank")
ONLY_RECURRENT = (*RANKS, "learned_state", "document_end")

LARGEST = 2**24  # for any size; a guard against damaged files and slips of the keyboard
MOST_LAYERS = 10_000
NEVER_NEGATIVE = (
    *("vocab_size", "n_kv_head", "head_dim", "d_ffn", "norm_eps", "sliding_window", "attn_scale", "attn_softcap"),
    *("logit_softcap", "rope_local_theta", "rope_original_context", *RANKS),
)


def _check(config: ModelConfig) -> None:
    """Raise `ConfigError` for a shape that cannot be built."""
    for field, words in WORDS.items():
        word = getattr(config, field)
        if word not in words:
            raise ConfigError(f"model: {field} = {word!r} is not known.", hint=nearest(word, words))
    for field, value in dataclasses.asdict(config).items():
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"model: {field} must be a finite number, not {value}.")
        limit = MOST_LAYERS if field == "n_layer" else LARGEST
        if isinstance(value, int) and value > limit:
            raise ConfigError(f"model: {field} = {value} is beyond any model (the limit is {limit}).")
    for field in ("context_length", "n_layer", "n_head", "n_embd"):
        if getattr(config, field) < 1:
            raise ConfigError(f"model: {field} must be at least 1, not {getattr(config, field)}.")
    for field in NEVER_NEGATIVE:
        if getattr(config, field) < 0:
            raise ConfigError(f"model: {field} must not be negative, but is {getattr(config, field)}.")
    for field in ("rope_theta", "rope_factor"):
        if getattr(config, field) <= 0:
            raise ConfigError(f"model: {field} must be above zero, not {getattr(config, field)}.")
    if not config.head_dim and config.n_embd % config.n_head:
        fits = [n for n in range(1, config.n_embd + 1) if config.n_embd % n == 0]
        heads = min(fits, key=lambda n: abs(n - config.n_head))
        width = config.n_embd // config.n_head * config.n_head or config.n_head
        raise ConfigError(
            f"model: n_embd = {config.n_embd} cannot be divided into n_head = {config.n_head} heads.",
            hint=f"Take n_head = {heads}, or n_embd = {width}.",
        )
    if config.n_head % config.kv_heads:
        raise ConfigError(
            f"model: n_head = {config.n_head} is not a multiple of n_kv_head = {config.kv_heads}.",
            hint="Each key/value head serves the same number of query heads.",
        )
    if config.position == "rope" and config.head_width % 2:
        raise ConfigError(f"model: RoPE turns pairs, but a head is {config.head_width} wide; choose an even width.")
    if config.position == "sinusoidal" and config.n_embd % 2:
        raise ConfigError(f"model: sinusoidal positions need an even n_embd, not {config.n_embd}.")
    if config.rope_scaling == "llama3" and not config.rope_original_context:
        raise ConfigError("model: rope_scaling = 'llama3' needs rope_original_context.")
    if config.rope_scaling == "llama3" and config.rope_low_freq_factor >= config.rope_high_freq_factor:
        raise ConfigError("model: rope_low_freq_factor must be below rope_high_freq_factor.")
    if not config.layer_pattern or set(config.layer_pattern) - {"S", "F"}:
        raise ConfigError(f"model: layer_pattern is made of S and F, not {config.layer_pattern!r}.")
    if config.recurrent:
        _check_recurrent(config)
    else:
        usual = {field.name: field.default for field in dataclasses.fields(config)}
        for field in ONLY_RECURRENT:
            if getattr(config, field) != usual[field]:
                raise ConfigError(f"model: {field} is a setting of recurrent blocks.", hint=f"Leave {field} out.")
    if not 0 <= config.dropout < 1:
        raise ConfigError(f"model: dropout must be in [0, 1), not {config.dropout}.")


def _check_recurrent(config: ModelConfig) -> None:
    """Raise `ConfigError` where a setting of transformers was given to a recurrent block."""
    if config.position != "none":
        raise ConfigError(
            f"model: block {config.block!r} knows the order of tokens by itself.", hint="Set position = 'none'."
        )
    if config.document_end >= config.vocab_size > 0:
        raise ConfigError(f"model: document_end = {config.document_end} is not in the vocabulary.")
    if config.n_head * config.head_width != config.n_embd:
        raise ConfigError(f"model: the heads of block {config.block!r} must be n_embd / n_head wide.")
    usual = {field.name: field.default for field in dataclasses.fields(config)}
    for name in NOT_RECURRENT:
        if getattr(config, name) != usual[name]:
            raise ConfigError(f"model: block {config.block!r} has no {name}.", hint=f"Leave {name} out.")


# ---- presets ---------------------------------------------------------------------------------------------------------

SIZES = {
    "140m": "140m",
    "400m": "400m",
    "800m": "800m",
    "1b": "1b",
    "1.5b": "1b5",
}  # of an earlier program, by its names


def presets() -> dict[str, Path]:
    """The preset files that ship with the program, by name."""
    return {path.stem: path for path in sorted(places.presets().glob("*.toml"))}


def preset_of_size(size: str) -> str:
    """The recurrent preset of a size: "400m" is rwkv6-400m, "400m-v7" is rwkv7-400m, "1.5b" is rwkv6-1b5."""
    number, dash, version = size.lower().partition("-v")
    if number not in SIZES or (dash and version not in ("6", "7")):
        known = [word + suffix for word in SIZES for suffix in ("", "-v7")]
        raise ConfigError(f"There is no model size {size!r}, only {', '.join(SIZES)}.", hint=nearest(size, known))
    return f"rwkv{version or 6}-{SIZES[number]}"


def read_preset(name: str) -> dict[str, dict[str, Any]]:
    """The tables of a preset (`model`, `train`, `tokenizer`), by its name or the path of a TOML file."""
    known = presets()
    if name in known:
        return read_toml(known[name])
    if name.endswith(".toml") or "/" in name:
        return read_toml(Path(name))
    raise ConfigError(f"There is no preset named {name!r}.", hint=nearest(name, known))


def load_preset(name: str, overrides: Settings | None = None) -> ModelConfig:
    """The model of a preset, with some settings replaced."""
    table = read_preset(name).get("model", {})
    return build(ModelConfig, {"name": Path(name).stem}, table, overrides or {}, where=f"preset {name}")
