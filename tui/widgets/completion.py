"""The list above the prompt while a command is being typed: tab takes what is marked, arrows mark another."""

from collections.abc import Sequence

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message as Event

from mlxgpt.text import visible
from tui.completion import Candidate
from tui.widgets.kept import KeptStatic

MOST_ROWS = 8


class Completion(KeptStatic):
    """Shows some candidates and marks one of them; it lies over what is above and takes no room."""

    DEFAULT_CSS = """
    Completion {
        display: none; height: auto; width: auto; max-width: 100%; overlay: screen; constrain: inside inside;
        background: $panel; padding: 0 1;
    }
    """
    ALLOW_SELECT = False

    class Taken(Event):
        """A candidate was clicked."""

        def __init__(self, candidate: Candidate) -> None:
            super().__init__()
            self.candidate = candidate

    def __init__(self) -> None:
        super().__init__(id="completion", markup=False)
        self._candidates: Sequence[Candidate] = ()
        self._marked = self._first = 0
        self.moved = False  # whether somebody chose with the arrows

    @property
    def open(self) -> bool:
        """Whether there is anything to take."""
        return bool(self._candidates)

    @property
    def marked(self) -> Candidate | None:
        """What tab takes."""
        return self._candidates[self._marked] if self._candidates else None

    def offer(self, candidates: Sequence[Candidate]) -> None:
        """Show these; none closes it."""
        self._candidates, self._marked, self._first, self.moved = candidates, 0, 0, False
        self._draw()

    def move(self, rows: int) -> None:
        """Mark another, around the ends."""
        self._marked, self.moved = (self._marked + rows) % len(self._candidates), True
        self._first = min(max(self._first, self._marked - MOST_ROWS + 1), self._marked)
        self._draw()

    def _draw(self) -> None:
        shown = self._candidates[self._first : self._first + MOST_ROWS]
        self.display = bool(shown)
        if not shown:
            return
        room = max(self.app.size.width - 4, 10)
        column = min(max(cell_len(visible(each.shown)) for each in self._candidates), 34)
        lines = []
        for number, each in enumerate(shown, self._first):
            here = number == self._marked
            name = visible(each.shown).ljust(column)
            text = f"{'▸' if here else ' '} {name}  {visible(each.help)}"[:room]
            lines.append(Content.assemble((text, "bold $accent" if here else "")))
        if (more := len(self._candidates) - len(shown)) > 0:
            lines.append(Content.assemble((f"  {more} more", "$text-muted")))
        self.styles.offset = (0, -len(lines))
        self.update(Content("\n").join(lines))

    def on_click(self, event: events.Click) -> None:
        """Take the one under the pointer."""
        number = self._first + event.y
        if event.y < MOST_ROWS and number < len(self._candidates):
            self.post_message(self.Taken(self._candidates[number]))
