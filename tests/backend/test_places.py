"""Shipped files come from the checkout or the wheel; runs go where one may write."""

from pathlib import Path

import pytest

from mlxgpt.backend import places


@pytest.fixture(autouse=True)
def no_home(monkeypatch):
    monkeypatch.delenv("MLXGPT_HOME", raising=False)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The package as a wheel lays it out, with nothing beside it."""
    package = tmp_path / "site-packages" / "mlxgpt"
    package.mkdir(parents=True)
    monkeypatch.setattr(places, "_PACKAGE", package)
    return package


@pytest.fixture
def cloned(tmp_path, monkeypatch):
    """A checkout in a folder with a space."""
    root = tmp_path / "my repo"
    (root / "models").mkdir(parents=True)
    (root / "pyproject.toml").touch()
    monkeypatch.setattr(places, "_PACKAGE", root / "mlxgpt")
    return root


def test_this_checkout_is_found():
    root = Path(__file__).parents[2]
    assert places.checkout() == root
    assert places.presets() == root / "models" / "presets"


def test_a_checkout_keeps_everything_beside_the_package(cloned):
    assert places.corpus() == cloned / "data" / "corpus_pt_br.txt"
    assert places.shipped_model() == cloned / "models" / "nano-pt"
    assert places.runs() == cloned / "models" / "runs"


def test_a_wheel_ships_files_inside_the_package(installed):
    assert places.checkout() is None
    assert places.presets() == installed / "_bundled" / "models" / "presets"
    assert places.corpus() == installed / "_bundled" / "data" / "corpus_pt_br.txt"


def test_a_wheel_writes_runs_to_the_data_folder_of_linux(installed, monkeypatch, tmp_path):
    monkeypatch.setattr(places.sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert places.runs() == tmp_path / "mlxgpt" / "runs"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert places.runs() == tmp_path / "me" / ".local" / "share" / "mlxgpt" / "runs"


def test_a_wheel_writes_runs_to_the_data_folder_of_macos(installed, monkeypatch, tmp_path):
    monkeypatch.setattr(places.sys, "platform", "darwin")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert places.runs() == tmp_path / "Library" / "Application Support" / "mlxgpt" / "runs"


def test_a_checkout_that_cannot_be_written_is_left_alone(cloned, monkeypatch, tmp_path):
    monkeypatch.setattr(places.os, "access", lambda path, mode: False)
    monkeypatch.setattr(places.sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert places.runs() == tmp_path / "mlxgpt" / "runs"


def test_mlxgpt_home_wins(cloned, monkeypatch, tmp_path):
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path / "elsewhere"))
    assert places.runs() == tmp_path / "elsewhere" / "runs"
    assert places.presets() == cloned / "models" / "presets"
