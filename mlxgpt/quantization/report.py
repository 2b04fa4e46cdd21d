"""What quantising did to a model, in figures.  No MLX here: front ends show it."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixError:
    """One matrix: |W' - W| / |W|, and, of what it answers on the text, |W' x - W x| / |W x| (None for a lookup)."""

    name: str
    bits: int
    weight_error: float
    output_error: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuantizationReport:
    """What became of a model; figures "before" are those of the original, on the same text in the same run."""

    path: str
    settings: dict[str, Any]
    parameters: int
    bits: float  # for each number, scales and what stayed as it was included
    packed: int  # matrices
    dense: tuple[str, ...]  # matrices whose rows are no whole groups
    bytes_before: int
    bytes_after: int
    text: str
    tokens: int
    perplexity_before: float
    perplexity_after: float
    bits_per_byte_before: float
    bits_per_byte_after: float
    divergence: float
    agreement: float
    tokens_per_second_before: float
    tokens_per_second_after: float
    matrices: tuple[MatrixError, ...]  # the worst first

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)
