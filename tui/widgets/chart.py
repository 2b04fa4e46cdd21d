"""A chart of `display.curves` that fills its box."""

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.text import Text
from textual.widget import Widget

from mlxgpt.display.curves import Chart, Curve, key


class ChartBox(Widget):
    """Curves and their names; `draw` changes them without a layout."""

    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__(id="chart")
        self.curves: Sequence[Curve] = ()
        self.logarithmic = False
        self.form = ".3g"
        self.top_first = False  # the names begin with the curve that lies above the others
        self.empty = ""  # what stands there instead of no curve

    def draw(self, curves: Sequence[Curve], *, logarithmic: bool, form: str, top_first: bool = False) -> None:
        """Show other curves."""
        self.curves, self.logarithmic, self.form, self.top_first = curves, logarithmic, form, top_first
        self.refresh()

    def render(self) -> RenderableType:
        """The chart, and a line of names below it where there is room."""
        if not self.curves:
            return Text(self.empty, "dim")
        height = self.size.height
        names = height > 6
        chart = Chart(
            curves=self.curves, height=max(height - names, 2), logarithmic=self.logarithmic, form=self.form
        )  # fmt: skip
        return Group(chart, key(self.curves[::-1] if self.top_first else self.curves)) if names else chart
