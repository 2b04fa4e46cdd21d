"""Runs, live and finished."""

from textual.app import ComposeResult
from textual.widgets import Static

from tui.page import Page


class TrainPage(Page):
    """Runs, live and finished."""

    NAME = "train"

    def body(self) -> ComposeResult:
        """What is between the bars."""
        yield Static("Runs, live and finished", id="body")
