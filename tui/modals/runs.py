"""The runs there are: one to look at, others to lay over it."""

import time
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Label, OptionList
from textual.widgets.option_list import Option

from mlxgpt import processes
from mlxgpt.runs import Run, all_runs
from mlxgpt.text import visible
from tui.modals.modal import Modal


class RunsModal(Modal["tuple[str, list[str]] | None"]):
    """Dismissed with the name of the run to follow and the names to lay over it; None when nothing was chosen."""

    DEFAULT_CSS = """
    RunsModal #box { height: 80%; }
    RunsModal OptionList { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Overlay", id="runs.mark"),
        Binding("j", "down", "Down", id="runs.down", show=False),
        Binding("k", "up", "Up", id="runs.up", show=False),
    ]

    def __init__(self, current: str, marked: list[str]) -> None:
        super().__init__()
        self.current, self.marked = current, set(marked)
        self.runs = all_runs()[::-1]

    def compose(self) -> ComposeResult:
        """The list."""
        with Vertical(id="box") as box:
            box.border_title = "runs, the newest first"
            box.border_subtitle = "enter follows · space lays over · esc goes back"
            if self.runs:
                yield OptionList(*(Option(self._line(run), id=f"run-{i}") for i, run in enumerate(self.runs)))
            else:
                yield Label("Nothing was trained yet.  Esc, then n starts a run.", markup=False)

    def on_mount(self) -> None:
        """The run that is followed is under the cursor."""
        names = [run.path.name for run in self.runs]
        if self.runs:
            self.query_one(OptionList).highlighted = names.index(self.current) if self.current in names else 0

    def _line(self, run: Run) -> Text:
        name = run.path.name
        steps, at_work = run.steps(), processes.trainer(run) is not None
        when = time.strftime("%d %b %H:%M", time.localtime(run.config.stat().st_mtime))
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append("● " if at_work else "  ", "green")
        line.append("[+] " if name in self.marked else "    ", "bold")
        line.append(visible(name), "bold" if name == self.current else "")
        line.append(
            f"   {'training' if at_work else f'step {steps[-1]:,}' if steps else 'no checkpoint'}   {when}", "dim"
        )
        return line

    def action_mark(self) -> None:
        """Lay the run under the cursor over the other, or take it away again."""
        if not self.runs:
            return
        choice = self.query_one(OptionList)
        if choice.highlighted is not None:
            run = self.runs[choice.highlighted]
            self.marked ^= {run.path.name}
            choice.replace_option_prompt_at_index(choice.highlighted, self._line(run))

    def action_down(self) -> None:
        """The next run."""
        if self.runs:
            self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        """The run before."""
        if self.runs:
            self.query_one(OptionList).action_cursor_up()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """This one."""
        name = self.runs[event.option_index].path.name
        self.dismiss((name, [run.path.name for run in self.runs if run.path.name in self.marked - {name}]))

    def action_leave(self) -> None:
        """Close; marks that were changed count for the run that is followed."""
        kept = [run.path.name for run in self.runs if run.path.name in self.marked - {self.current}]
        self.dismiss((self.current, kept) if self.current else None)
