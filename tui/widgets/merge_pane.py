"""One word on its way from bytes to tokens, a merge at a time."""

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import Static

from mlxgpt.text import visible
from mlxgpt.tokenizer.spans import Merging, Steps
from tui.token_view import stage_line, step_line
from tui.widgets.token_strip import piece

HEADER = 4  # lines above the list of merges


class MergePane(Static, can_focus=True):
    """Space goes a step on, b a step back; a click on a merge goes there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,l,down,j", "step(1)", "Step", key_display="←→", id="merges.next"),
        Binding("left,h,up,k", "step(-1)", "Merge before", id="merges.back", show=False),
        Binding("home,g", "edge(0)", "First", id="merges.first", show=False),
        Binding("end,G", "edge(-1)", "Last", id="merges.last", show=False),
    ]
    HELP = "The chosen word through its merges.  The pair that is merged next is underlined, what was just made stands out."
    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__("", markup=False, id=id)
        self.stage = 0
        self._steps: Steps | None = None
        self._merging: Merging | None = None
        self._top = 0  # the first merge in the list

    def show(self, steps: Steps | None, merging: Merging | None) -> None:
        """Another word; it is shown finished."""
        same = steps is not None and self._steps is not None and steps.word == self._steps.word
        same = same and merging is self._merging
        self._steps, self._merging = steps, merging
        last = len(steps.merged) if steps else 0
        self.stage = min(self.stage, last) if same else last
        self._draw()

    def action_step(self, by: int) -> None:
        """A merge forward or back."""
        if self._steps:
            self.stage = min(max(self.stage + by, 0), len(self._steps.merged))
            self._draw()

    def action_edge(self, stage: int) -> None:
        """To the bytes, or to the tokens."""
        if self._steps:
            self.stage = stage % (len(self._steps.merged) + 1)
            self._draw()

    def on_click(self, event: events.Click) -> None:
        """To the merge under the pointer."""
        spot = event.get_content_offset(self)
        if self._steps and spot is not None and spot.y >= HEADER:
            stage = self._top + spot.y - HEADER + 1
            if stage <= len(self._steps.merged):
                self.stage = stage
                self._draw()

    def on_resize(self) -> None:
        """The list is as long as the pane is high."""
        self._draw()

    def _draw(self) -> None:
        steps, merging = self._steps, self._merging
        if steps is None or merging is None:
            self.update(Text("Choose a token to see how its word was put together.", "dim"))
            return
        if not steps.stages:
            self.update(Text(visible(steps.problem), "dim"))
            return
        count = len(steps.merged)
        lines = [
            Text.assemble("word ", (f"«{piece(steps.word)}»", "bold"), f" · step {self.stage} of {count}"),
            Text(""),
            stage_line(steps, merging, self.stage),
            Text(""),
        ]
        room = max(1, self.content_size.height - HEADER - bool(steps.problem))
        self._top = min(max(0, self.stage - 1 - room // 2), max(0, count - room))
        for number in range(self._top, min(count, self._top + room)):
            style = "bold reverse" if number == self.stage - 1 else "dim" if number >= self.stage else ""
            lines.append(Text(step_line(steps, merging, number), style, no_wrap=True, overflow="ellipsis"))
        if not count:
            lines.append(Text("Nothing to merge: each byte is a token.", "dim"))
        if steps.problem:
            lines.append(Text(visible(steps.problem), "italic"))
        self.update(Text("\n").join(lines))
