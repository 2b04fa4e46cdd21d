"""A server on a free port of this machine, with the shipped model or another."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2 as httpx
import pytest

from mlxgpt.server.config import ServeConfig

uvicorn = pytest.importorskip("uvicorn", reason="pip install 'mlxgpt[server]'")


@contextmanager
def serving(word: str = "nano-pt", **options: Any) -> Iterator[httpx.Client]:
    """A client of a server with these options; its service as `client.service`."""
    from mlxgpt.server.app import build
    from mlxgpt.server.serve import listen
    from mlxgpt.server.service import Service

    config = ServeConfig(port=0, **options)
    listener = listen(config.host, config.port)
    service = Service(word, device="cpu", batch_size=config.batch_size, queue=config.queue)
    server = uvicorn.Server(uvicorn.Config(
        build(service, config), log_level="critical", lifespan="off", timeout_graceful_shutdown=2, ws="none"
    ))  # fmt: skip
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    host, port = listener.getsockname()[:2]
    client = httpx.Client(base_url=f"http://{host}:{port}", timeout=60)
    client.service = service
    try:
        for _ in range(200):
            if server.started:
                break
            time.sleep(0.02)
        yield client
    finally:
        client.close()
        server.should_exit = True
        thread.join(timeout=60)
        assert not thread.is_alive(), "the server does not end"
        service.close()
        listener.close()


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    with serving(batch_size=8, queue=8, max_tokens=200) as client:
        yield client


@pytest.fixture(scope="session")
def serve():
    return serving
