"""Quantised weights in a model directory, as mlx-lm stores them.

`X.weight` holds packed 32-bit words, `X.scales` and `X.biases` the scale and offset of each group; the table `quantization`
of config.json says how, with an entry of its own for each layer that differs.  Source: `load_model` of mlx_lm/utils.py.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from mlxgpt.convert.files import Json, Stored
from mlxgpt.convert.names import LAYOUTS, slots
from mlxgpt.errors import CheckpointError, ConversionError
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.packing import MODES, Packing, Packings, matrices

_HINT = "Quantise the original again with `mlxgpt quantize`, or copy the directory whole."


def layout(model_type: str) -> str:
    """The layout that packed weights of an architecture have: mlx-lm turns GPT-2's matrices before it packs them."""
    return "gpt2-packed" if model_type == "gpt2" else model_type


def config_keys(config: ModelConfig, layout: str, packings: Packings) -> Json:
    """What config.json says about packed weights; nothing when there are none."""
    if not packings:
        return {}
    usual = Counter(packings.values()).most_common(1)[0][0]
    table = _entry(usual)
    for slot in slots(config, layout, packings):
        name = slot.ours[0].removesuffix(".weight")
        if slot.name.endswith(".weight") and name in packings and packings[name] != usual:
            table[slot.name.removesuffix(".weight")] = _entry(packings[name])
    return {"quantization": table, "quantization_config": table}


def _entry(packing: Packing) -> Json:
    return {"bits": packing.bits, "group_size": packing.group_size, "mode": packing.mode}


def is_packed(values: Json) -> bool:
    """Whether a config.json speaks of quantised weights."""
    return isinstance(values.get("quantization") or values.get("quantization_config"), dict)


def read(
    values: Json, stored: Mapping[str, Stored], config: ModelConfig, directory: Path
) -> tuple[str, dict[str, Packing]]:
    """The layout of the files and how each layer of ours is packed; nothing is when config.json has no such table.

    Raises `CheckpointError` when scales are missing or the table is damaged, `ConversionError` for quantisation of others.
    """
    model_type = values["model_type"]
    if not is_packed(values):
        return model_type, {}
    table = values.get("quantization") or values["quantization_config"]
    if "quant_method" in table:
        raise ConversionError(
            f"{directory} is quantised by {str(table['quant_method'])[:40]}, which is not supported.",
            hint="Take the original model; `mlxgpt quantize` makes it small.",
        )
    prefix = LAYOUTS[layout(model_type)].prefix
    packings: dict[str, Packing] = {}
    layers = matrices(config) | {"positions": (config.context_length, config.n_embd)}  # mlx-lm packs GPT-2's too
    for slot in slots(config, layout(model_type)):
        path, _, leaf = slot.name.rpartition(".")
        ours = [name.removesuffix(".weight") for name in slot.ours]
        if leaf != "weight" or ours[0] not in layers:
            continue
        found = next((name for name in (path, path.removeprefix(prefix)) if f"{name}.weight" in stored), None)
        if found is None:
            continue  # reported with everything else that is missing
        scaled, whole = f"{found}.scales" in stored, stored[f"{found}.weight"].dtype == "U32"
        if scaled != whole:
            _damaged(directory, f"{found}.weight is packed, but its scales are missing" if whole else
                     f"{found} has scales, but its weight is not packed")  # fmt: skip
        if scaled:
            packing = _packing(table, path, directory)
            if not all(packing.fits(layers[name]) for name in ours):
                _damaged(directory, f"rows of {found} are no multiple of the group size {packing.group_size}")
            packings |= dict.fromkeys(ours, packing)
    return layout(model_type) if packings else model_type, packings


def _packing(table: Json, path: str, directory: Path) -> Packing:
    """What the table says of one layer."""
    own = table.get(path)
    entry = table | own if isinstance(own, dict) else table
    bits, group, mode = entry.get("bits"), entry.get("group_size"), entry.get("mode", "affine")
    if type(bits) is not int or type(group) is not int or not isinstance(mode, str):
        _damaged(directory, f"its table quantization does not say bits and group_size of {path}")
    packing = Packing(bits=bits, group_size=group, mode=mode)
    if not packing.known:
        _damaged(directory, f"{path} has {bits} bits in groups of {group} ({mode[:20]}), but there is only "
                 + ", ".join(f"{m} with {_list(b)} bits in groups of {_list(g)}" for m, (b, g) in MODES.items()))  # fmt: skip
    return packing


def _list(numbers: tuple[int, ...]) -> str:
    return "/".join(map(str, numbers))


def whole_numbers(config: ModelConfig, layout: str, packings: Packings) -> dict[str, str]:
    """The stored tensors that are no floating-point numbers, and what they are: packed words and scales of a byte."""
    kinds: dict[str, str] = {}
    prefix = LAYOUTS[layout].prefix
    for slot in slots(config, layout, packings) if packings else ():
        layer, _, leaf = slot.ours[0].rpartition(".")
        if layer in packings and (leaf == "weight" or (leaf == "scales" and packings[layer].mode != "affine")):
            kind = "U32" if leaf == "weight" else "U8"
            kinds |= dict.fromkeys((slot.name, slot.name.removeprefix(prefix)), kind)
    return kinds


def _damaged(directory: Path, what: Any) -> NoReturn:
    raise CheckpointError(f"{directory} is damaged: {what}.", hint=_HINT)
