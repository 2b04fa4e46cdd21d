"""What is true of the place in words; each number can say which tensor it was read from."""

from rich.console import Group
from rich.rule import Rule
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from mlxgpt.display.inspection import view as drawn
from mlxgpt.inspection.explain import KINDS, LANGUAGES, LEVELS
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.sources import Line
from mlxgpt.text import visible
from tui.look import Look, told


class Words(VerticalScroll, can_focus=False):
    """The sentences of `look.told`; `paths` shows where each number is from."""

    DEFAULT_CSS = """
    Words { scrollbar-size-vertical: 1; }
    Words Static { height: auto; padding: 0 1; }
    """
    HELP = (
        "What this run's numbers say, computed, never canned.  e changes the level, g the language, c shows the code."
    )
    level, lang = LEVELS[0], LANGUAGES[0]
    about = ""  # the view whose words come first

    def __init__(self, *, id: str, paths: bool = False) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self._paths = paths

    def compose(self) -> ComposeResult:
        """One text."""
        yield Static(markup=False)

    def show(self, look: Look) -> None:
        """Write it anew."""
        parts: list[tuple[str, str] | str] = [(f"EXPLAIN · {self.level} · {self.lang}\n", "bold $accent")]
        for title, lines in told(look, self.level, self.lang, self.about):
            parts.append((f"\n{title}\n", "bold"))
            for line in lines:
                parts.append(f"{visible(line.text)}\n")
                if self._paths and self.level != "code":
                    parts.append((_paths(line), "$text-muted"))
        if look.tokens is None:
            parts.append(f"\n{visible(look.problem) or 'There is nothing to explain yet.'}")
        self.query_one(Static).update(Content.assemble(*parts))


def _paths(line: Line) -> str:
    return "".join(f"    {KINDS[figure.kind](figure.value)} ← {figure.source}\n" for figure in line.figures)


class States(VerticalScroll, can_focus=False):
    """What a recurrent model has that attention has not: half-lives, how full the states are, the token shift."""

    DEFAULT_CSS = """
    States { scrollbar-size-vertical: 1; }
    States Static { height: auto; padding: 0 1; }
    """

    def compose(self) -> ComposeResult:
        """One picture after the other."""
        yield Static(markup=False)

    def show(self, look: Look) -> None:
        """The views that `mlxgpt inspect decay`, `state` and `shift` print."""
        parts: list[object] = []
        for title, report in (("half-lives", look.decay), ("states", look.state), ("token shift", look.shift)):
            if report is not None:
                parts += [Rule(title), *drawn(report, Focus())]
        self.query_one(Static).update(Group(*parts) if parts else Content("the states are being read …"))  # type: ignore[arg-type]
