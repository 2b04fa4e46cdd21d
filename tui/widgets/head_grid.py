"""All heads as thumbnails of one size: layers go down, heads across.  A text of any length fits in them.

A thumbnail is the sum over keys and the mean over queries of what falls on its pixels, so that a row of it stays a
distribution; its square root is drawn, since a picture of the weights themselves is mostly black.

T time · L layers · H heads
"""

import numpy as np
from rich.style import Style
from rich.text import Text
from textual import events

from mlxgpt.display.heatmap import Numbers, half_blocks
from tui.widgets.picture import Picture, window

GAP = 2
SHORT = {"previous": "prev", "duplicate": "dup", "induction": "induct"}  # roles where there is little room


class HeadGrid(Picture):
    """Layers × heads; the selected head is framed in its label."""

    HELP = "Every head as a small map: rows ask, columns answer.  Enter opens one, x silences it, / finds a role."

    def paint(self, width: int, height: int) -> list[Text]:
        """The heads around the selected one."""
        if self.look.heads is None:
            return [Text(self.waiting("the heads are being looked at …"), "dim")]
        self._geometry(width, height)
        lines: list[Text] = []
        for layer in self._layers:
            labels = Text(no_wrap=True, overflow="crop")
            rows = [Text(no_wrap=True, overflow="crop") for _ in range(self._tall)]
            for head in self._heads:
                self._label(labels, layer, head)
                picture = self._thumbnail(layer, head)
                for row, part in zip(rows, picture, strict=True):
                    row.append(" ")
                    row.append(part)
                    row.append(" " * (self._cell - 1 - part.cell_len))
            lines += [labels, *rows]
        layers, heads = self.look.shape
        if len(lines) < height and (len(self._layers), len(self._heads)) != (layers, heads):
            first, last = self._layers.start, self._layers.stop - 1
            lines.append(
                Text(
                    f" layers {first}–{last} of {layers}, heads {self._heads.start}–{self._heads.stop - 1} of {heads}",
                    "dim",
                )
            )
        return lines[:height]

    def _geometry(self, width: int, height: int) -> None:
        """How large a thumbnail is, and which are seen."""
        layers, heads = self.look.shape
        self._cell = max(min((width - 1) // heads, 20), 8)
        self._tall = min(max(height // layers - 1, 2), 6)
        self._heads = window(self.look.head, max((width - 1) // self._cell, 1), heads)
        self._layers = window(self.look.layer, max(height // (self._tall + 1), 1), layers)

    def _label(self, line: Text, layer: int, head: int) -> None:
        look = self.look
        role, room = look.role(layer, head), self._cell - 1
        name = f"{layer}.{head}"
        name += "✗" if (layer, head) in look.silenced else ""
        short = role if len(name) + 1 + len(role) <= room - 1 else SHORT.get(role, role)
        text = f"{name} {short}".strip()[: room - 1]
        here = (layer, head) == (look.layer, look.head)
        style = (
            Style(bold=True, reverse=True)
            if here
            else self.themed("warning" if role else "foreground", bold=bool(role))
        )
        shown = f"▸{text}" if here else f" {text}"
        line.append(shown, style)
        line.append(" " * (self._cell - len(shown)))

    def _thumbnail(self, layer: int, head: int) -> list[Text]:
        """The lines of a small map; they are kept, since only the text and the size of the window change them."""
        look = self.look
        assert look.heads is not None
        pattern, silenced = look.heads.pattern, (layer, head) in look.silenced
        if self._drawn_of is not pattern:
            self._drawn_of, self._drawn = pattern, {}
        key = (layer, head, self._tall, self._cell, silenced, self.colour)
        if key not in self._drawn:
            small = thumbnail(pattern[layer, head], 2 * self._tall, self._cell - GAP)
            lines = half_blocks(small, self.colour, -1.0 if look.recurrent else 0.0)
            if silenced:
                for line in lines:
                    line.stylize(Style(dim=True))
            self._drawn[key] = lines
        return self._drawn[key]

    _drawn_of: Numbers | None = None
    _drawn: dict[tuple[int, int, int, int, bool, bool], list[Text]] = {}  # noqa: RUF012  (replaced, never shared)

    def on_click(self, event: events.Click) -> None:
        """Select the head under the pointer; a second click opens it."""
        if self.look.heads is None:
            return
        down, across = event.y // (self._tall + 1), event.x // self._cell
        if down < len(self._layers) and across < len(self._heads):
            self.post_message(self.Picked(layer=self._layers[down], head=self._heads[across], enter=event.chain >= 2))


def thumbnail(pattern: Numbers, rows: int, columns: int) -> Numbers:
    """A map (T, T) as (rows, columns): sums over keys, means over queries, scaled to its largest, square roots of size."""
    across = _gathered(pattern, columns, axis=1)
    queries = _gathered(np.ones((len(pattern), 1), np.float32), rows, axis=0)
    small = _gathered(across, rows, axis=0) / queries
    small = small / max(float(np.abs(small).max()), 1e-9)
    return np.asarray(np.sign(small) * np.sqrt(np.abs(small)), dtype=np.float32)


def _gathered(values: Numbers, size: int, axis: int) -> Numbers:
    """Values added up to `size` along an axis, or repeated where there are fewer."""
    T = values.shape[axis]
    if size >= T:
        return np.take(values, np.arange(size) * T // size, axis=axis)
    return np.asarray(np.add.reduceat(values, np.arange(size) * T // size, axis=axis), dtype=np.float32)
