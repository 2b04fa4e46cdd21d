"""The models there are, by run, the open one marked."""

from pathlib import Path

from rich.style import Style
from rich.text import Text
from textual import events

from mlxgpt.display.architecture import count
from mlxgpt.display.labels import fitted
from mlxgpt.listing import Entry
from tui.catalog import Row, is_open
from tui.widgets.picture import Picture, window


class ModelList(Picture):
    """`rows` are the lines, `chosen` the one at the cursor, `directory` where the open model is."""

    HELP = "Every model: shipped and imported ones, and the checkpoints of each run.  Enter opens one, o another by its path."
    rows: tuple[Row, ...] = ()
    chosen = 0
    directory: Path | None = None

    def paint(self, width: int, height: int) -> list[Text]:
        """The lines around the cursor."""
        if not self.rows:
            return [Text(" no models: `mlxgpt quickstart` or page 5 trains one, o opens a folder", "dim")]
        self._seen = window(self.chosen, height, len(self.rows))
        return [self._line(i, width) for i in self._seen]

    def _line(self, i: int, width: int) -> Text:
        row, entry = self.rows[i], self.rows[i].entry
        here = i == self.chosen
        if entry is None:
            return Text(f" {fitted(row.title, width - 2)}", self.themed("text-accent", bold=True), no_wrap=True)
        mark = "●" if is_open(entry, self.directory) else " "
        notes = f" {'·'.join(entry.labels)}" if entry.labels else ""
        right = "unusable" if entry.problem else f"{count(entry.parameters)}"
        if entry.validation_loss is not None:
            right = f"{entry.validation_loss:.3f}  {right}"
        cursor = "▸" if here else " "
        left = f"{cursor}{mark} {fitted(row.title + notes, max(width - len(right) - 5, 4))}"
        style = Style(bold=True, reverse=True) if here else self.themed("text-error") if entry.problem else Style()
        return Text(f"{left} {right} ", style, no_wrap=True, overflow="crop")

    @property
    def entry(self) -> Entry | None:
        """The model at the cursor."""
        return self.rows[self.chosen].entry if self.chosen < len(self.rows) else None

    def move(self, step: int) -> None:
        """To the next line that is a model."""
        places = [i for i, row in enumerate(self.rows) if row.entry is not None]
        if places:
            later = [i for i in places if i > self.chosen] if step > 0 else [i for i in places[::-1] if i < self.chosen]
            self.chosen = later[0] if later else self.chosen
        self.repaint()

    def on_click(self, event: events.Click) -> None:
        """The model under the pointer; twice opens it."""
        if self.rows and 0 <= event.y < len(self._seen) and self.rows[self._seen[event.y]].entry is not None:
            self.chosen = self._seen[event.y]
            self.repaint()
            self.post_message(self.Picked(enter=event.chain >= 2))
