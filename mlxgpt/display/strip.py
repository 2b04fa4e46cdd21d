"""A text as a strip of tokens, each coloured by a number that stands under it."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from mlxgpt.display.colours import SEQUENTIAL, glyph, has_colour, painted, shade
from mlxgpt.display.labels import fitted

WIDEST = 100
LONGEST = 18  # of one token


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Strip:
    """Tokens in lines of two: the pieces, and their numbers.  `high` is the value of the brightest colour."""

    pieces: Sequence[str]
    values: Sequence[float]
    high: float

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = min(max(options.max_width, 1), WIDEST)
        colour = has_colour(console)
        above, below, used = Text(no_wrap=True, overflow="crop"), Text(no_wrap=True, overflow="crop"), 0
        for piece, value in zip(self.pieces, self.values, strict=True):
            share = value / self.high if self.high else 0.0
            number = "–" if value != value else f"{value:.1f}"
            number = number if colour or value != value else glyph(share) + number
            shown = fitted(piece, min(cell_len(fitted(piece, LONGEST).rstrip()) or 1, LONGEST))
            width = max(cell_len(shown), len(number)) + 1
            if used and used + width > room:
                yield from (above, below)
                above, below, used = Text(no_wrap=True, overflow="crop"), Text(no_wrap=True, overflow="crop"), 0
            if colour and value == value:
                above.append(shown, painted(shade(share, SEQUENTIAL)))
            else:
                above.append(shown)
            above.append(" " * (width - cell_len(shown)))
            below.append(number.ljust(width), "dim")
            used += width
        yield from (above, below)
