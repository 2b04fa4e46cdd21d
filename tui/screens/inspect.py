"""See inside: any text, token by token, head by head; what the model would say after each layer, who speaks for it, and what
it says without some of its heads.

The page keeps a `Look` and hands it to its pictures (`inspect_view`); `inspect_reading` asks the model for reports,
`inspect_causes` changes it.  Here are the keys.
"""

import asyncio
from pathlib import Path
from typing import Any, ClassVar

from textual import events, work
from textual.binding import Binding, BindingType
from textual.widgets import Input

from mlxgpt import jobs
from mlxgpt.errors import MlxgptError
from mlxgpt.inspection.explain import LANGUAGES, LEVELS
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.reports import PATCH_POINTS
from mlxgpt.text import visible
from tui.look import head_line, silence_line, token_line
from tui.modals.ask import Ask
from tui.modals.reading import source
from tui.page import Request
from tui.saving import save
from tui.screens.inspect_causes import InspectCauses
from tui.screens.inspect_view import ABLATIONS
from tui.widgets.head_map import HeadMap
from tui.widgets.lens_grid import MEASURES, LensGrid
from tui.widgets.patch_table import PatchTable
from tui.widgets.picture import Picture
from tui.widgets.share_bars import ShareBars
from tui.widgets.tensor_view import KINDS, TensorView
from tui.widgets.view_tabs import ViewTabs
from tui.widgets.words import Words


class InspectPage(InspectCauses):
    """See inside."""

    NAME = "inspect"
    CSS_PATH = Path(__file__).with_name("inspect.tcss")
    HELP = "Look inside the model: type a text, move over its tokens and heads, silence heads and see what changes."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "type", "Text", id="inspect.type"),
        Binding("left,h", "move(-1, 0)", "Left", id="inspect.left", show=False),
        Binding("right,l", "move(1, 0)", "Right", id="inspect.right", show=False),
        Binding("up,k", "move(0, -1)", "Up", id="inspect.up", show=False),
        Binding("down,j", "move(0, 1)", "Down", id="inspect.down", show=False),
        Binding("left_square_bracket", "position(-1)", "Token", id="inspect.before", key_display="[ ]"),
        Binding("right_square_bracket", "position(1)", "Next token", id="inspect.after", show=False),
        Binding("tab", "view(1)", "View", id="inspect.next_view", show=False, priority=True),
        Binding("shift+tab", "view(-1)", "View before", id="inspect.previous_view", show=False, priority=True),
        Binding("enter", "open", "Open", id="inspect.open"),
        Binding("escape", "back", "Back", id="inspect.back", show=False),
        Binding("x", "silence", "Silence", id="inspect.silence"),
        Binding("X", "hear", "Hear all", id="inspect.hear"),
        Binding("slash", "find", "Role", id="inspect.find", key_display="/"),
        Binding("p", "patch", "Patch", id="inspect.patch"),
        Binding("a", "ablate_each", "Each head", id="inspect.ablate"),
        Binding("m", "mode", "Mode", id="inspect.mode"),
        Binding("v", "second", "Vs second", id="inspect.second"),
        Binding("comma", "head(-1)", "Head", id="inspect.head_before", key_display=", ."),
        Binding("full_stop", "head(1)", "Next head", id="inspect.head_after", show=False),
        Binding("e", "level", "Explain", id="inspect.level"),
        Binding("g", "language", "pt/en", id="inspect.language"),
        Binding("c", "code", "Code", id="inspect.code"),
        Binding("left_curly_bracket", "checkpoint(-1)", "Step", id="inspect.earlier", key_display="{ }"),
        Binding("right_curly_bracket", "checkpoint(1)", "Later step", id="inspect.later", show=False),
        Binding("u", "tuned", "Tuned lens", id="inspect.tuned"),
        Binding("s", "save", "Save", id="inspect.save"),
        Binding("y", "copy", "Copy", id="inspect.copy"),
    ]

    # ---- moving ------------------------------------------------------------------------------------------------------

    def action_move(self, dx: int, dy: int) -> None:
        """Arrows: what they move depends on the view."""
        match self.view:
            case "heads" if self._zoomed:
                head_map = self.query_one(HeadMap)
                head_map.key = min(max(head_map.key + dx, 0), max(self.look.length - 1, 0))
                self._go(position=dy)
            case "heads":
                self._go(layer=dy, head=dx)
            case "lens":
                lens = self.query_one("#lens", LensGrid)
                lens.row = min(max(lens.at_row - dy, 0), len(self.look.lens.top) - 1) if self.look.lens else None
                self._go(position=dx)
            case "tensors":
                self._move_tensors(dx, dy)
            case "attribution":
                self.query_one(ShareBars).chosen += dy
                self._go(position=dx)
            case "patch":
                table = self.query_one(PatchTable)
                table.row, table.column = max(table.row + dy, 0), max(table.column + dx, 0)
                table.repaint()
            case "explain" | "states":
                self.query_one(f"#{self.view}").scroll_relative(y=3 * dy, animate=False)
                self._go(position=dx)

    def _move_tensors(self, dx: int, dy: int) -> None:
        view = self.query_one(TensorView)
        if dx:
            layers: list[int | None] = [None, *range(self.look.shape[0])]
            view.block = layers[
                min(max((layers.index(view.block) if view.block in layers else 0) + dx, 0), len(layers) - 1)
            ]
        last = len(self.look.walk.tensors) - 1 if self.look.walk else 0
        view.chosen = min(max(view.chosen + dy, 0), last)
        self._go()

    def action_position(self, step: int) -> None:
        """To another token."""
        self._go(position=step)

    def action_head(self, step: int) -> None:
        """To another head."""
        self._go(head=step)

    def on_picture_picked(self, event: Picture.Picked) -> None:
        """A click on a place."""
        changes = {"position": event.position, "layer": event.layer, "head": event.head}
        self.look = self.look.but(**{name: value for name, value in changes.items() if value is not None}).moved()
        self.set_focus(None)
        self.show()
        self.ask_here()
        if event.enter:
            self.action_open()

    def on_picture_moved(self, event: Picture.Moved) -> None:
        """The wheel."""
        self.action_move(0, event.lines)

    def action_view(self, step: int) -> None:
        """Another view."""
        self.set_focus(None)
        self._open_view(self.tabs.after(step))

    def on_view_tabs_chosen(self, event: ViewTabs.Chosen) -> None:
        """A click on a title."""
        self.set_focus(None)
        self._open_view(event.name)

    def action_open(self) -> None:
        """Heads: the selected one large, or all again.  Attribution: the head at the cursor."""
        if self.view == "attribution":
            part = self.query_one(ShareBars).part
            if part is None or part.head is None or part.layer is None:
                return
            self.look = self.look.but(layer=part.layer, head=part.head)
            self._zoomed = True
            self._open_view("heads")
        elif self.view == "heads":
            self._zoomed = not self._zoomed
            if self._zoomed and self.look.heads is not None:
                row = self.look.heads.pattern[self.look.layer, self.look.head, self.look.at]
                self.query_one(HeadMap).key = int(abs(row).argmax())
            self._open_view("heads")

    def action_back(self) -> None:
        """Leave what is innermost: the input, a job, one head."""
        if self.focused is not None:
            self.set_focus(None)
        elif self._feed is not None:
            self._stop_feed()
            self._doing = ""
            self.say("stopped; the layers that have come stay")
        elif self._zoomed and self.view == "heads":
            self.action_open()

    def action_type(self) -> None:
        """Write another text."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look at what was written."""
        self.set_focus(None)
        if self.look.heard is not None and event.value == visible(self.look.text):
            return  # nothing was edited
        self.look = self.look.afresh(text=event.value, heard=None, position=None)
        self.read()

    def on_paste(self, event: events.Paste) -> None:
        """A text pasted while no input has the focus is looked at."""
        if self.focused is None and event.text.strip():
            event.stop()
            self.receive(Request(text=event.text))

    # ---- how it is seen ----------------------------------------------------------------------------------------------

    def action_mode(self) -> None:
        """Heads: how they are silenced.  Lens: what is coloured.  Tensors: which.  Patch: where."""
        match self.view:
            case "lens":
                names = list(MEASURES)
                for lens in self.query(LensGrid):
                    lens.measure = names[(names.index(lens.measure) + 1) % len(names)]
            case "tensors":
                view = self.query_one(TensorView)
                view.kind = KINDS[(KINDS.index(view.kind) + 1) % len(KINDS)]
                self.look = self.look.but(walk=None, values=None)
            case "patch":
                table, points = self.query_one(PatchTable), list(PATCH_POINTS)
                table.point = points[(points.index(table.point) + 1) % len(points)]
                self.notify(f"p patches {table.point} next ({PATCH_POINTS[table.point]})", markup=False)
            case _:
                self.kind = ABLATIONS[(ABLATIONS.index(self.kind) + 1) % len(ABLATIONS)]
                self.look = self.look.but(silence=None)
                self.notify(f"heads are silenced by {self.kind}", timeout=3, markup=False)
        self._go()

    def action_second(self) -> None:
        """Attribution: the best guess alone, or rather than the second."""
        self._second = not self._second
        self.look = self.look.but(attribution=None)
        self._go()

    def action_level(self) -> None:
        """Plain, maths, code."""
        for words in self.query(Words):
            words.level = LEVELS[(LEVELS.index(words.level) + 1) % len(LEVELS)]
        self.show()

    def action_language(self) -> None:
        """Portuguese, English."""
        for words in self.query(Words):
            words.lang = LANGUAGES[(LANGUAGES.index(words.lang) + 1) % len(LANGUAGES)]
        self.show()

    @work(exclusive=True, group="question")
    async def action_code(self) -> None:
        """The functions that computed what is shown."""
        view = {"heads": "recurrent" if self.look.recurrent else "heads", "states": "state"}.get(self.view, self.view)
        if view == "heads" and self.look.silenced:
            view = "silence"
        pieces = await asyncio.to_thread(jobs.view_sources, view)
        await self.app.push_screen_wait(source(pieces, dark=self.app.current_theme.dark))

    # ---- keeping -----------------------------------------------------------------------------------------------------

    @work(exclusive=True, group="question")
    async def action_save(self) -> None:
        """A picture or the data of what is shown."""
        report = self._report()
        if report is None:
            self.notify("There is nothing to save yet.", markup=False)
            return
        about = "the ending says how: .svg or .png draws it, .json keeps every number"
        name = await self.app.push_screen_wait(Ask("save as", f"{self.view}.svg", about))
        if not name:
            return
        try:
            path = await asyncio.to_thread(save, report, self._focus(), name)
        except (MlxgptError, OSError) as error:
            self._failed(error)
            return
        self.notify(f"Saved: {visible(str(path))}", markup=False)

    def _report(self) -> Any:  # Any: what the open view shows
        look = self.look
        reports = {"heads": look.heads, "lens": look.lens, "tensors": look.walk, "attribution": look.attribution,
                   "patch": look.patch, "states": look.state, "explain": look.tokens}  # fmt: skip
        return reports[self.view]

    def _focus(self) -> Focus:
        return self.look.focus if self.view == "heads" and self._zoomed else Focus()

    def action_copy(self) -> None:
        """The readout."""
        lines = [token_line(self.look), head_line(self.look), silence_line(self.look) if self.look.silenced else ""]
        self.app.copy_to_clipboard("\n".join(line for line in lines if line))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows the keys that do something here."""
        view = self.tabs.current if self.is_mounted else "heads"
        only = {
            "open": ("heads", "attribution"), "find": ("heads",), "silence": ("heads",), "second": ("attribution",),
            "head": ("tensors", "lens", "attribution", "explain", "states"), "tuned": ("lens",),
            "mode": ("heads", "lens", "tensors", "patch"), "ablate_each": ("patch", "heads"),
        }  # fmt: skip
        if action == "hear":
            return bool(self.look.silenced)
        return view in only[action] if action in only else True
