"""Widgets whose lines are kept as they were drawn, so that a picture costs what changed in it.

Textual's compositor asks every widget that a changed line crosses for all of its lines, containers too, and each line then
goes through the widget's styles and the app's filters again: with a transcript, a panel and four containers on the screen
that is most of a picture.
"""

from typing import TYPE_CHECKING

from textual.containers import Container, Horizontal, Vertical
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

if TYPE_CHECKING:
    _Base = Widget
else:
    _Base = object  # Textual looks for the CSS and the keys of a class at its first base that is a widget


class Kept(_Base):
    """Put before a widget's class: only lines that were marked for drawing are drawn again."""

    _kept_lines: list[Strip] | None = None
    _kept_crop = Region()
    _kept_marks: frozenset[int] = frozenset()

    def _set_dirty(self, *regions: Region) -> None:
        """The one way by which Textual marks lines: those of `regions`, or all."""
        super()._set_dirty(*regions)
        if not regions:
            self._kept_lines = None
        else:
            top = self.content_offset.y
            self._kept_marks |= {top + y for region in regions for y in region.line_range}

    def render_lines(self, crop: Region) -> list[Strip]:
        """The lines of `crop`."""
        if self._kept_lines is None or crop != self._kept_crop:
            self._kept_lines, self._kept_crop = super().render_lines(crop), crop
        elif marks := self._kept_marks.intersection(crop.line_range):
            first, last = min(marks), max(marks)
            again = super().render_lines(Region(crop.x, first, crop.width, last - first + 1))
            self._kept_lines[first - crop.y : last - crop.y + 1] = again
        self._kept_marks = frozenset()
        return self._kept_lines


class KeptStatic(Kept, Static):
    """A text."""


class KeptContainer(Kept, Container):
    """A container."""


class KeptHorizontal(Kept, Horizontal):
    """Its children side by side."""


class KeptVertical(Kept, Vertical):
    """Its children below one another."""
