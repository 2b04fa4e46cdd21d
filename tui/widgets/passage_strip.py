"""The text as tokens, each on the colour of its surprisal; the cursor is a token."""

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual import events

from mlxgpt.display.colours import glyph, painted, shade
from mlxgpt.display.labels import fitted
from mlxgpt.display.words import shown
from tui.widgets.picture import Picture, window

MOST_NATS = 8.0  # of surprisal: the brightest colour
LONGEST = 18  # columns of one token


class PassageStrip(Picture):
    """A few lines of tokens around the cursor."""

    HELP = "The text as tokens; the colour is the surprisal in nats.  `[` and `]` or a click move the cursor."

    def paint(self, width: int, height: int) -> list[Text]:
        """The lines around the cursor's."""
        look = self.look
        if look.passage is None:
            waiting = "reading …" if look.name else "no model is open yet: 6 lists them all"
            return self.waiting(waiting if look.text else "no text: press i and type some", width)
        self._lines = broken([shown_piece(piece) for piece in look.passage.pieces], width)
        current = next(i for i, line in enumerate(self._lines) if look.at in line)
        self._seen = window(current, height, len(self._lines))
        return [self._line(self._lines[i]) for i in self._seen]

    def _line(self, places: range) -> Text:
        assert self.look.tokens is not None
        line = Text(no_wrap=True, overflow="crop")
        for t in places:
            piece, value = shown_piece(self.look.tokens.passage.pieces[t]), float(self.look.tokens.surprisal[t])
            share = value / MOST_NATS
            if t == self.look.at:
                line.append(f"[{piece}]", Style(bold=True, reverse=True))
                continue
            known = value == value
            colour = painted(shade(share)) if self.colour and known else Style()
            line.append(" " if self.colour or not known else glyph(share).replace("·", " "))
            line.append(piece, colour)
            line.append(" ")
        return line

    def on_click(self, event: events.Click) -> None:
        """The token under the pointer."""
        if self.look.passage is None or not 0 <= event.y < len(self._seen):
            return
        column = 0
        for t in self._lines[self._seen[event.y]]:
            column += cell_len(shown_piece(self.look.passage.pieces[t])) + 2
            if event.x < column:
                self.post_message(self.Picked(position=t))
                return


def shown_piece(piece: str) -> str:
    """A token, safe to show, not longer than LONGEST."""
    return fitted(piece, min(cell_len(shown(piece)), LONGEST))


def broken(pieces: list[str], width: int) -> list[range]:
    """Lines of tokens that are `width` wide; each token has a column on both sides."""
    lines, first, used = [], 0, 0
    for t, piece in enumerate(pieces):
        size = cell_len(piece) + 2
        if used and used + size > width:
            lines.append(range(first, t))
            first, used = t, 0
        used += size
    return [*lines, range(first, len(pieces))]
