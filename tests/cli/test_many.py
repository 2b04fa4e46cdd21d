"""`mlxgpt generate` over a file of prompts: stdout, stderr and exit codes."""

import json

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
