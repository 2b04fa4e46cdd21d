"""The chunk strategies side by side, the one in use apart, and its options under them; both can be clicked."""

from collections.abc import Mapping, Sequence
from typing import Any

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from mlxgpt.text import visible
from tui.chunk_settings import shown


class StrategyBar(Widget):
    """A click on a strategy chooses it, one on the options asks for the form."""

    DEFAULT_CSS = """
    StrategyBar { height: auto; padding: 0 1; }
    """
    ALLOW_SELECT = False

    class Chosen(Message):
        """A strategy was clicked, or, with an empty name, the options."""

        def __init__(self, strategy: str) -> None:
            super().__init__()
            self.strategy = strategy

    def __init__(self, strategies: Sequence[str]) -> None:
        super().__init__()
        self._strategies = strategies
        self._strategy, self._options, self._note = "", {}, ""  # type: str, Mapping[str, Any], str
        self._spans: list[tuple[int, int, int, str]] = []  # row, columns, name

    def show(self, strategy: str, options: Mapping[str, Any], note: str) -> None:
        """What is in use; `note` stands behind the options."""
        self._strategy, self._options, self._note = strategy, options, note
        self.refresh(layout=True)

    def render(self) -> Content:
        """Lines of names, then the options."""
        width = max(self.content_size.width, 20)
        parts: list[str | tuple[str, str]] = []
        self._spans, row, column = [], 0, 0
        for name in self._strategies:
            text = f"▸{name}◂" if name == self._strategy else f" {name} "
            if column and column + len(text) > width:
                parts.append("\n")
                row, column = row + 1, 0
            self._spans.append((row, column, column + len(text), name))
            parts.append((text, "bold reverse" if name == self._strategy else ""))
            column += len(text)
        parts.append("\n")
        for name, value in self._options.items():
            parts += [(f" {name} ", "$text-muted"), (shown(value), "bold"), " "]
        parts.append((f" {visible(self._note)}", "$text-muted"))
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        """The strategy under the pointer, or the options."""
        spot = event.get_content_offset(self)
        if spot is None:
            return
        for row, start, end, name in self._spans:
            if row == spot.y and start <= spot.x < end:
                self.post_message(self.Chosen(name))
                return
        if spot.y > self._spans[-1][0]:
            self.post_message(self.Chosen(""))
