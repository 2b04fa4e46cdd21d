"""The commands and the program of docs/serving.md and docs/evaluation.md, as they stand there."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


def blocks(page, language):
    text = (DOCS / page).read_text(encoding="utf-8")
    found = re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [body for word, body in found if word == language]


def curls():
    return [line for block in blocks("serving.md", "sh") for line in block.splitlines() if line.startswith("curl")]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("line", curls(), ids=lambda line: re.search(r"/v1/\S+", line)[0])
def test_curl_commands_are_answered(client, workplace, line):
    command = line.replace("http://127.0.0.1:8080", str(client.base_url).rstrip("/"))
    done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=True, timeout=60)
    if "-sN" in line:
        assert done.stdout.rstrip().endswith("data: [DONE]")
    else:
        answer = json.loads(done.stdout)
        assert "error" not in answer


def test_the_python_program_prints_an_answer(client):
    (program,) = blocks("serving.md", "python")
    program = program.replace("http://127.0.0.1:8080", str(client.base_url).rstrip("/"))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "modelo de linguagem" in done.stdout


def test_the_commands_over_files_of_prompts_work(mlxgpt, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (lines,) = blocks("serving.md", "json")
    Path("prompts.jsonl").write_text(lines, encoding="utf-8")
    Path("prompts.txt").write_text("Um gato\nUma casa\n", encoding="utf-8")
    Path("beginning.txt").write_text("Era uma vez. ", encoding="utf-8")
    commands = [line for block in blocks("serving.md", "") for line in block.splitlines() if "--prompts" in line]
    assert len(commands) == 3
    for command in commands:
        answer = mlxgpt(*shlex.split(command)[1:])
        assert answer.code == 0, answer.err
    assert len(Path("texts.jsonl").read_text(encoding="utf-8").splitlines()) == 3
    assert len(Path("four.jsonl").read_text(encoding="utf-8").splitlines()) == 12
    assert len(answer.out.splitlines()) == 2
    assert list(Path("cache").iterdir())
