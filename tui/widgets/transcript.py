"""The conversation on the screen."""

from textual.content import Content
from textual.widgets import Static

from mlxgpt.text import visible
from tui.conversation import Conversation


class Transcript(Static):
    """The messages of the path that is shown."""

    ALLOW_SELECT = False

    def show(self, talk: Conversation) -> None:
        """Show a conversation."""
        self.update(Content("\n\n".join(visible(f"{m.role}\n  {m.text}") for m in talk.path())))
