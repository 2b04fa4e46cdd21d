"""kill -9 at random moments, again and again: the last complete checkpoint must survive, and none may be half written.

    python scripts/kill_test.py --kills 30

Trains a tiny model that saves after every step, so that most kills come in the middle of a save; kills it, looks at every
checkpoint, continues it with --resume.  Exits with 0 when nothing was lost, else with 1 and the reason.
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

from mlxgpt import checkpoint
from mlxgpt.errors import MlxgptError
from mlxgpt.events import StepFinished, replay
from mlxgpt.runs import Run

ROOT = Path(__file__).resolve().parent.parent
PRESET = """
[model]
n_layer = 2
n_head = 2
n_embd = 16
context_length = 16
dropout = 0.1

[tokenizer]
algorithm = "byte"

[train]
batch_size = 4
steps = 1000000
eval_every = 3
eval_tokens = 100
sample_every = -1
checkpoint_every = 1
"""
TEXT = "\n\n\n".join(
    f"Texto {number}: a menina abriu a porta e viu {number * number} barcos no mar." for number in range(80)
)


def main() -> int:
    """Kill as often as asked; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    options = parser.parse_args()
    moments = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="mlxgpt-kill-") as folder:
        place = Path(folder)
        (place / "text.txt").write_text(TEXT, encoding="utf-8")
        (place / "tiny.toml").write_text(PRESET, encoding="utf-8")
        run = Run(path=place / "run")
        training(Run(path=place / "warm-up"), "--steps", "1").wait()  # MLX keeps what it compiled
        in_saves = newest = 0
        for kill in range(1, options.kills + 1):
            unfinished, code = train_and_kill(run, moments)
            if code != -signal.SIGKILL:
                return report(f"kill {kill}: training ended by itself, with exit code {code}")
            in_saves += unfinished
            try:
                steps = check(run)
            except (MlxgptError, AssertionError) as error:
                return report(f"kill {kill}: {error}")
            if max(steps, default=0) < newest:
                return report(f"kill {kill}: the newest checkpoint was of step {newest}, now there are {steps}")
            newest = max(steps, default=0)
            print(f"kill {kill:>2}: checkpoints {steps}", flush=True)
        taken = len([event for event in replay(run.events) if isinstance(event, StepFinished)])
    print(
        f"{options.kills} kills, {in_saves} of them during a save: every checkpoint loads, the newest is of step {newest}, "
        f"after {taken} steps in all."
    )
    return 0 if newest else report("training never came to a checkpoint")


def report(what: str) -> int:
    """Say what is wrong; the exit code."""
    print(f"FAILED: {what}", file=sys.stderr)
    return 1


def train_and_kill(run: Run, moments: random.Random) -> tuple[bool, int]:
    """Start or continue the run and kill it; whether that left an unfinished save, and how the process ended."""
    process = training(run)
    try:
        time.sleep(moments.uniform(0.2, 3.0))  # starting up takes about one of them
    finally:
        process.kill()
        code = process.wait()
    return any(run.path.rglob(".mlxgpt-*")), code


def training(run: Run, *more: str) -> subprocess.Popen[bytes]:
    """A process that trains: it continues the run when it is there, else begins it."""
    text, preset = run.path.with_name("text.txt"), run.path.with_name("tiny.toml")
    new = ["--out", str(run.path), "--data", str(text), "--preset", str(preset)]
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "mlxgpt", "train", "--device", "cpu"),
            *(["--resume", str(run.path)] if run.config.is_file() else new),
            *more,
        ],
        cwd=ROOT,
        env={**os.environ, "MLXGPT_HOME": str(run.path.parent)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def check(run: Run) -> list[int]:
    """The steps that have a checkpoint, each one loaded: model, tokenizer and training state."""
    steps = run.steps()
    for step in steps:
        checkpoint.load(run.checkpoint(step))
        kept = checkpoint.load_training(run.checkpoint(step))
        assert kept.values["progress"]["step"] == step, f"{run.checkpoint(step)} holds another step"
    for link in (run.best, run.last):
        assert not link.is_symlink() or link.exists(), f"{link} leads nowhere"
    return steps


if __name__ == "__main__":
    sys.exit(main())
