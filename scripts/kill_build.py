"""kill -9 a build at random moments, again and again: the dataset must have the bytes of one that was left alone.

    python scripts/kill_build.py --kills 20 [--megabytes 4] [--workers 2]

Builds a dataset once, then once more with a kill whenever it is in the middle, continuing with the same command.  Nothing may
stand at the dataset's place before it is complete.  Exits with 0 when both are equal in every byte, else with 1 and the reason.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORDS = (
    "a",
    "casa",
    "o",
    "rio",
    "uma",
    "menina",
    "abriu",
    "viu",
    "porta",
    "mar",
    "azul",
    "grande",
    "e",
    "de",
    "não",
    "é",
)


def main() -> int:
    """Kill as often as asked; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--megabytes", type=float, default=4.0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="mlxgpt-kill-") as folder:
        place = Path(folder)
        write_corpus(place / "corpus", round(options.megabytes * 1e6))
        began = time.monotonic()
        if building(place, "alone", options.workers).wait():
            return report("the build that was left alone failed")
        alone = content(place / "alone")
        seconds = time.monotonic() - began
        (place / "alone").rename(place / "kept")
        kills = 0
        while kills < options.kills:
            process = building(place, "alone", options.workers)
            try:
                process.wait(moments.uniform(0.15, 0.5) * seconds)
            except subprocess.TimeoutExpired:
                process.kill()
            code = process.wait()
            if code == 0:
                break
            if code != -signal.SIGKILL:
                return report(f"kill {kills + 1}: the build ended with exit code {code}")
            kills += 1
            if (place / "alone").exists():
                return report(f"kill {kills}: there is something at the dataset's place")
        if not (place / "alone").exists() and building(place, "alone", options.workers).wait():
            return report("the last build failed")
        again = content(place / "alone")
        if again != alone:
            names = sorted(name for name in alone.keys() | again.keys() if alone.get(name) != again.get(name))
            return report(f"after {kills} kills these files differ: {', '.join(names)}")
        rest = [path.name for path in place.iterdir() if path.name.startswith(".")]
        if rest:
            return report(f"left behind: {rest}")
        size = sum(map(len, alone.values()))
    print(
        f"{kills} kills: {len(alone)} files, {size:,} bytes, equal to those of a build that was left alone ({seconds:.1f} s)."
    )
    return 0 if kills else report("the build was never killed: give more --megabytes")


def report(what: str) -> int:
    """Say what is wrong; the exit code."""
    print(f"FAILED: {what}", file=sys.stderr)
    return 1


def write_corpus(folder: Path, size: int) -> None:
    """Four files of documents, every eighth of them twice."""
    draw = random.Random(1)
    folder.mkdir()
    for part in range(4):
        with (folder / f"{part}.txt").open("w", encoding="utf-8") as file:
            while file.tell() < size // 4:
                words = [draw.choice(WORDS) for _ in range(draw.randint(20, 300))]
                document = f"Texto {draw.randrange(10**9)}. " + " ".join(words) + "."
                file.write("\n\n\n".join([document] * (2 if draw.random() < 0.125 else 1)) + "\n\n\n")


def building(place: Path, name: str, workers: int) -> subprocess.Popen[bytes]:
    """A process that builds, or goes on building."""
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "mlxgpt", "data", "build", "--source", str(place / "corpus")),
            *("--output", str(place / name), "--val", "0.05", "--shard-size", "200kB", "--dedup", "exact"),
            *("--workers", str(workers), "--tokenizer", str(ROOT / "models" / "nano-pt")),
        ],
        cwd=ROOT,
        env={**os.environ, "MLXGPT_HOME": str(place)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


if __name__ == "__main__":
    sys.exit(main())
