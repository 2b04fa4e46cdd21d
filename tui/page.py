"""What all seven screens have in common: the bar of tabs, a body, a line of state, the footer; and words between them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from mlxgpt.errors import describe
from mlxgpt.text import visible
from tui.keymap import Remapped
from tui.widgets.kept import Kept, KeptStatic
from tui.widgets.keys import Keys
from tui.widgets.tabs import Tabs

if TYPE_CHECKING:
    from mlxgpt.inspection.reports import Heard
    from tui.app import MlxgptApp
    from tui.bridge import Bridge

BREAKPOINTS = [(0, "-narrow"), (100, "-normal"), (140, "-wide")]  # columns, and the class a page gets from there on


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What one page asks of another: look at this text, at this place.  Fields that do not matter stay empty."""

    text: str = ""
    heard: "Heard | None" = None  # the ids of the text where a chat has read it, which are more than it spells
    position: int | None = None
    layer: int | None = None
    head: int | None = None
    silenced: tuple[tuple[int, int], ...] = ()  # heads (layer, head) that the model is to do without
    path: str = ""
    word: str = ""  # a model, a lesson, a strategy
    view: str = ""  # one of the page's views


class Page(Kept, Remapped):
    """A screen of the app.  Subclasses give `body`, and may take `receive` and `model_opened`."""

    NAME: ClassVar[str] = ""
    HORIZONTAL_BREAKPOINTS = BREAKPOINTS

    def compose(self) -> ComposeResult:
        """The bar, the page's own body, the line of state, the footer."""
        yield Tabs(self.NAME)
        yield from self.body()
        yield KeptStatic(id="state", markup=False)
        yield Keys()

    def body(self) -> ComposeResult:
        """What is between the bars."""
        raise NotImplementedError

    def receive(self, request: Request) -> None:
        """Another page asks for something; called after this page is shown."""

    def model_opened(self) -> None:
        """Another model is open: `self.bridge.opened`."""

    def model_missing(self) -> None:
        """A model could not be opened, and there is none: `self.bridge.missing` says so."""

    @property
    def host(self) -> "MlxgptApp":
        """The app, by its own type."""
        return cast("MlxgptApp", self.app)

    @property
    def bridge(self) -> "Bridge":
        """The way to the model."""
        return self.host.bridge

    def say(self, text: str | Content | Text) -> None:
        """Write the line of state; never a layout."""
        line = Content(visible(text)) if isinstance(text, str) else text
        self.query_one("#state", Static).update(line, layout=False)

    def show_problem(self, error: BaseException) -> None:
        """Say what went wrong, where and what to do, until it is clicked away."""
        problem = describe(error)
        self.app.notify(
            f"{problem.message}\n{problem.hint}".strip(),
            severity="error",
            timeout=12,
            markup=False,
        )
