"""Files of prompts to files of texts: order, resuming, bad lines, shared beginnings."""

import json
import threading

import pytest

from mlxgpt.errors import DataError
from mlxgpt.events import GenerationFinished, TextRefused, TextsFinished, TextWritten
from mlxgpt.generation import prefix as shared
from mlxgpt.generation.config import read
from mlxgpt.generation.generate import generate
from mlxgpt.generation.many import write_texts
from mlxgpt.generation.prompts import prompts
from mlxgpt.tokenizer.base import begin_id

GREEDY = {"temperature": 0.0, "max_tokens": 6, "seed": 1}
LINES = [
    '{"id": "a", "prompt": "um"}', '"dois tres"', '{"prompt": "x", "max_tokens": 12, "temperature": 0.9, "seed": 7}', "",
    '{"prompt": "quatro", "metadata": {"k": 1}}', '{"id": "b", "prompt": "cinco"}',
]  # fmt: skip


@pytest.fixture(scope="module")
def model(make):
    return make(context_length=64)


def write(model, tokenizer, lines, output, settings=GREEDY, **options):
    return list(write_texts(model, tokenizer, list(prompts(lines, settings)), output, **{"batch_size": 2} | options))


def texts(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def test_texts_are_in_the_order_of_the_prompts_and_as_if_alone(model, tokenizer, tmp_path):
    output = tmp_path / "new" / "out.jsonl"
    events = write(model, tokenizer, LINES, output)
    found = texts(output)
    assert [text["id"] for text in found] == ["a", 2, 3, 5, "b"]
    assert found[3]["metadata"] == {"k": 1}
    for text, prompt in zip(found, ["um", "dois tres", "x", "quatro", "cinco"], strict=True):
        own = {"max_tokens": 12, "temperature": 0.9, "seed": 7} if prompt == "x" else {}
        alone = generate(model, tokenizer, [begin_id(tokenizer), *tokenizer.encode(prompt)], read(GREEDY, own))
        (finished,) = of(GenerationFinished, alone)
        assert (text["text"], text["reason"], text["tokens"]) == (finished.text, finished.reason, finished.tokens)
    (end,) = of(TextsFinished, events)
    assert (end.written, end.refused, end.stopped) == (5, 0, False)


def test_a_bad_line_is_refused_and_the_others_go_on(model, tokenizer, tmp_path):
    lines = [
        '"um"', "{", '{"prompt": 3}', '{"prompt": "x", "temprature": 1}', '{"prompt": "x", "top_p": 9}', "[1]", '{"id": []}',
        '{"id": 1, "prompt": "again"}', '{"messages": [{"role": "nobody", "content": "x"}]}', '"\\ud800"', '"dois"',
    ]  # fmt: skip
    events = write(model, tokenizer, lines, tmp_path / "out.jsonl")
    assert [text["prompt"] for text in texts(tmp_path / "out.jsonl")] == ["um", "dois"]
    refused = {event.line: event.message + event.hint for event in of(TextRefused, events)}
    assert sorted(refused) == list(range(2, 11))
    assert "temperature" in refused[4]
    assert "nobody" in refused[9]
    assert "surrogate" in refused[10]
    assert of(TextsFinished, events)[0].refused == 9


def test_what_is_there_already_is_not_written_again(model, tokenizer, tmp_path):
    whole, output = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    write(model, tokenizer, LINES, whole)
    lines = whole.read_text(encoding="utf-8").splitlines(keepends=True)
    output.write_text("".join(lines[:2]) + lines[2][:20], encoding="utf-8")  # a crash came in between
    events = write(model, tokenizer, LINES, output)
    assert [event.id for event in of(TextWritten, events)] == [3, 5, "b"]
    assert of(TextsFinished, events)[0].skipped == 2
    assert output.read_text(encoding="utf-8") == whole.read_text(encoding="utf-8")


def test_stopping_leaves_a_beginning_that_can_be_taken_up(model, tokenizer, tmp_path):
    stop, output = threading.Event(), tmp_path / "out.jsonl"
    job = write_texts(model, tokenizer, list(prompts(LINES, GREEDY)), output, batch_size=1, stop=stop)
    for event in job:
        if isinstance(event, TextWritten):
            stop.set()
        last = event
    assert last.stopped
    assert len(texts(output)) == 1
    write(model, tokenizer, LINES, output)
    assert [text["id"] for text in texts(output)] == ["a", 2, 3, 5, "b"]


def test_another_prompt_under_a_known_id_is_refused(model, tokenizer, tmp_path):
    write(model, tokenizer, ['{"id": 1, "prompt": "um"}'], tmp_path / "out.jsonl")
    events = write(model, tokenizer, ['{"id": 1, "prompt": "outro"}'], tmp_path / "out.jsonl")
    assert "another prompt" in of(TextRefused, events)[0].message


def test_an_output_of_something_else_is_left_alone(model, tokenizer, tmp_path):
    (tmp_path / "notes.txt").write_text("mine\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 1"):
        write(model, tokenizer, LINES, tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine\n"


def test_samples_of_a_prompt_have_seeds_of_their_own(model, tokenizer, tmp_path):
    write(
        model, tokenizer, ['"um"'], tmp_path / "out.jsonl", {"temperature": 1.0, "seed": 5, "max_tokens": 8}, samples=3
    )
    found = texts(tmp_path / "out.jsonl")
    assert [(text["sample"], text["seed"]) for text in found] == [(0, 5), (1, 6), (2, 7)]
    assert len({text["text"] for text in found}) == 3


def test_a_shared_beginning_changes_nothing_but_the_work(model, tokenizer, tmp_path):
    ids = [begin_id(tokenizer), *tokenizer.encode("era uma vez ")]
    first, known = shared.cached(tmp_path, model, tokenizer, ids)
    assert not known
    again, known = shared.cached(tmp_path, model, tokenizer, ids)
    assert known
    plain = write(model, tokenizer, ['"era uma vez um"', '"era uma vez outra coisa"'], None)
    for beginning in (first, again):
        events = write(model, tokenizer, ['"um"', '"outra coisa"'], None, prefix=beginning)
        assert [event.text for event in of(TextWritten, events)] == [event.text for event in of(TextWritten, plain)]


def test_a_damaged_or_foreign_file_of_a_beginning_is_made_again(make, model, tokenizer, tmp_path):
    ids = tokenizer.encode("era uma vez")
    shared.cached(tmp_path, model, tokenizer, ids)
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-9])
    assert not shared.cached(tmp_path, model, tokenizer, ids)[1]
    assert shared.cached(tmp_path, model, tokenizer, ids)[1]
    assert not shared.cached(tmp_path, make("none", context_length=64), tokenizer, ids)[1]
