"""Changing the model from the Inspect page: heads silenced together, each in turn, and values put in from another text."""

from typing import Any

from textual import work

from mlxgpt.text import visible
from tui.look import finished
from tui.modals.ask import Ask
from tui.screens.inspect_reading import InspectReading
from tui.widgets.patch_table import PatchTable


class InspectCauses(InspectReading):
    """Silencing and patching."""

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
            Ask("find a role", hint="previous, self, sink, duplicate or induction; the beginning of a word is enough")
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
        other = await self.app.push_screen_wait(Ask("the other text", self.look.text, about))
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
