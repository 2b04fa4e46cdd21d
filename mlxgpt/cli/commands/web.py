"""`mlxgpt web`: the full-screen app in a browser."""

from typing import Annotated

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("web")(web)


def web(
    model: options.Model = "nano-pt",
    host: Annotated[str, typer.Option(help="Where to listen; beyond this machine others may come.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port; 0 takes a free one.")] = 8000,
    device: options.Device = "auto",
) -> None:
    """The full-screen app in a browser, at an address that nobody else knows."""
    import asyncio
    import shlex
    import signal
    import sys

    from mlxgpt.cli import output
    from mlxgpt.server.serve import listen
    from mlxgpt.server.web import WebConfig, make_app, serve

    command = shlex.join([sys.executable, "-m", "mlxgpt", "tui", "--model", model, "--device", device])
    config = WebConfig(command=command, host=host, port=port)
    make_app(config)  # what is missing is said before anything is taken
    listener = listen(host, port)
    address = listener.getsockname()
    shown = f"[{address[0]}]" if ":" in address[0] else address[0]
    say = output.narrator()
    say.print(f"http://{shown}:{address[1]}/{config.token}/", highlight=False, markup=False, soft_wrap=True)
    if not config.local:
        say.print(
            "Other machines can reach this address.  Whoever learns it uses the app as you: it reads and writes your files, "
            "and nothing on the way is encrypted.",
            style="yellow", highlight=False,
        )  # fmt: skip
    say.print("Ctrl-C stops.", highlight=False)

    async def run() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await serve(config, listener, stop)

    try:
        asyncio.run(run())
    finally:
        listener.close()
