"""The job behind `mlxgpt benchmark chunking`: strategies, other libraries and floors on one text, with one tokenizer.

Rows are measured one after the other, each by `cell` in a fresh process, on one thread.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlxgpt.benchmark.cell import FLOORS, Task, read
from mlxgpt.benchmark.config import ChunkingBenchmarkConfig
from mlxgpt.benchmark.peers import PEERS
from mlxgpt.chunking.sources import Decoding, check_text
from mlxgpt.errors import DataError
from mlxgpt.events import (
    BenchmarkFinished,
    BenchmarkGrowthMeasured,
    BenchmarkRowFailed,
    BenchmarkRowMeasured,
    BenchmarkRowStarted,
    BenchmarkStarted,
    Event,
)
from mlxgpt.tokenizer.base import Tokenizer

GROWTH_BYTES = (1_000_000, 4_000_000, 16_000_000)
RULE = (
    "no chunk over the limit; share of cuts inside a sentence within 1 point of the lowest; at least half the speed of the "
    "fastest of those; then the fewest chunks"
)
_NEAR_SHARE, _NEAR_SPEED = 0.01, 0.5
_POLL_SECONDS = 0.1
_PATIENCE = 3.0  # times max_seconds, and a minute to start and to judge: then a cell is ended
_START_SECONDS = 60.0
_ONE_THREAD = dict.fromkeys(
    ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"), "1"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A row to measure."""

    row: str
    kind: str
    growth: bool = False


def cells_of(config: ChunkingBenchmarkConfig) -> list[Cell]:
    """All that will be measured, in order."""
    chunkers = [Cell(row=row, kind="strategy") for row in config.strategies]
    if config.peers:
        chunkers += [Cell(row=row, kind="peer") for row in PEERS]
    growing = [Cell(row=cell.row, kind=cell.kind, growth=True) for cell in chunkers] if config.growth else []
    return [*(Cell(row=row, kind="floor") for row in FLOORS), *chunkers, *growing]


def benchmark_chunking(
    path: Path, tokenizer: Tokenizer, config: ChunkingBenchmarkConfig, stop: threading.Event | None = None
) -> Iterator[Event]:
    """Measure every row; `DataError` when the file is missing, empty or no text."""
    try:
        check_text(path, Decoding(), str(path))
    except DataError as error:
        if "not utf-8" not in error.message:
            raise
        raise DataError(error.message, hint="A benchmark reads UTF-8: convert it first, as with iconv.") from None
    stop = stop or threading.Event()
    began = time.monotonic()
    cells = cells_of(config)
    yield BenchmarkStarted(
        path=str(path),
        bytes=path.stat().st_size,
        characters=len(read(str(path))),
        tokenizer=config.tokenizer,
        max_size=config.max_size,
        iterations=config.iterations,
        warmup=config.warmup,
        max_seconds=config.max_seconds,
        rows=tuple(cell.row for cell in cells if not cell.growth),
    )
    measured: list[BenchmarkRowMeasured] = []
    with tempfile.TemporaryDirectory(prefix="mlxgpt-benchmark-") as name:
        folder = Path(name)
        tokenizer.save(folder / "tokenizer")
        for number, cell in enumerate(cells, start=1):
            if stop.is_set():
                break
            yield BenchmarkRowStarted(row=cell.row, number=number, cells=len(cells), growth=cell.growth)
            event = _measured(cell, path, folder, config, stop)
            if isinstance(event, BenchmarkRowMeasured):
                measured.append(event)
            if event is not None:
                yield event
    recommended, reason = ("", "") if stop.is_set() else recommend(measured)
    yield BenchmarkFinished(
        recommended=recommended, reason=reason, seconds=time.monotonic() - began, stopped=stop.is_set()
    )


def recommend(rows: Sequence[BenchmarkRowMeasured]) -> tuple[str, str]:
    """A strategy by `RULE`, and the figures it was chosen by; "" when every one broke the limit or none was measured."""
    strategies = [row for row in rows if row.kind == "strategy"]
    kept = [row for row in strategies if row.over_limit == 0]
    if not kept:
        return "", "No strategy kept the limit." if strategies else ""
    lowest = min(row.mid_sentence for row in kept)
    careful = [row for row in kept if row.mid_sentence <= lowest + _NEAR_SHARE]
    fastest = max(row.megabytes_per_second_p50 for row in careful)
    quick = [row for row in careful if row.megabytes_per_second_p50 >= _NEAR_SPEED * fastest]
    best = min(quick, key=lambda row: (row.chunks, -row.megabytes_per_second_p50))
    return best.row, (
        f"{best.mid_sentence:.1%} of its cuts are inside a sentence (lowest {lowest:.1%}), "
        f"{best.megabytes_per_second_p50:.1f} MB/s in the median (fastest as careful {fastest:.1f}), {best.chunks:,} chunks.  "
        f"Rule: {RULE}."
    )


def _measured(
    cell: Cell, path: Path, folder: Path, config: ChunkingBenchmarkConfig, stop: threading.Event
) -> BenchmarkRowMeasured | BenchmarkGrowthMeasured | BenchmarkRowFailed | None:
    """The figures of one row, or why there are none; None when the job was stopped."""
    if cell.kind == "peer" and (missing := PEERS[cell.row].missing):
        return BenchmarkRowFailed(
            row=cell.row, message="not installed", hint="pip install " + " ".join(missing), growth=cell.growth
        )
    result = _run(
        Task(
            row=cell.row,
            kind=cell.kind,
            text=str(path.absolute()),
            tokenizer=str(folder / "tokenizer"),
            max_size=config.max_size,
            iterations=config.iterations,
            warmup=config.warmup,
            max_seconds=config.max_seconds,
            sizes=GROWTH_BYTES if cell.growth else (),
        ),
        folder,
        stop,
    )
    if result is None:
        return None
    if "failed" in result:
        return BenchmarkRowFailed(row=cell.row, message=f"failed: {result['failed']}", growth=cell.growth)
    if cell.growth:
        sizes, seconds = tuple(result.pop("bytes")), tuple(result.pop("seconds"))
        return BenchmarkGrowthMeasured(bytes=sizes, seconds=seconds, **result)
    return BenchmarkRowMeasured(**result)


def _run(task: Task, folder: Path, stop: threading.Event) -> dict[str, Any] | None:  # Any: JSON
    """The result of a task done in a fresh process; None when the job was stopped before it ended."""
    task_path, result_path, errors_path = folder / "task.json", folder / "result.json", folder / "errors.txt"
    task_path.write_text(json.dumps(asdict(task)), encoding="utf-8")
    result_path.unlink(missing_ok=True)
    package_root = str(Path(__file__).resolve().parents[2])
    environment = (
        os.environ
        | _ONE_THREAD
        | {
            "MLXGPT_HOME": str(folder / "home"),  # where no table of counts is
            "PYTHONPATH": os.pathsep.join(filter(None, (package_root, os.environ.get("PYTHONPATH")))),
            "TOKENIZERS_PARALLELISM": "false",
        }
    )
    patience = _PATIENCE * task.max_seconds + _START_SECONDS
    began = time.monotonic()
    with errors_path.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlxgpt.benchmark.cell", str(task_path), str(result_path)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=errors,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is the parent's to answer
        )
        try:
            while process.poll() is None:
                if stop.is_set():
                    return None
                if time.monotonic() - began > patience:
                    return {"failed": f"no end after {patience:.0f} s"}
                stop.wait(_POLL_SECONDS)
        finally:
            process.kill()
            process.wait()
    if result_path.is_file():
        result: dict[str, Any] = json.loads(result_path.read_text(encoding="utf-8"))
        return result
    lines = errors_path.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return {"failed": f"exit code {process.returncode}" + (f", {lines[-1]}" if lines else "")}
