"""What a learner did is remembered, and never stands in the way."""

import pytest

from mlxgpt.backend import places
from mlxgpt.lessons import progress


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path / "home"))


def test_a_new_learner_has_done_nothing():
    assert progress.load().lessons == {}


def test_what_was_done_is_there_the_next_time():
    mine = progress.load()
    mine.answered("attention", "ask.rest", right=False)
    mine.answered("attention", "ask.rest", right=True)
    mine.answered("attention", "ask.softmax", right=False)
    mine.finished("attention", exercises=5)
    mine.save()
    again = progress.load().lessons["attention"]
    assert (again.read, again.seen, again.exercises, again.solved) == (1, 1, 5, 1)
    assert again.last


def test_what_was_shown_is_not_read():
    mine = progress.load()
    mine.shown("attention", exercises=5)
    mine.save()
    again = progress.load().lessons["attention"]
    assert (again.read, again.seen) == (0, 1)


def test_what_was_right_once_stays_right():
    mine = progress.load()
    mine.answered("x", "ask.a", right=True)
    mine.answered("x", "ask.a", right=False)
    assert mine.lessons["x"].right == {"ask.a": True}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"lessons": []}', '{"lessons": {"x": {"read": "many"}}}'])
def test_a_damaged_file_is_a_new_beginning(content):
    path = places.progress()
    path.parent.mkdir(parents=True)
    path.write_text(content, encoding="utf-8")
    assert progress.load().lessons == {}
