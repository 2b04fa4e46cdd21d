"""One line that is asked for at the foot of the screen."""

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from mlxgpt.text import visible


class Question(ModalScreen[str | None]):
    """Its answer, or None when Escape was pressed."""

    CSS = """
    Question { align: center bottom; }
    Question Vertical { height: auto; max-height: 8; border: round $accent; background: $surface; margin: 0 0 1 0; }
    Question Static { height: auto; padding: 0 1; color: $text-muted; }
    """
    BINDINGS = [Binding("escape", "dismiss(None)", "Cancel", id="question.cancel")]  # noqa: RUF012  (Textual's own form)

    def __init__(self, title: str, about: str = "", value: str = "") -> None:
        super().__init__()
        self._asked, self._about, self._value = title, about, value

    def compose(self) -> ComposeResult:
        """A box with one line."""
        with Vertical() as box:
            box.border_title = self._asked
            yield Input(visible(self._value), compact=True, select_on_focus=False)
            if self._about:
                yield Static(Content(visible(self._about)))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """That is the answer."""
        event.stop()
        self.dismiss(event.value)

    def on_click(self, event: events.Click) -> None:
        """Beside the box: no answer."""
        if event.widget is self:
            self.dismiss(None)
