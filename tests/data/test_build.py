"""A build gives the documents' own ids, the same bytes however it was made, and never half a dataset."""

import json
import resource
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlxgpt.data import build as job
from mlxgpt.data.building import folder_of
from mlxgpt.data.config import BuildConfig, SourceConfig, parse_size
from mlxgpt.data.dataset import open_dataset
from mlxgpt.data.documents import read_documents
from mlxgpt.data.packing import pack
from mlxgpt.errors import ConfigError, DataError, MlxgptError, describe
from mlxgpt.events import BuildFinished, BuildStarted, ShardWritten
from mlxgpt.tokenizer.fast import FastTokenizer

from .conftest import Build, content, text


def last(events: list[Any]) -> BuildFinished:
    assert isinstance(events[-1], BuildFinished)
    return events[-1]


def test_the_streams_are_the_documents_as_packing_makes_them(build: Build, corpus: Path, tokenizer, tmp_path) -> None:
    events = build()
    built = open_dataset(tmp_path / "out")
    train, validation = built.stream("train"), built.stream("validation")
    whole = pack(list(read_documents(corpus)), tokenizer)
    assert len(train.ids) + len(validation.ids) == len(whole.ids)
    assert train.text_bytes + validation.text_bytes == whole.text_bytes
    documents = {tuple(ids) for ids in np.split(whole.ids, whole.ends[:-1])}
    found = [tuple(ids) for s in (train, validation) for ids in np.split(s.ids[:], s.ends[:-1])]
    assert set(found) == documents
    assert len(found) == len(documents) == 120
    assert (
        len([event for event in events if isinstance(event, ShardWritten)]) == sum(map(len, built.shards.values())) > 3
    )
    assert max(len(shard.tokens()) * 2 for side in built.shards.values() for shard in side) <= 5000


@pytest.mark.parametrize("workers", [2, 3])
def test_the_number_of_workers_changes_no_byte(build: Build, tmp_path, workers: int, monkeypatch) -> None:
    from mlxgpt.data import batches

    build()
    monkeypatch.setattr(batches, "BATCH_CHARACTERS", 700)
    build(workers=workers, output=tmp_path / "again")
    one, many = content(tmp_path / "out"), content(tmp_path / "again")
    assert {name: data.replace(b"/out", b"/again") for name, data in one.items()} == many


class Killed(BaseException):
    """Ends a build as kill -9 does: nothing is saved any more."""


def test_a_build_killed_anywhere_goes_on_to_the_same_bytes(build: Build, corpus: Path, tmp_path, monkeypatch) -> None:
    from mlxgpt.data import batches

    with (corpus / "3.txt").open("w", encoding="utf-8") as file:
        file.write("\n\n\n".join(text(number % 25) for number in range(0, 100, 3)))  # duplicates
    kinds = ("exact", "near")
    build(dedup=kinds)
    wanted = content(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "first")
    monkeypatch.setattr(batches, "BATCH_CHARACTERS", 700)
    monkeypatch.setattr(job, "_SAVE_SECONDS", 0.0)
    take = job._Build._take
    for after in (1, 2, 15, 11, 3, 17):
        seen = 0

        def dying(self: Any, load: Any, prepared: Any, after: int = after) -> Any:
            nonlocal seen
            seen += 1
            yield from take(self, load, prepared)
            if seen == after:  # written, and the journal does not know
                raise Killed

        monkeypatch.setattr(job._Build, "_take", dying)
        with pytest.raises(Killed):
            build(dedup=kinds)
        assert not (tmp_path / "out").exists()
    monkeypatch.setattr(job._Build, "_take", take)
    events = build(dedup=kinds)
    assert isinstance(events[0], BuildStarted)
    assert events[0].resumed_documents > 0
    assert content(tmp_path / "out") == wanted
    assert not folder_of(tmp_path / "out").exists()


def test_a_stopped_build_goes_on(build: Build, tmp_path, monkeypatch) -> None:
    from mlxgpt.data import batches

    monkeypatch.setattr(batches, "BATCH_CHARACTERS", 700)
    stop = threading.Event()
    stop.set()
    assert last(build(stop=stop)).stopped
    assert not (tmp_path / "out").exists()
    finished = last(build())
    assert (finished.stopped, finished.documents) == (False, 120)


def test_a_finished_build_is_known_and_stays(build: Build, tmp_path) -> None:
    first = last(build())
    before = content(tmp_path / "out")
    again = last(build())
    assert again.known
    assert (again.train_tokens, again.documents) == (first.train_tokens, first.documents)
    assert content(tmp_path / "out") == before


def test_other_settings_are_named_and_restart_begins_anew(build: Build, tmp_path) -> None:
    build()
    with pytest.raises(ConfigError, match="already holds a dataset, made with other settings: val"):
        build(val=0.5)
    assert last(build(val=0.5, restart=True)).validation_documents > 40


def interrupted(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    stop = threading.Event()
    stop.set()
    assert last(build(stop=stop)).stopped


def test_a_source_that_changed_in_between_is_refused(build: Build, corpus: Path, monkeypatch) -> None:
    interrupted(build, monkeypatch)
    (corpus / "0.txt").write_text(text(1000), encoding="utf-8")
    with pytest.raises(DataError, match=r"0\.txt changed since this build was begun"):
        build()
    assert last(build(restart=True)).documents == 81


def test_a_touched_source_with_the_same_bytes_is_the_same(build: Build, corpus: Path, monkeypatch) -> None:
    interrupted(build, monkeypatch)
    (corpus / "0.txt").write_bytes((corpus / "0.txt").read_bytes())
    assert last(build()).documents == 120


def test_a_new_file_among_the_sources_is_named(build: Build, corpus: Path, monkeypatch) -> None:
    interrupted(build, monkeypatch)
    (corpus / "3.txt").write_text("novo", encoding="utf-8")
    with pytest.raises(DataError, match=r"3\.txt is new"):
        build()


def test_nothing_to_learn_from_is_an_error_and_leaves_nothing(build: Build, tmp_path) -> None:
    (tmp_path / "empty.txt").write_text(" \n\n", encoding="utf-8")
    with pytest.raises(DataError, match="There is no text in"):
        build(sources=(SourceConfig(paths=(str(tmp_path / "empty.txt"),)),))
    assert not (tmp_path / "out").exists()


def test_a_place_that_is_taken_is_left_alone(build: Build, tmp_path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "tese.txt").write_text("minha", encoding="utf-8")
    with pytest.raises(ConfigError, match="is no dataset of mlxgpt"):
        build()
    assert (tmp_path / "out" / "tese.txt").read_text() == "minha"
    assert not folder_of(tmp_path / "out").exists()


def test_an_unreadable_file_stops_the_build_or_is_counted(build: Build, corpus: Path, tmp_path) -> None:
    (corpus / "1.txt").write_bytes(b"caf\xe9 com leite\n" * 9)
    with pytest.raises(DataError, match=r"1\.txt is not UTF-8: byte 3"):
        build()
    finished = last(build(skip_unreadable=True, restart=True))
    assert (finished.refused, finished.documents) == (1, 80)
    assert "1.txt is not UTF-8" in (tmp_path / "out" / "card.md").read_text()


def test_a_full_disk_is_said_and_the_build_goes_on_later(build: Build, tmp_path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
    try:
        with pytest.raises(OSError) as caught:
            build()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert describe(caught.value).title == "Disk full"
    assert not (tmp_path / "out").exists()
    assert last(build()).documents == 120


def test_two_builds_of_one_place_do_not_meet(build: Build, tmp_path) -> None:
    from mlxgpt.data.building import locked

    with locked(tmp_path / "out"), pytest.raises(MlxgptError, match="Another process is building"):
        build()
    assert last(build()).documents == 120


def test_a_document_falls_on_the_same_side_wherever_it_stands(build: Build, corpus: Path, tmp_path) -> None:
    build()
    wanted = held_out(tmp_path / "out")
    texts = [document.text for document in read_documents(corpus)]
    (tmp_path / "turned.txt").write_text("\n\n\n".join(reversed(texts)), encoding="utf-8")
    build(sources=(SourceConfig(paths=(str(tmp_path / "turned.txt"),)),), output=tmp_path / "turned")
    assert held_out(tmp_path / "turned") == wanted
    assert 0 < len(wanted) < 30


def held_out(path: Path) -> set[tuple[int, ...]]:
    stream = open_dataset(path).stream("validation")
    return {tuple(ids.tolist()) for ids in np.split(stream.ids[:], stream.ends[:-1])}


def test_chats_keep_their_mask(build: Build, tmp_path) -> None:
    rows = [
        {"messages": [{"role": "user", "content": f"Oi {n}"}, {"role": "assistant", "content": text(n, 5)}]}
        for n in range(20)
    ]
    path = tmp_path / "chats.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    build(sources=(SourceConfig(paths=(str(path),)),), val=0.0)
    from mlxgpt.data.packing import pack

    stream = open_dataset(tmp_path / "out").stream("train")
    wanted = pack(list(read_documents(path)), _tokenizer_of(tmp_path / "out"))
    assert stream.mask is not None
    assert wanted.mask is not None
    assert stream.mask[:].tolist() == wanted.mask[:].tolist()
    assert stream.ids[:].tolist() == wanted.ids[:].tolist()


def _tokenizer_of(path: Path) -> FastTokenizer:
    from mlxgpt.tokenizer import registry

    return registry.load(path / "tokenizer")


def test_chunks_stand_between_chunk_tokens(build: Build, tmp_path, tokenizer) -> None:
    build(chunk_strategy="sentence", chunk_size=32)
    ids = open_dataset(tmp_path / "out").stream("train").ids[:]
    assert (ids == tokenizer.chunk_id).sum() > 100


@pytest.mark.parametrize(
    ("given", "size"),
    [("100MB", 10**8), ("1.5 GB", 1_500_000_000), ("500k", 500_000), ("4096", 4096)],
)
def test_sizes_are_understood(given: str, size: int) -> None:
    assert parse_size(given) == size


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"sources": ()}, "nothing to build from"),
        ({"val": 1.0}, "no share of the documents"),
        ({"shard_size": "viele"}, "is no size"),
        ({"shard_size": "0"}, "more than 0"),
        ({"sources": (SourceConfig(paths=("a",)), SourceConfig(paths=("a",)))}, "Two sources are called 'a'"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        BuildConfig(**{"sources": (SourceConfig(paths=("a",)),), **settings})


def test_cleaning_and_duplicates_are_counted_with_reasons(build: Build, tmp_path) -> None:
    good = [
        f"O rio número {n} nasce na serra e desce até o mar, por entre as pedras e as casas da vila onde moro desde menina."
        for n in range(9)
    ]
    texts = [*good, good[0], good[1].upper(), "12 34 56", good[2].encode().decode("latin-1")]
    path = tmp_path / "dirty.jsonl"
    path.write_text("\n".join(json.dumps({"text": text}) for text in texts), encoding="utf-8")
    finished = last(build(sources=(SourceConfig(paths=(str(path),)),), clean=True, dedup=("exact",), val=0.0))
    card = json.loads((tmp_path / "out" / "card.json").read_text())
    assert (finished.documents, finished.dropped, finished.train_documents) == (13, 4, 9)
    assert card["counts"]["dropped"]["exact duplicate"] == 3
    assert card["counts"]["changed"]["mojibake"] == 1
    examples = card["sources"][0]["counts"]["examples"]["exact duplicate"]
    assert examples[0]["where"].endswith("dirty.jsonl, line 10")
    assert examples[0]["reason"] == "as document 1 of those that were kept"


def test_duplicates_are_remembered_across_a_crash(build: Build, tmp_path, monkeypatch) -> None:
    from mlxgpt.data import batches

    texts = [text(number % 7) for number in range(30)]
    path = tmp_path / "twice.jsonl"
    path.write_text("\n".join(json.dumps({"text": text}) for text in texts), encoding="utf-8")
    settings: dict[str, Any] = {"sources": (SourceConfig(paths=(str(path),)),), "dedup": ("exact", "near"), "val": 0.0}
    monkeypatch.setattr(batches, "BATCH_CHARACTERS", 700)
    for _ in range(4):
        stop = threading.Event()
        stop.set()
        assert last(build(stop=stop, **settings)).stopped  # one batch each
    finished = last(build(**settings))
    assert (finished.documents, finished.train_documents) == (30, 7)


def test_a_clean_build_goes_on_without_counting_lines_again(build: Build, monkeypatch) -> None:
    from mlxgpt.data import batches
    from mlxgpt.events import Noted

    monkeypatch.setattr(batches, "BATCH_CHARACTERS", 700)
    settings: dict[str, Any] = {"clean": True, "skip": ("stop words", "language", "repetition")}

    class Late(threading.Event):
        asked = 0

        def is_set(self) -> bool:
            self.asked += 1
            return self.asked > 60  # in the second reading

    events = build(stop=Late(), **settings)
    assert last(events).stopped
    assert any(isinstance(event, Noted) for event in events)
    again = build(**settings)
    assert not any(isinstance(event, Noted) for event in again)
    assert last(again).documents == 120


def test_a_crash_just_before_the_end_loses_nothing(build: Build, tmp_path, monkeypatch) -> None:
    from mlxgpt.data import building

    build()
    wanted = content(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "first")

    def broken(folder: Path, output: Path) -> None:
        (folder / "journal.json").unlink()
        raise OSError("the disk is gone")

    monkeypatch.setattr(job, "publish", broken)
    with pytest.raises(OSError, match="the disk is gone"):
        build()
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(job, "publish", building.publish)
    assert last(build()).known
    assert content(tmp_path / "out") == wanted
    assert not folder_of(tmp_path / "out").exists()


def test_progress_rises_to_the_end(build: Build, monkeypatch) -> None:
    from mlxgpt.data import batches, pace
    from mlxgpt.events import BuildProgressed

    monkeypatch.setattr(batches, "BATCH_CHARACTERS", 700)
    monkeypatch.setattr(pace, "_SECONDS", 0.0)
    told = [event for event in build() if isinstance(event, BuildProgressed)]
    shares = [event.share for event in told]
    assert len(told) > 20
    assert shares == sorted(shares)
    assert 0.9 < shares[-1] <= 1.0
    assert told[-1].documents == 120
    assert all(event.tokens_per_second > event.documents_per_second > 0 for event in told)
    assert told[0].seconds_left > 0 == told[-1].seconds_left or told[-1].seconds_left < 0.1


def test_many_small_files_share_batches_and_come_out_the_same(build: Build, tmp_path, monkeypatch) -> None:
    from mlxgpt.data import batches

    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:03}.txt").write_text(text(number, 12), encoding="utf-8")
    settings: dict[str, Any] = {
        "sources": (SourceConfig(paths=(str(folder),), limit=50), SourceConfig(paths=(str(folder / "059.txt"),)))
    }
    found = [
        (load.source, len(batch))
        for load, batch in batches.read_batches(
            BuildConfig(**settings), [sorted(folder.glob("*.txt")), [folder / "059.txt"]], batches.Position()
        )
    ]
    assert found == [(0, 50), (1, 1)]
    assert last(build(**settings)).documents == 51
    wanted = content(tmp_path / "out")
    (tmp_path / "out").rename(tmp_path / "first")
    monkeypatch.setattr(batches, "BATCH_CHARACTERS", 300)
    for _ in range(3):
        stop = threading.Event()
        stop.set()
        assert last(build(stop=stop, **settings)).stopped
    build(**settings)
    assert content(tmp_path / "out") == wanted
    assert last(build(**settings)).known
