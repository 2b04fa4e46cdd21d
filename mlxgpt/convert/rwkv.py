"""How RWKV models are called elsewhere: in Hugging Face's layouts, and in the files of the original authors.

Our names inside a block are those of the original implementation (BlinkDL/RWKV-LM), so its checkpoints only need their
vectors flattened, which are stored as (1, 1, C) there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import mlx.core as mx

from mlxgpt.config import build
from mlxgpt.convert.files import Json
from mlxgpt.convert.keys import Fields, Keys
from mlxgpt.errors import ConfigError, ConversionError
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.recurrent import HEAD_NORM_EPS
from mlxgpt.model.shapes import Shape, parameter_shapes

# ---- Hugging Face ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RwkvLayout:
    """How a Hugging Face form of RWKV names and stores our parameters; what `names.Layout` is to transformers."""

    prefix: str
    blocks: str
    top: Mapping[str, str]
    parts: Mapping[str, str]  # the first word inside a block
    leaves: Mapping[str, str] = field(default_factory=dict)  # the word after it
    spread: tuple[str, ...] = ()  # beginnings of the vectors that are stored as (1, 1, C)
    low_rank: bool = False  # thin matrices are the two layers of `w_lora.lora`, and so on, stored (out, in)

    def name(self, ours: str) -> str:
        """Their name for one of our parameters, without the prefix."""
        if not ours.startswith("blocks."):
            part, _, kind = ours.rpartition(".")
            return f"{self.top[part]}.{kind}"
        _, layer, part, leaf = ours.split(".", 3)
        if self._is_thin(part, leaf):
            leaf = f"{leaf[0]}_lora.lora." + {"0": "2.bias", "1": "0.weight", "2": "2.weight"}[leaf[1]]
        word, dot, kind = leaf.partition(".")
        return f"{self.blocks}.{layer}.{self.parts[part]}.{self.leaves.get(f'{part}.{word}', word)}{dot}{kind}"

    def stored(self, ours: str, shape: Shape) -> tuple[Shape, bool]:
        """The shape that a parameter of ours is stored in, and whether it is transposed."""
        if not ours.startswith("blocks."):
            return shape, False
        _, _, part, leaf = ours.split(".", 3)
        if len(shape) == 1:
            return ((1, 1, *shape) if f"{part}.{leaf}".startswith(self.spread) else shape), False
        thin = self._is_thin(part, leaf)
        return (shape[::-1] if thin else shape), thin

    def _is_thin(self, part: str, leaf: str) -> bool:
        return self.low_rank and part == "att" and len(leaf) == 2 and leaf[0] in "wavg" and leaf[1] in "012"


RWKV6 = RwkvLayout(  # Rwkv6ForCausalLM of the RWKV/v6-Finch models; llama.cpp reads it too
    prefix="rwkv.",
    blocks="blocks",
    top={"embedding": "embeddings", "final_norm": "ln_out", "head": "head"},
    parts={"ln0": "pre_ln", "ln1": "ln1", "ln2": "ln2", "att": "attention", "ffn": "feed_forward"},
    spread=("att.time_maa_", "att.time_decay", "ffn.time_maa_"),
)

RWKV7 = RwkvLayout(  # RWKV7ForCausalLM of flash-linear-attention; mlx-lm reads it
    prefix="model.",
    blocks="layers",
    top={"embedding": "embeddings", "final_norm": "norm", "head": "lm_head"},
    parts={"ln0": "pre_norm", "ln1": "attn_norm", "ln2": "ffn_norm", "att": "attn", "ffn": "ffn"},
    leaves={
        **{f"att.{ours}": f"{ours[0]}_proj" for ours in ("receptance", "key", "value")},
        "att.output": "o_proj",
        "att.ln_x": "g_norm",
    },
    spread=("att.x_",),
    low_rank=True,
)

_COMMON: Fields = {"position": "none", "norm": "layernorm", "bias": "all", "init": "gpt2"}


def rwkv6(keys: Keys) -> Fields:
    """RWKV-6; the ranks of its thin matrices follow from the width, as in all published models."""
    C, head = keys.whole("hidden_size"), keys.whole("head_size", "head_dim", default=64)
    if keys.whole("attention_hidden_size", default=C) != C:
        keys.refuse("attention_hidden_size", "hidden_size")
    if keys.get("head_size_divisor") not in (None, 8):
        keys.refuse("head_size_divisor", f"8, which makes the epsilon of the head norm {HEAD_NORM_EPS}")
    return _COMMON | {
        "block": "rwkv6",
        "vocab_size": keys.whole("vocab_size"),
        "context_length": keys.whole("context_length", "max_context_length", default=4096),
        "n_layer": keys.whole("num_hidden_layers"),
        "n_head": _heads(keys, C, head),
        "n_embd": C,
        "d_ffn": keys.whole("intermediate_size", default=0),
        "norm_eps": keys.number("layer_norm_epsilon", 1e-5),
        "tie_embeddings": keys.flag("tie_word_embeddings", False),
        **{f"{name}_rank": keys.whole(f"{name}_low_rank_dim", default=0) for name in ("mix", "decay")},
    }


def rwkv7(keys: Keys) -> Fields:
    """RWKV-7."""
    for name, only in (("norm_first", True), ("norm_bias", True), ("hidden_act", "sqrelu"), ("attn", None)):
        if keys.get(name) not in (None, only):
            keys.refuse(name, str(only))
    C = keys.whole("hidden_size")
    ranks = {"decay": "decay", "rate": "a", "value": "v", "gate": "gate"}
    return _COMMON | {
        "block": "rwkv7",
        "vocab_size": keys.whole("vocab_size"),
        "context_length": keys.whole("max_position_embeddings", default=4096),
        "n_layer": keys.whole("num_hidden_layers"),
        "n_head": _heads(keys, C, keys.whole("head_dim", default=64)),
        "n_embd": C,
        "d_ffn": keys.whole("intermediate_size", default=int(C * keys.number("hidden_ratio", 4.0))),
        "norm_eps": keys.number("norm_eps", 1e-5),
        "tie_embeddings": keys.flag("tie_word_embeddings", False),
        **{f"{ours}_rank": keys.whole(f"{theirs}_low_rank_dim", default=0) for ours, theirs in ranks.items()},
    }


def _heads(keys: Keys, width: int, head: int) -> int:
    if head < 1 or width % head:
        keys.refuse("hidden_size", f"a multiple of the head size {head}")
    return width // head


def write_rwkv6(config: ModelConfig) -> Json:
    """The keys of config.json; `model_file` is what mlx-lm builds the model with (see `mlx_rwkv6.py`)."""
    return {
        "model_file": "rwkv6.py",
        "hidden_size": config.n_embd,
        "attention_hidden_size": config.n_embd,
        "intermediate_size": config.ffn_width,
        "num_hidden_layers": config.n_layer,
        "head_size": config.head_width,
        "head_size_divisor": 8,
        "num_attention_heads": config.head_width,  # so it is in the published files, whatever its name says
        "layer_norm_epsilon": config.norm_eps,
        "context_length": config.context_length,
        "rescale_every": 6,
        **{f"{name}_low_rank_dim": rank for name, rank in config.ranks.items()},
    }


def write_rwkv7(config: ModelConfig) -> Json:
    """The keys of config.json."""
    ranks = config.ranks
    return {
        "hidden_size": config.n_embd,
        "intermediate_size": config.ffn_width,
        "hidden_ratio": config.ffn_width / config.n_embd,
        "hidden_act": "sqrelu",
        "norm_eps": config.norm_eps,
        "norm_bias": True,
        "norm_first": True,
        "head_dim": config.head_width,
        "num_heads": config.n_head,
        "num_hidden_layers": config.n_layer,
        "max_position_embeddings": config.context_length,
        "decay_low_rank_dim": ranks["decay"],
        "a_low_rank_dim": ranks["rate"],
        "v_low_rank_dim": ranks["value"],
        "gate_low_rank_dim": ranks["gate"],
    }


# ---- the original authors' files -------------------------------------------------------------------------------------

_TOP = {"emb.weight": "embedding.weight", "ln_out.weight": "final_norm.weight", "ln_out.bias": "final_norm.bias"}


def from_official(tensors: Mapping[str, mx.array], source: str) -> tuple[ModelConfig, dict[str, mx.array]]:
    """The model that an official RWKV-6 or RWKV-7 checkpoint holds: its config, told from the shapes, and its parameters.

    Raises `ConversionError` for anything else.
    """
    config = official_config(tensors, source)
    shapes = parameter_shapes(config)
    # the first block of RWKV-7 has no use for these, but older files store them
    known = {_TOP.get(name, name): tensor for name, tensor in tensors.items() if name not in _UNUSED}
    for what, names in (("lacks", shapes.keys() - known.keys()), ("has the unexpected", known.keys() - shapes.keys())):
        if names:
            raise ConversionError(f"{source} {what} {', '.join(sorted(names)[:3])}.", hint="Is it a whole checkpoint?")
    for name, shape in shapes.items():
        if tuple(n for n in known[name].shape if n > 1) != tuple(n for n in shape if n > 1):
            raise ConversionError(f"{source}: {name} has the shape {list(known[name].shape)}, not {list(shape)}.")
    return config, {name: known[name].reshape(shape) for name, shape in shapes.items()}


_UNUSED = ("blocks.0.att.v0", "blocks.0.att.v1", "blocks.0.att.v2")


def to_official(config: ModelConfig, parameters: Mapping[str, mx.array]) -> dict[str, mx.array]:
    """The tensors of an official checkpoint from ours."""
    theirs = {ours: name for name, ours in _TOP.items()}
    vectors = {f"blocks.{layer}" for layer in range(config.n_layer)}
    official = {}
    for name, tensor in parameters.items():
        spread = tensor.ndim == 1 and ".ln" not in name and name.rsplit(".", 2)[0] in vectors
        official[theirs.get(name, name)] = tensor.reshape(1, 1, -1) if spread else tensor
    return official


def official_config(tensors: Mapping[str, mx.array], source: str) -> ModelConfig:
    """What the names and shapes of an official checkpoint say."""

    def shape(name: str) -> tuple[int, int]:
        if name not in tensors:
            raise ConversionError(
                f"{source} has no {name}: it is no RWKV-6 or RWKV-7 checkpoint.",
                hint="RWKV-4 and RWKV-5 are other models.",
            )
        if tensors[name].ndim != 2:
            raise ConversionError(f"{source}: {name} is no matrix.", hint="The file is damaged.")
        rows, columns = tensors[name].shape
        return rows, columns

    numbers = [name.split(".")[1] for name in tensors if name.startswith("blocks.")]
    V, C = shape("emb.weight")
    first = "blocks.0.att."
    if first + "r_k" in tensors:
        block, heads = "rwkv7", shape(first + "r_k")[0]
        thin = {"decay": "0.att.w1", "rate": "0.att.a1", "gate": "0.att.g1", "value": "1.att.v1"}
        ranks = {f"{name}_rank": shape(f"blocks.{at}")[1] for name, at in thin.items() if f"blocks.{at}" in tensors}
    else:
        block, heads = "rwkv6", shape(first + "time_faaaa")[0]
        ranks = {"mix_rank": shape(first + "time_maa_w1")[1] // 5, "decay_rank": shape(first + "time_decay_w1")[1]}
    fields: Fields = {
        "name": block,
        "block": block,
        "vocab_size": V,
        "context_length": 4096,
        "n_layer": max((int(number) for number in numbers if number.isdecimal()), default=0) + 1,
        "n_head": heads,
        "n_embd": C,
        "d_ffn": shape("blocks.0.ffn.key.weight")[0],
        "position": "none",
        "tie_embeddings": "head.weight" not in tensors,
        **ranks,
    }
    try:
        return build(ModelConfig, fields, where=source)
    except ConfigError as error:
        raise ConversionError(f"{source}: {error.message}", hint="The file is damaged.") from None
