"""`mlxgpt doctor`: the machine as mlxgpt sees it."""

import typer

from mlxgpt.cli import options


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(doctor)


def doctor(device: options.Device = "auto", json: options.Json = False) -> None:
    """Say what this machine offers, what is slow or missing, and what to do about it."""
    from rich.table import Table
    from rich.text import Text

    from mlxgpt import jobs
    from mlxgpt.cli import output
    from mlxgpt.display.problems import problem_panel
    from mlxgpt.text import visible

    report = jobs.examine_machine(device)
    if json:
        output.print_json(report.to_json())
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for label, value in report.rows():
        table.add_row(label, Text(visible(value)))
    output.printer().print(table)
    for problem in report.problems:
        output.narrator().print(problem_panel(problem))
