"""A drawing is a list of rectangles and texts; it becomes SVG here, and PNG through Pillow where that is installed."""

import io
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

from mlxgpt import whole
from mlxgpt.errors import MissingExtra
from mlxgpt.text import visible

Colour = tuple[int, int, int]
PAPER: Colour = (14, 17, 32)
INK: Colour = (232, 234, 240)
FAINT: Colour = (150, 156, 176)
WIDTH_OF_A_LETTER = 0.6  # of the size of the text, in a monospaced font
SHARPNESS = 2  # pixels of a PNG for one unit


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    fill: Colour


@dataclass(frozen=True, slots=True)
class Words:
    """One line of text; `anchor` is where x is: start, middle or end.  y is the middle of the line."""

    x: float
    y: float
    text: str
    size: float = 12
    fill: Colour = INK
    anchor: str = "start"


@dataclass(slots=True)
class Drawing:
    """What is drawn, in the order it is painted."""

    width: float = 0
    height: float = 0
    shapes: list[Box | Words] = field(default_factory=list)

    def box(self, x: float, y: float, width: float, height: float, fill: Colour) -> None:
        """Add a rectangle."""
        self._reach(x + width, y + height)
        self.shapes.append(Box(x, y, max(width, 0), max(height, 0), fill))

    def words(self, x: float, y: float, text: str, size: float = 12, fill: Colour = INK, anchor: str = "start") -> None:
        """Add a line of text, safe to show, its spaces and line breaks visible."""
        shown = visible(text).replace("\n", "↵").replace("\t", "→")
        length = len(shown) * size * WIDTH_OF_A_LETTER
        self._reach(x + {"start": length, "middle": length / 2, "end": 0.0}[anchor], y + size)
        self.shapes.append(Words(x, y, shown, size, fill, anchor))

    def _reach(self, right: float, bottom: float) -> None:
        self.width, self.height = max(self.width, right + 12), max(self.height, bottom + 12)


def save(drawing: Drawing, path: Path, kind: str) -> None:
    """Write a drawing as "svg" or "png"; `MissingExtra` when Pillow is needed and not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "svg":
        whole.write_text(path, svg(drawing))
    else:
        png(drawing, path)


def svg(drawing: Drawing) -> str:
    """The drawing as SVG."""
    width, height = round(drawing.width), round(drawing.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" xml:space="preserve">',
        f'<rect width="100%" height="100%" fill="{_hex(PAPER)}"/>',
    ]
    for shape in drawing.shapes:
        if isinstance(shape, Box):
            lines.append(
                f'<rect x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}" '
                f'fill="{_hex(shape.fill)}"/>'
            )
        else:
            lines.append(
                f'<text x="{shape.x:.1f}" y="{shape.y + 0.35 * shape.size:.1f}" font-size="{shape.size:g}" '
                f'fill="{_hex(shape.fill)}" text-anchor="{shape.anchor}">{escape(shape.text)}</text>'
            )
    return "\n".join([*lines, "</svg>", ""])


def png(drawing: Drawing, path: Path) -> None:
    """The drawing as a PNG file."""
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError:
        raise MissingExtra(
            "Drawing PNG needs Pillow.",
            hint="MLXGPT_EXTRAS=pictures ./scripts/mlxgpt doctor installs it; or use --svg.",
        ) from None
    picture = Image.new("RGB", (round(drawing.width * SHARPNESS), round(drawing.height * SHARPNESS)), PAPER)
    pen = ImageDraw.Draw(picture)
    fonts = {
        size: _font(ImageFont, size * SHARPNESS) for size in {s.size for s in drawing.shapes if isinstance(s, Words)}
    }
    for shape in drawing.shapes:
        x, y = shape.x * SHARPNESS, shape.y * SHARPNESS
        if isinstance(shape, Box):
            left, top = round(x), round(y)
            right, bottom = round(x + shape.width * SHARPNESS) - 1, round(y + shape.height * SHARPNESS) - 1
            if right >= left and bottom >= top:
                pen.rectangle((left, top, right, bottom), fill=shape.fill)
        else:
            anchor = {"start": "lm", "middle": "mm", "end": "rm"}[shape.anchor]
            pen.text((x, y), shape.text, fill=shape.fill, font=fonts[shape.size], anchor=anchor)
    data = io.BytesIO()
    picture.save(data, format="PNG")
    whole.write_bytes(path, data.getvalue())


def _font(fonts: Any, size: float) -> Any:  # Any: PIL.ImageFont, imported when needed, and what it makes
    """A monospaced font of the system, else the one that Pillow carries."""
    for name in ("DejaVuSansMono.ttf", "Menlo.ttc", "Consola.ttf"):
        try:
            return fonts.truetype(name, size)
        except OSError:
            continue
    return fonts.load_default(size)


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
