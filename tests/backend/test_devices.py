"""`prepare` chooses the device, says what is missing, and works without a compiler."""

import subprocess
import sys

import mlx.core as mx
import pytest

from mlxgpt.backend import devices, memory
from mlxgpt.backend.defaults import DEFAULTS
from mlxgpt.errors import ConfigError

linux = pytest.mark.skipif(sys.platform != "linux", reason="compiles with g++ on Linux CPU only")

COMPILED = """
import mlx.core as mx
from mlxgpt.backend import devices
backend = devices.prepare("cpu")
calls = []
@mx.compile
def f(x):
    calls.append(1)
    return mx.abs(x) * 3.0 - mx.sigmoid(x) * 0.0 + 1.0
values = [f(mx.array([-1.0, 2.0])).tolist() for _ in range(2)]
print(backend.compiles, values, len(calls), len(backend.notes), *backend.notes)
"""


def run_compiled(**environment: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", COMPILED], capture_output=True, text=True, env=environment, timeout=120, check=False
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_prepare_leaves_the_chosen_device_as_the_default():
    before = mx.default_device()
    try:
        backend = devices.prepare("cpu")
        assert backend.device == "cpu"
        assert mx.default_device() == mx.Device(mx.cpu)
        assert backend.defaults is DEFAULTS["cpu"]
        assert devices.prepare("cpu") is backend
    finally:
        mx.set_default_device(before)


def test_auto_is_a_device_that_is_there():
    chosen = devices.choose("auto")
    assert chosen in DEFAULTS
    assert devices.choose(chosen) == chosen


def test_an_unknown_device_names_the_nearest():
    with pytest.raises(ConfigError) as caught:
        devices.choose("metl")
    assert "'metal'" in caught.value.hint


@pytest.mark.parametrize("device", ["metal", "cuda"])
def test_a_device_that_is_not_there_is_refused_with_a_hint(device, monkeypatch):
    monkeypatch.setattr(getattr(mx, device), "is_available", lambda: False)
    monkeypatch.setattr(devices, "nvidia_present", lambda: False)
    with pytest.raises(ConfigError, match=f"no {device} device") as caught:
        devices.choose(device)
    assert "--device cpu" in caught.value.hint


def test_an_nvidia_card_without_the_back_end_names_the_extra(monkeypatch):
    monkeypatch.setattr(mx.cuda, "is_available", lambda: False)
    monkeypatch.setattr(devices, "nvidia_present", lambda: True)
    with pytest.raises(ConfigError) as caught:
        devices.choose("cuda")
    assert "MLXGPT_EXTRAS=cuda" in caught.value.hint


@pytest.mark.parametrize("device", DEFAULTS)
def test_every_device_class_has_defaults_with_a_reason(device):
    defaults = DEFAULTS[device]
    assert defaults.batch_size > 0
    assert 0 < defaults.learning_rate < 1
    assert defaults.precision in ("float32", "bfloat16")
    assert defaults.why


@linux
def test_without_a_compiler_everything_works_uncompiled_and_says_so(tmp_path):
    printed = run_compiled(PATH="", TMPDIR=str(tmp_path), MLXGPT_BLAS="off")
    assert printed.startswith("False [[4.0, 7.0], [4.0, 7.0]] 2 1 No g++ was found")
    assert "apt install g++" in printed


@linux
def test_a_broken_compiler_counts_as_none(tmp_path):
    """It answers --version, as MLX asks, and fails at its work."""
    compiler = tmp_path / "bin" / "g++"
    compiler.parent.mkdir()
    compiler.write_text('#!/bin/sh\n[ "$1" = --version ]\n')
    compiler.chmod(0o755)
    printed = run_compiled(PATH=f"{compiler.parent}:/usr/bin:/bin", TMPDIR=str(tmp_path), MLXGPT_BLAS="off")
    assert printed.startswith("False [[4.0, 7.0], [4.0, 7.0]] 2 1 g++ is there but does not work")


@linux
@pytest.mark.skipif(not devices.compiler(), reason="needs g++")
def test_with_a_compiler_functions_are_traced_once():
    import os

    printed = run_compiled(PATH=os.environ["PATH"], MLXGPT_BLAS="off")
    assert printed == "True [[4.0, 7.0], [4.0, 7.0]] 1 0"


def test_memory_figures_are_plausible():
    total = memory.total_bytes()
    assert total > 2**28
    available = memory.available_bytes()
    assert available is None or 0 < available <= total


def test_a_container_counts_as_the_machine(tmp_path, monkeypatch):
    limit = tmp_path / "memory.max"
    monkeypatch.setattr(memory, "_CGROUP_LIMITS", (str(tmp_path / "absent"), str(limit)))
    limit.write_text("max\n")
    whole = memory.total_bytes()
    limit.write_text(f"{2**28}\n")
    assert memory.total_bytes() == 2**28 < whole


def test_the_help_needs_no_mlx():
    code = (
        "import sys; from mlxgpt.backend import blas, defaults, devices, doctor, memory, places;"
        "print('mlx' in sys.modules, 'numpy' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False False"
