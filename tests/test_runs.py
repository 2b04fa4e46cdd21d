"""Which directory a word means."""

import os

import pytest

from mlxgpt import runs
from mlxgpt.errors import CheckpointError
from mlxgpt.runs import Run


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path))
    return tmp_path / "runs"


def make(home, name, steps=(), best=None, age=0):
    """A run with empty checkpoints; the larger the age, the older."""
    run = Run(path=home / name)
    run.checkpoints.mkdir(parents=True)
    run.config.write_text("")
    os.utime(run.config, (10_000 - age, 10_000 - age))
    for step in steps:
        run.checkpoint(step).mkdir()
        (run.checkpoint(step) / "config.json").write_text("{}")
        links = {run.last: True, run.best: step == best}
        for link in (link for link, wanted in links.items() if wanted):
            link.unlink(missing_ok=True)
            link.symlink_to(run.checkpoint(step).name)
    return run


def test_best_and_last_mean_the_newest_run_that_has_a_checkpoint(home):
    make(home, "old", [7], best=7, age=20)
    run = make(home, "new", [1, 2, 3], best=2, age=10)
    make(home, "empty")
    assert runs.find_model("best") == run.best
    assert runs.find_model("last") == runs.find_model("latest") == run.last
    assert run.best.resolve() == run.checkpoint(2)


@pytest.mark.parametrize("word", ["a", "{home}/a"])
def test_a_run_means_its_best_checkpoint(home, word):
    run = make(home, "a", [1, 2, 3], best=2)
    assert runs.find_model(word.format(home=home)) == run.best


def test_a_run_without_links_means_its_newest_checkpoint(home):
    run = make(home, "a", [1, 12])
    run.last.unlink()
    assert runs.find_model("a") == run.checkpoint(12)


@pytest.mark.parametrize("word", ["a/step-00000002", "{home}/a/checkpoints/step-00000002"])
def test_one_checkpoint_of_a_run(home, word):
    run = make(home, "a", [1, 2, 3])
    assert runs.find_model(word.format(home=home)) == run.checkpoint(2)


def test_a_word_that_means_nothing_names_the_nearest(home):
    make(home, "portugues", [1])
    with pytest.raises(CheckpointError, match="portuges is not a model directory") as caught:
        runs.find_model("portuges")
    assert caught.value.hint == "Did you mean 'portugues'?"
    with pytest.raises(CheckpointError) as caught:
        runs.find_run("portuges")
    assert caught.value.hint == "Did you mean 'portugues'?"


def test_nothing_trained_says_how_to_begin(home):
    for word in ("best", "last"):
        with pytest.raises(CheckpointError, match="Nothing has been trained yet"):
            runs.find_model(word)


def test_a_run_without_a_checkpoint_says_so(home):
    make(home, "a")
    with pytest.raises(CheckpointError, match="has no checkpoint yet"):
        runs.find_model("a")


def test_a_run_is_found_by_its_path_and_its_name(home):
    run = make(home, "a")
    assert runs.find_run("a") == runs.find_run(str(run.path)) == run


def test_new_runs_never_meet(home):
    first = runs.new_run("a")
    first.path.mkdir(parents=True)
    assert not runs.new_run("a").path.exists()


def test_only_whole_checkpoints_count(home):
    run = make(home, "a", [5, 12])
    (run.checkpoints / ".mlxgpt-writing-step-00000013-1").mkdir()
    (run.checkpoints / "step-13").mkdir()
    assert run.steps() == [5, 12]
    assert Run(path=home / "nowhere").steps() == []
