"""`mlxgpt export`, `mlxgpt quantize` and `--kv-bits`, as typed."""

import json

import pytest


@pytest.fixture
def run(workplace):
    """A run of two steps."""
    workplace.train(steps=2, eval_every=2, checkpoint_every=2, out=workplace.runs / "run")
    return workplace


def test_a_run_is_exported_and_the_answer_says_how_to_try_it(run, mlxgpt, tmp_path):
    answer = mlxgpt("export", "run", "--to", "gguf", "--out", tmp_path / "a.gguf")
    assert answer.code == 0
    assert "llama-cli -m" in answer.err
    assert answer.out == ""
    assert (tmp_path / "a.gguf").read_bytes()[:4] == b"GGUF"
    answer = mlxgpt("export", "run", "--to", "hf", "--out", tmp_path / "hf", "--dtype", "bfloat16", "--json")
    report = json.loads(answer.out)
    assert report["numbers"] == "bfloat16"
    assert report["bytes"] == sum(path.stat().st_size for path in (tmp_path / "hf").iterdir())
    assert not (tmp_path / "hf" / "training").exists()
    assert mlxgpt("generate", "-m", tmp_path / "hf", "-p", "a", "--max-tokens", "2").code == 0


@pytest.mark.parametrize("to", ["hf", "gguf"])
def test_a_place_that_cannot_be_written_is_told(to, run, mlxgpt, tmp_path):
    (tmp_path / "file").write_text("mine")
    answer = mlxgpt("export", "run", "--to", to, "--out", tmp_path / "file" / "out")
    assert answer.code == 1
    assert "Check the path" in answer.err
    assert (tmp_path / "file").read_text() == "mine"


def test_a_run_is_quantised_listed_and_talked_to(run, mlxgpt, tmp_path):
    out = run.runs.parent / "small"
    (tmp_path / "text.txt").write_text("O menino foi ao mar. " * 40)
    given = ("quantize", "run", "--bits", "4", "--group-size", "32", "--text", tmp_path / "text.txt", "--tokens", "60")
    answer = mlxgpt(*given, "--out", out)
    assert answer.code == 0, answer.err
    for word in ("perplexity", "bits per byte", "tokens a second", "error of its answers"):
        assert word in answer.out
    assert "Quantised" in mlxgpt("info", out).out
    report = json.loads(mlxgpt(*given, "--json", "--out", tmp_path / "again").out)
    assert report["tokens"] == 60
    assert report["bytes_after"] < report["bytes_before"]
    again = mlxgpt(*given, "--out", out)
    assert again.code == 1
    assert "exists already" in again.err
    assert mlxgpt("generate", "-m", out, "-p", "a", "--max-tokens", "2").code == 0


def test_bits_of_the_cache_are_refused_where_there_is_none(run, mlxgpt):
    answer = mlxgpt("generate", "-m", "run", "-p", "a", "--kv-bits", "5")
    assert answer.code == 2
    assert "kv_bits = 5" in answer.err
