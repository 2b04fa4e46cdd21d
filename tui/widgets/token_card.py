"""What is known of one token: how likely it was, what else could have come, the number that drew it, and whom the model read.

Two lines where there is little room, a card where there is more.  The card only shows; the page computes and decides.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message as Event
from textual.strip import Strip
from textual.widget import Widget

from mlxgpt.display.bars import bar as chart
from mlxgpt.display.words import shown
from mlxgpt.events import TokenGenerated
from tui.surprise import quoted, share, surprisal
from tui.widgets.dart import Line, bar, pointed, pointer
from tui.widgets.paint import painted

if TYPE_CHECKING:
    from mlxgpt.inspection.reads import Reads

RIVALS = 6  # alternatives in the card
BAR = 16
KEYS = "↑↓ mark · ⏎ branch · ←→ other token · esc close"
ROLES = ("title", "dim", "bar", "mark", "number", "own", "slice0", "slice1", "rest")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the card shows: a token, its number in its message, and what belongs to it."""

    token: TokenGenerated
    index: int
    settings: str  # how it was drawn
    forced: bool  # it was given, not drawn
    names: dict[int, str]  # of the alternatives and of what was read
    reads: "Reads | None" = None
    reading: bool = False  # being computed
    marked: int = 0  # which alternative a branch would take


def strip(look: Look, width: int) -> list[Line]:
    """The two lines of a narrow terminal."""
    token = look.token
    line: Line = [(f" {quoted(token)}", "title"), *_figures(token, short=True)]
    for number, (identity, chance) in enumerate(token.alternatives):
        mark = "▸" if number == look.marked else " "
        part = f"{mark}{_name(look, identity)} {share(chance)}"
        if cell_len("".join(text for text, _ in line)) + cell_len(part) + 3 > width:
            break
        line += [("│" if number == 0 else "", "dim"), (part + " ", "mark" if number == look.marked else "")]
    below: Line = []
    if token.draw is not None:
        below = [(f" u {token.draw:.3f} ", "mark"), *pointed(bar(token, max(10, width // 2), look.names), token.draw)]
    return [line, [*below, (" ", ""), *_reads(look, short=True)]]


def card(look: Look, width: int) -> list[Line]:
    """The lines of the card, without its frame."""
    token = look.token
    lines: list[Line] = [_figures(token)]
    widest = max((cell_len(_name(look, identity)) for identity, _ in token.alternatives[:RIVALS]), default=0)
    widest = min(widest, 18)
    for number, (identity, chance) in enumerate(token.alternatives[:RIVALS]):
        marked, own = number == look.marked, identity == token.id
        name = set_cell_size(_name(look, identity), widest)
        line: Line = [("▸ " if marked else "  ", "mark"), (name, "title" if own else "")]
        line += [(f"  {share(chance):>7} ", "number"), (chart(chance, BAR), "bar")]
        if token.slices:
            low, high = token.slices[number]
            line.append((f"  {share(high - low)} drawn from" if high > low else "  ruled out", "dim"))
        lines.append(line)
    lines += _drawn(look, width)
    if look.reads is not None or look.reading:
        lines.append(_reads(look))
    return lines


def whole(line: Line, width: int) -> Line:
    """As many parts of a line as fit."""
    used, kept = 0, list[tuple[str, str]]()
    for text, role in line:
        used += cell_len(text.rstrip())
        if used > width:
            break
        used += cell_len(text) - cell_len(text.rstrip())
        kept.append((text, role))
    return kept


def _figures(token: TokenGenerated, *, short: bool = False) -> Line:
    if token.probability is None:
        return [(" no figures were kept", "dim")]
    nats = surprisal(token)
    names = ("p", "rank", "s", "H") if short else ("p", "rank", "surprisal", "entropy")
    values = (
        share(token.probability),
        str(token.rank),
        f"{nats:.2f}",
        "" if token.entropy is None else f"{token.entropy:.2f}",
    )
    line: Line = []
    for name, value in zip(names, values, strict=True):
        if value:
            unit = " nats" if not short and name[0] in "se" else ""
            line += [(f" {name} ", "dim"), (value + unit + ("" if short else "  "), "number")]
    return line


def _drawn(look: Look, width: int) -> list[Line]:
    """How it came to be: given, the best, or by a number that fell into its slice."""
    token = look.token
    if look.forced and token.draw is None:
        return [[(" given, not drawn here", "dim")]]
    if token.draw is None or token.slice is None:
        return [[(f" always the best one: {look.settings}", "dim")]]
    low, high = token.slice
    room = max(10, width - 2)
    at = f" at {look.settings}" if look.settings else ""
    kept = ", when it was drawn" if look.forced else ""
    return [
        [(f" drew u {token.draw:.4f}, in {low:.4f}–{high:.4f}: p {share(high - low)}{at}{kept}", "dim")],
        [(" ", ""), *bar(token, room, look.names)],
        [(" ", ""), *pointer(token.draw, room)],
    ]  # fmt: skip


def _reads(look: Look, *, short: bool = False) -> Line:
    """Whom it read."""
    if look.reads is None:
        return [(" reading…" if look.reading else "", "dim")]
    reads = look.reads
    verb = "read" if reads.kind == "attention" else "took of"
    line: Line = [(f" L{reads.layer}H{reads.head} ", "title"), (f"{verb} ", "dim")]
    for identity, _, weight in reads.sources[: 2 if short else 3]:
        line.append((f"{quoted(look.names.get(identity, ''))} {weight:.2f}  ", ""))
    if not short:
        others = reads.others + sum(abs(weight) for _, _, weight in reads.sources[3:])
        line.append((f"others {others:.2f}", "dim"))
    return line


def _name(look: Look, identity: int) -> str:
    return shown(look.names.get(identity, str(identity)))


class TokenCard(Widget):
    """The card at the bottom of the transcript; nothing when no token is selected."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"card--{role}" for role in ROLES}
    DEFAULT_CSS = """
    TokenCard { height: auto; display: none; color: $foreground; background: $background; }
    TokenCard.-strip { display: block; border-top: solid $border-blurred; }
    TokenCard.-card {
        display: block; border: round $border-blurred; padding: 0 1;
        border-title-color: $accent; border-subtitle-color: $foreground-muted;
    }
    TokenCard > .card--title { text-style: bold; }
    TokenCard > .card--dim { color: $foreground-muted; }
    TokenCard > .card--bar { color: $accent; }
    TokenCard > .card--mark { color: $success; text-style: bold; }
    TokenCard > .card--number { color: $text; }
    TokenCard > .card--own { background: $success; color: $background; text-style: bold; }
    TokenCard > .card--slice0 { background: $panel-lighten-1; color: $text; }
    TokenCard > .card--slice1 { background: $panel-lighten-3; color: $text; }
    TokenCard > .card--rest { color: $foreground-disabled; }
    """
    ALLOW_SELECT = False

    class Marked(Event):
        """An alternative was clicked."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self) -> None:
        super().__init__(id="card")
        self.look: Look | None = None
        self._lines: list[Line] = []
        self._style_of: dict[str, Style] = {}

    def show(self, look: Look | None, *, large: bool) -> None:
        """Show a token in the card or in the strip, or nothing."""
        before = len(self._lines) if self.look is not None else 0, self.has_class("-card")
        self.look = look
        self.set_class(look is not None and large, "-card")
        self.set_class(look is not None and not large, "-strip")
        if look is not None:
            self.border_title = Content(f"token {look.index + 1} {quoted(look.token)}") if large else None
            self.border_subtitle = Content(KEYS) if large else None
            self._make(self.content_size.width)
        if before != (len(self._lines) if look is not None else 0, self.has_class("-card")):
            self.refresh(layout=True)
        else:
            self.refresh()

    def _make(self, width: int) -> None:
        if self.look is not None:
            width = width or 76
            lines = card(self.look, width) if self.has_class("-card") else strip(self.look, width)
            self._lines = [whole(line, width) for line in lines]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as there are."""
        self._make(width)
        return len(self._lines)

    def on_click(self, event: events.Click) -> None:
        """Mark the alternative under the pointer."""
        offset = event.get_content_offset(self)
        if self.has_class("-card") and offset is not None and 1 <= offset.y <= RIVALS:
            self.post_message(self.Marked(offset.y - 1))

    def notify_style_update(self) -> None:
        """Another theme."""
        super().notify_style_update()
        self._style_of.clear()

    def render_line(self, y: int) -> Strip:
        """A line of the card."""
        line = self._lines[y] if y < len(self._lines) else []
        strip = Strip([Segment(text, self._style(role)) for text, role in line if text])
        return strip.adjust_cell_length(self.content_size.width, self.rich_style)

    def _style(self, role: str) -> Style:
        if role not in self._style_of:
            self._style_of[role] = painted(self, f"card--{role}") if role else self.rich_style
        return self._style_of[role]
