"""Both ways of computing: MLX's kernels, and the formulations for Linux CPUs."""

import mlx.core as mx
import pytest

from mlxgpt.model import functional


@pytest.fixture(autouse=True)
def on_the_cpu():
    device = mx.default_device()
    mx.set_default_device(mx.cpu)
    yield
    mx.set_default_device(device)


@pytest.fixture(params=["kernels", "linux_cpu"])
def formulation(request, monkeypatch):
    """Runs a test with each; the size of the arrays does not decide."""
    monkeypatch.setattr(functional, "on_linux_cpu", lambda x: request.param == "linux_cpu" and x.dtype == mx.float32)
    return request.param
