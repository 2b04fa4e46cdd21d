"""How much memory there is, and how much of it MLX may use and keep.

Figures are bytes.  Containers are often smaller than the machine they run on, so on Linux the control group's limit
counts.
"""

import ctypes
import os
import sys
from dataclasses import dataclass
from pathlib import Path

# A freed array's memory is kept for the next one.  MLX's CPU default keeps 32 MB: `x * 2 + 1` over 64 MB takes 50 ms
# with it and 21 ms with 1 GB (2 cores, MLX 0.32.4), because the kernel has to clear fresh pages.
_CPU_CACHE_SHARE, _CPU_CACHE_MOST = 1 / 8, 4 << 30
# Not measured on a Mac yet: a quarter leaves the rest of the unified memory to everyone else.
_GPU_CACHE_SHARE = 1 / 4

_CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_CGROUP_USED = ("/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory/memory.usage_in_bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What MLX was told: how much it may use, and how much freed memory it may keep for reuse."""

    memory_bytes: int
    cache_bytes: int


def set_limits(device: str, device_bytes: int) -> Limits:
    """Set MLX's memory and cache limits for `device` (metal, cuda, cpu) with `device_bytes` of memory.

    On Metal `device_bytes` is the working set the system recommends; it is also wired down, as mlx-lm does, so that
    weights are not paged out between steps.
    """
    import mlx.core as mx

    if device == "cpu":
        limits = Limits(
            memory_bytes=mx.get_memory_limit(), cache_bytes=min(int(device_bytes * _CPU_CACHE_SHARE), _CPU_CACHE_MOST)
        )
    else:
        limits = Limits(memory_bytes=device_bytes, cache_bytes=int(device_bytes * _GPU_CACHE_SHARE))
        mx.set_memory_limit(limits.memory_bytes)
    mx.set_cache_limit(limits.cache_bytes)
    if device == "metal":
        mx.set_wired_limit(device_bytes)
    return limits


def keep_freed_pages() -> None:
    """Tell glibc not to give large blocks back to the kernel: MLX's CPU allocator asks for them anew in every step, and
    clearing the pages took 6% of one (two cores, MLX 0.32.4).  Other C libraries have no such knob, and nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    for knob in (_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD):
        mallopt(ctypes.c_int(knob), ctypes.c_int(1 << 30))


_M_MMAP_THRESHOLD, _M_TRIM_THRESHOLD = -3, -1  # from malloc.h


def total_bytes() -> int:
    """The memory of this machine, or of the container we are in."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_numbers(_CGROUP_LIMITS)])


def available_bytes() -> int | None:
    """The memory that can be had without swapping; None where the system does not say (macOS)."""
    if not sys.platform.startswith("linux"):
        return None
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            free = int(line.split()[1]) * 1024
            limit, used = _numbers(_CGROUP_LIMITS), _numbers(_CGROUP_USED)
            return min(free, max(0, limit[0] - used[0])) if limit and used else free
    return None


def gibibytes(amount: int | None) -> str:
    """`amount` bytes as a person reads it: "23.5 GiB"."""
    return "unknown" if amount is None else f"{amount / 2**30:.1f} GiB"


def _numbers(paths: tuple[str, ...]) -> list[int]:
    """The numbers in those of the files that exist; a control group without a limit says "max"."""
    found = []
    for path in paths:
        try:
            text = Path(path).read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            found.append(int(text))
    return found
