"""Numbers as bars, with the number beside each; those below zero go to the left."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from rich.text import Text

from mlxgpt.display.colours import DIVERGING, SEQUENTIAL, has_colour, shade
from mlxgpt.display.labels import fitted

EIGHTHS = " ▏▎▍▌▋▊▉"
WIDEST = 40


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bars:
    """A line for each value: label, bar, number.  `texts` are the numbers as they are to be read."""

    labels: Sequence[str]
    values: Sequence[float]
    texts: Sequence[str]
    label_width: int = 24

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        width = max(options.max_width, 1)
        label = min(self.label_width, max((len(name) for name in self.labels), default=0), max(width // 3, 1))
        number = max((len(text) for text in self.texts), default=0)
        room = min(max(width - label - number - 3, 1), WIDEST)
        finite = [abs(value) for value in self.values if value == value]
        most = max(finite, default=0.0) or 1.0
        signed = any(value < 0 for value in self.values)
        for name, value, text in zip(self.labels, self.values, self.texts, strict=True):
            share = 0.0 if value != value else value / most
            line = Text(f"{fitted(name, label)} {text:>{number}} ", no_wrap=True, overflow="crop")
            line.append(bar(share, room, signed), _style(share, signed, console))
            yield line


def _style(share: float, signed: bool, console: Console) -> Style:
    if not has_colour(console):
        return Style()
    return Style.parse("rgb({},{},{})".format(*bar_colour(share, signed)))


def bar_colour(share: float, signed: bool) -> tuple[int, int, int]:
    """The colour of a bar; never so dark that a small one is not seen."""
    if signed:
        return shade(0.5 + (0.25 + 0.25 * abs(share)) * (-1 if share < 0 else 1), DIVERGING)
    return shade(0.35 + 0.65 * share, SEQUENTIAL)


def bar(share: float, width: int, signed: bool = False) -> str:
    """A bar for a share in 0 … 1; when `signed`, in -1 … 1 around a middle line.

    >>> bar(0.5, 4), bar(-0.5, 9, signed=True)
    ('██  ', '  ██│    ')
    """
    if not signed:
        whole, rest = divmod(round(max(share, 0.0) * width * 8), 8)
        return ("█" * whole + (EIGHTHS[rest] if rest else "")).ljust(width)[:width]
    half = max((width - 1) // 2, 1)
    cells = round(abs(share) * half)
    left = ("█" * cells).rjust(half) if share < 0 else " " * half
    right = ("█" * cells).ljust(half) if share >= 0 else " " * half
    return f"{left}│{right}"


def spark(counts: Sequence[int]) -> str:
    """A histogram in one line: the square roots of its counts, so that thin tails are seen."""
    highest = max(counts, default=0) ** 0.5 or 1.0
    heights = [round(count**0.5 / highest * 8) for count in counts]
    return "".join(" ▁▂▃▄▅▆▇█"[max(height, 1) if count else 0] for height, count in zip(heights, counts, strict=True))
