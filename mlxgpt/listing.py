"""What has been trained: one entry for each model directory, read from its own files."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mlxgpt import hub, runs
from mlxgpt.config import read_toml
from mlxgpt.convert.files import read_json, stored_tensors
from mlxgpt.errors import CheckpointError, DataError, MlxgptError


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A model directory in a list.  Figures that its files do not give are None; `problem` says why it is unusable."""

    path: str
    name: str
    labels: tuple[str, ...]
    parameters: int
    bytes: int
    bits: float | None = None  # for each number, on the average
    step: int | None = None
    epoch: float | None = None
    loss: float | None = None
    validation_loss: float | None = None
    tokens_seen: int | None = None
    chunking: str = ""
    saved: str = ""
    problem: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def list_checkpoints(folder: Path | None = None) -> list[Entry]:
    """Every model directory there is: the shipped ones and each run's, the newest run last."""
    if folder is not None and not folder.is_dir():
        raise DataError(
            f"{folder} is no folder.", hint="Without a folder, `mlxgpt list` shows everything that was trained."
        )
    return [describe_directory(path) for path in runs.model_directories(folder)]


def describe_checkpoint(word: str) -> Entry:
    """The entry of the model that `word` means (see `runs.find_model`); raises its problem, if it has one."""
    entry = describe_directory(runs.find_model(word))
    if entry.problem:
        raise CheckpointError(f"{entry.path}: {entry.problem}", hint="`mlxgpt list` shows the other checkpoints.")
    return entry


def describe_directory(path: Path) -> Entry:
    """What the files in a model directory say."""
    real = path.resolve()
    run = runs.Run(path=real.parent.parent)
    inside_run = run.config.is_file()
    labels = tuple(
        link.name for link in (run.best, run.last) if inside_run and link.exists() and link.resolve() == real
    )
    name = f"{run.path.name}/{real.name}" if inside_run else hub.model_name(real)
    common: dict[str, Any] = {
        "path": str(path),
        "name": name,
        "labels": labels,
        "bytes": sum(file.stat().st_size for file in real.glob("*.safetensors")),
    }
    try:
        record = read_toml(real / "mlxgpt.toml") if (real / "mlxgpt.toml").is_file() else {}
        known, chunking = record.get("checkpoint", {}), record.get("chunking", {})
        parameters = count_parameters(real)
        return Entry(
            **common,
            parameters=parameters,
            bits=8 * common["bytes"] / parameters if parameters else None,
            **{key: _number(known.get(key)) for key in ("step", "epoch", "loss", "validation_loss", "tokens_seen")},
            chunking=f"{chunking['strategy']} {chunking.get('size', '')}".strip() if "strategy" in chunking else "",
            saved=str(known.get("saved", "")),
        )
    except (MlxgptError, OSError, ValueError, KeyError, TypeError, AttributeError) as error:  # files are untrusted
        return Entry(**common, parameters=0, problem=str(error) or repr(error))


def count_parameters(directory: Path) -> int:
    """How many numbers all tensors hold, from the headers of the safetensors files alone.

    A quantised matrix has a scale for each group of its numbers, and config.json says how large a group is.
    """
    stored = stored_tensors(directory)
    table = read_json(directory / "config.json").get("quantization") or {}
    total = 0
    for name, tensor in stored.items():
        layer, _, leaf = name.rpartition(".")
        scales = stored.get(f"{layer}.scales")
        if scales is None:
            total += math.prod(tensor.shape)
        elif leaf == "weight":
            own = table.get(layer)
            total += math.prod(scales.shape) * (own if isinstance(own, dict) else table)["group_size"]
        elif leaf == "bias":
            total += math.prod(tensor.shape)
    return total


def _number(value: Any) -> Any:
    """`value` if it is a number, else None."""
    return value if isinstance(value, (int, float)) else None
