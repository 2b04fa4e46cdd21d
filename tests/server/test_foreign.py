"""A model that only mlx_lm knows, served: it writes, and says what it cannot show."""

import pytest
from foreign_models import GRANITE, make

pytest.importorskip("uvicorn", reason="pip install 'mlxgpt[server]'")


@pytest.fixture(scope="module")
def client(serve, tmp_path_factory):
    with serve(str(make(tmp_path_factory.mktemp("m") / "Tiny", GRANITE)), batch_size=2, max_tokens=20) as client:
        yield client


def test_it_writes_for_several_clients_what_it_writes_for_one(client):
    body = {"model": "Tiny", "max_tokens": 5, "temperature": 0}
    alone = [
        client.post("/v1/completions", json=body | {"prompt": text}).json()["choices"][0]["text"]
        for text in ("abc", "Fa", "b")
    ]
    together = client.post("/v1/completions", json=body | {"prompt": ["abc", "Fa", "b"]}).json()
    assert [choice["text"] for choice in together["choices"]] == alone
    assert together["usage"]["completion_tokens"] == 15


def test_what_needs_its_inside_is_refused_in_words(client):
    for path, body in (
        ("/v1/inspect/attention", {"text": "abc"}),
        ("/v1/inspect/lens", {"text": "abc"}),
        ("/v1/inspect/tokens", {"text": "abc"}),
    ):
        answer = client.post(path, json=body)
        assert answer.status_code in (400, 422, 501), path
        assert "not visible" in answer.json()["error"]["message"]
    refused = client.post("/v1/embeddings", json={"input": "abc", "model": "Tiny"})
    assert refused.status_code == 400 and "no embeddings" in refused.json()["error"]["message"]
    chunked = client.post("/v1/inspect/chunk", json={"text": "abc", "options": {"max_size": 2}})
    assert len(chunked.json()["chunks"]) == 2
    assert client.get("/health").json()["model"] == "Tiny"
