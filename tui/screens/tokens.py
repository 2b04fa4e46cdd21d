"""How text becomes ids."""

from textual.app import ComposeResult
from textual.widgets import Static

from tui.page import Page


class TokensPage(Page):
    """How text becomes ids."""

    NAME = "tokens"

    def body(self) -> ComposeResult:
        """What is between the bars."""
        yield Static("How text becomes ids", id="body")
