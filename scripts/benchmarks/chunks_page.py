"""How the Chunks page bears a long document: how long cutting takes, and how late the screen's own loop is meanwhile.

python scripts/benchmarks/chunks_page.py --megabytes 5
"""

import argparse
import asyncio
import time
from collections.abc import Callable

import numpy as np
from textual.pilot import Pilot

from mlxgpt.backend import places
from tui.app import MlxgptApp
from tui.page import Request
from tui.screens.chunks import ChunksPage

STRATEGIES = ("recursive", "semantic", "hierarchical")
TICK = 0.01  # seconds


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Wait until something is so."""
    while not condition():
        await pilot.pause(0.02)


async def lateness(late: list[float]) -> None:
    """By how much each short sleep was too long, in seconds."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(TICK)
        late.append(time.perf_counter() - began - TICK)


async def measure(text: str) -> None:
    """A line for each strategy."""
    app = MlxgptApp(page="chunks", device="cpu")
    async with app.run_test(size=(120, 40)) as pilot:
        page = app.screen
        assert isinstance(page, ChunksPage)
        await until(
            pilot, lambda: app.bridge.opened is not None and bool(page.cutting.chunks) and not page._cutter.busy
        )
        late: list[float] = []
        clock = asyncio.create_task(lateness(late))
        for strategy in STRATEGIES:
            late.clear()
            began = time.perf_counter()
            page.receive(Request(text=text, word=strategy))
            await until(pilot, lambda: page.cutting.text == text and not page._cutter.busy)
            seconds = time.perf_counter() - began
            half, most = np.percentile(late, [50, 99]) * 1000
            figures = (
                f"{len(page.cutting.chunks):>7,} chunks  {seconds:5.1f} s  late p50 {half:3.0f} ms, p99 {most:4.0f} ms"
            )
            print(f"{strategy:<13} {figures}")
            before = time.process_time()
            for _ in range(20):
                await pilot.press("right")
            print(f"{'':<13} a key costs {(time.process_time() - before) / 20 * 1000:.0f} ms of processor time")
        clock.cancel()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, default=5.0)
    size = int(parser.parse_args().megabytes * 1e6)
    corpus = places.corpus().read_text(encoding="utf-8")
    asyncio.run(measure((corpus * (size // len(corpus) + 1))[:size]))
