"""Reports of inspection on a terminal: VIEWS says how each kind is drawn; every colour has its number beside it."""

from collections.abc import Callable
from typing import Any

from mlxgpt.display import causes, heads, predictions, quantities, recurrent
from mlxgpt.display.words import Drawn
from mlxgpt.inspection import reports, rwkv_reports
from mlxgpt.inspection.close_reports import SilenceReport
from mlxgpt.inspection.focus import Focus


def view(report: Any, focus: Focus) -> Drawn:  # Any: one of the keys of VIEWS
    """A report as lines and pictures."""
    return VIEWS[type(report)](report, focus)


VIEWS: dict[type, Callable[[Any, Focus], Drawn]] = {
    reports.AttentionReport: heads.attention,
    reports.RolloutReport: heads.rollout,
    reports.RoleReport: heads.roles,
    reports.InductionReport: heads.induction,
    rwkv_reports.EffectiveAttentionReport: recurrent.attention,
    rwkv_reports.StateReport: recurrent.state,
    rwkv_reports.DecayReport: recurrent.decay,
    rwkv_reports.ShiftReport: recurrent.shift,
    reports.LensReport: predictions.lens,
    reports.TokensReport: predictions.tokens,
    reports.AttributionReport: causes.attribution,
    reports.PatchReport: causes.patch,
    SilenceReport: causes.silence,
    reports.TensorsReport: quantities.tensors,
    reports.MemoryReport: quantities.memory,
    reports.EmbeddingsReport: quantities.embeddings,
    reports.AnalogyReport: quantities.analogies,
    reports.TrainingReport: quantities.training,
}
