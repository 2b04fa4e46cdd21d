"""`mlxgpt generate` over a file of prompts: stdout, stderr and exit codes."""

import json

import pytest

GREEDY = ("--max-tokens", 4, "--temperature", 0, "--seed", 1)


def test_texts_go_to_stdout_and_what_was_refused_to_stderr(mlxgpt, tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text('"Era uma vez"\n{"prompt": 3}\n"O gato"\n', encoding="utf-8")
    answer = mlxgpt("generate", "--prompts", path, *GREEDY)
    assert answer.code == 1
    assert mlxgpt("generate", "--prompts", path, *GREEDY, "--json").out == answer.out  # JSON lines, either way
    assert [json.loads(line)["id"] for line in answer.out.splitlines()] == [1, 3]
    assert "line 2" in answer.err
    assert "2 texts, 1 refused" in answer.err


def test_with_json_and_an_output_events_are_printed(mlxgpt, tmp_path):
    path = tmp_path / "p.txt"
    path.write_text("Era uma vez\n", encoding="utf-8")
    answer = mlxgpt("generate", "--prompts", path, "--output", tmp_path / "o.jsonl", *GREEDY, "--json")
    assert answer.code == 0
    assert [json.loads(line)["event"] for line in answer.out.splitlines()] == [
        "TextsStarted",
        "TextWritten",
        "TextsFinished",
    ]
    assert json.loads((tmp_path / "o.jsonl").read_text(encoding="utf-8"))["prompt"] == "Era uma vez"


def test_what_makes_no_sense_is_refused_before_anything_is_written(mlxgpt, tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text('"a"\n', encoding="utf-8")
    assert mlxgpt("generate", "--prompts", path, "--output", path).code == 2
    assert mlxgpt("generate", "--prompts", path, "--batch-size", 0).code == 2
    assert mlxgpt("generate", "--prompts", path, "--top-p", 3).code == 2
    assert mlxgpt("generate", "--prompts", tmp_path / "nothing.jsonl").code != 0
    assert path.read_text(encoding="utf-8") == '"a"\n'


def test_one_prompt_can_have_many_texts(mlxgpt, tmp_path):
    out = tmp_path / "o.jsonl"
    options = ("--num-samples", 3, "--output", out, "--max-tokens", 4, "--seed", 1)
    assert mlxgpt("generate", "--prompt", "Era uma\nvez", *options).code == 0
    texts = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert [(text["sample"], text["prompt"]) for text in texts] == [(n, "Era uma\nvez") for n in range(3)]
    (tmp_path / "prefix.txt").write_text("Era uma", encoding="utf-8")
    answer = mlxgpt("generate", "--prompt", " vez", "--prefix", tmp_path / "prefix.txt", *GREEDY)
    assert json.loads(answer.out)["prompt"] == " vez"


@pytest.mark.parametrize(
    "options",
    [
        ("--prompts", "p.txt", "--prompt", "O"),
        ("--prompts", "p.txt", "--draft", "nano-pt"),
        ("--prompts", "p.txt", "--state", "s"),
        ("--prompts", "p.txt", "--show-tokens"),
        ("--prompts", "p.txt", "--educational"),
        ("--prompts", "p.txt", "--chunk-strategy", "fixed"),
        ("--num-samples", 2, "--draft", "nano-pt"),
        ("--batch-size", 2, "--prompt", "O"),
        ("--prefix-cache", "c", "--prompt", "O"),
        ("--state", "s", "--draft", "nano-pt"),
        ("--educational", "--draft", "nano-pt"),
        ("--educational", "--state", "s"),
    ],
)
def test_no_option_is_dropped_in_silence(options, mlxgpt, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.txt").write_text("O gato\n", encoding="utf-8")
    answer = mlxgpt("generate", *options, *GREEDY)
    assert answer.code == 2
    assert any(flag in answer.err for flag in options if str(flag).startswith("--"))
    assert answer.out == ""


def test_accents_are_readable_on_stdout_and_nothing_moves_the_cursor(mlxgpt, tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text('{"prompt": "Não", "metadata": "\\u202e\\u009b1m\\ud800"}\n', encoding="utf-8")
    out = mlxgpt("generate", "--prompts", path, *GREEDY).out
    assert "Não" in out or "N\\u00e3o" in out  # what a stream without UTF-8 can say
    assert not any(c in out for c in "\u202e\x9b\ud800")
    assert json.loads(out)["metadata"] == "\u202e\x9b1m\ud800"


def test_a_beginning_that_ends_in_a_space_is_warned_of(mlxgpt, tmp_path):
    (tmp_path / "p.txt").write_text("Era uma ", encoding="utf-8")
    answer = mlxgpt("generate", "--prompt", "vez", "--prefix", tmp_path / "p.txt", *GREEDY)
    assert answer.code == 0 and "ends in a space" in answer.err


def test_an_empty_task_is_said_to_be_empty(mlxgpt, tmp_path):
    (tmp_path / "empty.jsonl").write_text("", encoding="utf-8")
    answer = mlxgpt("eval", tmp_path / "empty.jsonl")
    assert answer.code != 0 and "is empty" in answer.err
