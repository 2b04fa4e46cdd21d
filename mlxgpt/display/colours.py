"""Numbers as colours, and as glyphs where there is no colour.

Colours are given in 24 bits; rich lowers them to what the terminal has.  Without colour (NO_COLOR, a pipe, a dumb terminal)
the same value becomes one of a few blocks, so no picture is lost; a number stands beside every colour anyway.
"""

from rich.color import Color
from rich.console import Console
from rich.style import Style

Stops = tuple[tuple[int, int, int], ...]

# From nearly black to bright, equally spaced in lightness: little to much.
SEQUENTIAL: Stops = (
    (14, 17, 32),
    (38, 45, 92),
    (64, 76, 160),
    (58, 124, 190),
    (64, 170, 180),
    (126, 208, 142),
    (246, 230, 98),
)
# Blue for below zero, dark in the middle, orange for above.
DIVERGING: Stops = ((88, 178, 255), (48, 104, 176), (26, 30, 44), (170, 88, 32), (255, 160, 60))
GLYPHS = "·░▒▓█"


def shade(value: float, stops: Stops = SEQUENTIAL) -> tuple[int, int, int]:
    """The colour of a value in 0 … 1; what lies outside is clipped, and what is no number is grey."""
    if value != value:
        return (96, 96, 96)
    place = min(max(value, 0.0), 1.0) * (len(stops) - 1)
    left = min(int(place), len(stops) - 2)
    share = place - left
    low, high = stops[left], stops[left + 1]
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(low, high, strict=True))
    return red, green, blue


def glyph(value: float) -> str:
    """The block for a value in 0 … 1."""
    return "?" if value != value else GLYPHS[min(max(int(value * len(GLYPHS)), 0), len(GLYPHS) - 1)]


def ink(background: tuple[int, int, int]) -> tuple[int, int, int]:
    """Black or white, whichever can be read on a colour (relative luminance of sRGB, without the gamma)."""
    red, green, blue = background
    return (0, 0, 0) if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 120 else (255, 255, 255)


def painted(background: tuple[int, int, int], foreground: tuple[int, int, int] | None = None) -> Style:
    """A style of two colours; the ink is chosen to be read unless given."""
    return Style(color=Color.from_rgb(*(foreground or ink(background))), bgcolor=Color.from_rgb(*background))


def has_colour(console: Console) -> bool:
    """Whether colours would be seen."""
    return console.color_system is not None and not console.no_color
