"""A look inside over HTTP, and runs as they train."""

import json
import threading

import pytest

from mlxgpt.events import RunFinished, RunStarted, from_json
from mlxgpt.server import watching

TEXT = "Era uma vez um gato."


def look(client, kind, **body):
    return client.post(f"/v1/inspect/{kind}", json=body)


def test_tokens_say_how_surprising_each_is(client):
    report = look(client, "tokens", text=TEXT, top=3).json()
    assert "".join(report["passage"]["pieces"][1:]) == TEXT
    assert report["surprisal"][0] is None
    assert len(report["top"][1]) == 3
    assert report["surprisal"][3] < 1  # "vez" after "Era uma"


def test_attention_rows_sum_to_one(client):
    report = look(client, "attention", text=TEXT).json()
    pattern = report["pattern"]
    assert (len(pattern), len(pattern[0])) == (5, 6)
    assert all(sum(row) == pytest.approx(1, abs=1e-4) for head in pattern[2] for row in head)


def test_the_lens_ends_with_the_model_itself(client):
    report = look(client, "lens", text=TEXT, top=2).json()
    assert len(report["rank"]) == 6
    assert report["divergence"][-1] == pytest.approx([0] * len(report["passage"]["ids"]), abs=1e-4)


def test_chunks_are_pieces_of_the_text(client):
    text = "Um gato dormiu. " * 30
    chunks = look(client, "chunk", text=text, strategy="fixed", options={"max_size": 20}).json()["chunks"]
    assert len(chunks) > 3
    assert all(text[chunk["start"] : chunk["end"]] == chunk["text"] and chunk["n_tokens"] <= 20 for chunk in chunks)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("nothing", {"text": "a"}), ("tokens", {}), ("tokens", {"text": 3}), ("tokens", {"text": ""}),
        ("tokens", {"text": "a b", "top": 0}), ("tokens", {"text": "palavra " * 300}), ("lens", {"text": "a b", "topp": 1}),
        ("chunk", {"text": "a", "strategy": "nothing"}), ("chunk", {"text": "a", "options": {"max_size": -1}}),
        ("chunk", {"text": "a", "options": []}), ("attention", {"text": "a b c " * 200, "cut": True}),
    ],
    ids=str,
)  # fmt: skip
def test_what_makes_no_sense_is_refused(client, kind, body):
    answer = look(client, kind, **body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]


def told(client, path):
    with client.stream("GET", path) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        return [from_json(json.loads(line[6:])) for line in answer.iter_lines() if line.startswith("data: ")]


def test_a_run_is_told_as_it_was_and_as_it_trains(client, workplace, monkeypatch):
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.01)
    workplace.train(steps=2, out=workplace.runs / "first")
    assert [run["id"] for run in client.get("/v1/runs").json()["data"]] == ["first"]
    events = told(client, "/v1/runs/first/events")
    assert isinstance(events[-1], RunFinished)
    assert any(isinstance(event, RunStarted) for event in events)
    whole = (workplace.runs / "first" / "events.jsonl").read_bytes()
    path = workplace.runs / "first" / "events.jsonl"
    path.write_bytes(whole[: len(whole) // 2])  # half of it is still to come

    def rest():
        with path.open("ab") as file:
            file.write(whole[len(whole) // 2 :])

    timer = threading.Timer(0.3, rest)
    timer.start()
    assert told(client, "/v1/runs/first/events?follow=1") == events
    timer.join()


@pytest.mark.parametrize("name", ["nothing", "..", "%2e%2e%2fetc", "first%2f..%2ffirst"])
def test_only_names_of_runs_are_known(client, workplace, name):
    assert client.get(f"/v1/runs/{name}/events").status_code == 404
