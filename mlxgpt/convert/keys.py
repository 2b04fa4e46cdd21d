"""Reading a published config.json: typed keys, and the parts that many architectures share.

A key of the wrong type is damage (`CheckpointError`); a key that means something our words cannot say is refused
(`ConversionError`).
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from mlxgpt.convert.files import Json
from mlxgpt.errors import CheckpointError, ConversionError
from mlxgpt.model.config import MOST_LAYERS, WORDS

Fields = dict[str, Any]  # Any: values of ModelConfig's fields


class Keys:
    """The keys of a config.json, each asked for by the type it must have."""

    def __init__(self, values: Json, path: Path) -> None:
        self.values, self.path = values, path

    def get(self, name: str) -> Any:  # Any: a JSON value
        """The value of a key; None when it is null or missing."""
        return self.values.get(name)

    def whole(self, *names: str, default: int | None = None) -> int:
        """The first of these keys that is there, a whole number; without a default one of them must be."""
        for name in names:
            value = self.get(name)
            if value is None:
                continue
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            if type(value) is not int:
                self.wrong(name, "a whole number")
            if value < 0:
                self.wrong(name, "zero or more")
            return value
        if default is None:
            raise CheckpointError(
                f"{self.path} does not say {' or '.join(names)}.", hint="The file is incomplete; fetch the model again."
            )
        return default

    def number(self, name: str, default: float) -> float:
        value = default if self.get(name) is None else self.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not _finite(value):
            self.wrong(name, "a finite number")
        return float(value)

    def flag(self, name: str, default: bool) -> bool:
        value = default if self.get(name) is None else self.get(name)
        return value if isinstance(value, bool) else self.wrong(name, "true or false")

    def word(self, name: str, default: str) -> str:
        value = default if self.get(name) is None else self.get(name)
        return value if isinstance(value, str) else self.wrong(name, "a string")

    def table(self, name: str) -> "Keys":
        """A nested object as keys of its own; empty when it is null or missing."""
        value = self.get(name) or {}
        return Keys(value, self.path) if isinstance(value, dict) else self.wrong(name, "an object")

    def wrong(self, name: str, wanted: str) -> NoReturn:
        raise CheckpointError(
            f"{self.path}: {name} must be {wanted}, but is {str(self.get(name))[:80]}.", hint="Mend config.json."
        )

    def refuse(self, name: str, fits: str) -> NoReturn:
        """Raise `ConversionError`: the value means something, and our words do not reach it."""
        raise ConversionError(
            f"{self.path}: {name} = {str(self.get(name))[:80]} is not supported.", hint=f"What would fit: {fits}."
        )


def _finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond any float
        return False


# ---- activations -----------------------------------------------------------------------------------------------------

ACTIVATIONS = {
    **dict.fromkeys(("gelu_new", "gelu_pytorch_tanh", "gelu_python_tanh", "gelu_fast", "gelu_accurate"), "gelu_tanh"),
    **dict.fromkeys(("gelu", "gelu_python"), "gelu"),
    **dict.fromkeys(("silu", "swish"), "silu"),
    "relu": "relu",
    "relu2": "relu2",
}
GATED = {"silu": "swiglu", "gelu": "geglu", "gelu_tanh": "geglu_tanh", "relu": "reglu"}


def activation(keys: Keys, name: str, default: str) -> str:
    word = keys.word(name, default)
    return ACTIVATIONS[word] if word in ACTIVATIONS else keys.refuse(name, ", ".join(ACTIVATIONS))


def gated(keys: Keys, name: str, default: str) -> str:
    word = activation(keys, name, default)
    return GATED[word] if word in GATED else keys.refuse(name, "silu, gelu, gelu_pytorch_tanh or relu")


def biases(keys: Keys) -> Fields:
    """Llama's two switches: attention_bias (q, k, v, o) and mlp_bias."""
    attention, ffn = keys.flag("attention_bias", False), keys.flag("mlp_bias", False)
    return {"bias": {(0, 0): "none", (1, 0): "attention", (0, 1): "ffn", (1, 1): "linear"}[attention, ffn]}


# ---- RoPE ------------------------------------------------------------------------------------------------------------


def rope(keys: Keys, theta: float, local_theta: float = 0.0) -> Fields:
    """RoPE's base and scaling, from `rope_theta` and `rope_scaling` (old) or `rope_parameters` (new).

    The new table may hold one table for full and one for sliding layers; sliding layers are not stretched, unless
    their table is the same. A `local_theta` says that sliding layers have a base of their own.
    """
    table = keys.table("rope_parameters")
    full, local = table.table("full_attention"), table.table("sliding_attention")
    nested = bool(full.values or local.values)
    full = Keys((full.values if nested else table.values) | keys.table("rope_scaling").values, keys.path)
    theta = full.number("rope_theta", keys.number("rope_theta", theta))
    fields: Fields = {"rope_theta": theta, **scaling(full, keys)}
    if local.values != full.values if nested else local_theta:
        if local.get("rope_type") not in (None, "default"):
            local.refuse("rope_type", "'default' for sliding layers")
        base = keys.number("rope_local_base_freq", local_theta) if local_theta else keys.number("rope_theta", theta)
        fields["rope_local_theta"] = local.number("rope_theta", base)
    return fields


def scaling(table: Keys, keys: Keys) -> Fields:
    """How RoPE is stretched."""
    if table.get("partial_rotary_factor") not in (None, 1):
        table.refuse("partial_rotary_factor", "1")
    if table.get("mrope_section") is not None:
        table.refuse("mrope_section", "none")
    name = "rope_type" if table.get("rope_type") is not None else "type"
    kind = table.word(name, "default")
    if kind not in ("default", *WORDS["rope_scaling"]):
        table.refuse(name, "RoPE of type default, linear or llama3")
    if kind in ("default", "none"):
        return {}
    fields: Fields = {"rope_scaling": kind, "rope_factor": table.number("factor", 1.0)}
    if kind == "llama3":
        context = keys.whole("max_position_embeddings")
        fields |= {
            "rope_low_freq_factor": table.number("low_freq_factor", 1.0),
            "rope_high_freq_factor": table.number("high_freq_factor", 4.0),
            "rope_original_context": table.whole("original_max_position_embeddings", default=context),
        }
    return fields


# ---- sliding windows -------------------------------------------------------------------------------------------------


def windows(keys: Keys, window: int, layer_types: list[str]) -> Fields:
    """Sliding windows: `layer_types` of the file when it has some, else those given."""
    listed = keys.get("layer_types")
    if listed is not None:
        if not isinstance(listed, list) or len(listed) != len(layer_types):
            keys.wrong("layer_types", f"a list of {len(layer_types)} words, one a layer")
        layer_types = listed
    if any(kind not in ("full_attention", "sliding_attention") for kind in layer_types):
        keys.refuse("layer_types", "full_attention and sliding_attention")
    pattern = "".join("S" if kind == "sliding_attention" else "F" for kind in layer_types)
    if "S" not in pattern:
        return {}
    if not window:
        keys.refuse("sliding_window", "a number of tokens, for the sliding layers that layer_types names")
    return {"sliding_window": window, "layer_pattern": _period(pattern)}


def _period(pattern: str) -> str:
    """The shortest beginning that repeats to the whole: "SFSF" -> "SF"."""
    sizes = range(1, len(pattern) + 1)
    size = next(n for n in sizes if (pattern[:n] * len(pattern))[: len(pattern)] == pattern)
    return pattern[:size]


def layers(keys: Keys, kind: Callable[[int], bool]) -> list[str]:
    """layer_types where `kind(layer)` says which layers slide."""
    count = keys.whole("num_hidden_layers")
    if count > MOST_LAYERS:
        keys.wrong("num_hidden_layers", f"at most {MOST_LAYERS}")
    return ["sliding_attention" if kind(layer) else "full_attention" for layer in range(count)]


def same_window(keys: Keys, window: int) -> Fields:
    """For architectures whose layers are all alike: all slide, or, with a window of 0, none does."""
    kinds = layers(keys, lambda _: window > 0)
    if keys.get("layer_types") not in (None, kinds):
        keys.refuse("layer_types", f"{kinds[0]} in every layer")
    return windows(keys, window, kinds)
