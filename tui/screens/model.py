"""Parameters, memory, embeddings."""

from textual.app import ComposeResult
from textual.widgets import Static

from tui.page import Page


class ModelPage(Page):
    """Parameters, memory, embeddings."""

    NAME = "model"

    def body(self) -> ComposeResult:
        """What is between the bars."""
        yield Static("Parameters, memory, embeddings", id="body")
