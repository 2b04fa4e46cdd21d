"""The live panel and the strip as widgets: lines of `live_view` and `live_strip`, of which only rows that changed are drawn."""

from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from mlxgpt.display import colours
from tui.widgets.lines import HEATS, Line, filled, framed
from tui.widgets.live_state import LiveState, empty
from tui.widgets.paint import painted

if TYPE_CHECKING:
    from tui.widgets.live import Live

ROLES = ("title", "dim", "bar", "mark", "number")


class LiveLines(Widget, can_focus=True):
    """Lines of the live view; keys choose the head, the layer and the words."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"live--{role}" for role in ROLES}
    DEFAULT_CSS = """
    LiveLines > .live--title { color: $foreground; text-style: bold; }
    LiveLines > .live--dim { color: $text-muted; }
    LiveLines > .live--bar { color: $accent; }
    LiveLines > .live--mark { color: $success; text-style: bold; }
    LiveLines > .live--number { color: $foreground; }
    """
    ALLOW_SELECT = False
    HELP = "What the model sees of each token: ←→ another head, ↑↓ another layer, e in other words."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "head(-1)", "Head", id="live.previous_head", show=False),
        Binding("right,l", "head(1)", "Head", id="live.next_head", key_display="←→"),
        Binding("up,k", "layer(1)", "Layer", id="live.next_layer", key_display="↑↓"),
        Binding("down,j", "layer(-1)", "Layer", id="live.previous_layer", show=False),
        Binding("e", "explain", "Explain", id="live.explain"),
    ]

    def __init__(self, live: "Live", *, id: str | None = None) -> None:  # noqa: A002  # Textual's name
        super().__init__(id=id)
        self.live = live
        self._lines: list[Line] = []
        self._strips: list[Strip] = []  # of the same rows
        self._styles: dict[str, Style] = {}

    def lines(self, state: LiveState, width: int, height: int) -> list[Line]:
        """What is to be shown."""
        raise NotImplementedError

    def update(self, state: LiveState) -> None:
        """Show a state; only rows that changed are drawn."""
        width, height = self.size
        if not self.display or not width or not height:
            return
        lines = self.lines(state, width, height)
        for y, line in enumerate(lines):
            if y == len(self._lines):
                self._lines.append([])
                self._strips.append(self._strip([]))
            if self._lines[y] != line:
                self._lines[y], self._strips[y] = line, self._strip(line)
                self.refresh(Region(0, y, width, 1))

    def render_lines(self, crop: Region) -> list[Strip]:
        """Rows that are there already; nothing of CSS is asked for, which would take as long again."""
        blank = Strip.blank(self.size.width, self._base)
        rows = [self._strips[y] if y < len(self._strips) else blank for y in range(crop.y, crop.bottom)]
        return [row.crop(crop.x, crop.right) for row in rows]

    def _strip(self, line: Line) -> Strip:
        segments = [Segment(text, self._base + self._style(role)) for text, role in line]
        return Strip(segments).adjust_cell_length(self.size.width, self._base)

    @property
    def _base(self) -> Style:
        if "base" not in self._styles:
            self._styles["base"] = self.rich_style
        return self._styles["base"]

    def _style(self, role: str) -> Style:
        role = role.partition("@")[0]
        if role not in self._styles:
            if role.startswith("heat"):
                share = int(role.removeprefix("heat")) / (HEATS - 1)
                style = colours.painted(colours.shade(share)) if share else painted(self, "live--dim")
            else:
                style = painted(self, f"live--{role}") if role else Style.null()
            self._styles[role] = style
        return self._styles[role]

    def notify_style_update(self) -> None:
        """Another theme: all of it anew, once the styles of the parts are known."""
        super().notify_style_update()
        self.call_after_refresh(self._forget)

    def on_resize(self) -> None:
        """Another size: all of it anew."""
        self._forget()

    def _forget(self) -> None:
        self._lines, self._strips, self._styles = [], [], {}
        self.update(self.live.state)
        self.refresh()

    def on_focus(self) -> None:
        """The frame says where the keys go."""
        self.update(self.live.state)

    def on_blur(self) -> None:
        """As above."""
        self.update(self.live.state)

    async def on_click(self, event: events.Click) -> None:
        """A part with an action was clicked."""
        place = event.offset
        if place.y >= len(self._lines):
            return
        column = 0
        for text, role in self._lines[place.y]:
            column += Segment(text).cell_length
            if place.x < column:
                if "@" in role:
                    await self.run_action(role.partition("@")[2])
                return

    def action_head(self, by: int) -> None:
        """Another head."""
        self.live.turn_head(by)

    def action_layer(self, by: int) -> None:
        """Another layer."""
        self.live.turn_layer(by)

    def action_explain(self) -> None:
        """In other words."""
        self.live.explain()

    def action_level(self, level: str) -> None:
        """A level of words was clicked."""
        self.live.explain(level)


class LivePanel(LiveLines):
    """All of it, in a frame, beside the transcript."""

    DEFAULT_CSS = "LivePanel { height: 1fr; }"

    def lines(self, state: LiveState, width: int, height: int) -> list[Line]:
        """The panel."""
        inner = self.view(state, max(width - 4, 1), max(height - 2, 1))
        return framed(inner, width, height, "live", "mark" if self.has_focus else "dim")

    def view(self, state: LiveState, width: int, height: int) -> list[Line]:
        """What is in the frame."""
        if state.step is None:
            return waiting(state, width)
        from tui.widgets.live_view import panel  # and with it numpy: not before the first picture

        return panel(state, width, height)


class LiveStrip(LiveLines):
    """Three lines below a rule, above the prompt."""

    DEFAULT_CSS = "LiveStrip { height: 4; }"

    def lines(self, state: LiveState, width: int, height: int) -> list[Line]:
        """The strip."""
        rule: Line = [("─ live " + "─" * max(width - 7, 0), "mark" if self.has_focus else "dim")]
        return [rule, *filled(self.view(state, width - 1), height - 1)]

    def view(self, state: LiveState, width: int) -> list[Line]:
        """What is below the rule."""
        if state.step is None:
            return waiting(state, width)
        from tui.widgets.live_strip import strip  # as above

        return [[(" ", ""), *line] for line in strip(state, width, 3)]


def waiting(state: LiveState, width: int) -> list[Line]:
    """What stands where there is nothing to show yet."""
    return [[(" ", ""), (text, "dim")] for text in empty(state, max(width - 1, 1))]
