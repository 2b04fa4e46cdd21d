"""A widget that is painted as lines for just the size it has: no layout, no scroll bars, its own window on what is large."""

from textwrap import wrap
from typing import TYPE_CHECKING, cast

from rich.style import Style
from rich.text import Text
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mlxgpt.text import visible
from tui.look import Look

if TYPE_CHECKING:
    from tui.app import MlxgptApp


class Picture(Widget):
    """Subclasses give `paint`; `look` is what they paint, and assigning it repaints."""

    ALLOW_SELECT = False

    class Picked(Message):
        """A place was chosen with the mouse; fields that stay are None."""

        def __init__(
            self, *, position: int | None = None, layer: int | None = None, head: int | None = None, enter: bool = False
        ) -> None:
            super().__init__()
            self.position, self.layer, self.head, self.enter = position, layer, head, enter

    class Moved(Message):
        """The wheel was turned: so many lines down."""

        def __init__(self, lines: int) -> None:
            super().__init__()
            self.lines = lines

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id, classes=classes)
        self._look = Look()
        self._painted: tuple[Size, list[Strip]] | None = None

    @property
    def look(self) -> Look:
        """What is painted."""
        return self._look

    @look.setter
    def look(self, look: Look) -> None:
        self._look = look
        self.repaint()

    def repaint(self) -> None:
        """Paint anew."""
        self._painted = None
        self.refresh()

    def waiting(self, said: str, width: int) -> list[Text]:
        """What stands where there is no report yet: `said`, or why none will come."""
        bridge = cast("MlxgptApp", self.app).bridge
        if bridge.failed and bridge.opened is None:
            said = bridge.missing
        return [Text(f" {line}", "dim") for line in wrap(visible(self.look.problem) or said, max(width - 2, 10))]

    def paint(self, width: int, height: int) -> list[Text]:
        """At most `height` lines of at most `width` columns."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """One line of the picture."""
        if self._painted is None or self._painted[0] != self.size:
            width, height = self.size
            lines = self.paint(width, height) if width > 0 and height > 0 else []
            self._painted = (self.size, [self._strip(line, width) for line in lines])
        strips, style = self._painted[1], self.rich_style
        strip = strips[y] if y < len(strips) else Strip.blank(self.size.width)
        return strip.apply_style(style)

    def notify_style_update(self) -> None:
        """Another theme: other colours."""
        super().notify_style_update()
        self._painted = None

    def _strip(self, line: Text, width: int) -> Strip:
        line.end = ""
        if not line.spans:  # rich forgets the style of a text that has no spans
            line.stylize(line.style)
        return Strip(line.render(self.app.console)).adjust_cell_length(width)

    @property
    def colour(self) -> bool:
        """Whether colours would be seen."""
        return not self.app.no_color

    def themed(self, name: str, *, bold: bool = False) -> Style:
        """A colour of the theme, for ink."""
        colour = self.app.theme_variables.get(name, "")
        return Style(color=colour if colour.startswith("#") and self.colour else None, bold=bold)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel moves the cursor."""
        event.stop()
        self.post_message(self.Moved(1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel moves the cursor."""
        event.stop()
        self.post_message(self.Moved(-1))


def window(cursor: int, room: int, count: int) -> range:
    """The part of `count` things that is seen in `room`, with the cursor near its middle."""
    room = max(min(room, count), 0)
    first = min(max(cursor - room // 2, 0), count - room)
    return range(first, first + room)
