"""What is written appears whole or not at all, and what a crash leaves is cleared away."""

import pytest

from mlxgpt import whole


def fill(content):
    def write(path):
        (path / "a").write_text(content)
        (path / "b").mkdir()

    return write


def crash(path):
    (path / "a").write_text("half")
    raise RuntimeError("crash")


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_a_directory_appears_and_replaces(tmp_path):
    for content in ("one", "two"):
        whole.write_directory(tmp_path / "deep" / "place", fill(content))
        assert contents(tmp_path) == {"deep/place/a": content}


def test_a_failed_write_leaves_what_was_there(tmp_path):
    with pytest.raises(RuntimeError, match="crash"):
        whole.write_directory(tmp_path / "place", crash)
    assert contents(tmp_path) == {}
    whole.write_directory(tmp_path / "place", fill("one"))
    with pytest.raises(RuntimeError, match="crash"):
        whole.write_directory(tmp_path / "place", crash)
    assert contents(tmp_path) == {"place/a": "one"}


def test_a_crash_between_the_two_renames_is_mended(tmp_path):
    whole.write_directory(tmp_path / "place", fill("one"))
    (tmp_path / "place").rename(tmp_path / ".mlxgpt-replaced-place")
    (tmp_path / ".mlxgpt-writing-place-1").mkdir()
    whole.clear_unfinished(tmp_path)
    assert contents(tmp_path) == {"place/a": "one"}


def test_clearing_leaves_the_hidden_files_of_others_alone(tmp_path):
    (tmp_path / ".writing-my-novel").write_text("Era uma vez")
    whole.write_directory(tmp_path / "place", fill("one"))
    assert contents(tmp_path) == {".writing-my-novel": "Era uma vez", "place/a": "one"}


def test_a_text_replaces_the_old_one_or_leaves_it(tmp_path):
    whole.write_text(tmp_path / "a", "one")
    with pytest.raises(UnicodeEncodeError):
        whole.write_text(tmp_path / "a", "two\udc80")
    assert contents(tmp_path) == {"a": "one"}


def test_a_link_moves_and_a_directory_goes(tmp_path):
    for name in ("one", "two"):
        whole.write_directory(tmp_path / name, fill(name))
        whole.point(tmp_path / "link", tmp_path / name)
        assert (tmp_path / "link" / "a").read_text() == name
    whole.remove(tmp_path / "one")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "two"]
