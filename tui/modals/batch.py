"""What a run read at its spikes, and what its next step does in each layer: a report of `inspection.signals`."""

from typing import Any, ClassVar

from rich.console import Group
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Label, Static

from mlxgpt.display.inspection import view
from mlxgpt.inspection.focus import Focus


class BatchModal(ModalScreen[None]):
    """The report in a box that scrolls."""

    DEFAULT_CSS = """
    BatchModal { align: center middle; }
    BatchModal > VerticalScroll { width: 95%; height: 90%; border: round $accent; background: $surface; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,b,q", "dismiss", "Close", id="batch.close")]

    def __init__(self, report: Any) -> None:  # Any: inspection.reports.TrainingReport
        super().__init__()
        self.report = report

    def compose(self) -> ComposeResult:
        """The report as `mlxgpt inspect training` draws it."""
        with VerticalScroll():
            yield Label("From the run's own seed, read again — esc closes", markup=False)
            yield Static(Group(*view(self.report, Focus())), markup=False)
