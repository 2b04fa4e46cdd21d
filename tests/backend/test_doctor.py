"""The doctor's report is complete, plain, and says what to do about each problem."""

import json

import pytest

from mlxgpt.backend import devices, doctor
from mlxgpt.errors import ConfigError


@pytest.fixture(scope="module")
def report():
    return doctor.examine("cpu")


def test_the_report_has_what_a_person_asks_for(report):
    rows = dict(report.rows())
    assert {"python", "mlx", "mlx-lm", "tokenizers", "textual", "device", "memory", "BLAS", "runs"} <= rows.keys()
    assert report.gflops > 0
    assert report.own_gflops > 0
    assert report.memory_bytes > 0


def test_the_report_is_json(report):
    data = json.loads(json.dumps(report.to_json()))
    assert data["blas"]["name"] == report.blas.name
    assert data["device"] == "cpu"


def test_runs_that_cannot_be_written_are_a_problem_with_a_way_out(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path / "file"))
    problem = doctor._runs_problem()
    assert problem is not None
    assert "MLXGPT_HOME" in problem.hint
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path / "new" / "folder"))
    assert doctor._runs_problem() is None


@pytest.mark.parametrize(
    ("installed", "advice"),
    [({}, "MLXGPT_EXTRAS=cuda"), ({"mlx-cuda-13": "1", "mlx-cpu": "1"}, "Remove the folder .venv")],
)
def test_an_idle_nvidia_card_is_a_problem_with_a_way_out(monkeypatch, installed, advice):
    monkeypatch.setattr(devices, "nvidia_present", lambda: True)
    monkeypatch.setattr(doctor, "_versions", lambda: installed)
    problem = doctor._cuda_problem(devices.prepare("cpu"))
    assert problem is not None
    assert advice in problem.hint


def test_a_device_that_is_not_there_is_an_error_not_a_report():
    with pytest.raises(ConfigError):
        doctor.examine("abacus")
