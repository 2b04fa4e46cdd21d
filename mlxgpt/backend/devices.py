"""Which device MLX works on, and everything that must be right before it starts: `prepare` is the one entry.

The command line calls it once, before the first array, in the thread that will own MLX.  It imports MLX, so it belongs
in commands that compute, never in `--help`.
"""

import os
import shutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mlxgpt.backend import blas, memory
from mlxgpt.backend.defaults import DEFAULTS, Defaults
from mlxgpt.errors import ConfigError, nearest

DEVICES = ("auto", "metal", "cuda", "cpu")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What MLX works with, after `prepare`."""

    device: str  # "metal" | "cuda" | "cpu"
    name: str  # "Apple M2 Pro"
    blas: blas.Blas
    compiles: bool  # False: mx.compile is switched off and functions run as they are written
    limits: memory.Limits
    notes: tuple[str, ...]  # what is slower than it could be, and what to do about it: to be said once

    @property
    def defaults(self) -> Defaults:
        """Where training starts on this kind of device."""
        return DEFAULTS[self.device]


def prepare(device: str = "auto") -> Backend:
    """MLX made ready on `device`: chosen, with fast BLAS, working compiler or none, and memory limits.

    Raises `ConfigError` for a device that is not there, and for an `MLXGPT_BLAS` that cannot be used.  Calling it again
    costs nothing.
    """
    chosen = choose(device)
    import mlx.core as mx

    mx.set_default_device(mx.Device(mx.cpu if chosen == "cpu" else mx.gpu))
    return _prepared(chosen)


@cache
def _prepared(device: str) -> Backend:
    if device == "cpu":
        memory.keep_freed_pages()
    bound = blas.use_fast() if device == "cpu" else blas.Blas(how="not needed: products run on the GPU")
    compiler_problem = _check_compiler() if device == "cpu" else ""
    info = device_info(device)
    return Backend(
        device=device,
        name=str(info.get("device_name", "unknown")),
        blas=bound,
        compiles=not compiler_problem,
        limits=memory.set_limits(device, device_bytes(device)),
        notes=tuple(note for note in (bound.problem, compiler_problem) if note),
    )


def choose(device: str) -> str:
    """The device `auto` stands for, or `device` itself when this machine has it; `ConfigError` otherwise."""
    if device not in DEVICES:
        raise ConfigError(f"There is no device {device!r}.", hint=nearest(device, DEVICES))
    if device == "cpu":
        return "cpu"
    import mlx.core as mx

    there = {"metal": mx.metal.is_available(), "cuda": mx.cuda.is_available()}
    if device == "auto":
        return next((name for name, available in there.items() if available), "cpu")
    if not there[device]:
        raise ConfigError(f"This machine has no {device} device that MLX can use.", hint=_how_to_get(device))
    return device


def device_info(device: str) -> dict[str, object]:
    """What MLX knows of the device; the keys differ from one kind to another."""
    import mlx.core as mx

    return dict(mx.device_info(mx.Device(mx.cpu if device == "cpu" else mx.gpu)))


def device_bytes(device: str) -> int:
    """The memory the device can use well: the working set Metal recommends, the CUDA card's, else the machine's."""
    info = {} if device == "cpu" else device_info(device)
    for key in ("max_recommended_working_set_size", "total_memory", "memory_size"):
        if isinstance(size := info.get(key), int) and size > 0:
            return size
    return memory.total_bytes()


def nvidia_present() -> bool:
    """True when the NVIDIA driver is loaded, whether or not MLX can use it."""
    return Path("/proc/driver/nvidia/version").exists() or Path("/dev/nvidia0").exists()


def _how_to_get(device: str) -> str:
    if device == "metal":
        return "Metal needs a Mac with Apple silicon and an arm64 Python.  Use --device cpu, or leave --device out."
    if not nvidia_present():
        return "No NVIDIA driver was found.  Use --device cpu, or leave --device out."
    return "Install the CUDA back end: MLXGPT_EXTRAS=cuda ./scripts/mlxgpt doctor"


def _check_compiler() -> str:
    """Switch `mx.compile` off where it cannot work; the empty string, or the sentence to say about it.

    On Linux CPU MLX writes C++ and calls g++ while the program runs.  Only a try shows whether that works: the first
    costs a second, later ones 5 ms, because MLX keeps the result in the temporary folder.
    """
    if not sys.platform.startswith("linux"):
        return ""
    import mlx.core as mx

    slower = "models run uncompiled: the same results, more slowly."
    if os.environ.get("MLX_DISABLE_COMPILE"):
        mx.disable_compile()
        return f"MLX_DISABLE_COMPILE is set, so {slower}"
    if not compiler():
        mx.disable_compile()
        return (
            f"No g++ was found, so {slower}  Install it (Debian, Ubuntu: apt install g++; Fedora: dnf install gcc-c++)."
        )
    try:
        mx.eval(mx.compile(lambda x: mx.abs(x) * 2.0 + 1.0)(mx.ones(8)))
    except RuntimeError:
        mx.disable_compile()
        return f"g++ is there but does not work, so {slower}  Try: echo 'int main(){{}}' | g++ -x c++ - -o /dev/null"
    return ""


def compiler() -> str | None:
    """The path of the C++ compiler that MLX calls on Linux CPU."""
    return shutil.which("g++")
