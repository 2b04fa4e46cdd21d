"""Rows measured in processes of their own, on a small text; what becomes of those that cannot be measured."""

import dataclasses
import importlib.util
import json
import threading
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mlxgpt.benchmark import cell, chunking, peers
from mlxgpt.benchmark.config import ChunkingBenchmarkConfig
from mlxgpt.chunking.registry import CHUNKERS, create
from mlxgpt.errors import ConfigError, DataError, TokenizerError
from mlxgpt.events import (
    BenchmarkFinished,
    BenchmarkGrowthMeasured,
    BenchmarkRowFailed,
    BenchmarkRowMeasured,
    BenchmarkRowStarted,
    BenchmarkStarted,
    from_json,
)
from mlxgpt.tokenizer.fast import train_bpe
from mlxgpt.tokenizer.simple import byte_tokenizer

TEXT = "".join(
    f"Capítulo {number}\n\nEra uma vez um gato, e o gato tinha {number} vidas. Dormia muito — disse ela.\nComia pouco.\n\n"
    for number in range(40)
)


@pytest.fixture(scope="module")
def tokenizer():
    return train_bpe([TEXT], 330)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "texto.txt"
    path.write_bytes(TEXT.encode())
    return path


def config(**settings):
    quick = {"strategies": ("recursive", "fixed"), "max_size": 32, "iterations": 2, "warmup": 1, "max_seconds": 5.0}
    return ChunkingBenchmarkConfig(**quick | settings)


def of_kind(events, kind):
    return [event for event in events if isinstance(event, kind)]


@pytest.fixture
def in_this_process(monkeypatch):
    """Cells without processes, which take half a second each to start."""

    def run(task, folder, stop):
        paths = folder / "task.json", folder / "result.json"
        paths[0].write_text(json.dumps(dataclasses.asdict(task)))
        cell.main(*paths)
        return json.loads(paths[1].read_text())

    monkeypatch.setattr(chunking, "_run", run)


# ---- figures ---------------------------------------------------------------------------------------------------------


def test_a_benchmark_measures_floors_and_strategies_each_in_a_process(file, tokenizer):
    events = list(chunking.benchmark_chunking(file, tokenizer, config(strategies=("recursive",))))
    start, finish = events[0], events[-1]
    assert isinstance(start, BenchmarkStarted)
    assert start.rows == ("read + decode", "encode_batch_fast", "recursive")
    assert (start.bytes, start.characters) == (len(TEXT.encode()), len(TEXT))
    rows = of_kind(events, BenchmarkRowMeasured)
    assert [row.row for row in rows] == list(start.rows)
    assert [row.iterations for row in rows] == [2, 2, 2]
    assert all(row.cold_seconds > 0 and row.megabytes_per_second > 0 for row in rows)
    assert all(0 < row.processor_share < 1.5 for row in rows)
    assert all(row.peak_bytes > 10_000_000 for row in rows)  # an interpreter takes as much
    assert rows[2].tokens == len(tokenizer.encode(TEXT))
    assert isinstance(finish, BenchmarkFinished)
    assert (finish.recommended, finish.stopped) == ("recursive", False)


def test_rows_tell_what_the_strategies_do(file, tokenizer, in_this_process):
    events = chunking.benchmark_chunking(file, tokenizer, config(strategies=tuple(CHUNKERS)))
    rows = {row.row: row for row in of_kind(events, BenchmarkRowMeasured) if row.kind == "strategy"}
    assert list(rows) == list(CHUNKERS)
    for name, row in rows.items():
        chunks = list(create(name, max_size=32).split(TEXT, tokenizer))
        assert row.chunks == len(chunks)
        assert row.mean_size == pytest.approx(np.mean([chunk.n_tokens for chunk in chunks]))
        assert row.largest <= 32
        assert (row.over_limit, row.altered, row.mid_word) == (0, 0, 0)
        assert row.fill == pytest.approx(row.mean_size / 32)
    assert rows["fixed"].mid_sentence > rows["recursive"].mid_sentence


def test_events_survive_json(file, tokenizer, in_this_process, monkeypatch):
    monkeypatch.setattr(chunking, "GROWTH_BYTES", (1_000, 4_000))
    events = list(chunking.benchmark_chunking(file, tokenizer, config(growth=True)))
    assert [from_json(json.loads(json.dumps(event.to_json()))) for event in events] == events


def test_time_ends_a_row_before_its_iterations(file, tokenizer, in_this_process):
    events = chunking.benchmark_chunking(file, tokenizer, config(iterations=10**6, max_seconds=0.2))
    assert all(1 <= row.iterations < 10**6 for row in of_kind(events, BenchmarkRowMeasured))


def test_a_slow_chunker_gets_parts_that_fit_its_time(monkeypatch):
    clock = iter([0.0, 1.0])
    monkeypatch.setattr(cell, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    text = "x" * (1 << 20)
    given = cell.affordable(text, lambda: lambda text: [text], max_seconds=12.0)  # 16 s for all, 4 s allowed
    assert len(given) == 1 << 18


def test_parts_come_from_all_over_the_text_and_a_short_one_is_repeated():
    text = "".join(chr(97 + place % 26) for place in range(2600))
    assert cell.evenly(text, 160) == "".join(text[2600 * place // 16 :][:10] for place in range(16))
    assert cell.evenly(text, 6000) == text + text + text[:800]


def test_growth_is_the_slope_of_logarithms():
    sizes = (1_000_000, 4_000_000, 16_000_000)
    assert cell.exponent_of(sizes, [3e-7 * size for size in sizes]) == pytest.approx(1.0)
    assert cell.exponent_of(sizes, [1e-12 * size**2 for size in sizes]) == pytest.approx(2.0)
    assert cell.exponent_of(sizes[:1], [1.0]) is None


def test_growth_is_measured_on_texts_of_each_size(file, tokenizer, in_this_process, monkeypatch):
    monkeypatch.setattr(chunking, "GROWTH_BYTES", (2_000, 8_000, 32_000))
    events = list(chunking.benchmark_chunking(file, tokenizer, config(growth=True)))
    grown = of_kind(events, BenchmarkGrowthMeasured)
    assert [event.row for event in grown] == ["recursive", "fixed"]
    assert all(event.bytes == pytest.approx((2_000, 8_000, 32_000), rel=0.02) for event in grown)
    assert all(len(event.seconds) == 3 for event in grown)
    assert all(event.exponent is not None for event in grown)
    started = of_kind(events, BenchmarkRowStarted)
    assert [event.growth for event in started] == [False] * 4 + [True] * 2
    assert [event.number for event in started] == list(range(1, 7))


# ---- recommendations -------------------------------------------------------------------------------------------------


def row(name, *, over=0, mid_sentence=0.0, speed=10.0, chunks=100):
    zeros = dict.fromkeys((field.name for field in dataclasses.fields(BenchmarkRowMeasured)), 0)
    figures = {
        "over_limit": over,
        "mid_sentence": mid_sentence,
        "megabytes_per_second_p50": speed,
        "chunks": chunks,
        "kind": "strategy",
    }
    return BenchmarkRowMeasured(**{**zeros, **figures, "row": name, "version": ""})


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([row("a", over=1, chunks=1), row("b")], "b"),
        ([row("a", mid_sentence=0.5, chunks=1), row("b", mid_sentence=0.01), row("c", chunks=101)], "b"),
        ([row("a", speed=4.0, chunks=1), row("b", chunks=99), row("c")], "b"),
        ([row("a"), row("b", speed=11.0)], "b"),
        ([row("a", over=1)], ""),
        ([], ""),
    ],
)
def test_a_recommendation_follows_its_rule(rows, expected):
    recommended, reason = chunking.recommend(rows)
    assert recommended == expected
    assert (chunking.RULE in reason) == bool(expected)


# ---- rows without figures --------------------------------------------------------------------------------------------


def test_a_missing_library_is_a_row_that_says_how_to_get_it(file, tokenizer, in_this_process, monkeypatch):
    absent = peers.Peer(packages=("no-such-chunker",), modules=("no_such_chunker",), begin=lambda *_: None)
    monkeypatch.setattr(chunking, "PEERS", {"absent": absent})
    events = list(chunking.benchmark_chunking(file, tokenizer, config(peers=True)))
    (failed,) = of_kind(events, BenchmarkRowFailed)
    assert (failed.row, failed.message, failed.hint) == ("absent", "not installed", "pip install no-such-chunker")
    assert len(of_kind(events, BenchmarkRowMeasured)) == 4


class Panic(BaseException):
    """As libraries in Rust raise it: no Exception."""


@pytest.mark.parametrize("kind", [ZeroDivisionError, Panic])
def test_a_failing_library_is_a_row_that_says_why(kind, file, tokenizer, in_this_process, monkeypatch):
    def run(text):
        raise kind("halved once too often")

    broken = {"broken": peers.Peer(packages=("numpy",), modules=("numpy",), begin=lambda *_: lambda: run)}
    monkeypatch.setattr(chunking, "PEERS", broken)
    monkeypatch.setattr(peers, "PEERS", broken)
    events = list(chunking.benchmark_chunking(file, tokenizer, config(peers=True)))
    (failed,) = of_kind(events, BenchmarkRowFailed)
    assert (failed.row, failed.message) == ("broken", f"failed: {kind.__name__}: halved once too often")
    assert isinstance(events[-1], BenchmarkFinished)


def test_a_library_that_changes_the_text_is_found_out(file, tokenizer, in_this_process, monkeypatch):
    loud = peers.Peer(
        packages=("numpy",), modules=("numpy",), begin=lambda *_: lambda: lambda text: [text[:40], text[40:].upper()]
    )
    monkeypatch.setattr(chunking, "PEERS", {"loud": loud})
    monkeypatch.setattr(peers, "PEERS", {"loud": loud})
    events = chunking.benchmark_chunking(file, tokenizer, config(peers=True))
    measured = of_kind(events, BenchmarkRowMeasured)[-1]
    assert (measured.kind, measured.chunks, measured.altered, measured.over_limit) == ("peer", 2, 1, 1)
    assert measured.version.startswith("numpy ")


def test_a_process_that_dies_is_a_row_that_says_how(file, tokenizer, monkeypatch, tmp_path):
    monkeypatch.setattr(chunking.sys, "executable", str(tmp_path / "python"))
    (tmp_path / "python").write_text("#!/bin/sh\necho out of luck >&2\nexit 3\n")
    (tmp_path / "python").chmod(0o755)
    events = list(chunking.benchmark_chunking(file, tokenizer, config(strategies=("fixed",))))
    failed = of_kind(events, BenchmarkRowFailed)
    assert [event.message for event in failed] == ["failed: exit code 3, out of luck"] * 3
    assert events[-1].recommended == ""


def test_a_process_that_never_ends_is_ended(file, tokenizer, monkeypatch, tmp_path):
    monkeypatch.setattr(chunking.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(chunking, "_START_SECONDS", 0.0)
    (tmp_path / "python").write_text("#!/bin/sh\nexec sleep 1000\n")
    (tmp_path / "python").chmod(0o755)
    events = list(chunking.benchmark_chunking(file, tokenizer, config(strategies=("fixed",), max_seconds=0.1)))
    assert all(event.message.startswith("failed: no end after") for event in of_kind(events, BenchmarkRowFailed))
    assert len(of_kind(events, BenchmarkRowFailed)) == 3


def test_a_stop_ends_the_row_and_the_job(file, tokenizer, monkeypatch, tmp_path):
    monkeypatch.setattr(chunking.sys, "executable", str(tmp_path / "python"))
    (tmp_path / "python").write_text("#!/bin/sh\nexec sleep 1000\n")
    (tmp_path / "python").chmod(0o755)
    stop = threading.Event()
    events = []
    for event in chunking.benchmark_chunking(file, tokenizer, config(), stop):
        events.append(event)
        if isinstance(event, BenchmarkRowStarted):
            stop.set()
    assert [type(event) for event in events] == [BenchmarkStarted, BenchmarkRowStarted, BenchmarkFinished]
    assert events[-1].stopped


# ---- other libraries -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(importlib.util.find_spec("semchunk") is None, reason="semchunk is not installed")
def test_an_installed_library_is_measured_with_the_same_tokenizer(file, tokenizer):
    events = chunking.benchmark_chunking(file, tokenizer, config(strategies=("recursive",), peers=True))
    measured = {row.row: row for row in of_kind(events, BenchmarkRowMeasured)}
    peer = measured["semchunk"]
    assert (peer.kind, peer.over_limit, peer.altered) == ("peer", 0, 0)
    assert peer.tokens == measured["recursive"].tokens
    assert peer.version.startswith("semchunk ")


@pytest.mark.skipif(importlib.util.find_spec("tiktoken") is None, reason="tiktoken is not installed")
def test_tiktoken_has_the_same_ids(tokenizer):
    traps = TEXT + "It's  two\n\n\nlines — 123 漢字 👩\u200d👧 <EOS> end  "
    encoding = peers.tiktoken_of(tokenizer, traps)
    assert encoding.encode(traps, disallowed_special=()) == tokenizer.encode(traps)


@pytest.mark.skipif(importlib.util.find_spec("tiktoken") is None, reason="tiktoken is not installed")
def test_a_tokenizer_that_tiktoken_cannot_be_is_refused():
    from mlxgpt.tokenizer.simple import train_characters

    with pytest.raises(TokenizerError, match="an entry for each byte"):
        peers.tiktoken_of(train_characters(["abc"]), "abc d")


def test_the_floor_encodes_all_of_the_text(monkeypatch):
    monkeypatch.setattr(peers, "PIECE_CHARACTERS", 7)
    encodings = peers.encode_in_batches(byte_tokenizer())("ação no mar, sem fim")
    assert sum(len(encoding.ids) for encoding in encodings) == len("ação no mar, sem fim".encode())


# ---- bad input -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"iterations": 0}, "iterations must be at least 1"),
        ({"warmup": -1}, "warmup must not be negative"),
        ({"max_seconds": 0.0}, "max_seconds must be a number above 0"),
        ({"max_seconds": float("nan")}, "max_seconds must be a number above 0"),
        ({"max_size": 0}, "max_size must be at least 1"),
        ({"strategies": ()}, "no strategy"),
        ({"strategies": ("fixed", "fixed")}, "'fixed' is given twice"),
        ({"strategies": ("recursiv",)}, "no chunk strategy named 'recursiv'"),
    ],
)
def test_impossible_settings_are_refused(settings, says):
    with pytest.raises(ConfigError, match=says) as refused:
        config(**settings)
    assert refused.value.hint


def test_an_unknown_strategy_names_the_nearest():
    with pytest.raises(ConfigError) as refused:
        config(strategies=("semantc",))
    assert refused.value.hint == "Did you mean 'semantic'?"


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "does not exist"), (b"", "is empty"), (b"a\x00b", "has a NUL"), (b"ol\xe1 mundo", "byte 2 is 0xe1")],
)
def test_a_file_that_is_no_text_is_refused_before_anything_is_measured(tmp_path, tokenizer, content, says):
    path = Path(tmp_path / "texto.txt")
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=says) as refused:
        next(chunking.benchmark_chunking(path, tokenizer, config()))
    assert refused.value.hint
