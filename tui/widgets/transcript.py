"""The conversation on the screen, each token an object: coloured by how much it surprised, selected by arrows or mouse.

Only lines that changed are drawn again while a message grows, and nothing is laid out.  The view follows the end until
somebody scrolls away from it, and again when they come back.
"""

from bisect import bisect_right
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message as Event
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from tui.conversation import Conversation, Message
from tui.surprise import level, surprisal
from tui.widgets.blocks import INDENT, WHOLE, Block, key, looks, wrap
from tui.widgets.paint import painted

LEVELS = ("calm", "odd", "wild")


class Transcript(ScrollView, can_focus=True):
    """The messages of the path that is shown."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "transcript--user",
        "transcript--model",
        "transcript--muted",
        "transcript--note",
        "transcript--beginning",
        "transcript--cursor",
        *(f"transcript--{level}" for level in LEVELS),
    }
    DEFAULT_CSS = """
    Transcript {
        overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; padding: 0 0 0 1;
        background: $background; color: $foreground;
        scrollbar-background: $background; scrollbar-color: $border-blurred;
        .transcript--user { color: $text-secondary; text-style: bold; }
        .transcript--model { color: $text-primary; text-style: bold; }
        .transcript--muted { color: $foreground-muted; }
        .transcript--note { color: $text-warning; }
        .transcript--beginning { color: $text-secondary; }
        .transcript--cursor { background: $foreground; color: $background; text-style: bold; }
        .transcript--calm { background: $success 22%; }
        .transcript--odd { background: $warning 38%; }
        .transcript--wild { background: $error 55%; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "screen.move(-1,0)", "Token", id="chat.left", key_display="←→↑↓"),
        Binding("right,l", "screen.move(1,0)", "Next token", id="chat.right", show=False),
        Binding("up,k", "screen.move(0,-1)", "Up", id="chat.up", show=False),
        Binding("down,j", "screen.move(0,1)", "Down", id="chat.down", show=False),
        Binding("enter", "screen.card", "Open", id="chat.card"),
        # while a token is open:
        Binding("left,h", "screen.beside(-1)", "Token", id="chat.card_left", key_display="←→"),
        Binding("right,l", "screen.beside(1)", "Next token", id="chat.card_right", show=False),
        Binding("up,k", "screen.mark_by(-1)", "Mark", id="chat.mark_up", key_display="↑↓"),
        Binding("down,j", "screen.mark_by(1)", "Mark next", id="chat.mark_down", show=False),
        Binding("enter", "screen.branch", "Branch", id="chat.card_branch"),
        Binding("b", "screen.branch", "Branch", id="chat.branch"),
        Binding("comma", "screen.sibling(-1)", "Sibling", id="chat.sibling_before", key_display=", ."),
        Binding("full_stop", "screen.sibling(1)", "Next sibling", id="chat.sibling_after", show=False),
        Binding("r", "screen.regenerate", "Again", id="chat.regenerate"),
        Binding("u", "screen.go_on", "Continue", id="chat.continue"),
        Binding("space", "screen.step", "Step", id="chat.step"),
        Binding("E", "screen.edit", "Edit", id="chat.edit"),
        Binding("y", "screen.copy", "Copy", id="chat.copy"),
        Binding("i", "screen.inspect", "Inspect", id="chat.inspect"),
        Binding("e", "screen.explain", "Explain", id="chat.explain"),
        Binding("slash", "screen.type('/')", "Command", id="chat.command", show=False),
    ]
    HELP = "The conversation.  Arrows or h j k l move from token to token; enter opens what is known of one."

    class Selected(Event):
        """Another token is selected; `again` when it was already."""

        def __init__(self, message: Message, index: int, *, again: bool = False) -> None:
            super().__init__()
            self.message, self.index, self.again = message, index, again

    class Pointed(Event):
        """The mouse is over a token, or over none."""

        def __init__(self, message: Message | None, index: int | None) -> None:
            super().__init__()
            self.message, self.index = message, index

    def __init__(self) -> None:
        super().__init__(id="transcript")
        self.selected: tuple[int, int] | None = None  # message id and token
        self.welcome: list[str] = []  # what an empty conversation says; its third line is the legend of the colours
        self._blocks: list[Block] = []
        self._starts: list[int] = []  # the first line of each block
        self._strips: dict[int, dict[int, Strip]] = {}  # by block, by line
        self._drawn: dict[int, Strip] = {}  # by line, as they go to the terminal
        self._drawn_width = 0
        self._styles_of: dict[tuple[str, ...], Style] = {}
        self._following = True
        self._pointed: tuple[int, int] | None = None
        self._arguments: tuple[Conversation, bool, frozenset[int]] | None = None

    # ---- what is shown -----------------------------------------------------------------------------------------------

    def show(self, talk: Conversation, *, completes: bool = False, unseen: frozenset[int] = frozenset()) -> None:
        """Show the path of a conversation; blocks that did not change are kept.

        With `completes`, a prompt is shown as the beginning of the text that goes on with it.  The messages `unseen` are no
        longer read by the model.
        """
        self._arguments = talk, completes, unseen
        width = self.scrollable_content_region.width or self.size.width
        if not width:
            return
        known = {block.key: (block, self._strips.get(number, {})) for number, block in enumerate(self._blocks)}
        blocks: list[Block] = []
        strips: dict[int, dict[int, Strip]] = {}
        for message, look in looks(talk, width, completes=completes, unseen=unseen):
            block, kept = known.get(key(message, look)) or (Block(message, look), {})
            if (first := block.grow()) is not None:
                kept = {line: strip for line, strip in kept.items() if line < first}
            strips[len(blocks)] = kept
            blocks.append(block)
        self._blocks, self._strips = blocks, strips
        self._measure()
        self.refresh()

    def grow(self) -> None:
        """Take in the tokens that the last message got since the last time."""
        if not self._blocks:
            return
        number = len(self._blocks) - 1
        block, height = self._blocks[number], self._blocks[number].height
        first = block.grow()
        if first is None:
            return
        strips = self._strips[number]
        for line in range(first, height):
            strips.pop(line, None)
        if block.height != height:
            self._measure()
        self._refresh_lines(self._starts[number] + first, block.height - first)

    def _measure(self) -> None:
        """Where each block begins and how high all are; scrolled to the end if that was followed.  Never a layout."""
        self._starts, height = [], 0
        for block in self._blocks:
            self._starts.append(height)
            height += block.height
        self.set_reactive(Widget.virtual_size, Size(self.scrollable_content_region.width, height))
        self._scroll_update(self.virtual_size)
        if self._following:
            self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow the end again when it is reached."""
        super().watch_scroll_y(old_value, new_value)
        self._following = new_value >= self.max_scroll_y - 1

    def on_resize(self) -> None:
        """Wrap again."""
        if self._arguments is not None:
            following = self._following
            talk, completes, unseen = self._arguments
            self._following = following
            self.show(talk, completes=completes, unseen=unseen)

    def notify_style_update(self) -> None:
        """Another theme: draw again."""
        super().notify_style_update()
        self._styles_of.clear()
        self._strips = {number: {} for number in range(len(self._blocks))}

    # ---- selection ---------------------------------------------------------------------------------------------------

    def select(self, message: Message | None, index: int | None, *, tell: bool = True) -> None:
        """Select a token, or none, and bring it into view."""
        new = None if message is None or index is None else (message.id, index)
        old, self.selected = self.selected, new
        for each in (old, new):
            self._touch(each)
        if new is None or message is None or index is None:
            return
        if (place := self._place(new)) is not None:
            top, height = round(self.scroll_y), self.scrollable_content_region.height
            if not top <= place[0] < top + height:
                self.scroll_to(y=place[0] - height // 2, animate=False, immediate=True, force=True)
        if tell:
            self.post_message(self.Selected(message, index, again=old == new))

    def move(self, dx: int, dy: int) -> None:
        """Go to the token before or after, or to one in the line above or below."""
        tokens: list[tuple[Message, int]] = []
        for block in self._blocks:
            if block.look.beginning is not None:
                tokens.append((block.look.beginning, WHOLE))
            many = len(block.message.tokens)
            tokens += [(block.message, i) for i in range(many)] if many else [(block.message, WHOLE)]
        if not tokens:
            return
        here = next((at for at, (message, i) in enumerate(tokens) if (message.id, i) == self.selected), None)
        if here is None:
            self.select(*tokens[-1])
        elif dx:
            self.select(*tokens[max(0, min(len(tokens) - 1, here + dx))])
        elif (found := self._beside(dy)) is not None:
            self.select(*found)

    def _beside(self, dy: int) -> tuple[Message, int] | None:
        """The token nearest to the selected one in the next line up or down that has one."""
        place = self._place(self.selected)
        if place is None:
            return None
        line, column = place
        while 0 <= (line := line + dy) < self.virtual_size.height:
            number = bisect_right(self._starts, line) - 1
            block = self._blocks[number]
            inside = line - self._starts[number]
            width = self.scrollable_content_region.width
            for x in sorted(range(INDENT, width), key=lambda x: abs(x - column)):
                if (found := block.under(inside, x)) is not None and (found[0].id, found[1]) != self.selected:
                    return found
        return None

    def _standing(self, at: tuple[int, int] | None) -> tuple[int, Block] | None:
        """The block that shows a token or a message, and its number."""
        for number, block in enumerate(self._blocks):
            begins = block.look.beginning is not None and at == (block.look.beginning.id, WHOLE)
            if at is not None and (begins or (block.message.id == at[0] and at[1] < len(block.message.tokens))):
                return number, block
        return None

    def _place(self, at: tuple[int, int] | None) -> tuple[int, int] | None:
        if at is None or (found := self._standing(at)) is None:
            return None
        number, block = found
        place = block.place_of(at[1])
        return None if place is None else (self._starts[number] + place[0], place[1])

    def _touch(self, at: tuple[int, int] | None) -> None:
        """Draw the lines of a token again."""
        if at is None or (found := self._standing(at)) is None:
            return
        number, block = found
        for line in block.lines_of(at[1]):
            self._strips[number].pop(line, None)
            self._refresh_lines(self._starts[number] + line, 1)

    def token_at(self, x: int, y: int) -> tuple[Message, int] | None:
        """The token, or the message without any, under a cell of the widget."""
        line = y + round(self.scroll_y)
        number = bisect_right(self._starts, line) - 1
        if not 0 <= number < len(self._blocks) or line >= self.virtual_size.height:
            return None
        return self._blocks[number].under(line - self._starts[number], x)

    def on_click(self, event: events.Click) -> None:
        """Select what is under the pointer."""
        offset = event.get_content_offset(self)
        if offset is not None and (found := self.token_at(*offset)) is not None:
            self.select(*found)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Tell what is under the pointer."""
        offset = event.get_content_offset(self)
        found = None if offset is None else self.token_at(*offset)
        at = None if found is None else (found[0].id, found[1])
        if at != self._pointed:
            self._pointed = at
            self.post_message(self.Pointed(*(found or (None, None))))

    # ---- drawing -----------------------------------------------------------------------------------------------------

    def _refresh_lines(self, line: int, count: int) -> None:
        for each in range(line, line + count):
            self._drawn.pop(each, None)
        self.refresh(Region(0, line - round(self.scroll_y), self.size.width, count))

    def _set_dirty(self, *regions: Region) -> None:
        """Textual's way to have all lines drawn again, or some: of those it is known which changed, or they only moved."""
        super()._set_dirty(*regions)
        if not regions:
            self._drawn.clear()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of `crop`; one that was drawn before only moves, so that scrolling costs the new line."""
        if not self._blocks or self.text_selection is not None or crop.x:
            return super().render_lines(crop)
        if crop.width != self._drawn_width:
            self._drawn, self._drawn_width = {}, crop.width
        top, drawn = round(self.scroll_y), self._drawn
        for y in crop.line_range:
            if top + y not in drawn:
                (drawn[top + y],) = super().render_lines(Region(0, y, crop.width, 1))
        return [drawn[top + y] for y in crop.line_range]

    def render_line(self, y: int) -> Strip:
        """A line of the screen."""
        width = self.scrollable_content_region.width
        line = y + round(self.scroll_y)
        if not self._blocks:
            return self._welcoming(y - 1).adjust_cell_length(width, self.rich_style)
        if line >= self.virtual_size.height:
            return Strip.blank(width, self.rich_style)
        number = bisect_right(self._starts, line) - 1
        cached, inside = self._strips[number], line - self._starts[number]
        if inside not in cached:
            cached[inside] = self._strip(self._blocks[number], inside).adjust_cell_length(width, self.rich_style)
        strip = cached[inside]
        if (selection := self.text_selection) is not None and (span := selection.get_span(line)) is not None:
            start, end = span
            end = width if end == -1 else min(end, width)
            style = self.screen.get_component_rich_style("screen--selection")
            parts = [strip.crop(0, start), strip.crop(start, end).apply_style(style), strip.crop(end, width)]
            strip = Strip.join(parts)
        return strip.apply_offsets(0, line)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What is marked with the mouse, as text."""
        lines = ["".join(segment.text for segment in self._strip(block, line)).rstrip()
                 for block in self._blocks for line in range(block.height)]  # fmt: skip
        return selection.extract("\n".join(lines)), "\n"

    def _welcoming(self, line: int) -> Strip:
        width = max(self.scrollable_content_region.width, 1)
        lines = [(i, part) for i, said in enumerate(self.welcome) for part in wrap(said, width)]
        if not 0 <= line < len(lines):
            return Strip.blank(0, self.rich_style)
        which, said = lines[line]
        if which == 2:
            words = ("below 1 nat", "1 to 3", "from 3 on")
            return Strip([Segment(f" {word} ", self._style(name)) for word, name in zip(words, LEVELS, strict=True)])
        return Strip([Segment(said, self._style("model" if which == 0 else "muted"))])

    def _strip(self, block: Block, line: int) -> Strip:
        muted, message = self._style("muted"), block.message
        whole = self.selected == (message.id, WHOLE)
        if line == 0:
            who, known, place = block.heading()
            name = self._style("cursor" if whole else "user" if message.role == "user" else "model")
            left = Strip([Segment(who, muted if block.look.unseen else name), Segment(f"  {known}", muted)])
            room = block.look.width - len(place) - 1
            return Strip([*left.adjust_cell_length(room, self.rich_style), Segment(place, muted)])
        if line <= len(block.notes):
            return Strip([Segment(" ▎ ", self._style("note")), Segment(block.notes[line - 1], self._style("note"))])
        number = block.text_line(line)
        if number is None:
            return Strip.blank(0, self.rich_style)
        segments = [Segment(" " * INDENT, self.rich_style)]
        selected = self.selected[1] if self.selected is not None and self.selected[0] == message.id else None
        chosen = None if selected is None or selected == WHOLE else block.shown(selected)
        for text, _, token in block.runs(number):
            segments.append(Segment(text, self._token_style(block, token, chosen)))
        return Strip(segments)

    def _token_style(self, block: Block, token: int, chosen: int | None) -> Style:
        beginning = block.look.beginning
        if token < 0:
            if beginning is not None and self.selected == (beginning.id, WHOLE):
                return self._style("cursor")
            return self._style("beginning" if beginning is not None else "", "muted" if block.look.unseen else "")
        if token == chosen:
            return self._style("cursor")
        if block.look.unseen:
            return self._style("muted")
        surprise = surprisal(block.message.tokens[token])
        named = LEVELS[level(surprise)] if surprise is not None else ""
        return self._style(named, "italic" if token < block.message.forced else "")

    def _style(self, *names: str) -> Style:
        """The style of some of the component classes together, kept until the theme changes."""
        if names not in self._styles_of:
            style = self.rich_style
            for name in names:
                if name == "italic":
                    style += Style(italic=True)
                elif name:
                    style += painted(self, f"transcript--{name}")
                    if name == "wild" and self.app.no_color:
                        style += Style(underline=True)
            self._styles_of[names] = style
        return self._styles_of[names]
