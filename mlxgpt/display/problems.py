"""A problem as a panel: what went wrong, and what to do next."""

from rich.console import Group
from rich.panel import Panel
from rich.text import Text

from mlxgpt.errors import Problem


def problem_panel(problem: Problem) -> Panel:
    """The panel shown for an error."""
    lines = [Text(problem.message)]
    if problem.hint:
        lines.append(Text(problem.hint, style="dim"))
    return Panel(Group(*lines), title=problem.title, title_align="left", border_style="red", expand=False)
