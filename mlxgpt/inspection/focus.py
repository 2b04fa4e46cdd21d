"""Where to look in a report: a layer, a head, a position; what does not exist is refused with its range."""

from dataclasses import dataclass
from typing import Any

from mlxgpt.errors import ConfigError
from mlxgpt.inspection import reports, rwkv_reports
from mlxgpt.inspection.close_reports import SilenceReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Focus:
    """A place; None for what is left open.  Negative numbers count from the end."""

    layer: int | None = None
    head: int | None = None
    position: int | None = None

    def within(self, *, layers: int, heads: int, positions: int) -> "Focus":
        """The same place counted from the beginning; `ConfigError` for one that is not there."""
        return Focus(
            layer=_checked("layer", self.layer, layers),
            head=_checked("head", self.head, heads),
            position=_checked("position", self.position, positions),
        )


def _checked(what: str, number: int | None, size: int) -> int | None:
    if number is None:
        return None
    if not size:
        raise ConfigError(f"This view has no {what}s to choose from.", hint=f"Leave --{what} out.")
    if not -size <= number < size:
        raise ConfigError(
            f"There is no {what} {number}: there are {size}.", hint=f"Give 0 to {size - 1}, or -1 for the last."
        )
    return number % size


def extent(report: Any) -> dict[str, int]:  # Any: one of `inspection.reports`
    """How many layers, heads and positions a report has to choose from; 0 where there is no choice."""
    layers = heads = positions = 0
    match report:
        case reports.AttentionReport() | rwkv_reports.EffectiveAttentionReport():
            layers, heads, positions = report.pattern.shape[:3]
        case rwkv_reports.StateReport():
            layers, heads, positions = report.norm.shape
        case rwkv_reports.DecayReport():
            layers, heads = report.usual.shape[:2]
        case rwkv_reports.ShiftReport():
            layers = len(report.share)
        case reports.RolloutReport():
            layers, positions = report.rollout.shape[:2]
        case reports.RoleReport():
            layers, heads = next(iter(report.scores.values())).shape
        case reports.InductionReport():
            layers, heads = report.without.shape
        case reports.TensorsReport():
            numbers = [int(tensor.name.split(".")[1]) for tensor in report.tensors if tensor.name.startswith("blocks.")]
            layers = max(numbers, default=-1) + 1
        case SilenceReport():
            positions = len(report.passage)
        case reports.LensReport() | reports.TokensReport() | reports.AttributionReport() | reports.PatchReport():
            positions = len(report.passage)
    return {"layers": layers, "heads": heads, "positions": positions}
