"""`mlxgpt benchmark chunking`: tables or JSON lines on stdout, progress on stderr, errors in a sentence."""

import io
import json

import pytest
from rich.console import Console

from mlxgpt.display.benchmark import BenchmarkView
from mlxgpt.events import (
    BenchmarkFinished,
    BenchmarkGrowthMeasured,
    BenchmarkRowFailed,
    BenchmarkRowMeasured,
    BenchmarkStarted,
)

QUICK = ("--iterations", 1, "--warmup", 0, "--max-size", 32, "--strategies", "fixed")


def test_tables_go_to_stdout_and_progress_to_stderr(workplace, mlxgpt):
    answer = mlxgpt("benchmark", "chunking", "--file", workplace.corpus, *QUICK, "--detailed")
    assert answer.code == 0
    assert "1/3 read + decode 2/3 encode_batch_fast 3/3 fixed" in answer.err
    assert "mid-sent mid-word" in answer.out
    assert "Recommended: fixed." in answer.out
    assert sum(line.startswith("fixed ") for line in answer.out.splitlines()) == 4


def test_json_lines_are_events(workplace, mlxgpt):
    answer = mlxgpt("benchmark", "chunking", "--file", workplace.corpus, *QUICK, "--json")
    kinds = [json.loads(line)["event"] for line in answer.out.splitlines()]
    row = ["BenchmarkRowStarted", "BenchmarkRowMeasured"]
    assert kinds == ["BenchmarkStarted", *row * 3, "BenchmarkFinished"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--iterations", 0), 2, "iterations must be at least 1, but is 0."),
        (("--strategies", "fixd"), 2, "Did you mean 'fixed'?"),
        (("--strategies", "fixed", "--all-strategies"), 2, "exclude each other"),
        (("--max-size", 0), 2, "max_size must be at least 1"),
        (("--tokenizer", "nowhere"), 1, "nowhere"),
    ],
)
def test_bad_options_are_refused(workplace, mlxgpt, arguments, code, says):
    answer = mlxgpt("benchmark", "chunking", "--file", workplace.corpus, *arguments)
    assert (answer.code, answer.out) == (code, "")
    assert says in answer.err


@pytest.mark.parametrize(
    ("content", "says"), [(None, "does not exist"), (b"", "is empty"), (b"\x7fELF\x00", "is not text")]
)
def test_bad_files_are_refused(workplace, mlxgpt, content, says):
    path = workplace.path / "ruim.txt"
    if content is not None:
        path.write_bytes(content)
    answer = mlxgpt("benchmark", "chunking", "--file", path)
    assert (answer.code, answer.out) == (1, "")
    assert says in answer.err


def measured(name, kind, **figures):
    usual = {
        "version": "1.2.3",
        "bytes": 123_456_789,
        "tokens": 45_678_901,
        "iterations": 100,
        "cold_seconds": 12.0,
        "megabytes_per_second": 1234.5,
        "megabytes_per_second_sd": 12.3,
        "megabytes_per_second_p5": 1200.0,
        "megabytes_per_second_p50": 1234.0,
        "megabytes_per_second_p95": 1300.0,
        "tokens_per_second": 11.5e6,
        "tokens_per_second_sd": 1e5,
        "tokens_per_second_p5": 11e6,
        "tokens_per_second_p50": 11.5e6,
        "tokens_per_second_p95": 12e6,
        "processor_share": 1.0,
        "peak_bytes": 123_456_789,
    }
    return BenchmarkRowMeasured(row=name, kind=kind, **{**usual, **figures})


def test_the_widest_tables_fit_eighty_columns_and_a_path_cannot_steer_the_terminal():
    wide = {"chunks": 123_456, "mean_size": 1023.9, "largest": 12_345, "over_limit": 99_999, "altered": 3}
    view = BenchmarkView(Console(file=io.StringIO()), detailed=True, memory=True)
    path = "a\x1b[31mb.txt"
    start = {"bytes": 123_456_789, "characters": 120_000_000, "iterations": 100, "warmup": 5, "max_seconds": 20.0}
    events = [
        BenchmarkStarted(path=path, tokenizer="nano-pt", max_size=512, rows=("fixed",), **start),
        measured("read + decode", "floor"),
        measured(
            "hierarchical", "strategy", processor_share=0.755, mid_sentence=0.999, mid_word=0.999, fill=0.9, **wide
        ),
        measured("semantic-text-splitter", "peer", mid_sentence=1.0, mid_word=1.0, **{**wide, "bytes": 4_000_000}),
        BenchmarkRowFailed(row="semchunk", message="not installed", hint="pip install semchunk"),
        BenchmarkGrowthMeasured(row="hierarchical", bytes=(10**6, 4 * 10**6), seconds=(0.5, 2.1), exponent=1.035),
        BenchmarkGrowthMeasured(row="semantic-text-splitter", bytes=(10**6,), seconds=(5.0,), exponent=None),
        BenchmarkFinished(recommended="hierarchical", reason="It was alone. " * 20, seconds=100.0, stopped=False),
    ]
    for event in events:
        view.show(event)
    console = Console(width=200, record=True, soft_wrap=True, highlight=False, file=io.StringIO())
    for part in view.report():
        console.print(part)
    shown = console.export_text()
    assert "\x1b" not in shown
    assert max(map(len, map(str.rstrip, shown.splitlines()))) <= 80
    assert "semchunk               not installed: pip install semchunk" in shown
    assert "1.03" in shown
    assert "semantic-text-splitter (3)" in shown.replace("\n", " ")
    assert "the rows had 76% to 100% of a core" in shown.replace("\n", " ")
    assert "got parts from all over it" in shown.replace("\n", " ")
