"""A line of the views of a page, the one that is open marked; a click opens another."""

from collections.abc import Mapping

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class ViewTabs(Widget):
    """`current` is the name of the open view; `titles` are its words by name."""

    DEFAULT_CSS = """
    ViewTabs { height: 1; background: $surface; }
    """
    ALLOW_SELECT = False
    current: reactive[str] = reactive("")

    class Chosen(Message):
        """A title was clicked."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, titles: Mapping[str, str], current: str, *, id: str | None = None) -> None:  # noqa: A002  (Textual's own name)
        super().__init__(id=id)
        self.titles = dict(titles)
        self.set_reactive(ViewTabs.current, current)
        self._spans: list[tuple[int, int, str]] = []

    def render(self) -> Content:
        """The titles from the left, the key at the right end where there is room."""
        parts: list[tuple[str, str]] = [(" ", "")]
        column = 1
        self._spans = []
        for name, title in self.titles.items():
            here = name == self.current
            text = f"▐{title}▌" if here else f" {title} "
            self._spans.append((column, column + len(text), name))
            parts.append((text, "bold reverse" if here else "$text-muted"))
            column += len(text)
        hint = "tab / shift+tab"
        if self.size.width - column > len(hint) + 2:
            parts.append((" " * (self.size.width - column - len(hint) - 1) + hint, "$text-muted"))
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        """The title under the pointer."""
        for start, end, name in self._spans:
            if start <= event.x < end:
                self.post_message(self.Chosen(name))

    def after(self, step: int) -> str:
        """The name so many views further, around the end."""
        names = list(self.titles)
        return names[(names.index(self.current) + step) % len(names)]
