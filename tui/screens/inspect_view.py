"""What the Inspect page shows: a `Look`, handed to the pictures of the open view and to the words beside it."""

from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from mlxgpt.display.labels import fitting
from mlxgpt.errors import describe
from mlxgpt.inspection.reports import PatchReport
from mlxgpt.text import visible
from tui.bridge import Feed
from tui.look import Look, checkpoint_line, note, token_line
from tui.page import Page
from tui.widgets.head_grid import HeadGrid
from tui.widgets.head_map import HeadMap
from tui.widgets.lens_grid import LensGrid
from tui.widgets.passage_strip import PassageStrip
from tui.widgets.patch_table import PatchTable
from tui.widgets.picture import Picture
from tui.widgets.share_bars import ShareBars
from tui.widgets.tensor_view import TensorView
from tui.widgets.view_tabs import ViewTabs
from tui.widgets.words import States, Words

SAMPLE = "Era uma vez um gato chamado Tico, que vivia num sítio. Tico era muito curioso."
VIEWS = {
    "heads": "Heads",
    "lens": "Lens",
    "tensors": "Tensors",
    "attribution": "Attribution",
    "patch": "Patch",
    "explain": "Explain",
}
ABLATIONS = ("zero", "mean")


class InspectView(Page):
    """The pictures; `look` is what they show."""

    def __init__(self) -> None:
        super().__init__()
        self.look = Look(text=SAMPLE)
        self.kind = ABLATIONS[0]  # how heads are silenced
        self._asked_position: int | None = None  # of a request, until the text is read
        self._second = False
        self._zoomed = False
        self._tuned: Path | None = None
        self._feed: Feed[PatchReport] | None = None
        self._timer: Timer | None = None
        self._doing = ""

    def body(self) -> ComposeResult:
        """The text, its tokens, and the views."""
        yield Input(SAMPLE, placeholder="type a text to look at", id="text", compact=True, select_on_focus=False)
        yield PassageStrip(id="strip")
        yield Static(id="readout", markup=False)
        yield ViewTabs(VIEWS, "heads", id="views")
        with Horizontal(id="panes"):
            with Vertical(id="main"):
                yield HeadGrid(id="heads")
                yield HeadMap(id="map")
                yield LensGrid(id="lens")
                yield TensorView(id="tensors")
                yield ShareBars(id="attribution")
                yield PatchTable(id="patch")
                yield States(id="states")
                yield Words(id="explain", paths=True)
            with Vertical(id="side"):
                yield LensGrid(id="side-lens")
                yield Words(id="side-words")
        yield Static(id="note", markup=False)

    def on_mount(self) -> None:
        """The views are seen by keyboard, so nothing has the focus; the text is read as soon as there is a model."""
        self.set_focus(None)
        self._open_view("heads")
        if self.bridge.opened is not None:
            self.model_opened()

    AUTO_FOCUS = ""

    @property
    def tabs(self) -> ViewTabs:
        """The line of views."""
        return self.query_one("#views", ViewTabs)

    @property
    def view(self) -> str:
        """The name of the open view."""
        return self.tabs.current

    def show(self) -> None:
        """Hand the look to every picture."""
        if not self.query(Picture):
            return  # an answer came while the page is being closed
        look = self.look
        for picture in self.query(Picture):
            picture.look = look
        for words in self.query(Words):
            words.about = "silence" if self.view == "heads" and look.silence is not None else self.view
            if words.display:
                words.show(look)
        if self.view == "states":
            self.query_one(States).show(look)
        self._tell()
        keys = (self.view, bool(look.silenced))
        if keys != self._keys_for:  # the footer is made anew, which takes longer than all the rest
            self._keys_for = keys
            self.refresh_bindings()

    _keys_for: tuple[str, bool] = ("", False)

    def on_resize(self) -> None:
        """Other lines fit."""
        self.call_after_refresh(self._tell)

    def _tell(self) -> None:
        if not self.query("#state"):
            return
        look, width = self.look, max(self.size.width - 2, 1)
        self.query_one("#readout", Static).update(Content(visible(token_line(look, width))), layout=False)
        words = note(look, width) if self.view == "heads" or look.silenced else ""
        self.query_one("#note", Static).update(Content(visible(words)), layout=False)
        self.query_one("#note").display = bool(words)
        self._say()

    def _say(self) -> None:
        if not self.query("#state"):
            return None
        look, passage = self.look, self.look.passage
        model = look.name or "no model"
        if self.bridge.opened is None and not look.word:
            return self.say(self.bridge.missing)
        if self._doing:
            return self.say(f"{model} · ◌ {self._doing} …")
        if look.before is not None and look.figures is not None and look.before.name != look.name:
            return self.say(checkpoint_line(look.figures, look.before))
        read, whose, side = (
            ("a document", "", "end") if look.heard is None else ("the chat read it", " of the answer", "beginning")
        )
        parts = [model, f"{look.length} tokens, as {read}"]
        if look.tokens is not None:
            parts.append(f"mean surprisal{whose} {look.tokens.loss:.3f} nats")
        if passage is not None and passage.left_out:
            parts.append(f"{passage.left_out:,} tokens at the {side} are left out")
        parts.append(f"heads are silenced by {self.kind}")
        return self.say(fitting(parts, max(self.size.width - 2, 1), " · "))

    def _open_view(self, name: str) -> None:
        self.tabs.current = name
        shown = "map" if name == "heads" and self._zoomed else name
        for pane in self.query_one("#main").children:
            pane.display = pane.id == shown
        self.query_one("#side-lens").display = name != "lens"
        self.query_one("#side-words").display = name != "explain"
        self.query_one("#main", Widget).border_title = VIEWS.get(name, "States")
        self.show()
        self.ask_here()

    def ask_here(self) -> object:
        """Ask for what the open view shows of the place."""
        raise NotImplementedError

    def model_opened(self) -> None:
        """Another model: the same text, seen by it."""
        raise NotImplementedError

    def _failed(self, error: Exception) -> None:
        self._doing = ""
        self.show_problem(error)
        problem = describe(error)
        self.look = self.look.but(problem=f"{problem.message}  {problem.hint}".strip())
        self.show()
