"""A run is a directory: what was asked, what happened, and the models it left.

config.toml      the settings, complete          events.jsonl   every event, one a line, with its time
tokenizer/       the tokenizer it trains with    checkpoints/   step-00000500/ …, and the links `best` and `last`
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlxgpt import hub
from mlxgpt.backend import places
from mlxgpt.errors import CheckpointError, nearest

_STEP = re.compile(r"step-(\d{8})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The paths inside a run's directory."""

    path: Path

    @property
    def config(self) -> Path:
        return self.path / "config.toml"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def tokenizer(self) -> Path:
        return self.path / "tokenizer"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def checkpoint(self, step: int) -> Path:
        """Where the checkpoint of a step lives."""
        return self.checkpoints / f"step-{step:08d}"

    @property
    def best(self) -> Path:
        """The link to the checkpoint with the lowest validation loss."""
        return self.checkpoints / "best"

    @property
    def last(self) -> Path:
        """The link to the newest checkpoint."""
        return self.checkpoints / "last"

    def steps(self) -> list[int]:
        """The steps that have a checkpoint, in order."""
        names = self.checkpoints.iterdir() if self.checkpoints.is_dir() else []
        return sorted(int(match[1]) for path in names if (match := _STEP.fullmatch(path.name)))


def new_run(name: str) -> Run:
    """A run directory that does not exist yet, named after `name` and the time; nothing is written."""
    base = places.runs() / f"{name}-{time.strftime('%Y%m%d-%H%M%S')}"
    path, number = base, 1
    while path.exists():
        number += 1
        path = base.with_name(f"{base.name}-{number}")
    return Run(path=path)


def all_runs(folder: Path | None = None) -> list[Run]:
    """Every run under `folder` (or where runs live), the newest last."""
    root = folder or places.runs()
    found = [Run(path=path) for path in root.iterdir() if (path / "config.toml").is_file()] if root.is_dir() else []
    return sorted(found, key=lambda run: run.config.stat().st_mtime)


def model_directories(folder: Path | None = None) -> Iterator[Path]:
    """Every model directory: the shipped and the imported ones, then the checkpoints of every run."""
    for home in (places.models(), places.imported()) if folder is None else ():
        if home.is_dir():
            yield from sorted(path for path in home.iterdir() if (path / "config.json").is_file())
    for run in all_runs(folder):
        yield from (run.checkpoint(step) for step in run.steps())


def siblings(directory: Path) -> list[Path]:
    """Every checkpoint of the run that a model directory belongs to, in order; nothing for one that is of no run."""
    run = Run(path=directory.resolve().parent.parent)
    return [run.checkpoint(step).resolve() for step in run.steps()] if run.config.is_file() else []


def find_run(word: str) -> Run:
    """The run that `word` means, its path or its name; `CheckpointError` names the nearest."""
    for path in (Path(word).expanduser(), places.runs() / word):
        if (path / "config.toml").is_file():
            return Run(path=path)
    hint = nearest(word, [run.path.name for run in all_runs()])
    raise CheckpointError(f"{word} is not a run: it has no config.toml.", hint=hint or "`mlxgpt list` shows the runs.")


def find_model(word: str, *, presets: Sequence[str] = ()) -> Path:
    """The model directory that `word` means.

    A path (of a model, or of a run: then its best, else its last checkpoint), the name of a run, of one of its checkpoints
    ("RUN/step-00000500", as in `mlxgpt list`), of a shipped or an imported model, or `best`, `last` and `latest`, which
    mean the newest run's, and hf:ORG/NAME a model of the Hub, which is fetched.  Raises `CheckpointError` naming what there
    is, and of the names of `presets` and sizes, which mean no directory, where the caller knows them.
    """
    if hub.is_hub(word):
        return hub.find(word)
    if word in ("best", "last", "latest"):
        runs = [run for run in all_runs() if run.steps()]
        if not runs:
            raise CheckpointError("Nothing has been trained yet.", hint="Start with `mlxgpt quickstart`.")
        return _of_run(runs[-1], "best" if word == "best" else "last")
    run, _, step = word.partition("/")
    inside = places.runs() / run / "checkpoints" / step
    beside = (places.runs(), places.models(), places.imported())
    for path in (Path(word).expanduser(), *(home / word for home in beside), inside):
        if (path / "config.json").is_file():
            return path
        if (path / "config.toml").is_file():
            return _of_run(Run(path=path), "best")
    shipped = [path.name for path in model_directories() if path.name[:5] != "step-"]
    known = ["best", "last", *(run.path.name for run in all_runs()), *shipped, *presets]
    online = f"  On the Hub?  Write hf:{word}" if re.fullmatch(r"[\w.-]+/[\w.-]+", word) else ""
    named = "run, preset or size" if presets else "run"
    raise CheckpointError(
        f"{word} is not a model directory, and no {named} has that name.", hint=nearest(word, known) + online
    )


def _of_run(run: Run, which: str) -> Path:
    """The checkpoint of a run that a link names; the newest when the link is missing."""
    for link in (run.checkpoints / which, run.last):
        if (link / "config.json").is_file():
            return link
    if steps := run.steps():
        return run.checkpoint(steps[-1])
    raise CheckpointError(
        f"{run.path} has no checkpoint yet.",
        hint="It was stopped before the first one; train again, or pick another run.",
    )
