"""What a step does in each layer: how strong its gradient is, and how far its weights move.

A layer whose updates are about a thousandth of its weights learns at a healthy pace (Karpathy 2022, "makemore part 3");
one whose gradient is far from the others' is where to look when the loss jumps.
"""

import math
from collections.abc import Sequence

import mlx.core as mx

from mlxgpt.data.loader import Batch
from mlxgpt.events import SignalsMeasured
from mlxgpt.training.optimizers import Tree
from mlxgpt.training.step import Stepper


def measure(
    stepper: Stepper, batches: Sequence[Batch], rate: float, muon_rate: float, key: mx.array | None = None
) -> SignalsMeasured:
    """The signals of the step that `batches` would make; nothing changes."""
    gradients, after = stepper.measure(batches, rate, muon_rate, key)
    change = {name: after[name] - weight for name, weight in stepper.parameters.items()}
    norms = [layer_norms(tree) for tree in (gradients, stepper.parameters, change)]
    layers = tuple(norms[0])
    return SignalsMeasured(
        step=stepper.steps,
        layers=layers,
        gradient_norms=tuple(norms[0].values()),
        weight_norms=tuple(norms[1].values()),
        update_ratios=tuple(norms[2][layer] / max(norms[1][layer], 1e-12) for layer in layers),
    )


def layer_norms(tree: Tree) -> dict[str, float]:
    """The L2 norm of each layer's arrays together: "embedding", "blocks.0" …"""
    squares: dict[str, mx.array] = {}
    for name, value in tree.items():
        layer = layer_of(name)
        squares[layer] = squares.get(layer, mx.array(0.0)) + mx.square(value).sum()
    mx.eval(squares)
    return {layer: math.sqrt(float(square.item())) for layer, square in squares.items()}


def layer_of(name: str) -> str:
    """The layer a parameter belongs to: "blocks.3.attn.q_proj.weight" -> "blocks.3"."""
    words = name.split(".")
    return ".".join(words[:2]) if words[0] == "blocks" else words[0]
