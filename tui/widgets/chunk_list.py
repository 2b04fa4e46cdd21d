"""The chunks as a list, a line each, drawn where the window is."""

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

Draw = Callable[[int, int], str]  # the text of a row, given its number and the width


class ChunkList(ScrollView, can_focus=True):
    """A header that stays, and rows to choose from."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"head", "row", "chosen"}
    DEFAULT_CSS = """
    ChunkList { height: 1fr; scrollbar-size-vertical: 1; overflow: hidden scroll; }
    ChunkList .head { color: $text-muted; text-style: bold; }
    ChunkList .row { color: $foreground; }
    ChunkList .chosen { text-style: reverse; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Chunk", key_display="↑↓", id="list.up"),
        Binding("down,j", "move(1)", "Chunk below", id="list.down", show=False),
        Binding("pageup", "move(-10)", "Ten up", id="list.page_up", show=False),
        Binding("pagedown", "move(10)", "Ten down", id="list.page_down", show=False),
        Binding("home,g", "move(-1000000000)", "First", id="list.first", show=False),
        Binding("end,G", "move(1000000000)", "Last", id="list.last", show=False),
    ]
    HELP = "The chunks.  Arrows or a click choose one, enter opens it."

    class Picked(Message):
        """A row was chosen; `twice` when it was the chosen one already."""

        def __init__(self, number: int, *, twice: bool = False) -> None:
            super().__init__()
            self.number, self.twice = number, twice

    def __init__(self, header: str, draw: Draw, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._header, self._draw = header, draw
        self.count = 0
        self.chosen = 0

    def show(self, count: int) -> None:
        """So many rows."""
        self.count = count
        self.virtual_size = Size(self.scrollable_content_region.width, count + 1 if count else 0)
        self.refresh()

    def choose(self, number: int) -> None:
        """Make a row the chosen one, and bring it into the window."""
        self.chosen = number
        height, top = self.scrollable_content_region.height - 1, self.scroll_offset.y
        if number < top:
            self.scroll_to(y=number, animate=False)
        elif number >= top + height:
            self.scroll_to(y=number - height + 1, animate=False)
        self.refresh()

    def action_move(self, by: int) -> None:
        """Up or down."""
        if self.count:
            self.post_message(self.Picked(min(max(self.chosen + by, 0), self.count - 1)))

    def on_click(self, event: events.Click) -> None:
        """The row under the pointer."""
        spot = event.get_content_offset(self)
        if spot is not None and spot.y > 0:
            number = spot.y - 1 + self.scroll_offset.y
            if number < self.count:
                self.post_message(self.Picked(number, twice=number == self.chosen))

    def render_line(self, y: int) -> Strip:
        """The header, or a row."""
        width = self.scrollable_content_region.width
        if y == 0:
            return self._strip(self._header, "head", width)
        number = y - 1 + self.scroll_offset.y
        if number >= self.count:
            return Strip.blank(width, self.rich_style)
        return self._strip(self._draw(number, width), "chosen" if number == self.chosen else "row", width)

    def _strip(self, text: str, name: str, width: int) -> Strip:
        style = self.get_component_rich_style(name)
        return Strip([Segment(text, style)]).adjust_cell_length(width, style)
