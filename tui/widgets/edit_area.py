"""A box to write in that can hold hostile text: what could steer the terminal is drawn as a picture of itself."""

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from mlxgpt.text import visible


class EditArea(TextArea):
    """A `TextArea`; Escape leaves it, Tab goes on.  Its `text` is what was written, to the byte."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Done", id="edit.leave")]
    HELP = "Write or paste; Escape goes back to the keys of the page."

    class Left(Message):
        """Somebody is done writing."""

    def action_leave(self) -> None:
        """Escape."""
        self.post_message(self.Left())

    def get_line(self, line_index: int) -> Text:
        """A line as it is drawn; `visible` keeps the number of characters, so the cursor stays right."""
        return Text(visible(self.document.get_line(line_index)), end="", no_wrap=True)
