"""One row of a benchmark, measured in a process of its own: `python -m mlxgpt.benchmark.cell TASK RESULT`.

A fresh process gives each row its own peak of memory, an empty table of counts to begin with, and no memory of another
library's.  TASK and RESULT are JSON files, `Task` and what `measure` or `grow` return; stdout belongs to the libraries.
"""

import json
import platform
import resource
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from mlxgpt.benchmark import peers, quality
from mlxgpt.chunking.registry import create
from mlxgpt.tokenizer import registry
from mlxgpt.tokenizer.fast import FastTokenizer
from mlxgpt.tokenizer.scanner import scanner_for

READ, ENCODE = "read + decode", "encode_batch_fast"
FLOORS = (READ, ENCODE)
_TRIAL_CHARACTERS = 1 << 16
_STRETCHES = 16
_PERCENTILES = (5, 50, 95)
_REPEATS = 3  # of each size of text; the fastest counts
_SAFETY = 1.5

Json = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to measure.  With `sizes`, the cost of texts of so many bytes."""

    row: str
    kind: str  # floor, strategy or peer
    text: str  # a path
    tokenizer: str  # a folder
    max_size: int
    iterations: int
    warmup: int
    max_seconds: float
    sizes: tuple[int, ...] = ()


def measure(task: Task) -> Json:
    """The fields of `events.BenchmarkRowMeasured`."""
    text, tokenizer = read(task.text), registry.load(Path(task.tokenizer))
    begin = _begin(task, tokenizer, text)
    if task.kind == "peer":
        text = affordable(text, begin, task.max_seconds)
    cold, _ = timed(begin(), text)
    chunks: Sequence[Any] = ()
    seconds: list[float] = []
    processor = 0.0
    began = time.perf_counter()
    for _ in range(task.warmup):
        if time.perf_counter() - began > task.max_seconds / 4:
            break
        timed(begin(), text)
    while len(seconds) < task.iterations and (not seconds or time.perf_counter() - began < task.max_seconds):
        chunks = ()  # freed before the clock starts
        run, busy = begin(), time.process_time()
        passed, chunks = timed(run, text)
        seconds.append(passed)
        processor += time.process_time() - busy
    peak = peak_bytes()
    size = len(text.encode())
    tokens = int(scanner_for(tokenizer).scan(text).totals[-1])
    return {
        "row": task.row,
        "kind": task.kind,
        "version": version_of(task),
        "bytes": size,
        "tokens": tokens,
        "iterations": len(seconds),
        "cold_seconds": cold,
        **spread("megabytes_per_second", [size / 1e6 / passed for passed in seconds]),
        **spread("tokens_per_second", [tokens / passed for passed in seconds]),
        "processor_share": processor / sum(seconds),
        "peak_bytes": peak,
        **({} if task.kind == "floor" else _judged(task, text, chunks, tokenizer)),
    }


def grow(task: Task) -> Json:
    """The fields of `events.BenchmarkGrowthMeasured`: as many sizes as there is time for."""
    whole, tokenizer = read(task.text), registry.load(Path(task.tokenizer))
    begin = _begin(task, tokenizer, whole)
    characters_per_byte = len(whole) / len(whole.encode())
    began = time.perf_counter()
    sizes: list[int] = []
    seconds: list[float] = []
    for size in task.sizes:
        left = task.max_seconds - (time.perf_counter() - began)
        if seconds and left < _SAFETY * seconds[-1] * size / sizes[-1]:
            break
        text = evenly(whole, int(size * characters_per_byte))
        runs = [timed(begin(), text)[0]]
        if not seconds and task.kind == "strategy":  # that one filled the table of counts
            runs = [timed(begin(), text)[0]]
        while len(runs) < _REPEATS and time.perf_counter() - began + runs[0] < task.max_seconds / 2:
            runs.append(timed(begin(), text)[0])
        sizes.append(len(text.encode()))
        seconds.append(min(runs))
    return {"row": task.row, "bytes": sizes, "seconds": seconds, "exponent": exponent_of(sizes, seconds)}


def exponent_of(sizes: Sequence[int], seconds: Sequence[float]) -> float | None:
    """The slope of log seconds over log bytes, by least squares."""
    if len(sizes) < 2:
        return None
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def affordable(text: str, begin: peers.Begin, max_seconds: float) -> str:
    """As much of the text, halved again and again, as a run should manage in a third of the time, by a trial on 64k."""
    trial = text[:_TRIAL_CHARACTERS]
    passed, _ = timed(begin(), trial)
    characters = len(text)
    while characters > len(trial) and passed * characters / len(trial) > max_seconds / 3:
        characters = max(characters // 2, len(trial))
    return text if characters == len(text) else evenly(text, characters)


def evenly(text: str, characters: int) -> str:
    """So many characters that are like the whole text: taken in equal parts from all over it, or the text again and again."""
    if characters >= len(text):
        return (text * -(-characters // len(text)))[:characters]
    starts = [len(text) * place // _STRETCHES for place in range(_STRETCHES)]
    return "".join(text[start : start + characters // _STRETCHES] for start in starts)


def timed(run: peers.Run, text: str) -> tuple[float, Sequence[Any]]:
    """Seconds, and what it returned."""
    began = time.perf_counter()
    result = run(text)
    return time.perf_counter() - began, result


def spread(name: str, values: Sequence[float]) -> Json:
    """Mean, standard deviation and percentiles."""
    percentiles = dict(zip(_PERCENTILES, np.percentile(values, _PERCENTILES).tolist(), strict=True))
    return {
        name: float(np.mean(values)),
        f"{name}_sd": float(np.std(values)),
        **{f"{name}_p{rank}": value for rank, value in percentiles.items()},
    }


def peak_bytes() -> int:
    """The most memory this process ever had.

    Linux hands the maximum of `getrusage` on from the process that started this one, so there it is VmHWM.
    """
    if platform.system() == "Linux":
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM:"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes, on macOS


def read(path: str) -> str:
    """The text of a file, line ends as they are."""
    return Path(path).read_bytes().decode("utf-8-sig")


def version_of(task: Task) -> str:
    """Whose code was measured."""
    package = {"floor": "tokenizers", "strategy": "mlxgpt"}.get(task.kind)
    if task.row == READ:
        return f"Python {platform.python_version()}"
    package = package or peers.PEERS[task.row].packages[0]
    return f"{package} {metadata.version(package)}"


def _begin(task: Task, tokenizer: FastTokenizer, text: str) -> peers.Begin:
    match task.kind:
        case "strategy":
            chunker = create(task.row, max_size=task.max_size)
            return lambda: lambda text: list(chunker.split(text, tokenizer))
        case "peer":
            return peers.PEERS[task.row].begin(tokenizer, task.max_size, text)
    if task.row == READ:
        return lambda: lambda _: (read(task.text),)
    return lambda: peers.encode_in_batches(tokenizer)


def _judged(task: Task, text: str, chunks: Sequence[Any], tokenizer: FastTokenizer) -> Json:
    texts = peers.texts_of(chunks)
    if task.kind == "strategy":
        spans: list[quality.Span | None] = [(chunk.start, chunk.end) for chunk in chunks]
    else:
        spans = quality.locate(text, texts)
    sizes = [len(ids) for ids in tokenizer.encode_batch(texts)]
    return asdict(quality.judge(text, spans, sizes, task.max_size))


def main(task_path: Path, result_path: Path) -> None:
    """Do a task; what goes wrong is a result too."""
    task = Task(**json.loads(task_path.read_text(encoding="utf-8")))
    try:
        result = grow(task) if task.sizes else measure(task)
    except BaseException as error:  # a library's own, of any kind: a panic of Rust is no Exception
        result = {"failed": f"{type(error).__name__}: {error}"}
    result_path.write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
