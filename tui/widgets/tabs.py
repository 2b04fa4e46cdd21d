"""The top line: the seven pages by number, and the model that is open."""

from typing import TYPE_CHECKING, cast

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.widget import Widget

from mlxgpt.text import visible
from tui.widgets.kept import Kept

if TYPE_CHECKING:
    from tui.app import MlxgptApp

PAGES = {  # name -> long and short title, in the order of the digits
    "chat": ("Chat", "Chat"),
    "inspect": ("Inspect", "Insp"),
    "tokens": ("Tokens", "Tok"),
    "chunks": ("Chunks", "Chunk"),
    "train": ("Train", "Train"),
    "model": ("Model", "Model"),
    "learn": ("Learn", "Learn"),
}


class Tabs(Kept, Widget):
    """One line; a click on a title goes to its page."""

    DEFAULT_CSS = """
    Tabs { height: 1; dock: top; background: $panel; color: $foreground; }
    """
    ALLOW_SELECT = False

    def __init__(self, current: str) -> None:
        super().__init__()
        self.current = current
        self._spans: list[tuple[int, int, str]] = []  # columns of each title

    def render(self) -> Content:
        """Titles from the left, the model at the right end where there is room."""
        wide = self.size.width >= 100
        parts: list[tuple[str, str] | str] = [(" mlxgpt ", "bold $accent")] if self.size.width >= 50 else []
        column = sum(len(part[0]) for part in parts)
        self._spans = []
        for number, (name, titles) in enumerate(PAGES.items(), 1):
            title = f"{number} {titles[0 if wide else 1]}" if self.size.width >= 64 else str(number)
            here = name == self.current
            text = f"▐{title}▌" if here else f" {title} "
            self._spans.append((column, column + len(text), name))
            parts.append((text, "bold reverse" if here else ""))
            column += len(text)
        room = self.size.width - column - 1
        if right := next((words for words in self._model() if cell_len(words) <= room), ""):
            parts.append((" " * (room - cell_len(right)) + right, "$text-muted"))
        return Content.assemble(*parts)

    def _model(self) -> list[str]:
        """What is said of the model, the most first."""
        bridge = cast("MlxgptApp", self.app).bridge
        opened = bridge.opened
        if opened is None:
            return ["no model" if bridge.failed else "loading…"]
        name, shape = visible(opened.name), f"{opened.n_layer}L·{opened.n_head}H·{opened.n_embd}d"
        if not opened.n_layer:
            shape = "mlx_lm"
        return [f"{name} · {shape} · {opened.device}", f"{name} · {opened.device}", name]

    def on_click(self, event: events.Click) -> None:
        """Go to the page under the pointer."""
        for start, end, name in self._spans:
            if start <= event.x < end:
                self.app.call_later(cast("MlxgptApp", self.app).go, name)
