"""What the Chunks page cuts, and how: a document is read, cut in a thread, and cut again with each change of a setting."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from textual import on, work

from mlxgpt import jobs
from mlxgpt.chunking import registry
from mlxgpt.chunking.watching import Part
from mlxgpt.errors import ConfigError, MlxgptError, nearest
from mlxgpt.text import visible
from tui.chunk_layout import Layout
from tui.chunk_settings import carried, next_size
from tui.chunk_view import Cutting
from tui.screens.chunks_view import ChunksView
from tui.widgets.chunk_map import ChunkMap
from tui.widgets.strategy_bar import StrategyBar

QUICK = 300_000  # characters that are laid out again without a thread
OVERLAPS = 0.05  # a step of [ and ]
MOST_OVERLAP = 0.5  # what [ and ] go up to; the settings take more
SMALLEST = 8  # tokens that - goes down to: below, some strategies cannot cut
ELSEWHERE = "Here a file is text in UTF-8; mlxgpt chunk, the command, takes folders and other encodings."
THRESHOLDS = 0.1  # a step of t


class ChunksCutting(ChunksView):
    """From a text and settings to chunks."""

    def _set_text(self, text: str, name: str, path: Path | None = None) -> None:
        self._text, self._source_name, self._path = text, name, path

    @work(exclusive=True, group="read")
    async def _read(self, word: str) -> None:
        path = Path(word).expanduser()
        self.say(f"Reading {path} …")
        try:
            text = await asyncio.to_thread(jobs.read_document, path)
        except (MlxgptError, OSError) as error:
            if isinstance(error, MlxgptError) and "--" in error.hint:  # an option of the command, which is not here
                error.hint = ELSEWHERE
            self.show_problem(error)
            self._tell()
            return
        self._set_text(text, path.name, path)
        self._start()

    @work(exclusive=True, group="load")
    async def _load(self, word: str) -> None:
        self.say(f"Reading the tokenizer of {word} …")
        try:
            self._tokenizer = await asyncio.to_thread(jobs.open_tokenizer, word)
        except MlxgptError as error:
            self.show_problem(error)
            self._tell()
            return
        self._word = word
        self._start()

    # ---- cutting, see `cutter` ----

    def _start(self) -> None:
        """Cut the document with the settings as they are; whatever runs is stopped, and not heard any more."""
        if self._tokenizer is None or not self.is_mounted:
            return
        layout = Layout(self._text, self.query_one(ChunkMap).text_width)
        self._fresh = Cutting(text=self._text), layout
        self._cutter.start(layout, self._tokenizer, self.strategy, dict(self.options))
        self.query_one(StrategyBar).show(self.strategy, self.options, f"tokens of {self._word}")
        if self._drain is not None:
            self._drain.resume()
        self.refresh_bindings()

    def _take(self) -> None:
        """Take in what the thread has said."""
        said = self._cutter.take()
        if not said:
            return
        self._turn_to_fresh()
        for entry in said:
            if isinstance(entry, Part):
                self.cutting.add(entry)
            elif entry is not None:
                self.show_problem(entry)
                if self._go_back():
                    return
            else:
                self._good = self.strategy, dict(self.options)
        if not self._cutter.busy:
            self._end()
        self._show()

    def _go_back(self) -> bool:
        """Cut again with the last settings that could; False when these are they."""
        if self._good is None or self._good == (self.strategy, dict(self.options)):
            return False
        self.strategy, self.options = self._good[0], dict(self._good[1])
        self._start()
        return True

    def _turn_to_fresh(self) -> None:
        """What was cut before stays on the screen until there is something new."""
        if self._fresh is not None:
            if self.cutting.text == self._fresh[0].text and self.chosen < len(self.cutting.chunks):
                self._at = self.cutting.chunks[self.chosen].chunk.start  # the place to look at when it is cut again
            else:
                self._at = 0
            self.cutting, self._layout_of = self._fresh
            self._fresh = None
            self.query_one(ChunkMap).border_title = visible(self._source_name)

    def _end(self) -> None:
        if self._drain is not None:
            self._drain.pause()
        self.chosen = self.cutting.chunk_at(self._at)
        self.refresh_bindings()

    @on(ChunkMap.Resized)
    def _resized(self) -> None:
        """Lines have another length; of a long text they are laid out in a thread."""
        map_ = self.query_one(ChunkMap)
        layout = self._fresh[1] if self._fresh is not None else self._layout_of  # the latest, shown or not
        if layout is not None and layout.width != max(4, map_.text_width):
            if self._cutter.busy:
                self._start()
            elif len(self.cutting.text) <= QUICK:
                self._lay_out(map_.text_width)
                self._show()
            else:
                self._lay_out_in_thread(map_.text_width)
        self.call_after_refresh(self._show_figures)

    def _lay_out(self, width: int) -> None:
        layout = Layout(self.cutting.text, width)
        layout.add([entry.chunk for entry in self.cutting.chunks])
        self._layout_of = layout

    @work(exclusive=True, group="layout")
    async def _lay_out_in_thread(self, width: int) -> None:
        await asyncio.sleep(0.1)  # of a window that is dragged, only the last size is laid out
        cutting = self.cutting
        layout = Layout(cutting.text, width)
        await asyncio.to_thread(layout.add, [entry.chunk for entry in cutting.chunks])
        if cutting is self.cutting:
            self._layout_of = layout
            self._show()

    # ---- settings ----

    def _apply(self, strategy: str, options: Mapping[str, Any]) -> None:
        """Cut with other settings, if they are possible."""
        try:
            registry.create(strategy, **options)
        except ConfigError as error:
            self.show_problem(error)
            return
        self.strategy, self.options = strategy, dict(options)
        self._start()

    def _set_strategy(self, strategy: str) -> None:
        if strategy in registry.CHUNKERS:
            self._apply(strategy, carried(strategy, self.options))
        else:
            hint = nearest(strategy, registry.CHUNKERS)
            self.show_problem(ConfigError(f"There is no chunk strategy named {strategy!r}.", hint=hint))

    def action_strategy(self, by: int) -> None:
        """The next strategy, or the one before."""
        names = list(registry.CHUNKERS)
        self._set_strategy(names[(names.index(self.strategy) + by) % len(names)])

    def action_size(self, by: int) -> None:
        """A step larger or smaller."""
        before = int(self.options["max_size"])
        size = next_size(before, by)
        if by < 0:
            size = max(size, min(SMALLEST, before))
        if size == before:
            return
        changed = {**self.options, "max_size": size}
        for name in ("min_size", "stride"):  # they may not be above it
            if name in changed:
                changed[name] = min(changed[name], size)
        self._apply(self.strategy, changed)

    def action_overlap(self, by: int) -> None:
        """More or less of what chunks share."""
        if "stride" in self.options:
            size = int(self.options["max_size"])
            stride = int(self.options["stride"]) or size // 2
            step = max(1, size // 16)
            self._apply(self.strategy, {**self.options, "stride": min(size, max(step, stride - by * step))})
        elif "overlap_ratio" in self.options:
            ratio = round(float(self.options["overlap_ratio"]) + by * OVERLAPS, 4)
            ratio = min(max(ratio, 0.0), max(MOST_OVERLAP, float(self.options["overlap_ratio"])))
            if ratio != self.options["overlap_ratio"]:
                self._apply(self.strategy, {**self.options, "overlap_ratio": ratio})

    def action_threshold(self) -> None:
        """The next threshold; after the last the first."""
        name = "information_density_threshold"
        value = round(float(self.options[name]) + THRESHOLDS, 4)
        self._apply(self.strategy, {**self.options, name: value if value <= 1 else 0.0})
