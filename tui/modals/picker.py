"""A list to choose from with a line to type another answer in: tokenizers, folders, strategies."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from mlxgpt.text import visible

Choice = tuple[str, str]  # the answer, and what stands behind it in the list


class Picker(ModalScreen[str | None]):
    """Gives the chosen or typed word, None when it was left with Escape."""

    DEFAULT_CSS = """
    Picker { align: center middle; }
    Picker > Vertical { width: 76; max-width: 96%; height: auto; max-height: 90%; border: round $primary; padding: 0 1;
        background: $surface; }
    Picker OptionList { height: auto; max-height: 14; border: none; background: $surface; }
    Picker Input { border: tall $border-blurred; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="picker.leave"),
        Binding("down", "list", "List", show=False, id="picker.list"),
    ]

    def __init__(self, title: str, choices: Sequence[Choice], *, hint: str = "") -> None:
        super().__init__()
        self._title, self._choices, self._hint = title, choices, hint

    def compose(self) -> ComposeResult:
        """The title, the list, the line."""
        with Vertical():
            yield Label(Content(self._title))
            yield OptionList(*(Option(self._line(choice)) for choice in self._choices))
            yield Input(placeholder=self._hint)

    def _line(self, choice: Choice) -> Content:
        return Content.assemble(visible(choice[0]) or "none", "  ", (visible(choice[1]), "$text-muted"))

    def on_mount(self) -> None:
        """Begin in the list when there is one."""
        self.query_one(OptionList if self._choices else Input).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """One of the list."""
        self.dismiss(self._choices[event.option_index][0])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A word of one's own."""
        if event.value.strip():
            self.dismiss(event.value.strip())

    def action_leave(self) -> None:
        """Nothing changes."""
        self.dismiss(None)

    def action_list(self) -> None:
        """From the line into the list."""
        self.query_one(OptionList).focus()
