"""What is not let in, and what is answered to what makes no sense."""

import json

import pytest

from mlxgpt.errors import ConfigError
from mlxgpt.server.config import ServeConfig

GOOD = {"prompt": "a", "max_tokens": 1}
USER = [{"role": "user", "content": "a"}]


def code(client, method="POST", path="/v1/completions", headers=None, **options):
    return client.request(method, path, headers=headers, **options).status_code


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({"prompt": 3}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ["a", 3]}, "prompt"),
        ({"prompt": [[]]}, "prompt"),
        ({"prompt": [999_999]}, "token id 999999"),
        ({"prompt": [-1]}, "token id -1"),
        ({"prompt": "a", "temprature": 1}, "temperature"),
        ({"prompt": "a", "temperature": "hot"}, "temperature"),
        ({"prompt": "a", "temperature": 99}, "temperature"),
        ({"prompt": "a", "temperature": float("nan")}, "temperature"),
        ({"prompt": "a", "top_p": -1}, "top_p"),
        ({"prompt": "a", "max_tokens": 0}, "max_tokens"),
        ({"prompt": "a", "max_tokens": 10**6}, "from 1 to 200"),
        ({"prompt": "a", "max_tokens": True}, "max_tokens"),
        ({"prompt": "a", "n": 99}, "n is"),
        ({"prompt": "a", "stop": [1]}, "stop"),
        ({"prompt": "a", "stop": [""]}, "stop"),
        ({"prompt": "a", "logprobs": 99}, "probabilities"),
        ({"prompt": "a", "stream": 1}, "stream"),
        ({"prompt": "a", "frequency_penalty": 1.0}, "frequency_penalty"),
        ({"prompt": "a", "echo": True, "logprobs": 1, "stream": True}, "not streamed"),
        ({"prompt": "a", "max_tokens": "x"}, "from 1 to 200; serve --max-tokens"),
        ({"prompt": "a", "seed": "x"}, "seed"),
        ({"prompt": "palavra " * 300}, "model sees 256"),
        ({"prompt": "\ud800"}, "surrogate"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_completion_that_makes_no_sense_is_refused_with_its_reason(client, body, word):
    answer = client.post("/v1/completions", content=json.dumps(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == 400, answer.text
    assert word in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "body",
    [
        {"messages": []},
        {"messages": [{"role": "nobody", "content": "a"}]},
        {"messages": [{"role": "user", "content": 3}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
        {"messages": USER, "tools": [{}]},
        {"messages": USER, "top_logprobs": 3},
        {"messages": USER, "response_format": {"type": "json_object"}},
    ],
    ids=str,
)
def test_a_chat_that_makes_no_sense_is_refused(client, body):
    assert code(client, path="/v1/chat/completions", json=body) == 400


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 5000, b"null"])
def test_bodies_that_are_no_object_are_refused(client, content):
    assert code(client, content=content, headers={"Content-Type": "application/json"}) == 400


def test_paths_and_methods_that_are_not_there(client):
    assert code(client, "GET", "/v1/nothing") == 404
    assert code(client, "GET", "/v1/completions") == 405
    assert code(client, json=GOOD | {"model": "gpt-4"}) == 404


def test_a_body_beyond_the_limit_is_not_read(client):
    assert code(client, json={"prompt": "a" * (1 << 20)}) == 413
    pieces = (b" " * 65536 for _ in range(20))  # no length was promised
    assert code(client, content=pieces, headers={"Content-Type": "application/json"}) == 413


def test_only_json_is_read(client):
    assert code(client, content=b"{}", headers={"Content-Type": "text/plain"}) == 415
    assert code(client, content=b"{}") == 415


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.evil.example", ""]
)
def test_other_names_for_this_machine_are_refused(client, host):
    assert code(client, "GET", "/v1/models", headers={"Host": host}) == 403


@pytest.mark.parametrize("host", ["localhost", "localhost:9", "127.0.0.1:80", "[::1]:80", "LOCALHOST"])
def test_its_own_names_are_known(client, host):
    assert code(client, "GET", "/v1/models", headers={"Host": host}) == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:3000"])
def test_web_pages_are_refused_unless_named(client, origin):
    assert code(client, json=GOOD, headers={"Origin": origin}) == 403
    answer = client.options("/v1/completions", headers={"Origin": origin, "Access-Control-Request-Method": "POST"})
    assert "access-control-allow-origin" not in answer.headers


def test_a_key_and_a_page_that_were_named(serve):
    page = "http://localhost:3000"
    with serve(api_key="segredo", cors_origins=(page,)) as client:
        assert code(client, json=GOOD) == 401
        for wrong in ("Bearer segred", "Bearer segredoo", "segredo", "Bearer é", "Basic segredo"):
            assert code(client, json=GOOD, headers={"Authorization": wrong.encode()}) == 401
        key = {"Authorization": "Bearer segredo"}
        assert code(client, json=GOOD, headers=key) == 200
        assert code(client, "GET", "/health") == 200
        assert client.get("/v1/models", headers=key | {"Origin": page}).headers["access-control-allow-origin"] == page
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
            "Origin": page,
        }
        assert client.options("/v1/completions", headers=asked).headers["access-control-allow-origin"] == page
        assert code(client, json=GOOD, headers=key | {"Origin": "http://localhost:3001"}) == 403


@pytest.mark.parametrize(
    "options",
    [{"host": "0.0.0.0"}, {"host": "::"}, {"port": 70000}, {"batch_size": 0}, {"cors_origins": ("*",)}],
    ids=str,
)
def test_settings_that_would_be_unsafe_or_make_no_sense_are_refused(options):
    with pytest.raises(ConfigError):
        ServeConfig(**options)


def test_a_port_that_is_taken_is_said(client, mlxgpt):
    answer = mlxgpt("serve", "--port", client.base_url.port)
    assert answer.code == 2
    assert "--port" in answer.err
