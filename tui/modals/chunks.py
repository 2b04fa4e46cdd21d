"""What the chunks page asks over itself: a text, the settings of a strategy, one of the settings that a search found."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Label, Static

from mlxgpt.chunking.optimize import Search, Tried
from mlxgpt.errors import MlxgptError
from mlxgpt.text import visible
from tui.chunk_settings import documentation, offers, parsed, search_line, search_table, settings_line, shown
from tui.modals.modal import Modal
from tui.widgets.edit_area import EditArea


class TextDialog(Modal[str | None]):
    """Gives a text that was written or pasted."""

    DEFAULT_CSS = "TextDialog EditArea { height: 16; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "done", "Take it", id="dialog.take", priority=True),
        Binding("escape", "leave", "Back", id="modal.leave", priority=True),
    ]

    def compose(self) -> ComposeResult:
        """A box to write in."""
        with Vertical(id="box") as box:
            box.border_title = "a text to cut: write or paste it"
            box.border_subtitle = "ctrl+s takes it · esc goes back"
            yield EditArea(show_line_numbers=False)

    def action_done(self) -> None:
        """Take the text."""
        self.dismiss(self.query_one(EditArea).text or None)


class SettingsDialog(Modal[dict[str, Any] | None]):
    """Gives the options of a strategy; its form is made from the strategy's own fields."""

    DEFAULT_CSS = (
        "SettingsDialog Input { height: 1; border: none; background: $boost; width: 1fr; }"
        + "SettingsDialog Label { width: 1fr; }"
        + "SettingsDialog .problem { color: $error; }"
    )
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s,enter", "done", "Apply", id="dialog.apply")]

    def __init__(self, strategy: str, options: Mapping[str, Any], check: Callable[[Mapping[str, Any]], object]) -> None:
        """`check` raises what is wrong with some options."""
        super().__init__()
        self._strategy, self._given, self._check = strategy, options, check

    def compose(self) -> ComposeResult:
        """A line for each field."""
        documented = documentation(self._strategy)
        with VerticalScroll(id="box") as box:
            box.border_title = f"settings of {self._strategy}"
            box.border_subtitle = "enter applies · esc goes back"
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


class SearchDialog(Modal[Tried | None]):
    """What the optimiser found, before and after; gives the settings to apply."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l,down,j", "move(1)", "Next", key_display="←→", id="search.next"),
        Binding("left,h,up,k", "move(-1)", "Before", show=False, id="search.back"),
        Binding("enter", "apply", "Apply", id="search.apply"),
    ]

    def __init__(self, search: Search) -> None:
        super().__init__()
        self._search, self._chosen = search, 0

    def compose(self) -> ComposeResult:
        """What was tried, the table, the chosen settings."""
        with VerticalScroll(id="box") as box:
            box.border_title = "optimise"
            box.border_subtitle = (
                "←→ choose · enter applies · esc goes back" if offers(self._search) else "esc goes back"
            )
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
