"""Which matrix gets how many bits.

An error in some places does more harm than in others: the first blocks write what all others read, the last what the head
reads, and values and down-projections go into the residual stream with nothing behind them to dampen an error.  The
mixed recipes are mlx-lm's, after llama.cpp's Q4_K_M.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from mlxgpt.convert.names import slots
from mlxgpt.convert.targets import hf_target
from mlxgpt.errors import ConfigError
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.packing import Packing, Packings, matrices
from mlxgpt.quantization.config import FLOATS, QuantizeConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How each matrix is packed, and which stay as they are because their rows are no whole groups."""

    packings: Packings
    dense: tuple[str, ...]


def plan(model: ModelConfig, config: QuantizeConfig) -> Plan:
    """What `config` asks for; `ConfigError` when no matrix can be packed so."""
    important = RECIPES[config.recipe]
    packings, dense = {}, []
    for name, shape in matrices(model).items():
        bits = config.high_bits if important(name, model) else config.low_bits
        packing = next((each for each in _ways(config, name, bits) if each.fits(shape)), None)
        if packing is None:
            dense.append(name)
        else:
            packings[name] = packing
    if not packings:
        size = config.group_size or 32
        raise ConfigError(
            f"No matrix of this model can be quantised: none has rows of a multiple of {size} numbers.",
            hint="Give a smaller --group-size, or train a model whose width is a multiple of 32.",
        )
    return Plan(packings=_together(model, packings), dense=tuple(dense))


def _ways(config: QuantizeConfig, name: str, bits: int) -> list[Packing]:
    """How this matrix may be packed, the best way first.

    The token table stays affine in every mode: looked up in a tiny float, its rows come out as bfloat16, and everything
    after them would be computed in that.
    """
    if config.mode != "affine" and name not in TABLES:
        _, group = FLOATS[config.mode]
        return [Packing(bits=bits, group_size=group, mode=config.mode)]
    sizes = (config.group_size,) if config.group_size and config.mode == "affine" else (64, 32)
    return [Packing(bits=8 if config.mode != "affine" else bits, group_size=size) for size in sizes]


def _together(model: ModelConfig, packings: dict[str, Packing]) -> dict[str, Packing]:
    """The same, with the most bits of any for matrices that are stored as one."""
    for slot in slots(model, hf_target(model).model_type):
        names = [name.removesuffix(".weight") for name in slot.ours]
        if len(names) > 1 and all(name in packings for name in names):
            best = max(packings[name].bits for name in names)
            packings |= {name: dataclasses.replace(packings[name], bits=best) for name in names}
    return packings


# ---- recipes ---------------------------------------------------------------------------------------------------------

TABLES = ("embedding", "head")
INTO_THE_STREAM = ("attn.v_proj", "ffn.down_proj", "att.value", "ffn.value")


def _everywhere_alike(name: str, model: ModelConfig) -> bool:
    return False


def _edges(name: str, model: ModelConfig) -> bool:
    """The token table, the head, and the first and the last block."""
    return name in TABLES or _layer(name) in (0, model.n_layer - 1)


def _mixed(name: str, model: ModelConfig) -> bool:
    """Token table and head; values and down-projections of the first and last eighth and of every third block between."""
    if name in TABLES:
        return True
    layer, eighth = _layer(name), model.n_layer // 8
    chosen = layer < eighth or layer >= 7 * model.n_layer // 8 or (layer - eighth) % 3 == 2
    return chosen and name.endswith(INTO_THE_STREAM)


def _layer(name: str) -> int:
    return int(name.split(".")[1]) if name.startswith("blocks.") else -1


RECIPES: dict[str, Callable[[str, ModelConfig], bool]] = {
    "even": _everywhere_alike,
    "edges": _edges,
    **dict.fromkeys(("mixed_2_6", "mixed_3_4", "mixed_3_6", "mixed_4_6"), _mixed),
}
