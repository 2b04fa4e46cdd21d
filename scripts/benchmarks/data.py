"""How fast a dataset is built and read, beside the `tokenizers` library, and whether memory stays flat.

    python scripts/benchmarks/data.py [--megabytes 10 100] [--rounds 3] [--workers 0] [--text FILE...] [--tokenizer DIR]

Synthesises JSON lines of so many megabytes: documents of 200 to 4,000 characters cut out of FILE (the bundled corpus) and
shuffled, a few words of each changed so that no two are the same.  Every round runs in turn: the library's `encode_batch`
over all documents on all cores, each build in a process of its own, and the loader on what was built.  Printed are medians of
MB/s of text on the clock and by processor time (other programs share the machine), the ratio to the floor of the same round,
peak resident memory of a build (itself and its workers, the largest of them), and the loader's tokens per second.
"""

import argparse
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from mlxgpt.data.dataset import open_dataset
from mlxgpt.data.documents import read_documents
from mlxgpt.data.loader import Loader, prefetch
from mlxgpt.tokenizer import registry

ROOT = Path(__file__).resolve().parents[2]
BATCH_DOCUMENTS = 2000
ROWS = {"build": (), "build --dedup exact": ("--dedup", "exact")}
LOADER_BATCHES, CONTEXT, BATCH = 2000, 256, 8


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--megabytes", nargs="+", type=float, default=[10.0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=0, help="0: as a build chooses")
    parser.add_argument("--text", nargs="+", type=Path, default=[ROOT / "data" / "corpus_pt_br.txt"])
    parser.add_argument("--tokenizer", type=Path, default=ROOT / "models" / "nano-pt")
    parser.add_argument(
        "--clean", action="store_true", help="measure a build that cleans and drops near duplicates too"
    )
    options = parser.parse_args()
    rows = ROWS | ({"build --clean --dedup exact,near": ("--clean", "--dedup", "exact,near")} if options.clean else {})
    print(f"{'':34} {'MB/s':>8} {'floor':>7} {'MB/cpu-s':>9} {'floor':>7} {'peak MiB':>9}")
    with tempfile.TemporaryDirectory(prefix="mlxgpt-bench-") as folder:
        place = Path(folder)
        os.environ["MLXGPT_HOME"] = folder  # no table from another day
        for megabytes in options.megabytes:
            source = place / "source.jsonl"
            size = synthesise(source, [d.text for path in options.text for d in read_documents(path)], megabytes)
            measured: dict[str, list[tuple[float, float, float]]] = {}  # MB/s, MB per processor second, MiB
            for _ in range(options.rounds):
                measured.setdefault("encode_batch", []).append(floor(source, options.tokenizer, size))
                for name, words in rows.items():
                    measured.setdefault(name, []).append(
                        built(place / "dataset", source, options.tokenizer, options.workers, words, size)
                    )
            print(f"{size:.1f} MB of text, {options.workers or 'usual'} workers, medians of {options.rounds} rounds")
            for name, runs in measured.items():
                print_row(name, runs, measured["encode_batch"])
            for packing in ("concat", "best-fit"):
                print(f"  loader, {packing}: {loaded(place / 'dataset', packing):,.0f} tokens/s")


def print_row(name: str, runs: list[tuple[float, float, float]], floors: list[tuple[float, float, float]]) -> None:
    """Medians of a row, and of its ratios to the floor."""
    cells = []
    for at in (0, 1):
        cells.append(statistics.median(run[at] for run in runs))
        cells.append(statistics.median(run[at] / base[at] for run, base in zip(runs, floors, strict=True)))
    peak = max(run[2] for run in runs)
    print(f"  {name:32} {cells[0]:8.2f} {cells[1]:6.2f}x {cells[2]:9.2f} {cells[3]:6.2f}x {peak:9.0f}")


def synthesise(path: Path, texts: list[str], megabytes: float) -> float:
    """Write documents of so many megabytes in all; the bytes of their text in millions."""
    draw = random.Random(1)
    words = sorted({word for text in texts for word in text.split()})
    size = 0
    with path.open("w", encoding="utf-8") as file:
        while size < megabytes * 1e6:
            length, parts = draw.randint(200, 4000), []
            while length > 0:
                text = draw.choice(texts)
                start = draw.randrange(max(1, len(text) - 200))
                parts.append(text[start : start + length])
                length -= len(parts[-1])
            own = " ".join(parts).split(" ")
            for _ in range(1 + len(own) // 50):
                own[draw.randrange(len(own))] = draw.choice(words)
            document = " ".join(own).strip()
            size += len(document.encode())
            file.write(json.dumps({"text": document}, ensure_ascii=False) + "\n")
    return size / 1e6


def documents(path: Path) -> Iterator[list[str]]:
    """The texts of a file in batches."""
    batch: list[str] = []
    for document in read_documents(path):
        batch.append(document.text)
        if len(batch) == BATCH_DOCUMENTS:
            yield batch
            batch = []
    yield batch


def floor(source: Path, tokenizer: Path, size: float) -> tuple[float, float, float]:
    """What the library alone does, on all cores, with texts that are in memory already: only its own work is timed."""
    backend = registry.load(tokenizer)._backend
    seconds = processor = 0.0
    for batch in documents(source):
        began, worked = time.perf_counter(), time.process_time()
        backend.encode_batch(batch, add_special_tokens=False)
        seconds, processor = seconds + time.perf_counter() - began, processor + time.process_time() - worked
    return size / seconds, size / processor, float("nan")


def built(
    output: Path, source: Path, tokenizer: Path, workers: int, words: tuple[str, ...], size: float
) -> tuple[float, float, float]:
    """A whole build in a process of its own, with all its reading, hashing and writing, and its start."""
    command = [
        *(sys.executable, "-m", "mlxgpt", "data", "build", "--source", str(source), "--tokenizer", str(tokenizer)),
        *("--output", str(output), "--workers", str(workers), "--restart", *words),
    ]
    before, began = children(), time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    seconds, after = time.perf_counter() - began, children()
    return size / seconds, size / (after[0] - before[0]), after[1]


def children() -> tuple[float, float]:
    """Processor seconds of all that ran below this process, and the largest of them in MiB."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / (1024 if sys.platform == "linux" else 1 << 20)


def loaded(dataset: Path, packing: str) -> float:
    """Tokens a second that the loader gives, read ahead as in training."""
    stream = open_dataset(dataset).stream("train")
    loader = Loader(stream, CONTEXT, BATCH, packing=packing)
    began = time.perf_counter()
    for batch in prefetch(loader, 0, LOADER_BATCHES):
        assert batch.inputs.shape == (BATCH, CONTEXT)
    return LOADER_BATCHES * BATCH * CONTEXT / (time.perf_counter() - began)


if __name__ == "__main__":
    main()
