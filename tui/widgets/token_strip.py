"""A text as its tokens, each a coloured span with a cursor over them; under each its id or its bytes when asked for.

Drawn line by line, so only what is seen costs anything.  The arrangement (`arrange`) is plain and knows no Textual.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from mlxgpt.text import visible

LONGEST = 40  # columns of one token


def piece(text: str) -> str:
    r"""A token as it is drawn: line breaks, tabs and a space that stands alone are seen, and nothing steers the terminal.

    >>> piece(" casa\n"), piece(" "), piece("\x1b")
    (' casa⏎', '·', '␛')
    """
    shown = visible(text)
    if not shown.strip(" "):
        shown = "·" * len(shown)
    shown = shown.replace("\n", "⏎").replace("\t", "⇥")
    return shown if cell_len(shown) <= LONGEST else set_cell_size(shown, LONGEST - 1) + "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """Where a token is drawn: its row and column, and how wide."""

    row: int
    column: int
    width: int


def arrange(pieces: Sequence[str], notes: Sequence[str], breaks: Sequence[bool], width: int, gap: int) -> list[Cell]:
    """The cells of tokens in rows of `width` columns, `gap` between two; a token that ends a line ends its row.

    >>> [(cell.row, cell.column) for cell in arrange(["ab", "c", "d"], [], [False, True, False], 4, 0)]
    [(0, 0), (0, 2), (1, 0)]
    """
    cells = []
    row = column = 0
    for place, text in enumerate(pieces):
        wide = max(cell_len(text), len(notes[place]) if notes else 0, 1)
        if column and column + wide > width:
            row, column = row + 1, 0
        cells.append(Cell(row=row, column=column, width=wide))
        column += wide + gap
        if breaks[place]:
            row, column = row + 1, 0
    return cells


class TokenStrip(ScrollView, can_focus=True):
    """Tokens to walk over.  `show` gives it other ones."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {"t0", "t1", "t2", "t3", "cursor", "note", "edge", "other", "special"}
    DEFAULT_CSS = """
    TokenStrip { height: 1fr; scrollbar-size-vertical: 1; overflow: hidden auto; }
    TokenStrip .t0 { background: $primary-muted; color: $text; }
    TokenStrip .t1 { background: $success-muted; color: $text; }
    TokenStrip .t2 { background: $warning-muted; color: $text; }
    TokenStrip .t3 { background: $secondary-muted; color: $text; }
    TokenStrip .special { background: $error-muted; color: $text; text-style: bold; }
    TokenStrip .cursor { text-style: reverse bold; }
    TokenStrip .note { color: $text-muted; }
    TokenStrip .edge { color: $text-muted; }
    TokenStrip .other { color: $error; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1)", "Token", key_display="←→", id="tokens.left"),
        Binding("right,l", "move(1)", "Next token", id="tokens.right", show=False),
        Binding("up,k", "line(-1)", "Line up", id="tokens.up", show=False),
        Binding("down,j", "line(1)", "Line down", id="tokens.down", show=False),
        Binding("pageup", "line(-8)", "Eight lines up", id="tokens.page_up", show=False),
        Binding("pagedown", "line(8)", "Eight lines down", id="tokens.page_down", show=False),
        Binding("home,g", "edge(0)", "First", id="tokens.first", show=False),
        Binding("end,G", "edge(-1)", "Last", id="tokens.last", show=False),
    ]
    HELP = "Each coloured span is one token.  Arrows or a click choose one."

    class Picked(Message):
        """The cursor is on another token."""

        def __init__(self, strip: "TokenStrip", position: int) -> None:
            super().__init__()
            self.strip, self.position = strip, position

        @property
        def control(self) -> "TokenStrip":
            """For `@on` with a selector."""
            return self.strip

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.cursor = 0
        self._pieces: Sequence[str] = ()
        self._notes: Sequence[str] = ()
        self._breaks: Sequence[bool] = ()
        self._special: Sequence[bool] = ()
        self._edges: Sequence[bool] | None = None
        self._cells: list[Cell] = []
        self._rows: list[int] = []  # the first token of each row

    def show(
        self,
        texts: Sequence[str],
        special: Sequence[bool],
        *,
        notes: Sequence[str] = (),
        edges: Sequence[bool] | None = None,
    ) -> None:
        """Other tokens.  `notes` stand under them; `edges` says which of them end where another tokenizer's do not."""
        self._pieces, self._notes, self._special, self._edges = [piece(text) for text in texts], notes, special, edges
        self._breaks = [text.endswith("\n") for text in texts]
        self.cursor = min(self.cursor, max(0, len(texts) - 1))
        self._arrange()

    @property
    def _tall(self) -> int:
        return 3 if self._notes else 1

    @property
    def _separated(self) -> bool:
        """Whether a line stands between two tokens: where ends are compared, and where there is no colour."""
        return self._edges is not None or self.app.no_color

    def _arrange(self) -> None:
        width = self.scrollable_content_region.width
        if width < 2:
            return
        self._cells = arrange(
            self._pieces, self._notes, self._breaks, width - 1, 1 if self._separated or self._notes else 0
        )
        self._rows = [place for place, cell in enumerate(self._cells) if cell.column == 0]
        self.virtual_size = Size(width, len(self._rows) * self._tall)
        self._reveal()
        self.refresh()

    def on_resize(self) -> None:
        """Rows are as long as the window is wide."""
        self._arrange()

    def put_cursor(self, position: int) -> None:
        """Move the cursor and tell nobody."""
        if self._cells:
            self.cursor = min(max(position, 0), len(self._cells) - 1)
            self._reveal()
            self.refresh()

    def _reveal(self) -> None:
        if self._cells:
            row = self._cells[self.cursor].row
            self.scroll_to_region(Region(0, row * self._tall, 1, min(self._tall, 2)), animate=False)

    def _pick(self, position: int) -> None:
        self.put_cursor(position)
        if self._cells:
            self.post_message(self.Picked(self, self.cursor))

    def action_move(self, step: int) -> None:
        """To the next token, or the one before."""
        self._pick(self.cursor + step)

    def action_edge(self, position: int) -> None:
        """To the first or last token."""
        self._pick(position % max(1, len(self._cells)))

    def action_line(self, step: int) -> None:
        """To the token above or below."""
        if self._cells:
            here = self._cells[self.cursor]
            self._pick(self._at(min(max(here.row + step, 0), len(self._rows) - 1), here.column))

    def on_click(self, event: events.Click) -> None:
        """To the token under the pointer."""
        spot = event.get_content_offset(self)
        row = (spot.y + self.scroll_offset.y) // self._tall if spot is not None else len(self._rows)
        if spot is not None and row < len(self._rows):
            self._pick(self._at(row, spot.x))

    def _at(self, row: int, column: int) -> int:
        """The token of a row that covers a column, or the last one before it."""
        first = self._rows[row]
        stop = self._rows[row + 1] if row + 1 < len(self._rows) else len(self._cells)
        return max(first, bisect_right(range(first, stop), column, key=lambda i: self._cells[i].column) + first - 1)

    def render_line(self, y: int) -> Strip:
        """One line of the window."""
        width = self.scrollable_content_region.width
        row, part = divmod(y + self.scroll_offset.y, self._tall)
        if row >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        stop = self._rows[row + 1] if row + 1 < len(self._rows) else len(self._cells)
        plain = self.rich_style
        segments: list[Segment] = []
        for place in range(self._rows[row], stop):
            cell = self._cells[place]
            if part == 0:
                style = self.get_component_rich_style("special" if self._special[place] else f"t{place % 4}")
                if place == self.cursor:
                    style += self.get_component_rich_style("cursor", partial=True)
                segments.append(Segment(self._pieces[place] or "∅", style))
                rest = cell.width - max(1, cell_len(self._pieces[place]))
                if self._separated:
                    segments += [Segment(" " * rest, plain), self._edge(place)]
                else:
                    segments.append(Segment(" " * (rest + bool(self._notes)), plain))
            elif part == 1:
                note = self._notes[place].ljust(cell.width + 1)
                segments.append(Segment(note, self.get_component_rich_style("note", partial=True) + plain))
        return Strip(segments).adjust_cell_length(width, plain)

    def _edge(self, place: int) -> Segment:
        differs = self._edges is not None and self._edges[place]
        name = "other" if differs else "edge"
        return Segment("╳" if differs else "│", self.rich_style + self.get_component_rich_style(name, partial=True))
