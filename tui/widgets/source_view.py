"""The source of the functions that computed what is shown."""

from collections.abc import Sequence
from typing import ClassVar

from rich.syntax import Syntax
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from mlxgpt.inspection.code import Piece
from mlxgpt.text import visible


class SourceView(ModalScreen[None]):
    """Real code, as Python holds it, with the file and the line it comes from."""

    CSS = """
    SourceView { align: center middle; }
    SourceView VerticalScroll { width: 92%; max-width: 130; height: 90%; border: round $accent; background: $surface; }
    SourceView Static { height: auto; padding: 0 1; }
    SourceView .place { color: $accent; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,c,q", "dismiss(None)", "Close", id="source.close"),
        Binding("j", "down", "Down", id="source.down", show=False),
        Binding("k", "up", "Up", id="source.up", show=False),
    ]

    def __init__(self, pieces: Sequence[Piece]) -> None:
        super().__init__()
        self._pieces = pieces

    def compose(self) -> ComposeResult:
        """Each function under its place."""
        theme = "ansi_dark" if self.app.current_theme.dark else "ansi_light"
        with VerticalScroll() as box:
            box.border_title = "the code that computed this"
            box.border_subtitle = "esc closes"
            for piece in self._pieces:
                yield Static(Content(visible(f"{piece.file}:{piece.line}  {piece.name}")), classes="place")
                yield Static(Syntax(piece.text, "python", theme=theme, word_wrap=True, background_color="default"))

    def action_down(self) -> None:
        """Three lines."""
        self.query_one(VerticalScroll).scroll_relative(y=3, animate=False)

    def action_up(self) -> None:
        """Three lines."""
        self.query_one(VerticalScroll).scroll_relative(y=-3, animate=False)
