"""A list to choose from with a line to type another answer in: tokenizers, folders, strategies."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from mlxgpt import jobs
from mlxgpt.text import visible
from tui.modals.modal import Modal

Choice = tuple[str, str]  # the answer, and what stands behind it in the list
OTHER_TOKENIZER = "or a folder with a tokenizer.json"


def tokenizers() -> list[Choice]:
    """Every model by the tokenizer that it has, and that of bytes; reads folders."""
    known = [(entry.name, f"{entry.parameters:,} parameters") for entry in jobs.list_checkpoints()]
    return [*known, ("byte", "each byte is a token")]


class Picker(Modal[str | None]):
    """Gives the chosen or typed word, None when it was left with Escape."""

    DEFAULT_CSS = """
    Picker #box { width: 76; }
    Picker OptionList { height: auto; max-height: 14; }
    Picker Input { border: tall $border-blurred; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "list", "List", show=False, id="picker.list"),
    ]

    def __init__(self, title: str, choices: Sequence[Choice], *, hint: str = "") -> None:
        super().__init__()
        self._title, self._choices, self._hint = title, choices, hint

    def compose(self) -> ComposeResult:
        """The title, the list, the line."""
        with Vertical(id="box") as box:
            box.border_title = Content(self._title)
            box.border_subtitle = "enter takes it · esc goes back"
            yield OptionList(*(Option(self._line(choice)) for choice in self._choices))
            if self._hint:
                yield Input(placeholder=self._hint)

    def _line(self, choice: Choice) -> Content:
        return Content.assemble(visible(choice[0]) or "none", "  ", (visible(choice[1]), "$text-muted"))

    def on_mount(self) -> None:
        """Begin in the list when there is one."""
        self.query_one(OptionList if self._choices or not self._hint else Input).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """One of the list."""
        self.dismiss(self._choices[event.option_index][0])

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """A word of one's own."""
        if event.value.strip():
            self.dismiss(event.value.strip())

    def action_list(self) -> None:
        """From the line into the list."""
        self.query_one(OptionList).focus()
