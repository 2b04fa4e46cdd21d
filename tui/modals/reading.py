"""Something to read over the page: what a command says, a chunk, the batches of a run, the code that computed a picture."""

import io
from collections.abc import Sequence
from typing import Any, ClassVar

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from mlxgpt.inspection.code import Piece
from mlxgpt.text import visible
from tui.modals.modal import Modal
from tui.widgets.keys import Keys


class Reading(Modal[None]):
    """Pictures and text in a box, to be scrolled, copied and closed."""

    DEFAULT_CSS = """
    Reading #box { width: 104; padding: 0; }
    Reading VerticalScroll { height: auto; max-height: 100%; padding: 0 1; }
    Reading Static { height: auto; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "leave", "Close", id="reading.close"),
        Binding("y", "copy", "Copy", id="reading.copy"),
        Binding("down,j", "scroll(1)", "Down", id="reading.down", show=False),
        Binding("up,k", "scroll(-1)", "Up", id="reading.up", show=False),
        Binding("pagedown,space", "scroll(10)", "Page down", id="reading.page_down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", id="reading.page_up", show=False),
    ]
    HELP = "Arrows scroll, y copies all of it as text, escape closes."

    def __init__(self, title: str, text: str = "", views: Sequence[Any] = ()) -> None:  # Any: what rich can print
        super().__init__()
        self._title, self._text, self._views = visible(title), visible(text), views

    def compose(self) -> ComposeResult:
        """Pictures first."""
        with Vertical(id="box") as box:
            box.border_title = Content(self._title)
            with VerticalScroll():
                for view in self._views:
                    yield Static(view, markup=False)
                if self._text:
                    yield Static(Content(self._text))
            yield Keys()

    def action_scroll(self, rows: int) -> None:
        """So many lines further."""
        self.query_one(VerticalScroll).scroll_relative(y=rows, animate=False)

    def action_copy(self) -> None:
        """All of it as text."""
        page = Console(file=io.StringIO(), width=100, color_system=None)
        for view in self._views:
            page.print(view, markup=False)
        written = page.file.getvalue() if isinstance(page.file, io.StringIO) else ""
        self.app.copy_to_clipboard(written + self._text)


def source(pieces: Sequence[Piece], *, dark: bool) -> Reading:
    """Real code, as Python holds it, each function under the file and the line that it comes from."""
    theme = "ansi_dark" if dark else "ansi_light"
    parts: list[Text | Syntax] = []
    for piece in pieces:
        parts.append(Text(visible(f"{piece.file}:{piece.line}  {piece.name}"), "bold"))
        parts.append(Syntax(piece.text, "python", theme=theme, word_wrap=True, background_color="default"))
    return Reading("the code that computed this", views=parts)
