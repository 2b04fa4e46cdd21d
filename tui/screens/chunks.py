"""How a document is cut: its chunks in colours, why each ends, their sizes, and every setting changed while one looks.

`chunks_view` shows, `chunks_cutting` cuts.  Here are the keys.
"""

import asyncio
import threading
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.binding import Binding, BindingType

from mlxgpt import jobs
from mlxgpt.backend import places
from mlxgpt.chunking import registry
from mlxgpt.chunking.analysis.subject import Subject
from mlxgpt.chunking.config import ChunkConfig
from mlxgpt.errors import DataError, MlxgptError
from mlxgpt.text import visible
from tui.chunk_settings import carried
from tui.modals.ask import Ask, Confirm
from tui.modals.chunks import SearchDialog, SettingsDialog, TextDialog
from tui.modals.files import FileDialog, Paths
from tui.modals.picker import OTHER_TOKENIZER, Picker, tokenizers
from tui.modals.reading import Reading
from tui.page import Request
from tui.screens.chunks_cutting import ChunksCutting
from tui.screens.chunks_view import PANES
from tui.widgets.chunk_list import ChunkList
from tui.widgets.chunk_map import ChunkMap
from tui.widgets.strategy_bar import StrategyBar

SAMPLE = 12_000  # characters of the corpus, to begin with
SEARCH_SECONDS = 10.0
NEEDS = {"overlap": ("overlap_ratio", "stride"), "threshold": ("information_density_threshold",)}  # by action


class ChunksPage(ChunksCutting):
    """How a document is cut."""

    NAME = "chunks"
    AUTO_FOCUS = "#map"
    CSS_PATH = Path(__file__).with_name("chunks.tcss")
    HELP = "Change a setting and the document is cut again; choose a chunk and read why it ends where it does."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "pane(1)", "Pane", id="chunks.pane"),
        Binding("shift+tab", "pane(-1)", "Pane before", show=False, id="chunks.pane_back"),
        Binding("full_stop,n,right,l", "next(1)", "Chunk", key_display="←→", id="chunks.next"),
        Binding("comma,N,left,h", "next(-1)", "Chunk before", show=False, id="chunks.previous"),
        Binding("s", "strategy(1)", "Strategy", id="chunks.strategy"),
        Binding("S", "strategy(-1)", "Strategy before", show=False, id="chunks.strategy_back"),
        Binding("plus,equals_sign", "size(1)", "Size", key_display="+-", id="chunks.larger"),
        Binding("minus", "size(-1)", "Smaller", show=False, id="chunks.smaller"),
        Binding("o", "optimise", "Optimise", id="chunks.optimise"),
        Binding("enter", "open", "Open", id="chunks.open"),
        Binding("f", "file", "File", id="chunks.file"),
        Binding("right_square_bracket", "overlap(1)", "Overlap", key_display="[]", id="chunks.more_overlap"),
        Binding("left_square_bracket", "overlap(-1)", "Less overlap", show=False, id="chunks.less_overlap"),
        Binding("t", "threshold", "Threshold", id="chunks.threshold"),
        Binding("m", "settings", "Settings", id="chunks.settings"),
        Binding("p", "paste", "Paste", id="chunks.paste"),
        Binding("w", "write", "Write", id="chunks.write"),
        Binding("i", "inspect", "Inspect", id="chunks.inspect"),
        Binding("y", "copy", "Copy", show=False, id="chunks.copy"),
        Binding("v", "tokenizer", "Tokenizer", show=False, id="chunks.tokenizer"),
        Binding("e", "explain", "Why", show=False, id="chunks.explain"),
        Binding("escape", "stop", "Stop", id="chunks.stop"),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape while something runs; what needs chunks when there are some."""
        if action == "stop":
            return self._cutter.busy or self._searching
        if action in ("open", "inspect", "write", "copy", "optimise"):
            return True if self.cutting.chunks else None
        if action in NEEDS:  # a strategy without such an option has no such key
            return any(name in self.options for name in NEEDS[action])
        return True

    def on_mount(self) -> None:
        """Begin with a part of the corpus."""
        for name, title in (("list", "chunks"), ("figures", "sizes and cohesion"), ("why", "why")):
            self.query_one(f"#{name}").border_title = title
        self._show_pane("map")
        self._drain = self.set_interval(1 / 30, self._take, pause=True)
        try:
            text = places.corpus().read_text(encoding="utf-8")[:SAMPLE]
            name = f"{places.corpus().name}, its first {SAMPLE:,} characters"
        except OSError:
            text, name = "", "no text: f opens a file, p takes one that is pasted"
        self._set_text(text, name)
        self._load(self.bridge.opened.word if self.bridge.opened else "nano-pt")

    def model_opened(self) -> None:
        """Its tokenizer counts, unless another was chosen here."""
        opened = self.bridge.opened
        if opened and not self._picked_tokenizer and opened.word != self._word:
            self._load(opened.word)

    def receive(self, request: Request) -> None:
        """Cut a text or a file; `word` is a strategy."""
        if request.word:
            self._set_strategy(request.word)
        if request.text:
            self._set_text(request.text, "a text that was handed over")
            self._start()
        elif request.path:
            self._read(request.path)

    # ---- settings ----

    @on(StrategyBar.Chosen)
    def _strategy_clicked(self, event: StrategyBar.Chosen) -> None:
        if event.strategy:
            self._set_strategy(event.strategy)
        else:
            self.action_settings()

    @work
    async def action_settings(self) -> None:
        """The form of the strategy."""
        strategy = self.strategy
        dialog = SettingsDialog(strategy, self.options, lambda options: registry.create(strategy, **options))
        changed = await self.app.push_screen_wait(dialog)
        if changed is not None:
            self._apply(strategy, changed)

    @work
    async def action_tokenizer(self) -> None:
        """Count the tokens of another tokenizer."""
        choices = await asyncio.to_thread(tokenizers)
        word = await self.app.push_screen_wait(Picker("count the tokens of", choices, hint=OTHER_TOKENIZER))
        if word:
            self._picked_tokenizer = True
            self._load(word)

    # ---- choosing, opening, handing on ----

    @on(ChunkMap.Picked)
    @on(ChunkList.Picked)
    def _picked(self, event: ChunkMap.Picked | ChunkList.Picked) -> None:
        self._choose(event.number, reveal=isinstance(event, ChunkList.Picked))
        self._tell()
        if event.twice:
            self.action_open()

    def action_next(self, by: int) -> None:
        """The next chunk, or the one before."""
        if self.cutting.chunks:
            self._choose(min(max(self.chosen + by, 0), len(self.cutting.chunks) - 1))
            self._tell()

    def action_open(self) -> None:
        """The chosen chunk in full."""
        if self.cutting.chunks:
            chunk = self.cutting.chunks[self.chosen].chunk
            title = f"chunk {self.chosen + 1:,} · {chunk.n_tokens:,} tokens · characters {chunk.start:,}–{chunk.end:,}"
            self.app.push_screen(Reading(title, chunk.text))

    async def action_inspect(self) -> None:
        """See what the model makes of the chosen chunk."""
        if self.cutting.chunks:
            await self.host.go("inspect", Request(text=self.cutting.chunks[self.chosen].chunk.text))

    def action_copy(self) -> None:
        """The chosen chunk to the clipboard."""
        if self.cutting.chunks:
            self.app.copy_to_clipboard(self.cutting.chunks[self.chosen].chunk.text)  # it says how

    @work
    async def action_file(self) -> None:
        """Cut a file."""
        path = await self.app.push_screen_wait(FileDialog("a file to cut", path=str(self._path or "")))
        if path:
            self._read(path)

    @work
    async def action_paste(self) -> None:
        """Cut a text that is written or pasted."""
        text = await self.app.push_screen_wait(TextDialog())
        if text:
            self._set_text(text, "a pasted text")
            self._start()

    @work
    async def action_write(self) -> None:
        """Write the chunks as `mlxgpt chunk` does."""
        if not self.cutting.chunks:
            return
        stem = self._path.stem if self._path else "text"
        note = "json, jsonl or txt, by the name's end"
        ask = Ask("write the chunks to", f"{stem}.chunks.json", note, suggester=Paths())
        name = await self.app.push_screen_wait(ask)
        if not name:
            return
        output = Path(name).expanduser()
        sure = Confirm(f"{output} exists.  Write over it?", "Write")
        if output.exists() and not await self.app.push_screen_wait(sure):
            return
        config = ChunkConfig(strategy=self.strategy, options=self.options, tokenizer=self._word)
        text, path, title = self.cutting.text, self._path, self._source_name

        def write() -> None:
            if path is not None and path.is_file() and jobs.read_document(path) == text:
                events = jobs.chunk([path], config, output)
            else:
                events = jobs.chunk_text(text, title, config, output)
            for event in events:
                if type(event).__name__ == "FileRefused":
                    raise DataError(event.message, hint=event.hint)  # type: ignore[attr-defined]  # of this event

        try:
            await asyncio.to_thread(write)
        except (MlxgptError, OSError) as error:
            self.show_problem(error)
        else:
            self.app.notify(
                f"{len(self.cutting.chunks):,} chunks were written to {visible(str(output))}.", markup=False
            )

    @work(exclusive=True, group="search")
    async def action_optimise(self) -> None:
        """Measure other settings on this document, and offer those that are better."""
        if self._cutter.busy or not self.cutting.chunks or self._tokenizer is None:
            return
        self._searching, self._search_stop = True, threading.Event()
        self._tell()
        self.refresh_bindings()
        chunks = tuple(entry.chunk for entry in self.cutting.chunks)
        subject = Subject(
            documents=((self.cutting.text, chunks),), source=self._source_name, strategy=self.strategy, options=self.options,
            tokenizer_name=self._word, tokenizer=self._tokenizer,
        )  # fmt: skip
        stop = self._search_stop
        try:
            search = await asyncio.to_thread(
                jobs.suggest_chunking, subject, budget_seconds=SEARCH_SECONDS, stop=self._search_stop
            )
        except MlxgptError as error:
            self.show_problem(error)
            return
        finally:
            self._searching = False
            self._tell()
            self.refresh_bindings()
        if stop.is_set():
            return
        chosen = await self.app.push_screen_wait(SearchDialog(search))
        if chosen is not None:
            self._apply(chosen.strategy, carried(chosen.strategy, chosen.options))

    def action_stop(self) -> None:
        """End the search, or the cutting; what is cut so far stays."""
        if self._searching:
            self._search_stop.set()
        elif self._cutter.busy:
            self._take()
            self._cutter.stop()
            self._turn_to_fresh()
            self._end()
            self._show()

    def on_unmount(self) -> None:
        """Nobody waits for threads when the app ends."""
        self._cutter.stop()
        self._search_stop.set()

    # ---- panes ----

    def action_pane(self, by: int) -> None:
        """To the next pane; a narrow window shows one."""
        names = PANES if self.has_class("-narrow") else PANES[:2]
        here = next((name for name in names if self.has_class(f"-{name}")), "map")
        there = names[(names.index(here) + by) % len(names)]
        self._show_pane(there)
        self.query_one("#list" if there == "list" else "#map").focus()
        self.call_after_refresh(self._show_figures)

    def action_explain(self) -> None:
        """The pane with the reasons, where there is room for one."""
        self._show_pane("list")
        self.query_one("#list").focus()
        self.call_after_refresh(self._show_figures)
