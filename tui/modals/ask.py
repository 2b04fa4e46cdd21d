"""Small questions: a line of text, and yes or no."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import Button, Input, Static

from mlxgpt.text import visible
from tui.modals.modal import Modal


class Ask(Modal[str | None]):
    """Asks for a line, which may be empty; None when it was left."""

    DEFAULT_CSS = """
    Ask #box { width: 76; }
    Ask #hint { color: $text-muted; }
    """

    def __init__(self, question: str, value: str = "", hint: str = "", *, suggester: Suggester | None = None) -> None:
        super().__init__()
        self._question, self._value, self._hint = visible(question), visible(value), visible(hint)
        self._suggester = suggester

    def compose(self) -> ComposeResult:
        """The question, a line to answer it in, and what may be said."""
        with Vertical(id="box") as box:
            box.border_title = Content(self._question)
            box.border_subtitle = "enter takes it · esc goes back"
            yield Input(self._value, compact=True, select_on_focus=False, suggester=self._suggester)
            if self._hint:
                yield Static(Content(self._hint), id="hint")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """An answer."""
        event.stop()
        self.dismiss(event.value.strip())


class Confirm(Modal[bool]):
    """Asks whether to do something that cannot be undone."""

    DEFAULT_CSS = """
    Confirm #box { width: 60; border: round $warning; }
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
