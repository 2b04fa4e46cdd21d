"""Pictures of the app for the documents: real pages of the shipped model and of a recorded run, written as SVG.

    PYTHONPATH=. .venv/bin/python scripts/pictures.py                # docs/pictures/*.svg
    PYTHONPATH=. .venv/bin/python scripts/pictures.py chat train --size 80x24 --theme mlxgpt-light --out /tmp/looks

Each scene presses the keys that a reader would press.  The sampling is seeded; what a machine measures of itself, as its
speed, differs from run to run.
"""

import argparse
import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

from textual.pilot import Pilot

from tui.app import MlxgptApp

ROOT = Path(__file__).resolve().parent.parent
RECORDED = ROOT / "tests" / "tui" / "recorded"
SETTINGS = {"seed": 11, "temperature": 0.8, "max_tokens": 90}
PATIENCE_SECONDS = 40.0

BLOCKS = {"▀": (0, 12.2), "▄": (12.2, 12.2), "█": (0, 24.4)}  # where each begins in its line of 24.4, and its height

Scene = Callable[[Pilot[None]], Awaitable[None]]


def app_of(pilot: Pilot[None]) -> MlxgptApp:
    """The app, by its own type."""
    assert isinstance(pilot.app, MlxgptApp)
    return pilot.app


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait until something is so, and drawn."""
    for _ in range(int(PATIENCE_SECONDS / 0.05)):
        await pilot.pause(0.05)
        if condition():
            await pilot.pause(0.3)
            return
    raise TimeoutError("the page did not come to rest")


def says(pilot: Pilot[None], words: str) -> Callable[[], bool]:
    """Whether the screen holds some words."""

    def look() -> bool:
        lines = pilot.app.screen._compositor.render_strips()
        return any(words in "".join(segment.text for segment in line) for line in lines)

    return look


async def write(pilot: Pilot[None]) -> None:
    """Let the model go on with a beginning, and wait for its end."""
    app = app_of(pilot)
    await until(pilot, lambda: app.bridge.opened is not None)
    await pilot.press(*"Era uma vez um gato", "enter")
    await until(pilot, lambda: app.chat_page.writing is None and len(app.chat_page.talk.messages) > 1)


async def chat(pilot: Pilot[None]) -> None:
    """A text, one of its tokens with what else could have come, and the model's inside beside it."""
    await write(pilot)
    tokens = app_of(pilot).chat_page.talk.path()[-1].tokens
    unsure = max(range(10, len(tokens)), key=lambda i: tokens[i].entropy or 0.0)  # where most else could have come
    await pilot.press("escape", *["left"] * (len(tokens) - 1 - unsure), "enter")
    await pilot.pause(1.5)


async def welcome(pilot: Pilot[None]) -> None:
    """How the app begins."""
    await until(pilot, lambda: app_of(pilot).bridge.opened is not None)


async def inspect(pilot: Pilot[None]) -> None:
    """Every head, and what comes next after each layer."""
    await until(pilot, lambda: app_of(pilot).bridge.opened is not None)
    await pilot.press("escape", "2")
    await until(pilot, says(pilot, "mean surprisal"))
    await pilot.press("down", "right", "x")
    await until(pilot, says(pilot, "without 1.1:"))


async def lens(pilot: Pilot[None]) -> None:
    """The guess after each layer, at each token."""
    await until(pilot, lambda: app_of(pilot).bridge.opened is not None)
    await pilot.press("escape", "2")
    await until(pilot, says(pilot, "mean surprisal"))
    await pilot.press("tab")
    await pilot.pause(0.5)


async def tokens(pilot: Pilot[None]) -> None:
    """A text as tokens, and the merges of a word."""
    await pilot.press("escape", "3")
    await until(pilot, says(pilot, " characters · "))
    await pilot.press(*["right"] * 5)
    await pilot.pause(0.3)


async def chunks(pilot: Pilot[None]) -> None:
    """A document, cut."""
    await pilot.press("escape", "4")
    await until(pilot, says(pilot, " chunks ·"))
    await pilot.press(*["right"] * 3)
    await pilot.pause(0.3)


async def train(pilot: Pilot[None]) -> None:
    """The recorded run."""
    await pilot.press("escape", "5")
    await until(pilot, says(pilot, "recorded"))


async def model(pilot: Pilot[None]) -> None:
    """The models there are, and the parameters of one."""
    await until(pilot, lambda: app_of(pilot).bridge.opened is not None)
    await pilot.press("escape", "6")
    await until(pilot, says(pilot, "validation loss"))
    await pilot.pause(1)


async def learn(pilot: Pilot[None]) -> None:
    """A lesson that has been computed."""
    await until(pilot, lambda: app_of(pilot).bridge.opened is not None)
    await pilot.press("escape", "7", "g", "down", "down", "enter")
    await pilot.pause(3)
    await pilot.press("space", "space")
    await pilot.pause(1)


SCENES: dict[str, Scene] = {
    "chat": chat, "welcome": welcome, "inspect": inspect, "lens": lens, "tokens": tokens, "chunks": chunks,
    "train": train, "model": model, "learn": learn,
}  # fmt: skip
IN_DOCUMENTS = [name for name in SCENES if name != "welcome"]


def smaller(svg: str) -> str:
    """A screenshot at a third of its size, which loads no font from elsewhere.

    Rectangles of one colour become one path; so do half blocks, which are also drawn without gaps then.
    """
    svg = re.sub(r"@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<clipPath id=\"\S+-line-\d+\">.*?</clipPath>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r' clip-path="url\(#\S+-line-\d+\)"', "", svg)
    svg = re.sub(r"terminal-\d+-", "", svg).replace("Fira Code,", "DejaVu Sans Mono,Menlo,Consolas,")
    colours = dict(re.findall(r"\.(r\d+) \{ fill: (#\w+)", svg))
    behind: dict[str, list[str]] = {}
    before: dict[str, list[str]] = {}

    def rectangle(match: re.Match[str]) -> str:
        fill, x, y, width, height = match.groups()
        behind.setdefault(fill, []).append(f"M{x} {y}h{width}v{height}h-{width}z")
        return ""

    def blocks(match: re.Match[str]) -> str:
        name, x, y, width, block = match.groups()
        down, height = BLOCKS[block]
        before.setdefault(colours[name], []).append(f"M{x} {float(y) - 18.5 + down:g}h{width}v{height}h-{width}z")
        return ""

    svg = re.sub(
        r'<rect fill="(#\w+)" x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)" shape-rendering="crispEdges"/>',
        rectangle, svg,
    )  # fmt: skip
    place = r'x="([\d.]+)" y="([\d.]+)" textLength="([\d.]+)"'
    svg = re.sub(rf'<text class="(r\d+)" {place}>([▀▄█])\5*</text>', blocks, svg)
    groups = (group for paths in (behind, before) for group in paths.items())
    drawn = "".join(f'<path fill="{fill}" d="{"".join(parts)}"/>' for fill, parts in groups)
    return re.sub(r'(<g class="matrix">)', lambda match: f'<g shape-rendering="crispEdges">{drawn}</g>{match[1]}', svg)


async def take(name: str, size: tuple[int, int], theme: str, folder: Path) -> Path:
    """Play a scene, and write what the screen shows."""
    app = MlxgptApp(settings=SETTINGS, device="cpu")
    async with app.run_test(size=size) as pilot:
        app.theme = theme
        await SCENES[name](pilot)
        path = folder / f"{name}.svg"
        svg = app.export_screenshot(title="mlxgpt")
        path.write_text(smaller(svg), encoding="utf-8")
    return path


def main() -> None:
    """Write the pictures that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenes", nargs="*", default=IN_DOCUMENTS, metavar="SCENE", help=", ".join(SCENES))
    parser.add_argument("--size", default="120x36", help="columns x lines")
    parser.add_argument("--theme", default="mlxgpt-dark")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    given = parser.parse_args()
    columns, lines = (int(number) for number in given.size.split("x"))
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as home:  # nobody's own conversations and runs are in the pictures
        os.environ |= {"MLXGPT_HOME": home, "TEXTUAL_ANIMATIONS": "none"}
        shutil.copytree(RECORDED, Path(home) / "runs" / "recorded")
        for name in given.scenes:
            path = asyncio.run(take(name, (columns, lines), given.theme, given.out))
            print(f"{path}  {path.stat().st_size / 1000:,.0f} kB")


if __name__ == "__main__":
    main()
