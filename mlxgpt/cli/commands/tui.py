"""`mlxgpt tui`: the full-screen app; also what bare `mlxgpt` does on a terminal."""

from typing import Annotated

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("tui")(tui)


def tui(
    model: options.Model = "nano-pt",
    page: Annotated[
        str, typer.Option(help="Page to begin with: chat, inspect, tokens, chunks, train, model or learn.")
    ] = "chat",
    device: options.Device = "auto",
) -> None:
    """Chat with a model and see it think: the full-screen app."""
    from mlxgpt.errors import ConfigError, nearest
    from tui.app import MlxgptApp

    if page not in MlxgptApp.MODES:
        raise ConfigError(f"There is no page {page!r}.", hint=nearest(page, MlxgptApp.MODES))
    MlxgptApp(model, device=device, page=page).run()
