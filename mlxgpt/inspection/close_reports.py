"""What inspection returns of single things seen up close: heads that were silenced, the values of one tensor.  No MLX here.

T time · L layers · H heads · k tokens
"""

from dataclasses import dataclass

import numpy as np

from mlxgpt.inspection.reports import Ids, Numbers, Passage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SilenceReport:
    """What would come next with some heads silenced, all at once: the tokens likeliest before or after, by their change."""

    passage: Passage
    heads: tuple[tuple[int, int], ...]  # (layer, head)
    kind: str  # zero | mean
    position: int
    tokens: Ids  # (k,), the most changed first
    pieces: dict[int, str]
    before: Numbers  # (k,), probabilities
    after: Numbers  # (k,)
    guess: int  # the likeliest token before
    guess_after: int
    divergence: float  # KL(before ‖ after) in nats
    surprisal: Numbers  # (T,), of each token without change; NaN for the first
    surprisal_after: Numbers  # (T,)

    @property
    def delta(self) -> Numbers:
        """How far each probability moved, (k,)."""
        return np.asarray(self.after - self.before, dtype=np.float32)

    @property
    def names(self) -> str:
        """The heads in a word: "2.3 4.1"."""
        return " ".join(f"{layer}.{head}" for layer, head in self.heads)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ValuesReport:
    """The numbers of one tensor: a table small enough to draw, and one row of it whole.

    Each cell of `table` is the largest, by size, of `each` rows and columns.  Of an activation with heads, one head is seen.
    """

    model: str
    name: str
    kind: str  # weights | activations | gradients
    shape: tuple[int, ...]  # of the whole tensor
    dtype: str
    head: int | None
    table: Numbers  # (R, C)
    each: tuple[int, int]
    row: Numbers  # (W,), the row `at` as it is
    at: int
