"""`mlxgpt tui`: the full-screen app; also what bare `mlxgpt` does on a terminal."""

import os
import sys
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
    session: Annotated[
        str, typer.Option(help="Conversation to go on with: new, last, or the number of one that was kept.")
    ] = "new",
    keys: Annotated[
        bool, typer.Option("--keys", help="List every key with the id it has in the settings file.")
    ] = False,
    device: options.Device = "auto",
) -> None:
    """Chat with a model and see it think: the full-screen app."""
    from mlxgpt.errors import ConfigError, nearest
    from tui.app import MlxgptApp

    if keys:
        show_keys()
        return
    # Textual reads keys from stdin and draws on stderr; in a browser a driver stands for both.
    if not (os.environ.get("TEXTUAL_DRIVER") or (sys.stdin.isatty() and sys.stderr.isatty())):
        raise ConfigError("The app needs a terminal to draw on.", hint="mlxgpt chat and the other commands do not.")
    if page not in MlxgptApp.MODES:
        raise ConfigError(f"There is no page {page!r}.", hint=nearest(page, MlxgptApp.MODES))
    if session not in ("new", "last") and not session.isdecimal():
        raise ConfigError(f"There is no conversation {session!r}.", hint="Give new, last, or a number.")
    app = MlxgptApp(model, device=device, page=page, session=session)
    app.run()
    if app.return_code:  # a signal ended it, or a defect
        raise typer.Exit(app.return_code)


def show_keys() -> None:
    """Every key there is, and where it can be changed."""
    from mlxgpt.backend import places
    from mlxgpt.cli import output
    from tui import keymap, themes

    settings = keymap.read(places.settings(), {theme.name: theme for theme in themes.THEMES})
    rows = keymap.listing(settings)
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    for name, pressed, what in rows:
        output.printer().print(f"{name:{widths[0]}}  {pressed:{widths[1]}}  {what}".rstrip(), markup=False)
    say = output.narrator()
    for notice in settings.notices:
        say.print(notice, style="yellow", markup=False, highlight=False)
    say.print(
        f'They are changed in {places.settings()}, under [keys]: "chat.stop" = "ctrl+x"', markup=False, highlight=False
    )
