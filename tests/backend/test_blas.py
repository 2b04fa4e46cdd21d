"""The fast BLAS is right, is fast, and can be declined; what happens at a start is tried in a fresh process."""

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt.backend import blas, jump_slots
from mlxgpt.errors import ConfigError

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux's wheel has slow BLAS")


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Each test starts as a new process does, with no choice in the environment, and MLX as it was linked."""
    monkeypatch.delenv("MLXGPT_BLAS", raising=False)
    blas.use_fast.cache_clear()
    bound = dict(blas._bound)
    with blas.own():
        blas._bound.clear()
        yield
        if blas._bound:
            jump_slots.write(blas._bound["slots"], blas._bound["old"])
        blas._bound.clear()
        blas._bound.update(bound)
    blas.use_fast.cache_clear()


def python(code: str, **environment: str) -> str:
    """What `code` prints in a fresh Python, in this environment and what is added: g++ needs PATH to find its assembler."""
    environment = os.environ | environment
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def largest_error() -> float:
    """How far MLX's products are from NumPy's in float64, over the ways MLX calls BLAS."""
    generator = np.random.default_rng(0)
    a, b, c = (generator.standard_normal(shape).astype(np.float32) for shape in ((65, 130), (130, 37), (65, 37)))
    batch = generator.standard_normal((3, 37, 20)).astype(np.float32)
    x, y, z, many = (mx.array(value) for value in (a, b, c, batch))
    a64, b64, c64 = (value.astype(np.float64) for value in (a, b, c))
    pairs = [
        (x @ y, a64 @ b64),
        (y.T @ x.T, b64.T @ a64.T),
        (x.T @ z, a64.T @ c64),
        (z @ y.T, c64 @ b64.T),
        (mx.addmm(z, x, y, 0.5, 2.0), 0.5 * (a64 @ b64) + 2.0 * c64),
        (z @ many, c64 @ batch.astype(np.float64)),
        ((x + 1j * x) @ (y - 2j * y), (a64 + 1j * a64) @ (b64 - 2j * b64)),
    ]
    with mx.stream(mx.cpu):
        return max(float(np.abs(np.array(ours) - right).max() / np.abs(right).max()) for ours, right in pairs)


def slots_now() -> dict[str, int]:
    """The address that each of MLX's slots holds."""
    blas._products()  # the first call of a routine fills its slot
    slots = jump_slots.find(Path(mx.__file__).parent / "lib" / "libmlx.so", blas.ROUTINES)
    return {name: ctypes.c_size_t.from_address(slot).value for name, slot in slots.items()}


@linux
def test_products_are_right_before_and_after_binding():
    assert not blas.is_bound()
    assert largest_error() < 1e-6
    found = blas.use_fast()
    assert found.problem == ""
    assert blas.is_bound()
    assert found.threads >= 1
    assert largest_error() < 1e-6


@linux
def test_double_products_keep_their_precision():
    blas.use_fast()
    with mx.stream(mx.cpu):
        a = mx.array(np.random.default_rng(0).standard_normal((40, 40)), dtype=mx.float64)
        error = np.abs(np.array(a @ a) - np.array(a) @ np.array(a)).max()
    assert error < 1e-12


@linux
def test_a_blas_that_multiplies_wrongly_is_taken_back(monkeypatch):
    before = slots_now()
    monkeypatch.setattr(blas, "_agree", lambda right, ours: False)
    found = blas.use_fast()
    assert "products are not those of MLX" in found.problem
    assert not blas.is_bound()
    assert slots_now() == before


@linux
def test_a_blas_that_is_no_faster_is_taken_back(monkeypatch):
    monkeypatch.setattr(blas, "_SPEEDUP_NEEDED", 1e9)
    assert "no faster" in blas.use_fast().problem
    assert not blas.is_bound()
    assert largest_error() < 1e-6


@linux
def test_wrong_results_are_noticed():
    right = blas._products()
    assert blas._agree(right, blas._products())
    wrong = [*right[:3], right[3] + 1e-3, *right[4:]]
    assert not blas._agree(right, wrong)
    assert not blas._agree(right, [*right[:-1], right[-1] * mx.nan])


@linux
def test_read_only_slots_leave_mlx_alone(monkeypatch):
    monkeypatch.setattr(jump_slots, "_writable", lambda address: False)
    found = blas.use_fast()
    assert "read-only" in found.problem
    assert not blas.is_bound()


@linux
def test_off_leaves_mlx_untouched():
    code = (
        "from mlxgpt.backend import blas, devices; from pathlib import Path\n"
        "backend = devices.prepare('cpu'); maps = Path('/proc/self/maps').read_text()\n"
        "print(blas.is_bound(), 'openblas' in maps, backend.notes)"
    )
    assert python(code, MLXGPT_BLAS="off") == "False False ()"


@linux
@pytest.mark.parametrize(
    ("path", "reason"), [("/nowhere/libblas.so", "cannot be loaded"), ("libm.so.6", "has no cblas_sgemm")]
)
def test_a_path_that_is_no_blas_is_refused_with_the_way_out(monkeypatch, path, reason):
    monkeypatch.setenv("MLXGPT_BLAS", path)
    with pytest.raises(ConfigError, match=reason) as caught:
        blas.use_fast()
    assert path in caught.value.message
    assert "MLXGPT_BLAS=off" in caught.value.hint


@linux
def test_a_path_is_used_instead_of_the_wheel(monkeypatch):
    path = blas._find()
    monkeypatch.setenv("MLXGPT_BLAS", path)
    found = blas.use_fast()
    assert (found.path, found.problem) == (path, "")


@linux
def test_no_blas_to_be_found_says_how_to_get_one(monkeypatch):
    monkeypatch.setattr(blas.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(blas.ctypes.util, "find_library", lambda name: None)
    assert "pip install scipy-openblas32" in blas.use_fast().problem


@linux
def test_the_environment_decides_about_threads():
    code = "from mlxgpt.backend import blas; print(blas.use_fast().threads)"
    assert python(code, OPENBLAS_NUM_THREADS="1") == "1"
    assert python(code) == str(blas.physical_cores())


def test_there_is_a_core_to_run_on():
    assert 1 <= blas.physical_cores() <= 4096
