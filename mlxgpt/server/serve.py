"""A service and its application, run by uvicorn until it is told to stop."""

import socket
from collections.abc import Callable

from mlxgpt.errors import ConfigError, MissingExtra
from mlxgpt.server.config import ServeConfig
from mlxgpt.server.service import Service


def serve(model: str, config: ServeConfig, *, device: str = "auto", started: Callable[[str, str], object]) -> None:
    """Serve `model` until Ctrl-C; `started` is told its name and the address once clients can come.

    Raises `ConfigError` when the address is taken, `MissingExtra` without the packages of the extra `server`.
    """
    try:
        import uvicorn

        from mlxgpt.server.app import build
    except ImportError:
        raise MissingExtra("Serving needs starlette and uvicorn.", hint="pip install 'mlxgpt[server]'") from None
    listener = listen(config.host, config.port)
    try:
        service = Service(
            model, device=device, batch_size=config.batch_size, queue=config.queue, kv_bits=config.kv_bits
        )
    except BaseException:
        listener.close()
        raise
    try:
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        server = uvicorn.Server(uvicorn.Config(
            build(service, config), log_level="warning", access_log=False, server_header=False, lifespan="off",
            limit_concurrency=4 * (config.batch_size + config.queue), timeout_keep_alive=10, timeout_graceful_shutdown=5,
        ))  # fmt: skip
        started(service.name, f"http://{shown}:{port}")
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        pass
    finally:
        service.close()
        listener.close()


def listen(host: str, port: int) -> socket.socket:
    """The socket that is listened at, taken before anything slow is done: its address may be told now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # whoever comes before the server is up waits for it
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"{host}:{port} cannot be listened at: {error.strerror or error}.",
            hint="Choose another --port.",
        ) from None
    return listener
