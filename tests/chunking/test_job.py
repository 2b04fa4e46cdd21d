"""`mlxgpt chunk` from files to chunks: the same however it is done, whole or not at all, and quick the second time."""

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlxgpt import jobs
from mlxgpt.chunking import blocks, cache, cutting
from mlxgpt.chunking.config import ChunkConfig
from mlxgpt.chunking.registry import CHUNKERS, create
from mlxgpt.errors import ConfigError, DataError
from mlxgpt.events import ChunkingFinished, ChunkingStarted, Event, FileChunked, FileRefused, Noted
from mlxgpt.tokenizer import registry, scanner
from mlxgpt.tokenizer.base import Tokenizer

PROSE = (
    "# Título\n\nO rio subiu três metros. — E agora? — perguntou Zé.\n\nNinguém soube; a água, sim: R$ 1.234,56.\r\n\r\n"
    * 60
)
WIDE = "漢字の文章。次の文。👩\u200d👧" * 200


@pytest.fixture
def tokenizer() -> Tokenizer:
    from mlxgpt.backend import places

    return registry.load(places.shipped_model())


@pytest.fixture
def texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(blocks, "BLOCK_CHARACTERS", 2000)
    monkeypatch.setattr(blocks, "_CONTEXT", 50)
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "a.txt").write_text(PROSE, encoding="utf-8", newline="")
    (folder / "b.md").write_text("\ufeff" + WIDE, encoding="utf-8", newline="")
    return folder


def run(sources: list[Path], output: Path | None, config: ChunkConfig | None = None, **more: Any) -> list[Event]:
    return list(jobs.chunk(sources, config or ChunkConfig(options={"max_size": 40}), output, **more))


def documents(output: Path) -> list[dict[str, Any]]:
    return list(json.loads(output.read_text(encoding="utf-8"))["documents"])


def last(events: list[Event]) -> ChunkingFinished:
    assert isinstance(events[-1], ChunkingFinished)
    return events[-1]


@pytest.mark.parametrize("strategy", CHUNKERS)
def test_files_give_the_chunks_that_texts_give(
    texts: Path, tmp_path: Path, strategy: str, tokenizer: Tokenizer
) -> None:
    run([texts], tmp_path / "c.json", ChunkConfig(strategy=strategy, options={"max_size": 40}))
    found = documents(tmp_path / "c.json")
    assert [Path(document["source"]).name for document in found] == ["a.txt", "b.md"]
    for document, text in zip(found, (PROSE, WIDE), strict=True):
        data = Path(document["source"]).read_bytes()
        wanted = list(create(strategy, max_size=40).split(text, tokenizer))
        rows = document["chunks"]
        assert [row["text"] for row in rows] == [chunk.text for chunk in wanted]
        assert [(row["start"], row["end"], row["n_tokens"], row["parent"], row["overlap"]) for row in rows] == [
            (chunk.start, chunk.end, chunk.n_tokens, chunk.parent, chunk.overlap) for chunk in wanted
        ]
        for row in rows:
            assert data[row["byte_start"] : row["byte_end"]].decode() == row["text"]


def test_several_processes_give_the_same(texts: Path, tmp_path: Path) -> None:
    (texts / "c.txt").write_text("<BOS>Special tokens in a text are text.<EOS>\n" * 60, encoding="utf-8")
    options = {"max_size": 40}
    run([texts], tmp_path / "one.json", ChunkConfig(options=options, workers=1, cached=False))
    run([texts], tmp_path / "two.json", ChunkConfig(options=options, workers=2, cached=False))
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    assert cutting.workers_for(100, 0) == 1
    assert cutting.workers_for(100, 3) == 3


def test_what_is_learnt_of_the_tokenizer_is_kept_with_the_results(
    texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By this process and by others; not when nothing is to be kept."""
    monkeypatch.setattr(scanner, "_SCANNERS", OrderedDict())  # those of other tests have learnt already
    counts = tmp_path / "home" / "cache" / "counts"
    for workers in (1, 2):
        run([texts], tmp_path / "c.json", ChunkConfig(workers=workers, cached=False))
        assert not counts.exists()
    for workers in (1, 2):
        run([texts], tmp_path / "c.json", ChunkConfig(options={"max_size": 40 + workers}, workers=workers))
        (table,) = counts.iterdir()
        table.unlink()


@pytest.mark.parametrize("strategy", ["recursive", "hierarchical", "overlapping"])
def test_the_second_time_is_known_and_the_same(texts: Path, tmp_path: Path, strategy: str) -> None:
    config = ChunkConfig(strategy=strategy, options={"max_size": 40})
    assert last(run([texts], tmp_path / "one.json", config)).cache_hits == 0
    events = run([texts], tmp_path / "two.json", config)
    assert last(events).cache_hits == 2
    assert all(event.cached for event in events if isinstance(event, FileChunked))
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_what_is_known_is_known_of_the_content(texts: Path, tmp_path: Path) -> None:
    run([texts], tmp_path / "c.json")
    (texts / "a.txt").write_text(PROSE.replace("três", "dois"), encoding="utf-8", newline="")  # as long as before
    assert last(run([texts], tmp_path / "c.json")).cache_hits == 1
    assert "dois metros" in documents(tmp_path / "c.json")[0]["chunks"][0]["text"]
    (texts / "copy.txt").write_bytes((texts / "a.txt").read_bytes())
    assert last(run([texts / "copy.txt"], tmp_path / "c.json")).cache_hits == 1
    for other in (
        ChunkConfig(options={"max_size": 41}),
        ChunkConfig(strategy="sentence", options={"max_size": 40}),
        ChunkConfig(options={"max_size": 40}, errors="replace"),
        ChunkConfig(options={"max_size": 40}, cached=False),
    ):
        assert last(run([texts / "a.txt"], tmp_path / "c.json", other)).cache_hits == 0


def test_a_damaged_result_is_made_again(texts: Path, tmp_path: Path) -> None:
    run([texts], tmp_path / "one.json")
    for path in (tmp_path / "home" / "cache" / "chunks").iterdir():
        path.write_bytes(path.read_bytes()[:50])
    assert last(run([texts], tmp_path / "two.json")).cache_hits == 0
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


def test_the_least_recently_used_results_go_first(texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LARGEST_BYTES", 1)
    run([texts], tmp_path / "c.json")
    assert list((tmp_path / "home" / "cache" / "chunks").iterdir()) == []


def test_one_bad_file_does_not_stop_the_others(texts: Path, tmp_path: Path) -> None:
    (texts / "0.txt").write_bytes(b"bad \xe9 byte")
    (texts / "z.txt").write_bytes(b"")
    events = run([texts, tmp_path / "nowhere.txt"], tmp_path / "c.json")
    refused = [event.message for event in events if isinstance(event, FileRefused)]
    assert [message.rpartition("/")[2] for message in refused] == [
        "0.txt is not utf-8: byte 4 is 0xe9.",
        "z.txt is empty.",
        "nowhere.txt does not exist.",
    ]
    assert (last(events).files, last(events).refused) == (2, 3)
    assert len(documents(tmp_path / "c.json")) == 2


def test_nothing_is_written_when_nothing_could_be_read(tmp_path: Path) -> None:
    output = tmp_path / "c.json"
    output.write_text("what was there before")
    events = run([tmp_path / "nowhere.txt"], output)
    assert (last(events).files, last(events).refused) == (0, 1)
    assert output.read_text() == "what was there before"


def test_stopping_leaves_the_output_as_it_was_and_remembers_what_was_done(texts: Path, tmp_path: Path) -> None:
    stop = threading.Event()
    output = tmp_path / "c.json"
    output.write_text("what was there before")
    events = []
    for event in jobs.chunk([texts], ChunkConfig(options={"max_size": 40}), output, stop=stop):
        events.append(event)
        if isinstance(event, FileChunked):
            stop.set()
    assert any(isinstance(event, ChunkingFinished) and event.stopped for event in events)
    assert output.read_text() == "what was there before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.json", "home", "texts"]
    assert last(run([texts], output)).cache_hits == 1


def test_an_error_in_the_middle_leaves_nothing_half_written(
    texts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "c.json")

    monkeypatch.setattr(cutting.Cutter, "cut", fail)
    with pytest.raises(OSError, match="No space"):
        run([texts], tmp_path / "c.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["texts"]


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda texts: run([texts], texts / "c.xml"), "Chunks cannot be written as 'xml'"),
        (lambda texts: run([texts], None, ChunkConfig(strategy="recursiv")), "no chunk strategy named 'recursiv'"),
        (
            lambda texts: run([texts], None, ChunkConfig(options={"min_size": 9, "max_size": 5})),
            "min_size = 9 is not between",
        ),
        (
            lambda texts: run([texts], None, ChunkConfig(strategy="fixed", options={"stride": 3})),
            "The chunk strategy fixed has no --stride",
        ),
        (lambda texts: run([texts], None, ChunkConfig(workers=-1)), "workers must not be negative"),
        (lambda texts: run([texts], None, ChunkConfig(tokenizer="nowhere")), "nowhere"),
    ],
)
def test_wrong_settings_are_refused_before_anything_is_written(
    texts: Path, call: Callable[[Path], object], says: str
) -> None:
    with pytest.raises(Exception, match=says) as caught:
        call(texts)
    assert caught.value.hint  # type: ignore[attr-defined]
    assert sorted(path.name for path in texts.iterdir()) == ["a.txt", "b.md"]


def test_a_folder_without_texts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"x")
    with pytest.raises(DataError, match="holds no"):
        run([tmp_path], None)


def test_a_character_above_the_limit_leaves_out_its_file_and_no_other(texts: Path, tmp_path: Path) -> None:
    events = run([texts], tmp_path / "c.json", ChunkConfig(options={"max_size": 2}))
    (refused,) = [event for event in events if isinstance(event, FileRefused)]
    assert (refused.path, last(events).files) == (str(texts / "b.md"), 1)
    assert "b.md: the character '👧' has 4 tokens, more than max_size = 2" in refused.message
    assert [Path(document["source"]).name for document in documents(tmp_path / "c.json")] == ["a.txt"]


def test_the_text_itself_is_no_output(texts: Path, tmp_path: Path) -> None:
    (tmp_path / "link.txt").symlink_to(texts / "a.txt")
    for output in (texts / "a.txt", tmp_path / "link.txt"):
        with pytest.raises(ConfigError, match="it would be lost"):
            run([texts], output)
    assert (texts / "a.txt").read_bytes().decode() == PROSE


def test_an_output_that_is_a_link_is_followed_and_a_pipe_is_written_to(texts: Path, tmp_path: Path) -> None:
    link, target, pipe = (tmp_path / name for name in ("link.json", "target.json", "pipe"))
    target.write_text("old", encoding="utf-8")
    link.symlink_to(target)
    run([texts], link)
    assert link.is_symlink()
    assert len(documents(target)) == 2
    os.mkfifo(pipe)
    heard: list[str] = []
    reader = threading.Thread(target=lambda: heard.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    run([texts], pipe, kind="json")
    reader.join()
    assert pipe.is_fifo()
    assert json.loads(heard[0]) == json.loads(target.read_text(encoding="utf-8"))


def test_what_would_be_no_use_is_refused_before_any_work(texts: Path) -> None:
    with pytest.raises(ConfigError, match="is a folder"):
        run([texts], texts)
    with pytest.raises(ConfigError, match="nothing without their texts"):
        run([Path("-")], None, with_text=False)


def test_rows_are_text_and_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "Um."}\n{"text": "Dois."}\n', encoding="utf-8")
    first = run([path], tmp_path / "c.json")[0]
    assert isinstance(first, Noted)
    assert "rows.jsonl is cut as the text that it is" in first.text


def test_the_start_says_what_there_is_to_do(texts: Path, tmp_path: Path) -> None:
    started = run([texts], tmp_path / "c.json")[0]
    assert isinstance(started, ChunkingStarted)
    assert started.files == 2
    assert started.bytes == sum(path.stat().st_size for path in texts.iterdir())
