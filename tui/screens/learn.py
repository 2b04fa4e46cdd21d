"""Lessons and exercises."""

from textual.app import ComposeResult
from textual.widgets import Static

from tui.page import Page


class LearnPage(Page):
    """Lessons and exercises."""

    NAME = "learn"

    def body(self) -> ComposeResult:
        """What is between the bars."""
        yield Static("Lessons and exercises", id="body")
