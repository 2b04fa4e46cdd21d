"""What a command says when it is more than a line: pictures and text to be scrolled, copied and closed."""

import io
from collections.abc import Sequence
from typing import Any, ClassVar

from rich.console import Console
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from mlxgpt.text import visible
from tui.keymap import Remapped


class Told(Remapped, ModalScreen[None]):
    """The answer to `line`; `views` are what rich can print."""

    DEFAULT_CSS = """
    Told { align: center middle; }
    Told #box {
        width: 104; max-width: 96%; height: auto; max-height: 90%; border: round $primary; background: $surface;
    }
    Told VerticalScroll { height: auto; max-height: 100%; padding: 0 1; }
    Told Footer { dock: bottom; }
    Told Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "Close", id="told.close"),
        Binding("y", "copy", "Copy", id="told.copy"),
        Binding("j,down", "scroll(1)", "Down", id="told.down", show=False),
        Binding("k,up", "scroll(-1)", "Up", id="told.up", show=False),
    ]

    def __init__(self, line: str, text: str, views: Sequence[Any] = ()) -> None:  # Any: what rich can print
        super().__init__()
        self._line, self._text, self._views = visible(line), visible(text), views

    def compose(self) -> ComposeResult:
        """Pictures first."""
        with Vertical(id="box") as box:
            box.border_title = Content(self._line)
            with VerticalScroll():
                for view in self._views:
                    yield Static(view, markup=False)
                if self._text:
                    yield Static(Content(self._text))
            yield Footer(compact=True, show_command_palette=False)

    def action_scroll(self, rows: int) -> None:
        """A line further."""
        self.query_one(VerticalScroll).scroll_relative(y=rows, animate=False)

    def action_copy(self) -> None:
        """All of it as text."""
        page = Console(file=io.StringIO(), width=100, color_system=None)
        for view in self._views:
            page.print(view, markup=False)
        written = page.file.getvalue() if isinstance(page.file, io.StringIO) else ""
        self.app.copy_to_clipboard(written + self._text)
