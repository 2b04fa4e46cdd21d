"""`mlxgpt chunk` on the command line: what is printed, where, and with which exit code."""

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

TEXT = "O rio subiu três metros. — E agora? — perguntou Zé.\n\nNinguém soube dizer; a água, sim.\n\n" * 20


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path / "home"))
    path = tmp_path / "texto.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_chunks_go_to_stdout_and_what_happens_to_stderr(text, mlxgpt):
    answer = mlxgpt("chunk", text, "--max-size", 64)
    document = json.loads(answer.out)["documents"][0]
    assert "".join(chunk["text"] for chunk in document["chunks"]) == TEXT
    assert all(chunk["n_tokens"] <= 64 for chunk in document["chunks"])
    assert document["options"]["max_size"] == 64
    assert f"In all 1 file: {len(document['chunks'])} chunks" in answer.err
    assert answer.code == 0


def test_the_example_of_the_documentation(text, tmp_path, mlxgpt):
    output = tmp_path / "chunks.json"
    answer = mlxgpt(
        *("chunk", "--file", text, "--strategy", "adaptive", "--min-size", 32, "--max-size", 64, "--overlap", 0.15),
        *("--preserve-sentences", "--output", output),
    )
    assert (answer.code, answer.out) == (0, "")
    document = json.loads(output.read_text(encoding="utf-8"))["documents"][0]
    assert (document["strategy"], document["options"]["overlap_ratio"]) == ("adaptive", 0.15)
    assert any(chunk["overlap"] for chunk in document["chunks"])


@pytest.mark.parametrize("kind", ["json", "jsonl", "txt"])
def test_the_name_of_the_output_says_how_it_is_written(text, tmp_path, mlxgpt, kind):
    output = tmp_path / f"chunks.{kind}"
    assert mlxgpt("chunk", text, "-o", output, "--max-size", 64).code == 0
    written = output.read_text(encoding="utf-8")
    assert written == mlxgpt("chunk", text, "--format", kind, "--max-size", 64).out
    assert (
        "<CHUNK>\n" in written if kind == "txt" else json.loads(written.splitlines()[0] if kind == "jsonl" else written)
    )


def test_a_stream_has_a_line_for_each_chunk(text, mlxgpt):
    lines = [json.loads(line) for line in mlxgpt("chunk", text, "--stream", "--max-size", 64).out.splitlines()]
    assert lines[0]["format"] == "mlxgpt-chunks"
    assert "".join(line["text"] for line in lines[1:-1]) == TEXT
    assert lines[-1]["totals"]["chunks"] == len(lines) - 2


def test_text_comes_from_stdin(mlxgpt, monkeypatch, tmp_path):
    monkeypatch.setenv("MLXGPT_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(TEXT.encode())))
    document = json.loads(mlxgpt("chunk", "-", "--strategy", "sentence", "--max-size", 40).out)["documents"][0]
    assert document["source"] == "<stdin>"
    assert "".join(chunk["text"] for chunk in document["chunks"]) == TEXT


def test_without_texts_the_places_are_written(text, mlxgpt):
    assert all(
        "text" not in chunk for chunk in json.loads(mlxgpt("chunk", text, "--no-text").out)["documents"][0]["chunks"]
    )


def test_events_can_be_had_as_json(text, tmp_path, mlxgpt):
    answer = mlxgpt("chunk", text, "-o", tmp_path / "c.json", "--json")
    names = [json.loads(line)["event"] for line in answer.out.splitlines()]
    assert [name for name in names if name != "ChunkingProgressed"] == [
        "ChunkingStarted",
        "FileChunked",
        "ChunkingFinished",
    ]


def test_a_file_left_out_makes_the_exit_code_one(text, tmp_path, mlxgpt):
    bad = tmp_path / "ruim.txt"
    bad.write_bytes(b"caf\xe9")
    answer = mlxgpt("chunk", bad, text, "-o", tmp_path / "c.json")
    assert answer.code == 1
    assert "In all 1 file, 1 left out" in answer.err
    assert f"Left out: {bad} is not utf-8: byte 3 is 0xe9. Give its encoding with --encoding" in answer.err
    assert mlxgpt("chunk", bad, "--encoding", "cp1252").code == 0
    assert mlxgpt("chunk", bad, "--errors", "replace").code == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "There is nothing to cut."),
        (("--strategy", "semantik"), "Did you mean 'semantic'?"),
        (("--min-size", 90, "--max-size", 50), "min_size = 90 is not between 0 and max_size = 50"),
        (("--overlap", 1), "overlap_ratio must be in [0, 1), not 1"),
        (("--strategy", "fixed", "--overlap", 0.1), "The chunk strategy fixed has no --overlap"),
        (("--max-size", 0), "max_size must be at least 1"),
        (("--strategy", "sliding", "--stride", 600), "stride = 600 is not between 0 and max_size = 512"),
        (("--strategy", "adaptive", "--information-density-threshold", 2), "must be in [0, 1], not 2"),
        (("--strategy", "semantic", "--compared", 0), "compared must be from 1 to 100"),
        (("--encoding", "utf9"), "There is no encoding 'utf9'"),
        (("--errors", "ignor"), "errors = 'ignor' is not known"),
        (("--format", "xml"), "Chunks cannot be written as 'xml'"),
        (("--tokenizer", "nowhere"), "nowhere"),
    ],
)
def test_wrong_options_are_refused(text, mlxgpt, arguments, says):
    answer = mlxgpt("chunk", *([text] if arguments else []), *arguments)
    assert says in answer.err
    assert answer.code in (1, 2)
    assert answer.out == ""
