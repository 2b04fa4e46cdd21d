"""How fast tokens are counted and ids are made, beside the `tokenizers` library on all cores.

    python scripts/benchmarks/scan.py FILE... --tokenizer DIR [--rounds 5] [--verify]

FILE: UTF-8 text, joined by blank lines; a folder stands for all files in it.  Every round runs every row once, in turn, so
that a busy machine is busy for all; the table gives the median seconds, and how many times as fast as `encode_batch_fast`
a row is (the median of the rounds' ratios).  "cold" begins with an empty table, "warm" has seen the same text.
`--verify` first compares counts and ids with the library's on every file, which takes a while.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mlxgpt.chunking.blocks import split_blocks
from mlxgpt.tokenizer import registry
from mlxgpt.tokenizer.fast import FastTokenizer
from mlxgpt.tokenizer.scanner import Scanner

PIECE = 1 << 16  # characters in one of the library's texts


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Time counting and encoding.")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--tokenizer", required=True, type=Path, metavar="DIR")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--verify", action="store_true", help="compare with the library on every file first")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as empty:
        os.environ["MLXGPT_HOME"] = empty  # no table from another day
        tokenizer = registry.load(arguments.tokenizer)
        if not isinstance(tokenizer, FastTokenizer):
            sys.exit("This benchmark compares with the tokenizers library; the tokenizer is not one of its own.")
        files = [file for path in arguments.files for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
        texts = {file: text for file in files if file.is_file() and (text := read(file))}
        if arguments.verify:
            verify(texts, tokenizer)
        table("\n\n".join(texts.values()), tokenizer, arguments.rounds)


def read(file: Path) -> str | None:
    """The text of a file, None where it is not UTF-8."""
    try:
        return file.read_bytes().decode()
    except UnicodeDecodeError:
        return None


def verify(texts: dict[Path, str], tokenizer: FastTokenizer) -> None:
    """Exit when the scanner's ids, counts or costs of pieces of any text are not the library's."""
    scanner = Scanner(tokenizer)
    ids, pieces = 0, 0
    rng = np.random.default_rng(1)
    for file, text in texts.items():
        wanted = tokenizer.encode(text)
        scan = scanner.scan(text)
        if scanner.encode(text).tolist() != wanted or int(scan.totals[-1]) != len(wanted):
            sys.exit(f"{file}: not the library's ids")
        ends = np.sort(rng.integers(0, len(scan.starts), size=(200, 2)), axis=1)
        ends[:, 0] = np.maximum(ends[:, 0], ends[:, 1] - 300)
        for i, j in ends.tolist():
            if scan.cost(i, j) != len(tokenizer.encode(text[scan.starts[i] : scan.starts[j]])):
                sys.exit(f"{file}: characters {scan.starts[i]} to {scan.starts[j]} cost something else")
        ids, pieces = ids + len(wanted), pieces + len(ends)
    print(f"verified: {ids:,} ids in {len(texts)} files are the library's, and so is the cost of {pieces:,} pieces\n")


def table(text: str, tokenizer: FastTokenizer, rounds: int) -> None:
    """Time every row `rounds` times and print medians."""
    megabytes = len(text.encode()) / 1e6
    blocks = list(split_blocks([text]))
    batch = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    warm = Scanner(tokenizer)
    warm.encode(text)
    rows: dict[str, Callable[[], object]] = {
        "encode_batch_fast": lambda: tokenizer._backend.encode_batch_fast(batch, add_special_tokens=False),
        "counts, cold": lambda: count(Scanner(tokenizer), blocks),
        "counts, warm": lambda: count(warm, blocks),
        "ids, cold": lambda: Scanner(tokenizer).encode(text),
        "ids, warm": lambda: warm.encode(text),
    }
    seconds: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(rounds):
        for name, row in rows.items():
            began = time.perf_counter()
            row()
            seconds[name].append(time.perf_counter() - began)
    tokens = sum(warm.scan(block).totals[-1] for block in blocks)
    print(f"{megabytes:.1f} MB, {len(text):,} characters, {tokens:,} tokens; median of {rounds} rounds")
    print(f"{'':18} {'seconds':>8} {'ms/Mchar':>9} {'MB/s':>7} {'Mtok/s':>7} {'times':>6}")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        times = statistics.median(floor / mine for floor, mine in zip(seconds["encode_batch_fast"], taken, strict=True))
        milliseconds = 1e9 * median / len(text)
        print(f"{name:18} {median:8.3f} {milliseconds:9.1f} {megabytes / median:7.1f}", end="")
        print(f" {tokens / median / 1e6:7.2f} {times:6.1f}")


def count(scanner: Scanner, blocks: list[str]) -> int:
    """The tokens of all blocks."""
    return sum(int(scanner.scan(block).totals[-1]) for block in blocks)


if __name__ == "__main__":
    main()
