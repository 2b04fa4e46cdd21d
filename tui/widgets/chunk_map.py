"""A document with its chunks: a number and a colour for each in the margin, what is repeated shaded, a line for each cut.

Only the lines in the window are drawn, so the size of the document does not matter.
"""

from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mlxgpt.chunking.watching import WatchedChunk
from tui.chunk_layout import Layout, drawn
from tui.chunk_view import short

MARGIN = 8  # columns before the text: the number, and a bar


class ChunkMap(ScrollView, can_focus=True):
    """Arrows scroll; `,` and `.` (or a click) choose a chunk."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"c0", "c1", "c2", "c3", "chosen", "cut", "shared", "plain"}
    DEFAULT_CSS = """
    ChunkMap { height: 1fr; scrollbar-size-vertical: 1; overflow: hidden scroll; }
    ChunkMap .c0 { background: $primary-muted; color: $text; }
    ChunkMap .c1 { background: $success-muted; color: $text; }
    ChunkMap .c2 { background: $warning-muted; color: $text; }
    ChunkMap .c3 { background: $secondary-muted; color: $text; }
    ChunkMap .chosen { background: $boost; text-style: bold; }
    ChunkMap .shared { text-style: italic; color: $text-accent; background: $accent 20%; }
    ChunkMap .cut { color: $text-muted; }
    ChunkMap .plain { color: $foreground; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Scroll", key_display="↑↓", id="chunks.up"),
        Binding("down,j", "scroll_down", "Line down", id="chunks.down", show=False),
    ]
    HELP = "The document.  A click chooses the chunk under the pointer, a second one opens it."

    class Picked(Message):
        """A chunk was pointed at; `twice` when it was the chosen one."""

        def __init__(self, number: int, *, twice: bool = False) -> None:
            super().__init__()
            self.number, self.twice = number, twice

    class Resized(Message):
        """Lines have another length now."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.layout_of: Layout | None = None
        self.chunks: list[WatchedChunk] = []
        self.chosen = 0
        self._width = 60

    @property
    def text_width(self) -> int:
        """Columns for the text; while the map is hidden, those it had."""
        width = self.scrollable_content_region.width - MARGIN
        self._width = max(4, width) if width > 0 else self._width
        return self._width

    def show(self, layout: Layout | None, chunks: list[WatchedChunk]) -> None:
        """Another layout, or the same with more lines."""
        self.layout_of, self.chunks = layout, chunks
        self.virtual_size = Size(self.scrollable_content_region.width, 0 if layout is None else len(layout))
        self.refresh()

    def choose(self, number: int, *, reveal: bool = True) -> None:
        """Make a chunk the chosen one, and show its beginning."""
        self.chosen = number
        if reveal and self.layout_of is not None and number < len(self.layout_of.first):
            first = self.layout_of.first[number]
            last = self.layout_of.first[number + 1] if number + 1 < len(self.layout_of.first) else len(self.layout_of)
            height = self.scrollable_content_region.height
            top = self.scroll_offset.y
            if not (top <= first and last <= top + height):
                self.scroll_to(y=max(0, first - 2), animate=False)
        self.refresh()

    def on_resize(self) -> None:
        """Somebody else lays the text out again."""
        self.post_message(self.Resized())

    def on_click(self, event: events.Click) -> None:
        """The chunk under the pointer."""
        spot = event.get_content_offset(self)
        if spot is None or self.layout_of is None:
            return
        line = spot.y + self.scroll_offset.y
        if line < len(self.layout_of):
            number = self.layout_of.chunks[line]
            self.post_message(self.Picked(number, twice=number == self.chosen))

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        width, layout = self.scrollable_content_region.width, self.layout_of
        line = y + self.scroll_offset.y
        if layout is None or line >= len(layout):
            return Strip.blank(width, self.rich_style)
        number = layout.chunks[line]
        margin = self.get_component_rich_style(f"c{number % 4}")
        plain = self.get_component_rich_style("chosen" if number == self.chosen else "plain")
        mark = "▸" if number == self.chosen else " "
        if layout.is_cut(line):
            room = width - MARGIN
            text = f" {short(self.chunks[number].cut)} " if number < len(self.chunks) else ""
            rule = "─" * 3 + text
            rule += "─" * max(0, room - cell_len(rule))
            cut = self.get_component_rich_style("cut")
            return Strip([Segment(" " * MARGIN, cut), Segment(set_cell_size(rule, room), cut)], width)
        segments = [Segment(f"{mark}{number + 1:>{MARGIN - 3}} ", margin), Segment(" ", plain)]
        start, end = layout.starts[line], layout.ends[line]
        shared = self.chunks[number + 1].chunk.start if number + 1 < len(self.chunks) else end
        middle = min(max(shared, start), end)
        for piece, name in ((layout.text[start:middle], ""), (layout.text[middle:end], "shared")):
            if piece:
                shown = drawn(piece.removesuffix("\n"))
                segments.append(Segment(shown, self.get_component_rich_style(name) if name else plain))
        return Strip(segments).adjust_cell_length(width, plain)
