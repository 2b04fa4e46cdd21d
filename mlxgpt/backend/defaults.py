"""What training starts from on each kind of device, when nobody said otherwise: one table, to be read and to be edited.

A Mac's GPU is idle at small batches and steady at large ones; a CPU gains nothing from a larger batch, so it takes
smaller ones, more steps, and a higher learning rate.  bfloat16 halves the memory traffic of a GPU; a CPU converts every
value in software, so there it is slower than float32.
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
        learning_rate=1e-4,
        precision="bfloat16",
        why="a large batch keeps the GPU busy; its gradients are steady",
    ),
    "cuda": Defaults(
        batch_size=32,
        learning_rate=1e-4,
        precision="bfloat16",
        why="a large batch keeps the GPU busy; its gradients are steady",
    ),
    "cpu": Defaults(
        batch_size=8,
        learning_rate=3e-4,
        precision="float32",
        why="a CPU gains nothing from large batches: smaller ones, more steps",
    ),
}
