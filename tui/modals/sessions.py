"""The conversations that were kept: found as one types, opened, renamed, exported, deleted."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar, TypeVar

from rich.cells import cell_len
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from mlxgpt.display.labels import fitted
from mlxgpt.errors import MlxgptError, describe
from mlxgpt.text import visible
from tui.bridge import name_of
from tui.exports import KINDS, export, file_name
from tui.modals.ask import Ask, Confirm
from tui.modals.modal import Modal
from tui.store import Entry, Store
from tui.widgets.keys import Keys

T = TypeVar("T")


class Sessions(Modal[int | None]):
    """The list; what is dismissed with is the session to open.  `current` is the one on the screen."""

    DEFAULT_CSS = """
    Sessions #box { height: 80%; padding: 0; }
    Sessions OptionList { height: 1fr; padding: 0 1; }
    Sessions Input { margin: 0 1; }
    Sessions #count { color: $text-muted; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "list", "List", id="sessions.list", show=False),
        Binding("slash", "search", "Search", id="sessions.search"),
        Binding("j", "move(1)", "Down", id="sessions.down", show=False),
        Binding("k", "move(-1)", "Up", id="sessions.up", show=False),
        Binding("r", "rename", "Rename", id="sessions.rename"),
        Binding("e", "export", "Export", id="sessions.export"),
        Binding("d", "delete", "Delete", id="sessions.delete"),
    ]
    HELP = (
        "Type to search in all messages; Enter opens.  In the list: r renames, e exports, d deletes, / searches again."
    )

    def __init__(self, store: Store, current: int | None, words: str = "") -> None:
        super().__init__()
        self.store, self.current = store, current
        self.deleted: set[int] = set()
        self.renamed: dict[int, str] = {}
        self._words = words
        self._entries: list[Entry] = []

    def compose(self) -> ComposeResult:
        """What is searched for, what was found, how many, and the keys."""
        with Vertical(id="box") as box:
            box.border_title = "Conversations"
            yield Input(self._words, placeholder="search in all conversations", compact=True)
            yield OptionList(markup=False)
            yield Static(id="count", markup=False)
            yield Keys()

    def on_mount(self) -> None:
        """Everything there is."""
        self.find(self._words)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search as somebody types."""
        self.find(event.value)

    @work(exclusive=True)
    async def find(self, words: str) -> None:
        """Show the conversations that hold these words."""
        entries = await self._ask(lambda: self.store.entries(words))
        if entries is None:
            return
        self._entries = entries
        self._fill()
        none = "No conversation holds these words." if words.strip() else "Nothing was kept yet: what you write is."
        count = f"{len(entries):,} conversation{'s' if len(entries) != 1 else ''}"
        self.query_one("#count", Static).update(count if entries else none)

    def _fill(self) -> None:
        """Show what was found, as wide as the list is."""
        options = self.query_one(OptionList)
        kept = options.highlighted or 0
        beside = options.get_component_styles("option-list--option").padding.width
        width = options.content_size.width - options.styles.scrollbar_size_vertical - beside
        lines = [Option(line(entry, entry.id == self.current, width), id=str(entry.id)) for entry in self._entries]
        options.clear_options()
        options.add_options(lines)
        options.highlighted = min(kept, len(lines) - 1) if lines else None

    def on_resize(self) -> None:
        """Names have more room, or less."""
        self.call_after_refresh(self._fill)

    async def _ask(self, work: Callable[[], T]) -> T | None:
        """What the store answers, from another thread; None when it cannot, which is said."""
        try:
            return await asyncio.to_thread(work)
        except MlxgptError as error:
            problem = describe(error)
            self.query_one("#count", Static).update(f"{problem.message}  {problem.hint}")
            return None

    # ---- what can be done with one -----------------------------------------------------------------------------------

    @property
    def chosen(self) -> Entry | None:
        """The one under the cursor."""
        place = self.query_one(OptionList).highlighted
        return self._entries[place] if place is not None and place < len(self._entries) else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Letters are text while one searches."""
        in_list = self.is_mounted and self.query_one(OptionList).has_focus
        if action in ("rename", "export", "delete", "search", "move"):
            return in_list and (action == "search" or bool(self._entries))
        return not in_list if action == "list" else True

    def on_descendant_focus(self) -> None:
        """Other keys are valid now."""
        self.refresh_bindings()

    def on_input_submitted(self) -> None:
        """Open the first that was found, or the one chosen since."""
        if self.chosen is not None:
            self.dismiss(self.chosen.id)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open it."""
        self.dismiss(int(event.option.id or 0))

    def action_list(self) -> None:
        """From the search to what was found."""
        self.query_one(OptionList).focus()

    def action_search(self) -> None:
        """Back to the search."""
        self.query_one(Input).focus()

    def action_move(self, rows: int) -> None:
        """As in vi."""
        options = self.query_one(OptionList)
        if rows > 0:
            options.action_cursor_down()
        else:
            options.action_cursor_up()

    @work
    async def action_rename(self) -> None:
        """Another title."""
        entry = self.chosen
        if entry and (title := await self.app.push_screen_wait(Ask("Title of the conversation", entry.title))):
            await self._ask(lambda: self.store.rename(entry.id, title))
            self.renamed[entry.id] = title
            self.find(self.query_one(Input).value)

    @work
    async def action_delete(self) -> None:
        """Remove it, once that is confirmed."""
        entry = self.chosen
        if entry is None:
            return
        many = f"{entry.messages:,} messages and all their versions"
        question = f"Delete “{visible(entry.title)}” with {many}?  It cannot be undone."
        if await self.app.push_screen_wait(Confirm(question, "Delete")):
            await self._ask(lambda: self.store.delete(entry.id))
            self.deleted.add(entry.id)
            self.find(self.query_one(Input).value)

    @work
    async def action_export(self) -> None:
        """Write it to a file."""
        entry = self.chosen
        if entry is None or (found := await self._ask(lambda: self.store.read(entry.id))) is None:
            return
        talk, _ = found
        hint = "The ending says what it becomes: " + ", ".join(f".{kind}" for kind in KINDS)
        ask = Ask("Export to", str(Path.cwd() / f"{file_name(talk)}.md"), hint)
        if name := await self.app.push_screen_wait(ask):
            path = await self._ask(partial(export, talk, Path(name)))
            if path is not None:
                self.query_one("#count", Static).update(f"Written: {visible(str(path))}")


def line(entry: Entry, current: bool, width: int) -> Content:
    """A conversation in two or three lines: title, figures, and where the words were found; the model's name gives way."""
    day = time.strftime("%d %b %Y %H:%M", time.localtime(entry.changed))
    messages = f"{entry.messages:,} message{'s' if entry.messages != 1 else ''}"
    after = [messages, *(["cut off while writing"] if entry.cut_off else [])]
    name = visible(name_of(entry.model))
    room = max(width - cell_len("  " + " · ".join([day, "", *after])), 4)
    facts = [day, fitted(name, min(room, cell_len(name))), *after]
    mark = "● " if current else ""
    parts: list[tuple[str, str]] = [
        (mark + (visible(" ".join(entry.title.split())) or "untitled"), "bold"),
        ("\n  " + " · ".join(fact for fact in facts if fact), "$text-muted"),
    ]
    if entry.found:
        parts.append(("\n  " + visible(" ".join(entry.found.split())), "italic"))
    return Content.assemble(*parts)
