"""What training starts from on each kind of device, when nobody said otherwise: one table, to be read and to be edited.

The line for CPUs was measured (`docs/log.md`): of batches of 4, 8 and 32 and rates of 3e-4, 1e-3 and 3e-3, for models of a few
million parameters; larger models want a lower rate, which their presets set.  Those for GPUs were not: they keep the
predecessor's batch of 32, and nanoGPT's rate.  bfloat16 halves the memory traffic of a GPU; Linux CPUs convert every value in
software, so there it is slower than float32.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """The starting values for one device class, and the sentence that training prints about them."""

    batch_size: int
    learning_rate: float
    precision: str  # of the computation: "bfloat16" | "float32"; master weights are float32 always
    why: str


DEFAULTS = {
    "metal": Defaults(
        batch_size=32,
        learning_rate=1e-3,
        precision="bfloat16",
        why="a large batch keeps the GPU busy; its gradients are steady",
    ),
    "cuda": Defaults(
        batch_size=32,
        learning_rate=1e-3,
        precision="bfloat16",
        why="a large batch keeps the GPU busy; its gradients are steady",
    ),
    "cpu": Defaults(
        batch_size=8,
        learning_rate=3e-3,
        precision="float32",
        why="on a CPU small batches learn more from the same text",
    ),
}
