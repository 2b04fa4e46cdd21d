"""What `mlxgpt doctor` prints: the machine as mlxgpt sees it, with what is wrong and what to do about it.

`examine()` returns a report and draws nothing; `rows` gives labels and values for a table, `to_json` plain values.
"""

import dataclasses
import importlib.metadata
import os
import platform
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxgpt.backend import blas, devices, memory, places
from mlxgpt.errors import Problem

# Read from the installed packages' metadata: importing them would take seconds.
_PACKAGES = (
    *("mlxgpt", "mlx", "mlx-cpu", "mlx-cuda-13", "mlx-metal", "mlx-lm", "tokenizers", "safetensors", "numpy"),
    *("rich", "textual", "typer", "scipy-openblas32"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorReport:
    """The findings; sizes in bytes, None where the system does not say."""

    versions: dict[str, str]  # python and those of our packages that are installed
    system: str
    device: str  # "metal" | "cuda" | "cpu"
    device_name: str
    memory_bytes: int
    available_bytes: int | None
    memory_limit_bytes: int
    cache_limit_bytes: int
    blas: blas.Blas
    gflops: float  # a 1024 x 1024 float32 product on the CPU, as it is now …
    own_gflops: float  # … and with the BLAS that MLX was linked with; equal when that is the one in use
    compiler: str  # path of g++; empty when there is none, or when none is needed
    compiles: bool
    compile_seconds: float  # until a function that was compiled before runs again
    batch_size: int
    learning_rate: float
    precision: str
    places: dict[str, str]
    problems: tuple[Problem, ...]

    def to_json(self) -> dict[str, Any]:  # Any: plain JSON values
        """Plain values only."""
        return dataclasses.asdict(self)

    def rows(self) -> list[tuple[str, str]]:
        """Label and value of each line, in the order in which a person asks."""
        rows = [(name, version) for name, version in self.versions.items()]
        rows += [("system", self.system), ("device", f"{self.device}: {self.device_name}")]
        available = f", {memory.gibibytes(self.available_bytes)} available" if self.available_bytes else ""
        rows.append(("memory", memory.gibibytes(self.memory_bytes) + available))
        limits = memory.gibibytes(self.memory_limit_bytes), memory.gibibytes(self.cache_limit_bytes)
        rows.append(("limits", f"{limits[0]} in use, {limits[1]} kept for reuse"))
        threads = f", {self.blas.threads} threads" if self.blas.threads else ""
        rows.append(("BLAS", f"{self.blas.name} ({self.blas.how}{threads})"))
        own = f" (MLX's own: {self.own_gflops:.1f})" if self.own_gflops != self.gflops else ""
        rows.append(("CPU products", f"{self.gflops:.0f} GFLOP/s{own}"))
        if self.device == "cpu":
            rows.append(("compiler", self.compiler or "none"))
        seconds = f"yes ({self.compile_seconds * 1000:.0f} ms)" if self.compiles else "no: functions run uncompiled"
        rows.append(("mx.compile", seconds))
        rows.append(
            ("defaults", f"batch size {self.batch_size}, learning rate {self.learning_rate:g}, {self.precision}")
        )
        return rows + list(self.places.items())


def examine(device: str = "auto") -> DoctorReport:
    """Look at the machine; takes about a second, most of it to measure how fast matrices are multiplied.

    What is amiss becomes a `Problem` in the report.  Only what no command could start with is raised, as `prepare`
    does: a device that is not there, an `MLXGPT_BLAS` that is no BLAS.
    """
    backend = devices.prepare(device)
    gflops, own_gflops = _products()
    problems = [Problem(title="Slower than it could be", message=note) for note in backend.notes]
    problems += [problem for problem in (_cuda_problem(backend), _runs_problem(), _temporary_problem()) if problem]
    return DoctorReport(
        versions=_versions(),
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        device=backend.device,
        device_name=backend.name,
        memory_bytes=memory.total_bytes(),
        available_bytes=memory.available_bytes(),
        memory_limit_bytes=backend.limits.memory_bytes,
        cache_limit_bytes=backend.limits.cache_bytes,
        blas=backend.blas,
        gflops=gflops,
        own_gflops=own_gflops,
        compiler=(devices.compiler() or "") if sys.platform.startswith("linux") else "",
        compiles=backend.compiles,
        compile_seconds=_compile_seconds() if backend.compiles else 0.0,
        batch_size=backend.defaults.batch_size,
        learning_rate=backend.defaults.learning_rate,
        precision=backend.defaults.precision,
        places={
            "shipped files": str(places.shipped()),
            "models": str(places.models()),
            "runs": str(places.runs()),
        },
        problems=tuple(problems),
    )


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def _products() -> tuple[float, float]:
    """GFLOP/s now, and with MLX's own BLAS."""
    now = round(blas.measure(), 1)
    if not blas.is_bound():
        return now, now
    with blas.own():
        return now, round(blas.measure(512), 1)  # reference BLAS needs a quarter of a second for 1024


def _compile_seconds() -> float:
    import mlx.core as mx

    start = time.perf_counter()
    mx.eval(mx.compile(lambda x: mx.abs(x) * 2.0 + 1.0)(mx.ones(8)))
    return time.perf_counter() - start


def _cuda_problem(backend: devices.Backend) -> Problem | None:
    """An NVIDIA card that is not used, though nobody asked for the CPU."""
    if backend.device != "cpu" or not devices.nvidia_present():
        return None
    installed = _versions()
    if "mlx-cuda-13" not in installed:
        return Problem(
            title="GPU not used",
            message="There is an NVIDIA GPU, and MLX's CUDA back end is not installed.",
            hint="MLXGPT_EXTRAS=cuda ./scripts/mlxgpt doctor",
        )
    if "mlx-cpu" in installed:  # both wheels hold mlx/lib/libmlx.so: the one installed last wins
        return Problem(
            title="GPU not used",
            message="MLX's CPU and CUDA back ends are both installed, in the same place.",
            hint="Remove the folder .venv, then: MLXGPT_EXTRAS=cuda ./scripts/mlxgpt doctor",
        )
    return None


def _runs_problem() -> Problem | None:
    """Runs that could not be written."""
    folder = places.runs()
    nearest = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK):
        return None
    return Problem(
        title="Runs",
        message=f"{folder} cannot be written, so training could not save.",
        hint="Set MLXGPT_HOME to a folder of yours.",
    )


def _temporary_problem() -> Problem | None:
    """On Linux CPU compiled functions are kept in the temporary folder, which may belong to somebody else."""
    folder = Path(tempfile.gettempdir(), "mlx")
    if not sys.platform.startswith("linux") or not folder.exists() or os.access(folder, os.W_OK):
        return None
    return Problem(
        title="Compiled functions",
        message=f"MLX keeps compiled functions in {folder}, which you may not write.",
        hint="Set TMPDIR to a folder of yours.",
    )
