"""What the Inspect page asks of a model.  What depends on the text is read once, what depends on the cursor when it rests; an
answer to what is no longer asked is dropped."""

import asyncio
from pathlib import Path
from typing import Any

from textual import work
from textual.widgets import Input

from mlxgpt import jobs
from mlxgpt.errors import MlxgptError
from mlxgpt.text import visible
from tui import asking
from tui.modals.ask import Ask
from tui.page import Request
from tui.screens.inspect_view import VIEWS, InspectView
from tui.widgets.picture import Picture
from tui.widgets.tensor_view import TensorView

RESTING = 0.06  # seconds that the cursor stands still before the model is asked


class InspectReading(InspectView):
    """The way from a look to its reports."""

    def model_opened(self) -> None:
        """Another model: the same text, seen by it."""
        opened = self.bridge.opened
        if opened is None:
            return
        layer = min(self.look.layer, max(opened.n_layer - 1, 0))
        head = min(self.look.head, max(opened.n_head - 1, 0))
        self._tuned = None
        self.look = self.look.afresh(
            word="", name=opened.name, layer=layer, head=head, silenced=(), before=None, heard=None,
            position=None if self.look.heard else self.look.position,  # those ids are another model's
        )  # fmt: skip
        self.read()

    def model_missing(self) -> None:
        """There is nothing to look into."""
        self.show()

    def receive(self, request: Request) -> None:
        """Look at a text, at one of its tokens, in a layer and a head.

        Positions are those of `Passage`: they count the token that texts begin after; -1 is the last.
        """
        changes: dict[str, Any] = {}
        if request.layer is not None:
            changes["layer"] = request.layer
        if request.head is not None:
            changes["head"] = request.head
        if request.word:
            changes |= {"word": request.word, "name": Path(request.word).name}
        self._asked_position = request.position
        text = request.text or self.look.text
        with self.prevent(Input.Changed):
            self.query_one(Input).value = visible(text)
        self.look = self.look.afresh(
            text=text, heard=request.heard, position=None, silenced=request.silenced, **changes
        )
        if request.view and request.view in self.tabs.titles:
            self._zoomed = False
            self._open_view(request.view)
        self.read()

    @work(exclusive=True, group="read")
    async def read(self) -> None:
        """Read the text: the surprisal first, then the lens, the heads, the norms."""
        self._stop_feed()
        self.workers.cancel_group(self, "here")
        self.show()
        if self.bridge.opened is None and not self.look.word:
            return
        try:
            if self._asked_position is not None:
                await self._place(self._asked_position)
            for field, (words, ask) in asking.READ.items():
                await self._fill(field, words, self._with_lens(ask) if field == "lens" else ask)
            self._name_views()
            for field, (words, ask) in asking.RECURRENT.items() if self.look.recurrent else ():
                await self._fill(field, words, ask)
        except Exception as error:
            self._failed(error)
            return
        self.ask_here()

    def _name_views(self) -> None:
        """The views that this model has: only recurrent ones have states."""
        states = {"states": "States"} if self.look.recurrent else {}
        first = {name: VIEWS[name] for name in ("heads", "lens")}
        self.tabs.titles = first | states | VIEWS
        if self.view not in self.tabs.titles:
            self._open_view("heads")
        self.tabs.refresh()

    async def _place(self, position: int) -> None:
        """Go to a position that was asked for; of a text too long to be read up to there, only the end is."""
        if self.look.heard is not None:
            length = await self._ask(lambda inspector, look: len(inspector.passage(look.reading, cut=True)))
            self._asked_position = None
            self.look = self.look.but(position=position % length)
            return
        text, place = await self._ask(lambda inspector, look: inspector.ending(look.text, position))
        self._asked_position = None
        if text != self.look.text:
            self.notify("The text is long: what stands before is left out.", markup=False)
        self.look = self.look.but(text=text, position=place)

    def _with_lens(self, ask: asking.Ask) -> asking.Ask:
        tuned = self._tuned
        return ask if tuned is None else lambda inspector, look: inspector.lens(look.reading, tuned=tuned, cut=True)

    async def _ask(self, ask: asking.Ask) -> Any:  # Any: the report
        look = self.look
        return await self.bridge.ask(lambda: ask(self.bridge.inspector(look.word), look))

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
        asked = self.look.reading, self.look.word
        try:
            found = await self._ask(ask)
        finally:
            self._doing = ""
        if asked != (self.look.reading, self.look.word):
            return  # about what is no longer looked at
        self.look = self.look.but(**{field: found}).moved()  # inside of this model's layers and heads
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
        if view.block is not None:  # another model may have fewer
            view.block = min(view.block, self.look.shape[0] - 1)
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

    def _go(self, **steps: int) -> None:
        self.look = self.look.moved(**steps)
        self.show()
        self.ask_here()

    def _stop_feed(self) -> None:
        if self._feed is not None:
            self._feed.close()
        if self._timer is not None:
            self._timer.stop()
        self._feed, self._timer = None, None

    @work(exclusive=True, group="question")
    async def action_tuned(self) -> None:
        """A file of `mlxgpt inspect tune-lens` in place of the logit lens."""
        about = "a file of `mlxgpt inspect tune-lens`; empty: the logit lens"
        word = await self.app.push_screen_wait(Ask("tuned lens", str(self._tuned or ""), about))
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
