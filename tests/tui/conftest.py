"""Driving the app without a terminal, and reading what it shows as lines of text."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES = ((80, 24), (120, 40), (200, 60))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Sessions, runs and settings of a test are its own."""
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    return tmp_path / "home"


def drive(app: Any, story: Callable[[Any], Awaitable[None]], size: tuple[int, int] = (120, 40)) -> None:
    """Run `story(pilot)` on a headless app of that size, to its end."""

    async def run() -> None:
        async with app.run_test(size=size, notifications=True) as pilot:
            await story(pilot)

    asyncio.run(run())


async def until(pilot: Any, condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until something is so; fails with what the screen showed instead."""
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        await pilot.pause(0.05)
    raise AssertionError("it never came true; the screen shows:\n" + screen_text(pilot.app))


def screen_text(app: Any) -> str:
    """What stands on the screen, line by line, without colours."""
    height = app.size.height
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines[:height])


def check_snapshot(app: Any, name: str) -> None:
    """Compare the screen with its recorded text; MLXGPT_SNAPSHOTS=update records it anew."""
    path = SNAPSHOTS / f"{name}.txt"
    shown = screen_text(app) + "\n"
    if os.environ.get("MLXGPT_SNAPSHOTS") == "update":
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert path.is_file(), f"there is no {path}: record it with MLXGPT_SNAPSHOTS=update"
    assert shown == path.read_text(encoding="utf-8"), f"{path.name} differs; the screen shows:\n{shown}"
