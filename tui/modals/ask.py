"""Two small questions: a line of text, and yes or no."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from mlxgpt.text import visible
from tui.keymap import Remapped


class Ask(Remapped, ModalScreen[str | None]):
    """Asks for a line; None when it was left."""

    DEFAULT_CSS = """
    Ask { align: center middle; }
    Ask #box { width: 64; max-width: 95%; height: auto; border: round $primary; background: $surface; padding: 0 1; }
    Ask #hint { color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss", "Leave", id="modal.leave")]

    def __init__(self, question: str, value: str = "", hint: str = "") -> None:
        super().__init__()
        self._question, self._value, self._hint = visible(question), visible(value), hint

    def compose(self) -> ComposeResult:
        """The question, a line to answer it in, and what may be said."""
        with Vertical(id="box"):
            yield Static(Content(self._question))
            yield Input(self._value)
            if self._hint:
                yield Static(Content(self._hint), id="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """An answer."""
        self.dismiss(event.value.strip() or None)


class Confirm(Remapped, ModalScreen[bool]):
    """Asks whether to do something that cannot be undone."""

    DEFAULT_CSS = """
    Confirm { align: center middle; }
    Confirm #box { width: 60; max-width: 95%; height: auto; border: round $warning; background: $surface; padding: 0 1; }
    Confirm Horizontal { height: auto; align: center middle; margin-top: 1; }
    Confirm Button { margin: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", id="confirm.yes"),
        Binding("n,escape", "answer(False)", "No", id="confirm.no"),
    ]

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question, self._yes = visible(question), yes

    def compose(self) -> ComposeResult:
        """The question and two buttons; the harmless one has the focus."""
        with Vertical(id="box"):
            yield Static(Content(self._question))
            with Horizontal():
                yield Button(f"{self._yes} (y)", variant="error", id="yes", compact=True)
                yield Button("No (n)", id="no", compact=True)

    def on_mount(self) -> None:
        """Enter does no harm."""
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """A button instead of a key."""
        self.dismiss(event.button.id == "yes")

    def action_answer(self, answer: bool) -> None:
        """A key."""
        self.dismiss(answer)
