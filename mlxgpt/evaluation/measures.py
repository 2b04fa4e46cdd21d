"""A figure with how sure it is, made of what each item adds to it; so two models can be compared item by item.  No MLX here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlxgpt.evaluation import statistics
from mlxgpt.events import MetricCompared, MetricMeasured

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measure:
    """sum(numerators) / sum(denominators) over items; `exponential` when e^ of that is the figure.

    A share is a measure whose numerators are 0 or 1 and whose denominators are 1.
    """

    metric: str
    numerators: Values
    denominators: Values
    groups: tuple[str, ...] = ()  # of each item
    exponential: bool = False

    @staticmethod
    def share(metric: str, right: Sequence[bool], groups: Sequence[str] = ()) -> "Measure":
        """The share of items that were right."""
        values = np.array(right, dtype=np.float64)
        return Measure(metric=metric, numerators=values, denominators=np.ones_like(values), groups=tuple(groups))

    @property
    def is_share(self) -> bool:
        return bool((self.denominators == 1).all() and np.isin(self.numerators, (0.0, 1.0)).all())

    @property
    def value(self) -> float:
        return self._shown(float(self.numerators.sum() / max(self.denominators.sum(), 1e-300)))

    def measured(self, task: str, model: str, seconds: float) -> list[MetricMeasured]:
        """The figure, and that of each group when there are several."""
        names = sorted(set(self.groups)) if len(set(self.groups)) > 1 else []
        parts = [(name, np.array([group == name for group in self.groups])) for name in names]
        everything = np.ones(len(self.numerators), dtype=bool)
        return [
            self._part(mask)._measured(task, model, name, seconds if not name else 0.0)
            for name, mask in [("", everything), *parts]
        ]

    def compared(self, other: "Measure", task: str, models: tuple[str, str]) -> MetricCompared:
        """This figure minus the other over the same items, with a paired test."""
        if self.is_share and other.is_share:
            test, p = "McNemar, exact", statistics.mcnemar(self.numerators, other.numerators)
        else:
            test = "paired bootstrap"
        interval, by_bootstrap = statistics.paired_bootstrap(
            (self.numerators, self.denominators), (other.numerators, other.denominators)
        )
        return MetricCompared(
            task=task, metric=self.metric, model_a=models[0], model_b=models[1], a=self.value, b=other.value,
            difference=self.value - other.value, low=interval.low, high=interval.high,
            p=p if test != "paired bootstrap" else by_bootstrap, test=test, items=len(self.numerators),
        )  # fmt: skip

    def _part(self, mask: npt.NDArray[np.bool_]) -> "Measure":
        return Measure(
            metric=self.metric, numerators=self.numerators[mask], denominators=self.denominators[mask],
            exponential=self.exponential,
        )  # fmt: skip

    def _measured(self, task: str, model: str, group: str, seconds: float) -> MetricMeasured:
        n = len(self.numerators)
        if self.is_share:
            method, (low, high) = "Wilson", statistics.wilson(int(self.numerators.sum()), n)
        elif n > 1:
            method, (low, high) = "bootstrap", statistics.bootstrap(self.numerators, self.denominators)
            low, high = self._shown(low), self._shown(high)
        else:
            method, low, high = "one item", self.value, self.value
        return MetricMeasured(
            task=task, model=model, metric=self.metric, group=group, value=self.value, low=low, high=high, method=method,
            items=n, seconds=seconds,
        )  # fmt: skip

    def _shown(self, ratio: float) -> float:
        return float(np.exp(min(ratio, 700.0))) if self.exponential else ratio
