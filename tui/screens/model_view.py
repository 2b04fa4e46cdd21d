"""What the Model page shows and asks for: the list of models, and of the open one parameters, plan, words.  Keys: `model`."""

import asyncio
from typing import Any

from rich.console import Group
from textual import work
from textual.app import ComposeResult
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
from tui.catalog import figures, grown, is_open, listed
from tui.page import Page
from tui.widgets.model_list import ModelList
from tui.widgets.parameter_tree import ParameterTree
from tui.widgets.picture import Picture
from tui.widgets.view_tabs import ViewTabs

WORDS = "gato cachorro menina menino casa rio rei rainha"
VIEWS = {"models": "Models", "parameters": "Parameters", "memory": "Memory", "words": "Words"}


class ModelView(Page):
    """Four views, and the reports behind them."""

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

    def _show_plan(self) -> None:
        if self.report is not None:
            self.query_one("#plan", Static).update(Group(*plan(self.report, self.memory)))
