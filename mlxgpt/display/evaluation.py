"""Figures of models in a table: what was measured, its bounds, and which of two is better."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from mlxgpt.display.progress import duration
from mlxgpt.events import Event, MetricCompared, MetricMeasured
from mlxgpt.text import visible

SHARES = ("accuracy", "exact match")


def table(events: Sequence[Event], *, groups: bool = False) -> RenderableType:
    """All figures, then all comparisons; `groups` shows the parts of tasks too."""
    measured = [event for event in events if isinstance(event, MetricMeasured) and (groups or not event.group)]
    compared = [event for event in events if isinstance(event, MetricCompared)]
    figures = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("task", "model", "metric"):
        figures.add_column(name)
    for name in ("value", "95% from", "to", "items", "took"):
        figures.add_column(name, justify="right")
    for event in measured:
        name = f"  {event.group}" if event.group else event.task
        figures.add_row(
            visible(name), visible(event.model), event.metric, number(event.metric, event.value),
            number(event.metric, event.low), number(event.metric, event.high), f"{event.items:,}",
            duration(event.seconds) if event.seconds else "",
        )  # fmt: skip
    if not compared:
        return figures
    differences = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("task", "metric"):
        differences.add_column(name)
    for name in (visible(compared[0].model_a), visible(compared[0].model_b), "difference", "95% from", "to", "p"):
        differences.add_column(name, justify="right")
    differences.add_column("test")
    for each in compared:
        differences.add_row(
            visible(each.task), each.metric, number(each.metric, each.a), number(each.metric, each.b),
            number(each.metric, each.difference), number(each.metric, each.low), number(each.metric, each.high),
            f"{each.p:.3f}" if each.p >= 0.001 else "<0.001", each.test, style="bold" if each.p < 0.05 else "",
        )  # fmt: skip
    return Group(figures, Text(), differences)


def number(metric: str, value: float) -> str:
    """Shares in percent, all else with four digits."""
    if metric.startswith(SHARES):
        return f"{value * 100:.1f}%"
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
