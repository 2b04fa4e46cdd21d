"""One head large: each query a line, each key a column, a crosshair, and the number under it."""

import numpy as np
from rich.style import Style
from rich.text import Text
from textual import events

from mlxgpt.display.colours import DIVERGING, SEQUENTIAL, glyph, painted, shade
from mlxgpt.display.labels import fitted
from mlxgpt.display.words import shown
from tui.widgets.picture import Picture, window

LABEL = 16


class HeadMap(Picture):
    """The weights of the selected head around a crosshair (query, key); the query is the page's position."""

    HELP = "One head: rows ask, columns answer.  Arrows move the crosshair; Enter or Escape goes back to all heads."
    key = 0  # the column of the crosshair

    def paint(self, width: int, height: int) -> list[Text]:
        """A heading, the numbers of the keys, then the queries around the crosshair's."""
        look = self.look
        if look.heads is None:
            return [Text(self.waiting("the head is being looked at …"), "dim")]
        pattern, pieces = look.heads.pattern[look.layer, look.head], look.heads.passage.pieces
        T = len(pattern)
        self.key = min(self.key, T - 1)
        label = min(LABEL, max(width // 4, 4))
        self._left, self._wide = label + 2, 2 if 2 * T + label + 3 <= width else 1
        self._keys = window(self.key, max((width - self._left - 1) // self._wide, 1), T)
        self._queries = window(look.at, max(height - 3, 1), T)
        low, high = (-float(np.abs(pattern).max()), float(np.abs(pattern).max())) if look.recurrent else (0.0, 1.0)
        lines = [self._heading(), self._numbers()]
        for t in self._queries:
            here = t == look.at
            line = Text(no_wrap=True, overflow="crop")
            line.append(
                ("▸" if here else " ") + fitted(f"{t:<3}{shown(pieces[t])}", label) + " ", "bold" if here else ""
            )
            for s in self._keys:
                line.append(*self._cell(float(pattern[t, s]), low, high, here, s == self.key, s <= t))
            lines.append(line)
        return [*lines, self._reading()][:height]

    def _heading(self) -> Text:
        look = self.look
        role = look.role(look.layer, look.head)
        silenced = "  ✗ silenced" if (look.layer, look.head) in look.silenced else ""
        entropy = "" if look.recurrent else f"   H {look.heads.entropy[look.layer, look.head, look.at]:.2f} nats"  # type: ignore[union-attr]
        return Text(
            f" layer {look.layer} head {look.head}  {role}{silenced}{entropy}", self.themed("text-accent", bold=True)
        )

    def _numbers(self) -> Text:
        each = 4 if self._wide == 1 else 2  # columns that a number has
        row = "".join(f"{s:<{each * self._wide}}" for s in self._keys[::each])
        return Text(" " * self._left + row, "dim", no_wrap=True, overflow="crop")

    def _cell(self, value: float, low: float, high: float, row: bool, column: bool, seen: bool) -> tuple[str, Style]:
        mark = "╋" if row and column else " "
        if not seen:
            return (mark if mark != " " else ("·" if column else " ")) + " " * (self._wide - 1), Style(dim=True)
        size = max(abs(low), high, 1e-9)
        root = float(np.sign(value) * np.sqrt(abs(value) / size))  # as in the thumbnails
        if not self.colour:
            text = "╋" if row and column else ("-" if value < 0 else "") + glyph(abs(root))
            return text[: self._wide].ljust(self._wide), Style(reverse=row and column)
        share, stops = ((root + 1) / 2, DIVERGING) if low < 0 else (root, SEQUENTIAL)
        return mark.ljust(self._wide), painted(shade(share, stops))

    def _reading(self) -> Text:
        look = self.look
        assert look.heads is not None
        pattern, pieces = look.heads.pattern[look.layer, look.head], look.heads.passage.pieces
        t, s = look.at, self.key
        verb = "takes" if look.recurrent else "gives"
        seen = f"{pattern[t, s]:+.4f}" if look.recurrent else f"{pattern[t, s]:.4f}"
        value = seen if s <= t else "nothing: it comes later"
        return Text(
            f" {t} «{shown(pieces[t])}» {verb} {s} «{shown(pieces[s])}»: {value}",
            "bold",
            no_wrap=True,
            overflow="ellipsis",
        )

    def on_click(self, event: events.Click) -> None:
        """The crosshair to the cell under the pointer."""
        if self.look.heads is None:
            return
        down, across = event.y - 2, (event.x - self._left) // self._wide
        if 0 <= down < len(self._queries):
            if 0 <= across < len(self._keys):
                self.key = self._keys[across]
            self.post_message(self.Picked(position=self._queries[down]))
