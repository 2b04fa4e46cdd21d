"""Talk to the model; every token is an object."""

from textual.app import ComposeResult
from textual.widgets import Static

from tui.page import Page


class ChatPage(Page):
    """Talk to the model; every token is an object."""

    NAME = "chat"

    def body(self) -> ComposeResult:
        """What is between the bars."""
        yield Static("Talk to the model; every token is an object", id="body")
