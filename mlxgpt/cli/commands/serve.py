"""`mlxgpt serve`: a model behind OpenAI's HTTP interface."""

from typing import Annotated

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(serve)


def serve(
    model: options.Model = "nano-pt",
    host: Annotated[str, typer.Option(help="Where to listen; beyond this machine only with an API key.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.")] = 8080,
    api_key: Annotated[
        str, typer.Option(envvar="MLXGPT_API_KEY", help="What clients must send; better set MLXGPT_API_KEY.")
    ] = "",
    batch_size: Annotated[int, typer.Option(help="Most texts written side by side.")] = 16,
    queue: Annotated[int, typer.Option(help="Most texts that wait; more are told to come back later.")] = 64,
    kv_bits: options.KvBits = None,
    max_tokens: Annotated[int, typer.Option(help="Most tokens of one text.")] = 2048,
    max_body_bytes: Annotated[int, typer.Option(help="Largest request.")] = 1 << 20,
    cors_origin: Annotated[
        list[str] | None, typer.Option(help="A web page that may call from a browser; may be given several times.")
    ] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A name of this server besides localhost; may be given several times.")
    ] = None,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Serve a model to OpenAI's clients: chat, completions, embeddings, and a look inside."""
    from mlxgpt.cli import output
    from mlxgpt.server.config import ServeConfig
    from mlxgpt.server.serve import serve as run

    config = ServeConfig(
        host=host, port=port, api_key=api_key, batch_size=batch_size, queue=queue, kv_bits=kv_bits or 0, max_tokens=max_tokens,
        max_body_bytes=max_body_bytes, cors_origins=tuple(cors_origin or ()), allowed_hosts=tuple(allow_host or ()),
    )  # fmt: skip

    def started(name: str, address: str) -> None:
        if json:
            output.print_json({"model": name, "address": address})
        else:
            line = f"{name} is served at {address}/v1 (Ctrl-C stops)"
            output.narrator().print(line, highlight=False, markup=False, soft_wrap=True)

    run(model, config, device=device, started=started)
