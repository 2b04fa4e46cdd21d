"""How a document is cut."""

from textual.app import ComposeResult
from textual.widgets import Static

from tui.page import Page


class ChunksPage(Page):
    """How a document is cut."""

    NAME = "chunks"

    def body(self) -> ComposeResult:
        """What is between the bars."""
        yield Static("How a document is cut", id="body")
