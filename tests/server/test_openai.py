"""The server against OpenAI's own client, and against writing without a server."""

import base64
import json
import math
import threading
import time

import mlx.core as mx
import numpy as np
import openai
import pytest

from mlxgpt import jobs
from mlxgpt.events import GenerationFinished, TokenGenerated

ASK = {"prompt": "Era uma vez", "max_tokens": 12, "temperature": 0}


@pytest.fixture(scope="module")
def api(client):
    with openai.OpenAI(base_url=f"{client.base_url}/v1", api_key="none", max_retries=0) as api:
        yield api


def post(client, path="/v1/completions", **body):
    return client.post(path, json=body)


@pytest.fixture(scope="module")
def alone():
    """What `mlxgpt generate` says to the same."""
    return list(jobs.generate("nano-pt", "Era uma vez", {"max_tokens": 12, "temperature": 0.0, "show_tokens": True}))


def test_the_model_is_listed(api):
    (model,) = api.models.list().data
    assert (model.id, model.object, model.owned_by) == ("nano-pt", "model", "mlxgpt")
    assert api.models.retrieve("nano-pt").id == "nano-pt"
    with pytest.raises(openai.NotFoundError, match="nano-pt"):
        api.models.retrieve("gpt-4")


def test_a_completion_is_what_generate_writes(api, alone):
    answer = api.completions.create(model="nano-pt", logprobs=3, **ASK)
    (choice,) = answer.choices
    assert choice.text == alone[-1].text
    assert choice.finish_reason == "length"
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens, answer.usage.total_tokens) == (4, 12, 16)
    tokens = [event for event in alone if isinstance(event, TokenGenerated)]
    assert choice.logprobs.tokens == [token.token for token in tokens]
    assert choice.logprobs.token_logprobs == pytest.approx([math.log(token.probability) for token in tokens], abs=1e-3)
    assert [len(top) for top in choice.logprobs.top_logprobs] == [3] * 12
    assert [max(top, key=top.get) for top in choice.logprobs.top_logprobs] == choice.logprobs.tokens
    assert [choice.text[at] for at in choice.logprobs.text_offset] == [token.text[0] for token in tokens]


def test_a_stream_gives_the_same_text_in_pieces(api, alone):
    stream = api.completions.create(model="nano-pt", stream=True, stream_options={"include_usage": True}, **ASK)
    pieces = list(stream)
    assert "".join(piece.choices[0].text for piece in pieces if piece.choices) == alone[-1].text
    assert [piece.choices[0].finish_reason for piece in pieces if piece.choices][-1] == "length"
    assert len(pieces) > 5
    assert pieces[-1].usage.completion_tokens == 12


def test_a_chat_answers_and_ends_by_itself(api):
    messages = [{"role": "user", "content": "Oi! Quem é você?"}]
    answer = api.chat.completions.create(
        model="nano-pt", messages=messages, temperature=0, logprobs=True, top_logprobs=2
    )
    (choice,) = answer.choices
    (expected,) = [
        event
        for event in jobs.open_chat("nano-pt", {"temperature": 0.0}).say("Oi! Quem é você?")
        if isinstance(event, GenerationFinished)
    ]
    assert choice.message.role == "assistant"
    assert choice.message.content == expected.text
    assert choice.finish_reason == "stop"
    data = b"".join(bytes(token.bytes) for token in choice.logprobs.content)
    assert data.decode() == expected.text
    assert all(len(token.top_logprobs) == 2 for token in choice.logprobs.content)
    stream = api.chat.completions.create(model="nano-pt", messages=messages, temperature=0, stream=True)
    pieces = list(stream)
    assert pieces[0].choices[0].delta.role == "assistant"
    assert "".join(piece.choices[0].delta.content or "" for piece in pieces) == expected.text


def test_content_in_parts_and_a_developer_are_understood(api):
    def say(content, role="system"):
        messages = [{"role": role, "content": "Seja breve."}, {"role": "user", "content": content}]
        made = api.chat.completions.create(model="nano-pt", messages=messages, temperature=0, max_completion_tokens=8)
        return made.choices[0].message.content

    assert say([{"type": "text", "text": "Oi!"}], "developer") == say("Oi!")


def test_the_same_seed_gives_the_same_text_and_choices_differ(api):
    ask = {"model": "nano-pt", "prompt": "O gato", "max_tokens": 10, "seed": 5, "n": 3, "temperature": 1.0}
    first, again = (api.completions.create(**ask) for _ in range(2))
    texts = [choice.text for choice in first.choices]
    assert texts == [choice.text for choice in again.choices]
    assert len(set(texts)) == 3
    assert [choice.index for choice in first.choices] == [0, 1, 2]


def test_a_stop_text_ends_the_text_before_it(api, alone):
    word = alone[-1].text.split()[2]
    answer = api.completions.create(model="nano-pt", stop=[word], **ASK)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].text == alone[-1].text[: alone[-1].text.index(word)]


def test_several_prompts_ids_and_echo(api):
    ids = [token for token, _ in jobs.tokenize("nano-pt", "O gato")]
    answer = api.completions.create(
        model="nano-pt", prompt=["O gato", "A menina"], max_tokens=4, temperature=0, echo=True
    )
    assert [choice.text[:6] for choice in answer.choices] == ["O gato", "A meni"]
    assert (
        api.completions.create(model="nano-pt", prompt=[3, *ids], max_tokens=4, temperature=0).choices[0].text
        == (answer.choices[0].text[6:])
    )


def test_no_log_probability_is_told_of_a_token_behind_the_end(api, alone):
    text = alone[-1].text
    for stop in (text.split()[2], text[8:11]):
        ask = {"model": "nano-pt", "stop": [stop], "logprobs": 1, **ASK}
        whole = api.completions.create(**ask).choices[0]
        pieces = [piece.choices[0] for piece in api.completions.create(stream=True, **ask)]
        assert whole.text == "".join(piece.text for piece in pieces) == text[: text.index(stop)]
        streamed = [token for piece in pieces for token in piece.logprobs.tokens]
        assert streamed == whole.logprobs.tokens
        told = "".join(token.token for token in alone if hasattr(token, "token"))
        assert told.startswith("".join(streamed))
        assert len("".join(streamed[:-1])) < len(whole.text) <= len("".join(streamed))


def test_the_prompt_is_judged_where_it_is_echoed_with_log_probabilities(api):
    from mlxgpt import checkpoint, runs

    model, tokenizer = checkpoint.load_to_run(runs.find_model("nano-pt"), "cpu")
    text = "O gato dormiu no sofá."
    ids = tokenizer.encode(text)
    logits = model(mx.array([[tokenizer.eos_id, *ids]]))[0]
    logits = np.array(logits - mx.logsumexp(logits, axis=-1, keepdims=True))
    wanted = [logits[i, token] for i, token in enumerate(ids)]
    ask = {"model": "nano-pt", "echo": True, "logprobs": 1, "temperature": 0}
    for prompt, left in ((text, []), ([tokenizer.eos_id, *ids], [None])):
        for most in (0, 1):  # lm-eval's local-completions asks for 1 and cuts it off
            choice = api.completions.create(prompt=prompt, max_tokens=most, **ask).choices[0]
            odds = choice.logprobs.token_logprobs
            assert len(odds) == len(left) + len(ids) + most == len(choice.logprobs.tokens)
            assert odds[: len(left)] == left
            assert odds[len(left) :][: len(ids)] == pytest.approx(wanted, abs=1e-4)
            best = [max(top, key=top.get) for top in choice.logprobs.top_logprobs[len(left) :]]
            assert best[: len(ids)] == [tokenizer.token_text(int(row.argmax())) for row in logits[: len(ids)]]
    assert api.completions.create(prompt=text, max_tokens=0, **ask).choices[0].text == text


def test_embeddings_have_length_one_in_both_formats(api, client):
    texts = ["O gato dormiu no sofá.", "O gato dormiu na cama.", "Quanto é 2 + 3?"]
    made = api.embeddings.create(model="nano-pt", input=texts)
    vectors = np.array([each.embedding for each in made.data])
    assert vectors.shape == (3, 192)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    near = vectors @ vectors.T
    assert near[0, 1] > near[0, 2]
    packed = post(client, "/v1/embeddings", input=texts[0], encoding_format="base64").json()["data"][0]["embedding"]
    alone = np.frombuffer(base64.b64decode(packed), np.float32)
    assert alone == pytest.approx(vectors[0], abs=1e-5)  # a batch changes nothing


def test_many_at_once_are_each_answered_as_if_alone(client):
    prompts = [f"O menino viu {word}" for word in ("o mar", "um rio", "a lua", "um gato", "a casa", "um pato azul")]

    def text(prompt):
        return post(client, prompt=prompt, max_tokens=20, temperature=0).json()["choices"][0]["text"]

    expected = [text(prompt) for prompt in prompts]
    found = {}
    threads = [threading.Thread(target=lambda p=p: found.update({p: text(p)})) for p in prompts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[prompt] for prompt in prompts] == expected


def idle(client):
    """Waits until nothing is written any more."""
    for _ in range(200):
        if client.get("/health").json()["texts"] == 0:
            return
        time.sleep(0.02)
    raise AssertionError(client.get("/health").json())


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_frees_its_place(client, stream):
    batcher = client.service._batcher
    body = {"prompt": "Era uma vez", "max_tokens": 200, "temperature": 1.5, "stream": stream, "n": 4}
    if stream:
        with client.stream("POST", "/v1/completions", json=body) as answer:
            next(answer.iter_lines())
    else:
        with pytest.raises(Exception, match="timed out"):
            client.post("/v1/completions", json=body, timeout=0.15)
    idle(client)
    client.service.engine.call(lambda: None).result()
    for _ in range(100):
        if not batcher.busy:
            break
        time.sleep(0.02)
    assert not batcher.busy
    assert not client.service._streams


def test_more_than_may_wait_are_told_to_come_back(client):
    assert post(client, prompt=["a"] * 9, n=2, max_tokens=2).status_code == 400  # not even when nobody else is there
    gate = threading.Event()
    client.service.engine.call(gate.wait)  # the engine is busy with something else
    waiting = threading.Thread(target=post, args=[client], kwargs={"prompt": ["a"] * 8, "n": 2, "max_tokens": 2})
    waiting.start()
    while client.get("/health").json()["texts"] < 16:
        time.sleep(0.02)
    answer = post(client, **ASK)
    gate.set()
    waiting.join()
    assert answer.status_code == 429
    assert answer.json()["error"]["code"] == "queue_full"
    assert answer.headers["retry-after"] == "1"
    assert post(client, **ASK).status_code == 200


def test_a_failure_of_the_model_is_told_and_the_next_request_works(client, monkeypatch):
    batcher = client.service._batcher
    monkeypatch.setattr(batcher, "_step", lambda: 1 / 0)
    with pytest.raises(openai.InternalServerError):
        openai.OpenAI(base_url=f"{client.base_url}/v1", api_key="x", max_retries=0).completions.create(
            model="nano-pt", **ASK
        )
    assert post(client, **ASK).status_code == 200
    assert client.service._batcher is not batcher


def test_a_failure_in_a_stream_is_told_in_it(client, monkeypatch):
    monkeypatch.setattr(client.service._batcher, "_step", lambda: 1 / 0)
    with client.stream("POST", "/v1/completions", json=ASK | {"stream": True}) as answer:
        lines = [line for line in answer.iter_lines() if line]
    assert json.loads(lines[-1].removeprefix("data: "))["error"]["type"] == "server_error"
    idle(client)
