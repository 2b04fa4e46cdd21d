"""`mlxgpt data`: from text to what training reads."""

import typer

from mlxgpt.cli.commands import data_build, data_clean, data_fetch, data_stats


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(help="Make datasets of text, and look at them.", no_args_is_help=True, rich_markup_mode=None)
    data_clean.register(group)
    data_fetch.register(group)
    data_build.register(group, app)
    data_stats.register(group)
    app.add_typer(group, name="data")
