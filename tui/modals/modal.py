"""What all boxes over a page have in common: they stand in the middle, take their keys from the settings, and are left with
Escape or with a click beside them."""

from typing import ClassVar, Generic, TypeVar

from textual import events
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from tui.keymap import Remapped

T = TypeVar("T")


class Modal(Remapped, ModalScreen[T], Generic[T]):
    """A box named `box` over the page; None is what it gives when it was left.

    Bindings of subclasses that leave with more keys than Escape have the id of this one.
    """

    DEFAULT_CSS = """
    Modal { align: center middle; }
    Modal #box {
        width: 92; max-width: 96%; height: auto; max-height: 94%; padding: 0 1;
        border: round $primary; background: $surface;
    }
    Modal OptionList, Modal OptionList:focus { border: none; padding: 0; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Back", id="modal.leave")]

    def action_leave(self) -> None:
        """Nothing changes."""
        self.dismiss(None)

    def on_click(self, event: events.Click) -> None:
        """Beside the box."""
        if event.widget is self:
            self.action_leave()
