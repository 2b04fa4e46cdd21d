"""Weights of few bits: which matrices of a model are packed, and how.

`mx.quantize` cuts each row into groups, and keeps a scale (affine: an offset too) for each beside whole numbers of `bits`
bits, packed into 32-bit words; `mx.quantized_matmul` multiplies with them as they are.  MLX's own `QuantizedLinear` and
`QuantizedEmbedding` hold such a matrix, so a packed model is a `GPT` with other leaves, and what is stored is what mlx-lm
stores.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten, tree_unflatten

from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.model.shapes import Shape, parameter_shapes

# What MLX can compute with: bits and group sizes of each mode.
MODES: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "affine": ((2, 3, 4, 5, 6, 8), (32, 64, 128)),
    "mxfp4": ((4,), (32,)),
    "mxfp8": ((8,), (32,)),
    "nvfp4": ((4,), (16,)),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How one matrix is packed."""

    bits: int
    group_size: int
    mode: str = "affine"

    def fits(self, shape: Shape) -> bool:
        """Whether rows of a matrix are whole groups."""
        return shape[-1] % self.group_size == 0

    def shapes(self, shape: Shape) -> dict[str, Shape]:
        """What is stored for a matrix (out, in)."""
        rows, width = shape
        groups = (rows, width // self.group_size)
        stored: dict[str, Shape] = {"weight": (rows, width * self.bits // 32), "scales": groups}
        if self.mode == "affine":
            stored["biases"] = groups
        return stored

    @property
    def known(self) -> bool:
        """Whether MLX computes with it."""
        bits, groups = MODES.get(self.mode, ((), ()))
        return self.bits in bits and self.group_size in groups


Packings = Mapping[str, Packing]  # "blocks.0.attn.q_proj" -> how it is packed


def matrices(config: ModelConfig) -> dict[str, Shape]:
    """The matrices of a model that can be packed, by the name of their layer: all that vectors are multiplied with, and the
    token table."""
    return {
        name.removesuffix(".weight"): shape
        for name, shape in parameter_shapes(config).items()
        if name.endswith(".weight") and len(shape) == 2 and name != "positions.weight"
    }


def packed_shapes(config: ModelConfig, packings: Packings) -> dict[str, Shape]:
    """`parameter_shapes` of a model with these matrices packed."""
    shapes: dict[str, Shape] = {}
    for name, shape in parameter_shapes(config).items():
        layer, _, leaf = name.rpartition(".")
        if leaf == "weight" and layer in packings:
            shapes |= {f"{layer}.{part}": stored for part, stored in packings[layer].shapes(shape).items()}
        else:
            shapes[name] = shape
    return shapes


def pack(model: GPT, packings: Packings) -> None:
    """Replace these matrices of `model` by packed ones."""

    def choice(path: str, layer: nn.Module) -> bool | dict[str, int | str]:
        packing = packings.get(path)
        return False if packing is None else {
            "bits": packing.bits, "group_size": packing.group_size, "mode": packing.mode
        }  # fmt: skip

    nn.quantize(model, class_predicate=choice)


def packings_of(model: GPT) -> dict[str, Packing]:
    """What is packed in a model."""
    return {
        name: Packing(bits=layer.bits, group_size=layer.group_size, mode=layer.mode)
        for name, layer in model.named_modules()
        if isinstance(layer, nn.QuantizedLinear | nn.QuantizedEmbedding)
    }


def unpacked(model: GPT, dtype: mx.Dtype | None = None) -> GPT:
    """The same model with ordinary matrices, each number what the packed one stands for; itself when nothing is packed."""
    packings = packings_of(model)
    if not packings:
        return model
    held = dict(tree_flatten(model.parameters()))
    usual = dtype or next(array.dtype for array in held.values() if mx.issubdtype(array.dtype, mx.floating))
    for name, packing in packings.items():
        held |= unpacked_matrix(held, name, packing)
    plain = GPT(model.config)
    plain.update(tree_unflatten([(name, array.astype(usual)) for name, array in held.items()]))
    mx.eval(plain.parameters())
    return plain


def unpacked_matrix(held: dict[str, mx.array], name: str, packing: Packing) -> dict[str, mx.array]:
    """A layer's ordinary weight, instead of the packed parts, which are taken out of `held`."""
    parts = [held.pop(f"{name}.{part}", None) for part in ("weight", "scales", "biases")]
    plain = mx.dequantize(*parts, group_size=packing.group_size, bits=packing.bits, mode=packing.mode)
    return {f"{name}.weight": plain}
