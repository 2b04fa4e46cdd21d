"""What there is to talk to, and what it is made of: all models, the parameters of the open one, its memory, its words.

`model_view` shows them; here are the keys.
"""

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.widgets import Input

from mlxgpt.errors import MlxgptError
from mlxgpt.inspection.focus import Focus
from mlxgpt.text import visible
from tui.modals.ask import Ask
from tui.page import Request
from tui.saving import save
from tui.screens.model_view import ModelView
from tui.widgets.model_list import ModelList
from tui.widgets.parameter_tree import ParameterTree
from tui.widgets.picture import Picture
from tui.widgets.view_tabs import ViewTabs

SAMPLE = "Era uma vez um gato chamado Tico, que vivia num sítio."


class ModelPage(ModelView):
    """Models, parameters, memory, words."""

    NAME = "model"
    CSS_PATH = Path(__file__).with_name("model.tcss")
    HELP = "Choose a model, and see what it is made of, what it costs, and which words are near each other."
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open", id="model.open"),
        Binding("left,h", "move(-1, 0)", "Fold", id="model.left", show=False),
        Binding("right,l", "move(1, 0)", "Unfold", id="model.right", show=False),
        Binding("up,k", "move(0, -1)", "Up", id="model.up", show=False),
        Binding("down,j", "move(0, 1)", "Down", id="model.down", show=False),
        Binding("tab", "view(1)", "View", id="model.next_view", key_display="tab", priority=True),
        Binding("shift+tab", "view(-1)", "View before", id="model.previous_view", show=False, priority=True),
        Binding("o", "other", "Other", id="model.other"),
        Binding("i", "inspect", "Inspect", id="model.inspect"),
        Binding("w", "words", "Words", id="model.words"),
        Binding("m", "measure", "Measure", id="model.measure"),
        Binding("r", "again", "Refresh", id="model.again"),
        Binding("s", "save", "Save", id="model.save"),
        Binding("escape", "leave", "Back", id="model.leave", show=False),
    ]

    # ---- keys --------------------------------------------------------------------------------------------------------

    def action_move(self, dx: int, dy: int) -> None:
        """Along the list, the tree or the text."""
        match self.view:
            case "models":
                self.query_one(ModelList).move(dy or dx)
            case "parameters":
                self.query_one(ParameterTree).move(dx, dy)
                self.read_tensor()
            case "memory":
                self.query_one("#memory").scroll_relative(y=3 * dy, animate=False)
            case "words":
                self.query_one("#near").scroll_relative(y=3 * dy, animate=False)
        self._say()

    def action_view(self, step: int) -> None:
        """Another view."""
        self.set_focus(None)
        self._open_view(self.query_one("#views", ViewTabs).after(step))

    def on_view_tabs_chosen(self, event: ViewTabs.Chosen) -> None:
        """A click on a title."""
        self.set_focus(None)
        self._open_view(event.name)

    def on_picture_picked(self, event: Picture.Picked) -> None:
        """A click on a model or a tensor."""
        self.set_focus(None)
        self._open_view("models" if event._sender is self.query_one(ModelList) else "parameters")
        if self.view == "parameters":
            self.read_tensor()
        if event.enter:
            self.action_open()

    def on_picture_moved(self, event: Picture.Moved) -> None:
        """The wheel."""
        if event._sender is self.query_one(ModelList):
            self.query_one(ModelList).move(event.lines)
            self._say()
        else:
            self.query_one(ParameterTree).move(0, event.lines)
            self.read_tensor()

    def action_open(self) -> None:
        """Models: load the one at the cursor.  Parameters: fold or unfold."""
        if self.view == "parameters":
            self.query_one(ParameterTree).toggle()
            return
        entry = self.query_one(ModelList).entry
        if self.view != "models" or entry is None:
            return
        if entry.problem:
            self.notify(visible(entry.problem), title=visible(entry.name), severity="error", markup=False)
            return
        self.load(entry.path, entry.name)

    @work(exclusive=True, group="measure")
    async def action_measure(self) -> None:
        """Run a text and one step of training, and measure what they take."""
        if self.bridge.opened is None:
            return
        self.say("one step of training is being measured …")
        try:
            self.memory = await self.bridge.ask(lambda: self.bridge.inspector().memory(SAMPLE, cut=True))
            self._show_plan()
        except Exception as error:
            self.show_problem(error)
        self._say()

    @work(exclusive=True, group="question")
    async def action_other(self) -> None:
        """A model that the list does not have."""
        about = "a folder with a model, the name of a run, RUN/step-00000500, or best or last"
        word = await self.app.push_screen_wait(Ask("open a model", hint=about))
        if word and word.strip():
            self.load(word.strip(), word.strip())

    @work(exclusive=True, group="load")
    async def load(self, word: str, name: str) -> None:
        """Talk to another model; the app says what stands in the way of that."""
        self.say(f"{name} is being loaded …")
        await self.host.open_model(word).wait()
        self._say()

    async def action_inspect(self) -> None:
        """The model at the cursor in the Inspect page, without talking to it."""
        entry = self.query_one(ModelList).entry
        if entry is not None and not entry.problem:
            await self.host.go("inspect", Request(word=entry.path))

    def action_words(self) -> None:
        """Type other words."""
        self._open_view("words")
        self.query_one("#typed", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Compare them."""
        self.set_focus(None)
        self.read_words()

    def action_again(self) -> None:
        """Read the list anew."""
        self.read_list()

    def action_leave(self) -> None:
        """Leave the input."""
        self.set_focus(None)

    @work(exclusive=True, group="question")
    async def action_save(self) -> None:
        """What is shown as a picture or as data."""
        reports = {"parameters": self.weights, "words": self.embeddings, "memory": self.memory}
        report = reports.get(self.view)
        if report is None:
            self.notify("m measures the memory first." if self.view == "memory" else "There is nothing to save here.")
            return
        about = "the ending says how: .svg or .png draws it, .json keeps every number"
        name = await self.app.push_screen_wait(Ask("save as", f"{self.view}.svg", about))
        if not name:
            return
        try:
            path = await asyncio.to_thread(save, report, Focus(), name)
        except (MlxgptError, OSError) as error:
            self.show_problem(error)
            return
        self.notify(f"Saved: {visible(str(path))}", markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The footer shows the keys that do something here."""
        view = self.view if self.is_mounted else "models"
        only = {"open": ("models", "parameters"), "inspect": ("models",), "measure": ("memory",),
                "again": ("models",), "save": ("parameters", "memory", "words")}  # fmt: skip
        return view in only[action] if action in only else True
