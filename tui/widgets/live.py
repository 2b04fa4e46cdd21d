"""The live panel: what the model sees and thinks of each token while it writes, and of any earlier one that is selected.

`Live` is told what happens on the chat page and keeps the panel and the strip (`live_lines`) up to date; what they say is
made by `live_view` and `live_strip`.  While a text is written nothing is laid out: rows that changed are drawn anew.
"""

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from mlxgpt import jobs
from mlxgpt.errors import MlxgptError
from mlxgpt.text import visible
from tui.conversation import Conversation, Message
from tui.hearing import foreign, hearing
from tui.widgets.live_lines import LiveLines
from tui.widgets.live_state import LEVELS, LiveState, shown_head

if TYPE_CHECKING:
    from mlxgpt.inspection.live import Watch
    from tui.page import Page

DENSITIES = ("off", "strip", "panel")
PANEL_COLUMNS, STRIP_ROWS = 120, 16  # of the terminal, from which on there is room
FRAME = 1 / 15  # seconds between two pictures while a text is written: as often as it is looked at


class Live:
    """What is watched, and what is shown of it."""

    def __init__(self, page: "Page") -> None:
        self.page, self.state = page, LiveState()
        self.watch: Watch | None = None
        self._open = self._due = False
        self._shown = 0.0
        self._selected: tuple[Message, int] | None = None
        self._last: tuple[Message, int] | None = None  # the newest token
        self._talk, self._new, self._given = Conversation(), 0, 0

    # ---- what happens ------------------------------------------------------------------------------------------------

    async def opened(self) -> None:
        """Another model is open."""
        bridge = self.page.bridge
        self.state, self._selected, self._last = LiveState(level=self.state.level), None, None
        opened = bridge.opened
        self.watch = None
        try:
            self.watch = await bridge.ask(lambda: jobs.watch(bridge.chat, opened.name if opened else ""))
            self.watch.on = self._open
        except MlxgptError as error:
            self.state.problem = visible(f"{error.message}  {error.hint}")
        if self.watch is not None and self._talk.path():
            self.select(self._talk, None, None)  # it was opened while the model was still loading
        else:
            self.show()

    def fit(self, density: str, width: int, height: int) -> None:
        """Show the panel, the strip or nothing: as much as was asked for and has room."""
        asked = DENSITIES.index(density)
        room = 2 if width >= PANEL_COLUMNS else 1 if height >= STRIP_ROWS else 0
        for number, each in enumerate(DENSITIES):
            self.page.set_class(number == min(asked, room), f"-live-{each}")
        self._open = bool(min(asked, room))
        if self.watch is not None:
            self.watch.on = self._open  # nobody looks on where nobody sees it

    def heard(self, message: Message, index: int, first_seconds: float) -> None:
        """A token was written; the first one of the answer was there after so long."""
        if not self.state.writing:
            self.state.restarted()
            if self.watch is not None:
                self.state.problem = ""  # it was about another model's message
            self.state.selected(message.tokens, index - 1)
            self._selected, self._new = None, 0
            self._given = max(message.forced - index, 0)  # so many come that nobody draws
        self._last, self._new, self.state.first_seconds = (message, index), self._new + 1, first_seconds
        if self._selected is None:
            self.state.heard(message.tokens[index])
        if self._open and not self._due and time.monotonic() - self._shown > FRAME:
            self._due = True
            self.page.call_next(self._drained)

    def finished(self, message: Message, talk: Conversation, first_seconds: float) -> None:
        """A message is written to its end; its last step, if nobody looked at it in passing, is read again."""
        self.state.writing, self.state.first_seconds, self._talk = False, first_seconds, talk
        self._drained()
        self.state.told = self.state.step
        seen = self.state.step
        if self._open and self._selected is None and (seen is None or seen.written != self._new):
            self._read_again()
        if self._open:
            self.page.run_worker(self._chunk, group="live-chunks", exclusive=True)  # type: ignore[arg-type]  # a coroutine is made when it runs

    def select(self, talk: Conversation, message: Message | None, index: int | None) -> None:
        """Show the step that drew a token, or the newest of the conversation."""
        self._talk = talk
        if self._last is not None and talk.messages.get(self._last[0].id) is not self._last[0]:
            self._last = None  # it was in another conversation
            self.state = LiveState(level=self.state.level, problem=self.state.problem)
        self._selected = (message, index) if message is not None and index is not None and message.tokens else None
        answer = next((each for each in reversed(talk.path()) if each.role == "assistant"), None)
        if self._selected is None and answer is not None and answer.tokens:
            if self._open and (self._last is None or self._last[0] is not answer):
                self.page.run_worker(self._chunk, group="live-chunks", exclusive=True)  # type: ignore[arg-type]  # a coroutine is made when it runs
            self._last = answer, len(answer.tokens) - 1
        place = self._selected or self._last
        if place is not None and foreign(self.page.bridge, place[0]):
            self.page.workers.cancel_group(self.page, "live-read")
            self.state.forgot(f"{visible(place[0].model)} wrote this: its tokens are not this model's.")
            self.show()
        elif place is not None:
            self.state.selected(place[0].tokens, place[1])
            self._read_again()
        else:
            self.show()

    # ---- what is chosen ----------------------------------------------------------------------------------------------

    def turn_head(self, by: int) -> None:
        """Another head of the same layer."""
        self.state.head = self.state.turned(by)
        self.show()

    def turn_layer(self, by: int) -> None:
        """Another layer; of the next step while a text is written, else of this one, read again."""
        if self.watch is None:
            return
        self.watch.layer = (self.watch.layer + by) % self.watch.layers
        if not self.state.writing or self._selected is not None:
            self._read_again()

    def explain(self, level: str = "") -> None:
        """In other words: a level, or the next one."""
        self.state.level = level or LEVELS[(LEVELS.index(self.state.level) + 1) % len(LEVELS)]
        self.show()

    def in_words(self) -> str:
        """The step that is shown, for all readers; empty while there is none."""
        step = self.state.step
        if step is None:
            return ""
        from mlxgpt.inspection.explain import explain  # and with it numpy: not before the first picture
        from mlxgpt.inspection.focus import Focus

        focus = Focus(head=shown_head(self.state))
        said = {level: " ".join(line.text for line in explain(step, focus, level)) for level in LEVELS}
        return "\n\n".join(f"{level}: {text}" for level, text in said.items())

    # ---- showing -----------------------------------------------------------------------------------------------------

    def show(self) -> None:
        """Draw what changed."""
        self._shown = time.monotonic()
        for widget in self.page.query(LiveLines):
            widget.update(self.state)

    def _drained(self) -> None:
        """After a few tokens were heard: the newest step."""
        self._due = False
        steps = self.watch.take() if self.watch is not None else []
        if steps and self._selected is None:
            self.state.saw(replace(steps[-1], given=0 < steps[-1].written <= self._given))
        self.show()

    def _read_again(self) -> None:
        self.state.loading = True
        self.show()
        self.page.run_worker(self._read, group="live-read", exclusive=True)  # type: ignore[arg-type]  # a coroutine is made when it runs

    async def _read(self) -> None:
        """Compute the step that is selected, or the last one, by one pass over its text."""
        watch, bridge = self.watch, self.page.bridge
        place = self._selected or self._last
        if watch is None or place is None:
            return
        message, index = place
        heard, drawn = hearing(bridge, self._talk, message, index), message.tokens[index].id
        try:
            step = await bridge.ask(lambda: watch.read(heard().ids, drawn=drawn))
        except Exception as error:
            self.state.loading = False
            self.page.show_problem(error)
            return
        given = index < message.forced and message.tokens[index].draw is None
        self.state.saw(replace(step, given=given))
        self.show()

    async def _chunk(self) -> None:
        """The figures of the conversation as chunks, by the strategy of the session, beside whatever else goes on."""
        if self.page.bridge.opened is None:
            return  # `opened` comes back to it
        text = "\n\n".join(message.text for message in self._talk.path() if message.text)
        self.state.whole = self.page.bridge.chat.chunking.strategy == "off"
        try:
            self.state.chunks = await asyncio.to_thread(jobs.chunk_context, text, self.page.bridge.chat)
        except Exception as error:
            self.page.show_problem(error)
        self.show()
