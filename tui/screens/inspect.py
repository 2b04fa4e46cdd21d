"""See inside: any text, token by token, head by head; what the model would say after each layer, who speaks for it, and what
it says without some of its heads.

The page keeps a `Look` and hands it to its pictures; `tui.asking` says what is asked of the model.  What depends on the text
is read once, what depends on the cursor is asked for when the cursor rests; an answer to what is no longer asked is dropped.
"""

import asyncio
from pathlib import Path
from typing import Any, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input, Static

from mlxgpt import jobs
from mlxgpt.errors import MlxgptError
from mlxgpt.inspection.explain import LANGUAGES, LEVELS
from mlxgpt.inspection.reports import PATCH_POINTS, PatchReport
from mlxgpt.text import visible
from tui import asking
from tui.bridge import Feed
from tui.look import Look, checkpoint_line, finished, head_line, silence_line, token_line
from tui.page import Page, Request
from tui.saving import save
from tui.widgets.head_grid import HeadGrid
from tui.widgets.head_map import HeadMap
from tui.widgets.lens_grid import MEASURES, LensGrid
from tui.widgets.passage_strip import PassageStrip
from tui.widgets.patch_table import PatchTable
from tui.widgets.picture import Picture
from tui.widgets.question import Question
from tui.widgets.share_bars import ShareBars
from tui.widgets.source_view import SourceView
from tui.widgets.tensor_view import KINDS, TensorView
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
RESTING = 0.06  # seconds that the cursor stands still before the model is asked
ABLATIONS = ("zero", "mean")


class InspectPage(Page):
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

    # ---- the picture -------------------------------------------------------------------------------------------------

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
        self.query_one("#readout", Static).update(Content(visible(token_line(look))), layout=False)
        note = f"{head_line(look)}\n{silence_line(look)}" if self.view == "heads" else self._note()
        self.query_one("#note", Static).update(Content(visible(note)), layout=False)
        self.query_one("#note").display = bool(note)
        self._say()
        self.refresh_bindings()

    def _note(self) -> str:
        return "" if not self.look.silenced else f"{head_line(self.look)}\n{silence_line(self.look)}"

    def _say(self) -> None:
        if not self.query("#state"):
            return None
        look, passage = self.look, self.look.passage
        model = look.name or "no model"
        if self._doing:
            return self.say(f"{model} · ◌ {self._doing} …")
        if look.before is not None and look.figures is not None and look.before.name != look.name:
            return self.say(checkpoint_line(look.figures, look.before))
        loss = "" if look.tokens is None else f" · mean surprisal {look.tokens.loss:.3f} nats"
        cut = f" · {passage.left_out:,} tokens at the end are left out" if passage and passage.left_out else ""
        return self.say(f"{model} · {look.length} tokens{loss}{cut} · heads are silenced by {self.kind}")

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

    # ---- what is asked -----------------------------------------------------------------------------------------------

    def model_opened(self) -> None:
        """Another model: the same text, seen by it."""
        opened = self.bridge.opened
        if opened is None:
            return
        views = dict(VIEWS)
        if opened.recurrent:
            views = {**{name: VIEWS[name] for name in ("heads", "lens")}, "states": "States", **views}
        self.tabs.titles = views
        if self.view not in views:
            self._open_view("heads")
        self.tabs.refresh()
        layer, head = min(self.look.layer, opened.n_layer - 1), min(self.look.head, opened.n_head - 1)
        self._tuned = None
        self.look = self.look.afresh(
            word="", name=opened.name, layer=layer, head=head, silenced=(), before=None, position=self.look.position
        )
        self.read()

    def receive(self, request: Request) -> None:
        """Look at a text, at one of its tokens (from 0; -1 is the last), in a layer and a head."""
        changes: dict[str, Any] = {}
        if request.layer is not None:
            changes["layer"] = request.layer
        if request.head is not None:
            changes["head"] = request.head
        if request.word:
            changes |= {"word": request.word, "name": request.word}
        self._asked_position = request.position
        text = request.text or self.look.text
        with self.prevent(Input.Changed):
            self.query_one(Input).value = visible(text)
        self.look = self.look.afresh(text=text, position=None, silenced=(), **changes)
        self.read()

    @work(exclusive=True, group="read")
    async def read(self) -> None:
        """Read the text: the surprisal first, then the lens, the heads, the norms."""
        self._stop_feed()
        self.show()
        if self.bridge.opened is None and not self.look.word:
            return
        todo = dict(asking.READ)
        if self.bridge.opened is not None and self.bridge.opened.recurrent:
            todo |= asking.RECURRENT
        try:
            for field, (words, ask) in todo.items():
                self._doing = words
                self._say()
                found = await self._ask(self._with_lens(ask) if field == "lens" else ask)
                self.look = self.look.but(**{field: found})
                if field == "tokens":
                    self._place(found)
                self.look = self.look.moved()  # inside of this model's layers and heads
                self._doing = ""
                self.show()
        except Exception as error:
            self._failed(error)
            return
        self.ask_here()

    def _place(self, report: Any) -> None:  # Any: TokensReport
        """The position that was asked for: requests count the tokens of their text, without the one it begins after."""
        wanted, self._asked_position = self._asked_position, None
        if wanted is not None:
            first = 0 if report.passage.pieces[0] and self.look.text.startswith(report.passage.pieces[0]) else 1
            self.look = self.look.but(position=wanted + first if wanted >= 0 else len(report.passage) + wanted)

    def _with_lens(self, ask: asking.Ask) -> asking.Ask:
        tuned = self._tuned
        return ask if tuned is None else lambda inspector, look: inspector.lens(look.text, tuned=tuned, cut=True)

    async def _ask(self, ask: asking.Ask) -> Any:  # Any: the report
        look = self.look
        return await self.bridge.ask(lambda: ask(self.bridge.inspector(look.word), look))

    def _failed(self, error: Exception) -> None:
        self._doing = ""
        self.show_problem(error)
        self._say()

    @work(exclusive=True, group="here")
    async def ask_here(self) -> None:
        """What depends on the cursor, once it rests: only what is seen."""
        await asyncio.sleep(RESTING)
        if self.look.tokens is None or self.look.heads is None or not self.query(Picture):
            return
        try:
            look = self.look
            if look.silenced and not self._is_fresh_silence():
                await self._fill("silence", "without heads", asking.silence(self.kind))
            if self.view in ("attribution", "explain") and not self._is_fresh_attribution():
                await self._fill("attribution", "attribution", asking.attribution(self._second))
            if self.view == "tensors":
                await self._fill_tensors()
        except Exception as error:
            self._failed(error)

    async def _fill(self, field: str, words: str, ask: asking.Ask) -> None:
        self._doing = words
        self._say()
        try:
            found = await self._ask(ask)
        finally:
            self._doing = ""
        self.look = self.look.but(**{field: found})
        self.show()

    def _is_fresh_silence(self) -> bool:
        report = self.look.silence
        return report is not None and (report.position, report.heads, report.kind) == (
            self.look.at, self.look.silenced, self.kind
        )  # fmt: skip

    def _is_fresh_attribution(self) -> bool:
        report = self.look.attribution
        return report is not None and (report.position, report.against is not None) == (self.look.at, self._second)

    async def _fill_tensors(self) -> None:
        view = self.query_one(TensorView)
        wanted = (view.kind, view.block)
        report = self.look.walk
        if report is None or self._walked != wanted:
            self.look = self.look.but(walk=None)
            await self._fill("walk", f"{view.kind} in numbers", asking.walk(*wanted))
            self._walked = wanted
        report = self.look.walk
        if report is not None and report.tensors:
            name = report.tensors[min(view.chosen, len(report.tensors) - 1)].name
            await self._fill("values", name, asking.values(view.kind, name))

    _walked: tuple[str, int | None] = ("", None)

    # ---- moving ------------------------------------------------------------------------------------------------------

    def action_move(self, dx: int, dy: int) -> None:
        """Arrows: what they move depends on the view."""
        match self.view:
            case "heads" if self._zoomed:
                head_map = self.query_one(HeadMap)
                head_map.key = min(max(head_map.key + dx, 0), max(self.look.length - 1, 0))
                self._go(position=dy)
            case "heads" | "states":
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
            case "explain":
                self.query_one("#explain", Words).scroll_relative(y=3 * dy, animate=False)
                self._go(position=dx)

    def _move_tensors(self, dx: int, dy: int) -> None:
        view = self.query_one(TensorView)
        if dx:
            layers: list[int | None] = [None, *range(self.look.shape[0])]
            view.block = layers[min(max(layers.index(view.block) + dx, 0), len(layers) - 1)]
        last = len(self.look.walk.tensors) - 1 if self.look.walk else 0
        view.chosen = min(max(view.chosen + dy, 0), last)
        self._go()

    def _go(self, **steps: int) -> None:
        self.look = self.look.moved(**steps)
        self.show()
        self.ask_here()

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

    # ---- the text ----------------------------------------------------------------------------------------------------

    def action_type(self) -> None:
        """Write another text."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look at what was written."""
        self.set_focus(None)
        self.look = self.look.afresh(text=event.value, position=None)
        self.read()

    def on_paste(self, event: events.Paste) -> None:
        """A text pasted while no input has the focus is looked at."""
        if self.focused is None and event.text.strip():
            event.stop()
            self.receive(Request(text=event.text))

    # ---- causes ------------------------------------------------------------------------------------------------------

    def action_silence(self) -> None:
        """Silence the selected head, or hear it again."""
        if self.look.heads is not None:
            self.look = self.look.switched((self.look.layer, self.look.head))
            self._go()

    def action_hear(self) -> None:
        """Hear every head again."""
        self.look = self.look.but(silenced=(), silence=None)
        self._go()

    @work(exclusive=True, group="question")
    async def action_find(self) -> None:
        """To the next head that has a role."""
        word = await self.app.push_screen_wait(
            Question("find a role", "previous, self, sink, duplicate or induction; the beginning of a word is enough")
        )
        if not word:
            return
        found = next(self.look.with_role(word.strip()), None)
        if found is None:
            self.notify(f"No head has a clear role that begins with {visible(word)!r}.", markup=False)
            return
        self.look = self.look.but(layer=found[0], head=found[1])
        self._go()

    @work(exclusive=True, group="question")
    async def action_patch(self) -> None:
        """Put values of this text into the run of another."""
        point = self.query_one(PatchTable).point
        about = f"of as many tokens ({self.look.length}); {point} of this text is put into its run. Enter runs it."
        other = await self.app.push_screen_wait(Question("the other text", about, self.look.text))
        if other:
            text, position, word = self.look.text, self.look.at, self.look.word
            self._play(
                lambda: self.bridge.inspector(word).patch_live(text, other, point=point, position=position, cut=True)
            )

    def action_ablate_each(self) -> None:
        """Silence each head in turn."""
        text, position, word, kind = self.look.text, self.look.at, self.look.word, self.kind
        self._play(lambda: self.bridge.inspector(word).ablation_live(text, kind=kind, position=position, cut=True))

    def _play(self, make: Any) -> None:  # Any: () -> Iterator[PatchReport]
        self._stop_feed()
        self.look = self.look.but(patch=None)
        self._open_view("patch")
        self._doing = "changing one value at a time; esc stops"
        self._say()
        self._feed = self.bridge.play(lambda stop: make())
        self._timer = self.set_interval(1 / 30, self._drain)

    def _drain(self) -> None:
        feed = self._feed
        if feed is None:
            return
        over = feed.over
        for report in feed.take():
            self.look = self.look.but(patch=report)
            table = self.query_one(PatchTable)
            table.look = self.look
        if over:
            self._stop_feed()
            self._doing = ""
            if isinstance(feed.error, Exception):
                self._failed(feed.error)
            elif self.look.patch is not None and finished(self.look.patch):
                delta = abs(self.look.patch.delta)
                table = self.query_one(PatchTable)
                table.row, table.column = divmod(int(delta.argmax()), delta.shape[1])
            self.show()

    def _stop_feed(self) -> None:
        if self._feed is not None:
            self._feed.close()
        if self._timer is not None:
            self._timer.stop()
        self._feed, self._timer = None, None

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
        await self.app.push_screen_wait(SourceView(pieces))

    @work(exclusive=True, group="question")
    async def action_tuned(self) -> None:
        """A file of `mlxgpt inspect tune-lens` in place of the logit lens."""
        about = "a file of `mlxgpt inspect tune-lens`; empty: the logit lens"
        word = await self.app.push_screen_wait(Question("tuned lens", about, str(self._tuned or "")))
        if word is None:
            return
        self._tuned = Path(word).expanduser() if word.strip() else None
        try:
            await self._fill("lens", "lens", self._with_lens(asking.READ["lens"][1]))
        except (MlxgptError, OSError) as error:
            self._tuned = None
            self._failed(error)

    # ---- through training --------------------------------------------------------------------------------------------

    @work(exclusive=True, group="checkpoint")
    async def action_checkpoint(self, step: int) -> None:
        """The same text and place in an earlier or later checkpoint of the run."""
        if self.bridge.opened is None:
            return
        word = self.look.word or self.bridge.opened.word
        try:
            found, at = await asyncio.to_thread(jobs.sibling_checkpoints, word)
        except (MlxgptError, OSError) as error:
            self._failed(error)
            return
        if not found:
            self.notify(f"{visible(word)} is no checkpoint of a run; 5 trains one, 6 opens one.", markup=False)
            return
        target = min(max(at + step, 0), len(found) - 1)
        if target == at and self.look.word:
            self.say(f"{found[at].name} is the {'first' if step < 0 else 'last'} of {len(found)} checkpoints")
            return
        before = self.look.figures or self.look.before
        self.look = self.look.afresh(word=str(found[target]), name=found[target].name, before=before)
        self.read()

    # ---- keeping -----------------------------------------------------------------------------------------------------

    @work(exclusive=True, group="question")
    async def action_save(self) -> None:
        """A picture or the data of what is shown."""
        report = self._report()
        if report is None:
            self.notify("There is nothing to save yet.", markup=False)
            return
        about = "the ending says how: .svg or .png draws it, .json keeps every number"
        name = await self.app.push_screen_wait(Question("save as", about, f"{self.view}.svg"))
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

    def _focus(self) -> Any:  # Any: Focus
        from mlxgpt.inspection.focus import Focus

        return self.look.focus if self.view == "heads" and self._zoomed else Focus()

    def action_copy(self) -> None:
        """The readout."""
        lines = [token_line(self.look), head_line(self.look), silence_line(self.look) if self.look.silenced else ""]
        self.app.copy_to_clipboard(visible("\n".join(line for line in lines if line)))
        self.notify("The readout was copied.", markup=False)

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
