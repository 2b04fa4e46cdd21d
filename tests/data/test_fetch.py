"""Rows of the Hub become JSON lines; the Hub is a stand-in here, its errors are those of the library."""

import json
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlxgpt.data.documents import read_documents
from mlxgpt.data.fetch import KNOWN, FetchConfig, fetch
from mlxgpt.errors import ConfigError, DataError, MissingExtra
from mlxgpt.events import DatasetFetched

ROWS = [{"text": f"história {n}", "id": n} for n in range(10)]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[tuple[Any, ...]]]:
    """Puts a library in place that gives these rows, or raises this error; what it was asked for is kept."""
    asked: list[tuple[Any, ...]] = []

    def stand_in(answer: Any) -> list[tuple[Any, ...]]:
        def load_dataset(path: str, config: str | None, *, split: str, streaming: bool) -> Iterator[Any]:
            assert streaming
            asked.append((path, config, split))
            if isinstance(answer, Exception):
                raise answer
            return iter(answer)

        module = types.SimpleNamespace(
            load_dataset=load_dataset, logging=types.SimpleNamespace(set_verbosity_error=lambda: None)
        )
        monkeypatch.setitem(sys.modules, "datasets", module)
        return asked

    return stand_in


def test_rows_become_documents_up_to_a_limit(hub: Any, tmp_path: Path) -> None:
    asked = hub(ROWS)
    out = tmp_path / "a.jsonl"
    events = list(fetch(FetchConfig(name="tinystories", output=out, limit=4)))
    assert asked == [("roneneldan/TinyStories", None, "train")]
    assert [document.text for document in read_documents(out)] == [f"história {n}" for n in range(4)]
    assert isinstance(events[-1], DatasetFetched)
    assert (events[-1].rows, events[-1].license) == (4, "CDLA-Sharing-1.0")
    assert events[-1].bytes == out.stat().st_size


def test_a_dataset_a_config_a_split_and_a_column_are_asked_for(hub: Any, tmp_path: Path) -> None:
    asked = hub([{"corpo": "a"}, {"corpo": "b"}])
    config = FetchConfig(name="hf://org/nome/pt", split="test", column="corpo", output=tmp_path / "a.jsonl")
    list(fetch(config))
    assert asked == [("org/nome", "pt", "test")]
    assert FetchConfig(name="hf://org/nome/pt").target == Path("data/fetched/org-nome-pt.jsonl")


def test_chats_stay_chats(hub: Any, tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "oi"}, {"role": "assistant", "content": "olá"}]
    hub([{"messages": turns}])
    list(fetch(FetchConfig(name="hf://a/b", output=tmp_path / "a.jsonl")))
    assert json.loads((tmp_path / "a.jsonl").read_text()) == {"messages": turns}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            ConnectionError("Couldn't reach 'a/b' on the Hub (OfflineModeIsEnabled)"),
            "Hub cannot be reached.*OfflineMode",
        ),
        (FileNotFoundError("Dataset 'a/b' doesn't exist on the Hub or cannot be accessed."), "has no dataset a/b"),
        (ValueError("Bad split: tren. Available splits: ['train']"), "cannot be read like this: Bad split: tren"),
    ],
)
def test_what_goes_wrong_is_said_and_leaves_nothing(hub: Any, tmp_path: Path, error: Exception, reason: str) -> None:
    hub(error)
    with pytest.raises(DataError, match=reason):
        list(fetch(FetchConfig(name="hf://a/b", output=tmp_path / "a.jsonl")))
    assert list(tmp_path.iterdir()) == []


def test_a_connection_that_breaks_leaves_nothing(hub: Any, tmp_path: Path) -> None:
    def broken() -> Iterator[Any]:
        yield ROWS[0]
        raise ConnectionError("reset by peer")

    hub(broken())
    with pytest.raises(DataError, match="reset by peer"):
        list(fetch(FetchConfig(name="hf://a/b", output=tmp_path / "a.jsonl")))
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_column_names_those_there_are(hub: Any, tmp_path: Path) -> None:
    hub(ROWS)
    with pytest.raises(DataError, match="no column `texto`; its columns are text, id"):
        list(fetch(FetchConfig(name="hf://a/b", column="texto", output=tmp_path / "a.jsonl")))


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingExtra, match="need the package datasets") as caught:
        list(fetch(FetchConfig(name="tinystories", output=tmp_path / "a.jsonl")))
    assert "MLXGPT_EXTRAS=hub" in caught.value.hint


def test_a_file_that_is_there_is_kept(hub: Any, tmp_path: Path) -> None:
    hub(ROWS)
    (tmp_path / "a.jsonl").write_text("meu")
    with pytest.raises(ConfigError, match="exists already"):
        list(fetch(FetchConfig(name="tinystories", output=tmp_path / "a.jsonl")))
    assert (tmp_path / "a.jsonl").read_text() == "meu"


@pytest.mark.parametrize("name", ["tinystory", "hf://a", "hf://a/", "a/b", ""])
def test_a_name_that_is_none_shows_what_is(name: str) -> None:
    with pytest.raises(ConfigError, match="is no dataset that is known here") as caught:
        FetchConfig(name=name)
    assert "hf://ORG/DATASET" in caught.value.hint
    assert all(known.license for known in KNOWN.values())
