"""What the chunks page asks and shows over itself: a file, a text, settings, one chunk in full, what a search found."""

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import DirectoryTree, Input, Label, Static

from mlxgpt.chunking.optimize import Search, Tried
from mlxgpt.errors import MlxgptError
from mlxgpt.text import visible
from tui.chunk_view import documentation, offers, parsed, search_line, search_table, settings_line, shown
from tui.widgets.edit_area import EditArea

_BOX = """
    {0} {{ align: center middle; }}
    {0} > #box {{ width: 92; max-width: 96%; height: auto; max-height: 94%; border: round $primary; padding: 0 1;
        background: $surface; }}
"""
_LEAVE = Binding("escape", "dismiss(None)", "Back", id="dialog.leave")


class Paths(Suggester):
    """Completes a path with the first file that begins so."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The rest of a name; → takes it."""
        folder, begun = os.path.split(value)
        try:
            inside = list(os.scandir(Path(folder or ".").expanduser()))
            names = sorted(entry.name + "/" * entry.is_dir() for entry in inside)
        except OSError:
            return None
        found = next((name for name in names if name.startswith(begun) and (begun or name[0] != ".")), None)
        return None if found is None or not found.isprintable() else value + found[len(begun) :]


class Files(DirectoryTree):
    """A folder; names are shown as they are safe, and never read as markup."""

    def process_label(self, label: Any) -> Text:  # Any: what a tree takes as a label
        """A name as it may be drawn."""
        return Text(visible(str(label)).replace("\n", "␊"))

    def filter_paths(self, paths: Iterable[Path]) -> Iterable[Path]:
        """Without hidden ones."""
        return [path for path in paths if not path.name.startswith(".")]


class FileDialog(ModalScreen[str | None]):
    """Gives a path."""

    DEFAULT_CSS = _BOX.format("FileDialog") + "FileDialog Files { height: 14; background: $surface; }"
    BINDINGS: ClassVar[list[BindingType]] = [_LEAVE]

    def __init__(self, title: str, *, path: str = "", problem: str = "") -> None:
        super().__init__()
        self._title, self._path, self._problem = title, path, problem

    def compose(self) -> ComposeResult:
        """A line to type a path in, and the folders."""
        with Vertical(id="box"):
            yield Label(Content(self._title))
            yield Input(self._path, placeholder="path; → completes, tab goes to the files", suggester=Paths())
            yield Label(Content(visible(self._problem)), id="problem")
            yield Files(Path.cwd())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The typed path."""
        if event.value.strip():
            self.dismiss(event.value.strip())

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        """A file of the tree."""
        self.dismiss(str(event.path))


class PathDialog(ModalScreen[str | None]):
    """Gives the name of a file to write."""

    DEFAULT_CSS = _BOX.format("PathDialog")
    BINDINGS: ClassVar[list[BindingType]] = [_LEAVE]

    def __init__(self, title: str, path: str, note: str) -> None:
        super().__init__()
        self._title, self._path, self._note = title, path, note

    def compose(self) -> ComposeResult:
        """A line."""
        with Vertical(id="box"):
            yield Label(Content(self._title))
            yield Input(self._path, suggester=Paths())
            yield Label(Content(visible(self._note)))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The path."""
        if event.value.strip():
            self.dismiss(event.value.strip())


class TextDialog(ModalScreen[str | None]):
    """Gives a text that was written or pasted."""

    DEFAULT_CSS = _BOX.format("TextDialog") + "TextDialog EditArea { height: 16; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "done", "Take it", id="dialog.take", priority=True),
        Binding("escape", "dismiss(None)", "Back", id="dialog.leave", priority=True),
    ]

    def compose(self) -> ComposeResult:
        """A box to write in."""
        with Vertical(id="box"):
            yield Label(Content("A text to cut: write or paste it, then ctrl+s (escape goes back)"))
            yield EditArea(show_line_numbers=False)

    def action_done(self) -> None:
        """Take the text."""
        self.dismiss(self.query_one(EditArea).text or None)


class SettingsDialog(ModalScreen[dict[str, Any] | None]):
    """Gives the options of a strategy; its form is made from the strategy's own fields."""

    DEFAULT_CSS = (
        _BOX.format("SettingsDialog")
        + "SettingsDialog Input { height: 1; border: none; background: $boost; width: 1fr; }"
        + "SettingsDialog Label { width: 1fr; }"
        + "SettingsDialog .problem { color: $error; }"
    )
    BINDINGS: ClassVar[list[BindingType]] = [_LEAVE, Binding("ctrl+s,enter", "done", "Apply", id="dialog.apply")]

    def __init__(self, strategy: str, options: Mapping[str, Any], check: Callable[[Mapping[str, Any]], object]) -> None:
        """`check` raises what is wrong with some options."""
        super().__init__()
        self._strategy, self._given, self._check = strategy, options, check

    def compose(self) -> ComposeResult:
        """A line for each field."""
        documented = documentation(self._strategy)
        with VerticalScroll(id="box"):
            yield Label(Content(f"Settings of {self._strategy} (enter applies, escape goes back)"))
            for name, value in self._given.items():
                yield Label(Content.assemble((name, "bold"), f"  {documented[name]}"))
                yield Input(shown(value).lower() if isinstance(value, bool) else shown(value), id=name)
            yield Static("", classes="problem", markup=False)

    def on_input_submitted(self) -> None:
        """Enter in a line."""
        self.action_done()

    def action_done(self) -> None:
        """Give the options if they are possible, else say the range."""
        typed = {name: self._value(name, value) for name, value in self._given.items()}
        try:
            self._check(typed)
        except MlxgptError as error:
            self.query_one(".problem", Static).update(visible(f"{error.message} {error.hint}"))
            return
        self.dismiss(typed)

    def _value(self, name: str, value: Any) -> Any:  # Any: an option's value
        text = self.query_one(f"#{name}", Input).value.strip()
        if isinstance(value, bool):
            return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(
                text.lower(), text
            )
        return parsed(text, value)


class ReadDialog(ModalScreen[None]):
    """One chunk, whole."""

    DEFAULT_CSS = _BOX.format("ReadDialog") + "ReadDialog #text { width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,q", "dismiss(None)", "Back", key_display="esc", id="dialog.leave")
    ]

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self._title, self._text = title, text

    def compose(self) -> ComposeResult:
        """The text, to scroll in."""
        with VerticalScroll(id="box") as box:
            box.border_title = visible(self._title)
            yield Static(Content(visible(self._text)), id="text")

    def on_click(self, event: events.Click) -> None:
        """A click beside the box goes back."""
        if event.widget is self:
            self.dismiss(None)


class SearchDialog(ModalScreen[Tried | None]):
    """What the optimiser found, before and after; gives the settings to apply."""

    DEFAULT_CSS = _BOX.format("SearchDialog")
    BINDINGS: ClassVar[list[BindingType]] = [
        _LEAVE,
        Binding("right,l,down,j", "move(1)", "Next", key_display="←→", id="search.next"),
        Binding("left,h,up,k", "move(-1)", "", show=False, id="search.back"),
        Binding("enter", "apply", "Apply", id="search.apply"),
    ]

    def __init__(self, search: Search) -> None:
        super().__init__()
        self._search, self._chosen = search, 0

    def compose(self) -> ComposeResult:
        """What was tried, the table, the chosen settings."""
        with VerticalScroll(id="box") as box:
            box.border_title = "optimise"
            box.border_subtitle = "←→ choose · enter applies · esc back" if offers(self._search) else "esc back"
            yield Label(Content(search_line(self._search) + "\n"))
            yield Static(id="table", markup=False)
            yield Static(id="options", markup=False)

    def on_mount(self) -> None:
        """Show the first."""
        self._draw()

    def _draw(self) -> None:
        found = offers(self._search)
        self.query_one("#table", Static).update(search_table(self._search, self._chosen))
        lines = f"\nnow   {settings_line(self._search.current.strategy, self._search.current.options)}"
        if found:
            lines += f"\nthen  {settings_line(found[self._chosen].strategy, found[self._chosen].options)}"
        self.query_one("#options", Static).update(lines)

    def action_move(self, by: int) -> None:
        """Another offer."""
        if found := offers(self._search):
            self._chosen = (self._chosen + by) % len(found)
            self._draw()

    def action_apply(self) -> None:
        """Take the chosen settings."""
        found = offers(self._search)
        self.dismiss(found[self._chosen] if found else None)
