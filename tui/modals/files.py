"""Files and folders to choose from, by name or by moving through them."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.suggester import Suggester
from textual.widgets import DirectoryTree, Input

from mlxgpt.text import visible
from tui.modals.modal import Modal


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


class FileDialog(Modal[str | None]):
    """Gives a path."""

    DEFAULT_CSS = "FileDialog Files { height: 14; background: $surface; }"

    def __init__(self, title: str, *, path: str = "") -> None:
        super().__init__()
        self._title, self._path = title, path

    def compose(self) -> ComposeResult:
        """A line to type a path in, and the folders."""
        with Vertical(id="box") as box:
            box.border_title = Content(self._title)
            box.border_subtitle = "enter takes it · esc goes back"
            yield Input(visible(self._path), placeholder="path; → completes, tab goes to the files", suggester=Paths())
            yield Files(Path.cwd())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """The typed path."""
        if event.value.strip():
            self.dismiss(event.value.strip())

    def on_directory_tree_file_selected(self, event: DirectoryTree.FileSelected) -> None:
        """A file of the tree."""
        self.dismiss(str(event.path))
