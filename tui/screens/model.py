"""What there is to talk to, and what it is made of: all models, the parameters of the open one, its memory, its words."""

import asyncio
from pathlib import Path
from typing import Any, ClassVar

from rich.console import Group
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.css.query import NoMatches
from textual.widget import Widget
from textual.widgets import Input, Static

from mlxgpt import jobs, runs
from mlxgpt.display.inspection import view as drawn
from mlxgpt.display.plan import plan
from mlxgpt.errors import DataError, MlxgptError
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.reports import EmbeddingsReport, MemoryReport, TensorsReport
from mlxgpt.text import visible
from tui.catalog import figures, grown, is_open, listed
from tui.modals.ask import Ask
from tui.page import Page, Request
from tui.saving import save
from tui.widgets.model_list import ModelList
from tui.widgets.parameter_tree import ParameterTree
from tui.widgets.picture import Picture
from tui.widgets.view_tabs import ViewTabs

WORDS = "gato cachorro menina menino casa rio rei rainha"
SAMPLE = "Era uma vez um gato chamado Tico, que vivia num sítio."
VIEWS = {"models": "Models", "parameters": "Parameters", "memory": "Memory", "words": "Words"}


class ModelPage(Page):
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

    def __init__(self) -> None:
        super().__init__()
        self.weights: TensorsReport | None = None
        self.embeddings: EmbeddingsReport | None = None
        self.memory: MemoryReport | None = None
        self.report: Any = None  # Any: a ModelReport; the TUI does not import models

    def body(self) -> ComposeResult:
        """The views' names; the list on the left, what is open on the right."""
        yield ViewTabs(VIEWS, "models", id="views")
        with Horizontal(id="panes"):
            yield ModelList(id="models")
            with Vertical(id="right"):
                yield ParameterTree(id="parameters")
                with VerticalScroll(id="memory", can_focus=False):
                    yield Static(id="plan", markup=False)
                with Vertical(id="words"):
                    yield Input(WORDS, placeholder="words, with spaces between", compact=True, id="typed")
                    with VerticalScroll(id="near", can_focus=False):
                        yield Static(id="neighbours", markup=False)

    def on_mount(self) -> None:
        """The list is read at once."""
        self.query_one("#models", ModelList).border_title = "models · validation loss · parameters"
        self._open_view("models")
        self.read_list()
        if self.bridge.opened is not None:
            self.model_opened()

    # ---- what is shown -----------------------------------------------------------------------------------------------

    @property
    def view(self) -> str:
        """The name of the open view."""
        return self.query_one("#views", ViewTabs).current

    def _open_view(self, name: str) -> None:
        self.query_one("#views", ViewTabs).current = name
        right = name if name != "models" else "parameters"
        for pane in self.query_one("#right").children:
            pane.display = pane.id == right
        self.query_one("#right", Widget).border_title = VIEWS[right].lower()
        self.set_class(name == "models", "-list")  # the narrow page shows one of the two
        if name == "words" and self.embeddings is None:
            self.read_words()
        self.refresh_bindings()
        self._say()

    def _say(self) -> None:
        if not self.query(Picture):
            return  # the page is being closed
        models = self.query_one(ModelList)
        if self.view == "models" and models.entry is not None:
            self.say(figures(models.entry))
        elif self.view == "parameters" and self.query_one(ParameterTree).node is not None:
            self.say(self._tensor_line())
        elif self.bridge.opened is not None:
            self.say(f"{self.bridge.opened.name} on {self.bridge.opened.device}")
        else:
            self.say(self.bridge.missing)

    def _tensor_line(self) -> str:
        node = self.query_one(ParameterTree).node
        assert node is not None
        if node.tensor is None:
            return f"{node.path}: {node.parameters:,} parameters"
        t = node.tensor
        bad = f" · {t.nans} NaN {t.infinities} Inf" if t.nans or t.infinities else ""
        return f"{t.name}: {t.mean:+.3g} ±{t.sd:.3g} in [{t.least:.3g}, {t.most:.3g}], norm {t.norm:.4g}{bad}"

    # ---- what is asked -----------------------------------------------------------------------------------------------

    @work(exclusive=True, group="list")
    async def read_list(self) -> None:
        """Which models there are."""
        models = self.query_one(ModelList)
        try:
            entries = await asyncio.to_thread(jobs.list_checkpoints)
        except (MlxgptError, OSError) as error:
            self.show_problem(error)
            return
        chosen = models.entry
        models.rows = tuple(listed(entries))
        places = [i for i, row in enumerate(models.rows) if row.entry is not None]
        wanted = [i for i in places if self._is(models.rows[i].entry, chosen)] or places
        models.chosen = wanted[0] if wanted else 0
        models.repaint()
        self._say()

    def _is(self, entry: Any, chosen: Any) -> bool:  # Any: Entry or None
        directory = self.query_one(ModelList).directory
        return entry.path == chosen.path if chosen is not None else is_open(entry, directory)

    def model_opened(self) -> None:
        """What the open model is made of."""
        self.weights = self.embeddings = self.memory = None
        self.query_one(ParameterTree).root = None
        self.read_model()

    def model_missing(self) -> None:
        """There is nothing to count."""
        self.query_one(ParameterTree).repaint()
        self._say()

    @work(exclusive=True, group="model")
    async def read_model(self) -> None:
        """Its place in the list, its plan, its parameters."""
        opened = self.bridge.opened
        if opened is None:
            return
        models, tree = self.query_one(ModelList), self.query_one(ParameterTree)
        try:
            models.directory = await asyncio.to_thread(runs.find_model, opened.word)
            self.read_list()
            self.report = await asyncio.to_thread(jobs.describe_model, opened.word)
            self._show_plan()
            self.weights = await self.bridge.ask(lambda: jobs.inspect_chat(self.bridge.chat).tensors())
            tree.root, tree.values = grown(self.weights.tensors), None
            tree.repaint()
            if self.view == "words":
                self.read_words()
            self.read_tensor()
        except NoMatches:
            return  # the page was closed meanwhile
        except Exception as error:  # anything a file can cause
            self.show_problem(error)
        self._say()

    @work(exclusive=True, group="tensor")
    async def read_tensor(self) -> None:
        """The numbers of the tensor at the cursor."""
        tree = self.query_one(ParameterTree)
        await asyncio.sleep(0.05)
        node = tree.node
        if node is None or node.tensor is None:
            return
        try:
            tree.values = await self.bridge.ask(
                lambda: jobs.inspect_chat(self.bridge.chat).values(node.path, kind="weights", position=0)
            )
        except Exception as error:
            self.show_problem(error)
        tree.repaint()

    @work(exclusive=True, group="words")
    async def read_words(self) -> None:
        """The neighbours of the words that were typed."""
        if self.bridge.opened is None:
            return
        words = self.query_one("#typed", Input).value.split()
        shown = self.query_one("#neighbours", Static)
        shown.update(Content("the embeddings are being compared …"))
        try:
            if not words:
                raise DataError("There is no word to look at.", hint="Type some, with spaces between.")
            self.embeddings = await self.bridge.ask(lambda: self.bridge.inspector().embeddings(words))
            shown.update(Group(*drawn(self.embeddings, Focus())))
        except Exception as error:
            shown.update(Content("w: type some words"))
            self.show_problem(error)

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

    def _show_plan(self) -> None:
        if self.report is not None:
            self.query_one("#plan", Static).update(Group(*plan(self.report, self.memory)))

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
