"""Fast matrix products on Linux CPUs: MLX's calls into BLAS are pointed at OpenBLAS, after a proof, or left alone.

MLX's Linux wheel links reference BLAS: 4 GFLOP/s on two cores where OpenBLAS gives 150.  `libmlx.so` calls three of
its routines, through jump slots (see `jump_slots`).  We write OpenBLAS's addresses into them, so neither root nor a
compiler nor a system package is needed: the library comes as a wheel, `scipy-openblas32`, from the people who make
NumPy.  Products before and after must agree and be faster, or the old addresses are put back.

`MLXGPT_BLAS=off` leaves MLX untouched; `MLXGPT_BLAS=PATH` names another library with the C interface of BLAS.
"""

import ctypes
import ctypes.util
import importlib.util
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from mlxgpt.backend import jump_slots
from mlxgpt.errors import ConfigError

if TYPE_CHECKING:
    import mlx.core as mx

ROUTINES = (
    "cblas_sgemm",
    "cblas_dgemm",
    "cblas_cgemm",
)  # float32, float64, complex64: all that libmlx.so multiplies with
_PREFIXES = ("", "scipy_")  # the wheel's symbols are prefixed, so that it can live beside another OpenBLAS
_SPEEDUP_NEEDED = 1.25  # less than this is not worth a change to somebody else's memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Blas:
    """What multiplies matrices: `how` it came to MLX, and why not faster (`problem`, for a person to read)."""

    name: str = "MLX's own"
    how: str = ""
    path: str = ""
    threads: int = 0  # 0: the library decides
    problem: str = ""


class _DoubtError(Exception):
    """A reason to leave MLX as it is."""


@cache
def use_fast() -> Blas:
    """Point MLX at a fast BLAS when there is one and it proves itself; say what multiplies now.

    Raises `ConfigError` when `MLXGPT_BLAS` names something that is no BLAS.
    """
    wanted = os.environ.get("MLXGPT_BLAS", "") or "auto"
    if not sys.platform.startswith("linux"):
        return Blas(name="Accelerate" if sys.platform == "darwin" else "MLX's own", how="linked by MLX")
    if wanted.lower() == "off":
        return Blas(how="left as it is: MLXGPT_BLAS=off")
    try:
        path = _find() if wanted == "auto" else wanted
        library = _load(path)
    except _DoubtError as doubt:
        if wanted != "auto":
            raise ConfigError(
                f"MLXGPT_BLAS={wanted}: {doubt}",
                hint="Give the path of an OpenBLAS shared library, or MLXGPT_BLAS=off, or unset it.",
            ) from None
        return Blas(how="linked by MLX", problem=_slow(str(doubt)))
    try:
        threads = _bind_after_proof(library)
    except _DoubtError as doubt:
        return Blas(how="linked by MLX", problem=_slow(f"{Path(path).name}: {doubt}."))
    return Blas(name=_describe(library), how="bound to MLX's jump slots", path=path, threads=threads)


def _slow(reason: str) -> str:
    return f"MLX multiplies with its own slow BLAS.  {reason}"


# ---- finding and loading ---------------------------------------------------------------------------------------------


def _find() -> str:
    """The path of the wheel's OpenBLAS, else the name of the system's."""
    if spec := importlib.util.find_spec("scipy_openblas32"):  # importing it takes 70 ms, finding it 1
        for folder in spec.submodule_search_locations or ():
            for file in sorted(Path(folder, "lib").glob("libscipy_openblas*.so*")):
                return str(file)
    if name := ctypes.util.find_library("openblas"):
        return name
    raise _DoubtError("Install one: pip install scipy-openblas32")


def _load(path: str) -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        raise _DoubtError(f"it cannot be loaded ({error})") from None
    if not all(_routine(library, name) for name in ROUTINES):
        raise _DoubtError("it has no " + ", ".join(ROUTINES))
    if "USE64BITINT" in _config(library):
        raise _DoubtError("it counts with 64-bit integers, MLX with 32-bit ones; take the LP64 build")
    return library


def _routine(library: ctypes.CDLL, name: str) -> "ctypes._NamedFuncPointer | None":
    return next((getattr(library, prefix + name) for prefix in _PREFIXES if hasattr(library, prefix + name)), None)


def _addresses(library: ctypes.CDLL) -> dict[str, int]:
    pointers = {name: ctypes.cast(_routine(library, name), ctypes.c_void_p).value for name in ROUTINES}  # type: ignore[arg-type]
    return {name: address for name, address in pointers.items() if address}


def _config(library: ctypes.CDLL) -> str:
    """What OpenBLAS says of itself ("OpenBLAS 0.3.34 DYNAMIC_ARCH Zen MAX_THREADS=64"); empty for other libraries."""
    ask = _routine(library, "openblas_get_config")
    if ask is None:
        return ""
    ask.restype = ctypes.c_char_p
    return bytes(ask() or b"").decode(errors="replace")


def _describe(library: ctypes.CDLL) -> str:
    words = _config(library).split()
    return " ".join(words[:2]) if words else Path(library._name).name


def _threads_wanted(library: ctypes.CDLL) -> int:
    """OpenBLAS has read OPENBLAS_NUM_THREADS or OMP_NUM_THREADS by itself; without them, one thread a physical core."""
    if any(os.environ.get(name) for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")):
        get = _routine(library, "openblas_get_num_threads")
        return int(get()) if get else 0
    return physical_cores()


def _set_threads(library: ctypes.CDLL, threads: int) -> int:
    """Make the library use so many threads; the number it uses then, 0 when it cannot be told."""
    set_, get = (_routine(library, f"openblas_{verb}_num_threads") for verb in ("set", "get"))
    if set_ is None or get is None or threads == 0:
        return 0
    set_(ctypes.c_int(threads))
    return int(get())


def set_threads(threads: int) -> None:
    """Let one product use so many threads; nothing happens where MLX multiplies with its own BLAS."""
    if path := use_fast().path:
        _set_threads(_load(path), threads)


def physical_cores() -> int:
    """The cores this process may use: two hyperthreads are one core, and a container's CPU quota counts."""
    cores = set()
    for cpu in os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1):
        siblings = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        try:
            cores.add(siblings.read_text().strip())
        except OSError:
            cores.add(str(cpu))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(len(cores), round(int(quota) / int(period))))
    except (OSError, ValueError):  # no control group, or its quota is "max"
        return max(1, len(cores))


# ---- binding, after a proof ------------------------------------------------------------------------------------------


def _bind_after_proof(library: ctypes.CDLL) -> int:
    """Write the library's addresses into MLX's slots, keep them if products stay right and get faster; its threads.

    Raises `_DoubtError`, with MLX as it was, otherwise.  Speed is compared on one thread: on a machine whose cores are
    busy, two threads that wait for each other take 16 ms for what one does in 0.3.
    """
    import mlx.core as mx

    try:
        slots = jump_slots.find(Path(mx.__file__).parent / "lib" / "libmlx.so", ROUTINES)
    except jump_slots.NoSlotsError as reason:
        raise _DoubtError(str(reason)) from None
    right, slow_seconds = _products(), _seconds(_SIZE, tries=2)
    threads = _threads_wanted(library)
    old = jump_slots.write(slots, _addresses(library))
    try:
        _set_threads(library, 1)
        gain = slow_seconds / _seconds(_SIZE, tries=10, enough=slow_seconds / _SPEEDUP_NEEDED)
        if gain < _SPEEDUP_NEEDED:
            raise _DoubtError(f"it is no faster ({gain:.1f} times)")
        threads = _set_threads(library, threads)
        if not _agree(right, _products()):
            raise _DoubtError("its products are not those of MLX")
    except BaseException:
        jump_slots.write(slots, old)
        raise
    _bound.update(slots=slots, old=old)
    return threads


_bound: dict[str, dict[str, int]] = {}  # what `own` needs to go back for a moment
_SIZE = 192  # of the product that is timed: 3.2 ms with reference BLAS, 0.1 ms with OpenBLAS


def is_bound() -> bool:
    """True when MLX multiplies with another BLAS than the one it was linked with."""
    return bool(_bound)


@contextmanager
def own() -> Iterator[None]:
    """Inside, MLX multiplies with its own BLAS again: how `doctor` and the tests compare."""
    if not _bound:
        yield
        return
    fast = jump_slots.write(_bound["slots"], _bound["old"])
    try:
        yield
    finally:
        jump_slots.write(_bound["slots"], fast)


def measure(size: int = 1024, *, tries: int = 3) -> float:
    """GFLOP/s of a float32 product of two `size` x `size` matrices on the CPU."""
    return 2 * size**3 / _seconds(size, tries=tries) / 1e9


def _seconds(size: int, *, tries: int, enough: float = 0.0) -> float:
    """The best time of a product of two `size` x `size` float32 matrices; stops trying once it is below `enough`."""
    import mlx.core as mx

    with mx.stream(mx.cpu):
        a, b = _matrix(size, size), _matrix(size, size)
        mx.eval(a, b)
        best = float("inf")
        for _ in range(tries):
            start = time.perf_counter()
            mx.eval(a @ b)
            best = min(best, time.perf_counter() - start)
            if best < enough:
                break
    return best


def _products() -> "list[mx.array]":
    """One product for every way MLX calls BLAS: plain, transposed, batched, scaled and added, in each type."""
    import mlx.core as mx

    with mx.stream(mx.cpu):
        results = []
        for dtype in (mx.float32, mx.float64, mx.complex64):
            a, b, c = (_matrix(*shape).astype(dtype) for shape in ((33, 48), (48, 17), (33, 17)))
            results += [a @ b, b.T @ a.T, a.T @ c, c @ b.T, mx.addmm(c, a, b, 0.5, 2.0)]
        pairs = [((6, 20), (2, 3, 20), (40, 8), (2, 20, 8)), ((1, 48), (1, 48), (48, 64), (48, 64))]
        results += [_matrix(*p).reshape(left) @ _matrix(*q).reshape(right) for p, left, q, right in pairs]
        results += [_matrix(_SIZE, _SIZE) @ _matrix(_SIZE, _SIZE)]  # large enough for several threads
        mx.eval(results)
    return results


def _matrix(rows: int, columns: int) -> "mx.array":
    """Numbers between -0.5 and 0.5 without pattern, without touching the random state."""
    import mlx.core as mx

    return ((mx.arange(rows * columns) * 7919 + rows) % 1009 / 1009 - 0.5).reshape(rows, columns)


def _agree(right: "list[mx.array]", ours: "list[mx.array]") -> bool:
    """True when results differ by no more than the order of summation explains (numbers below 0.5)."""
    import mlx.core as mx

    with mx.stream(mx.cpu):
        return all(bool(mx.all(mx.abs(a - b) < 1e-5)) for a, b in zip(right, ours, strict=True))  # NaN compares false
