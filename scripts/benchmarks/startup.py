"""How long `mlxgpt --help` takes from a cold start: the median of ten runs, in seconds.

python scripts/benchmarks/startup.py
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIMES = 10


def seconds(*arguments: str) -> float:
    """The median time that a fresh interpreter takes for a command line."""
    taken = []
    for _ in range(TIMES):
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


if __name__ == "__main__":
    print(f"python alone      {seconds('-c', 'pass'):.3f} s")
    print(f"mlxgpt --help     {seconds('-m', 'mlxgpt', '--help'):.3f} s")
