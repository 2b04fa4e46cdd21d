"""See inside."""

from textual.app import ComposeResult
from textual.widgets import Static

from tui.page import Page


class InspectPage(Page):
    """See inside."""

    NAME = "inspect"

    def body(self) -> ComposeResult:
        """What is between the bars."""
        yield Static("See inside", id="body")
