"""How a document is cut: its chunks in colours, why each ends, their sizes, and every setting changed while one looks."""

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from rich.console import Group
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widgets import Static

from mlxgpt import jobs
from mlxgpt.backend import places
from mlxgpt.chunking import registry
from mlxgpt.chunking.analysis.subject import Subject
from mlxgpt.chunking.config import ChunkConfig
from mlxgpt.chunking.watching import Part
from mlxgpt.errors import ConfigError, DataError, MlxgptError, nearest
from mlxgpt.text import visible
from mlxgpt.tokenizer.base import Tokenizer
from tui.chunk_layout import Layout
from tui.chunk_view import (
    HEADER,
    Cutting,
    Options,
    carried,
    curve,
    curve_line,
    explain,
    histogram,
    next_size,
    row,
    short,
    size_line,
)  # fmt: skip
from tui.cutter import Cutter
from tui.modals.chunks import FileDialog, PathDialog, ReadDialog, SearchDialog, SettingsDialog, TextDialog
from tui.modals.picker import Picker
from tui.page import Page, Request
from tui.widgets.chunk_list import ChunkList
from tui.widgets.chunk_map import ChunkMap
from tui.widgets.strategy_bar import StrategyBar

PANES = ("map", "list", "figures")
SAMPLE = 12_000  # characters of the corpus, to begin with
QUICK = 300_000  # characters that are laid out again without a thread
SEARCH_SECONDS = 10.0
TELL_SECONDS = 0.5  # how long cutting took is said from there on
OVERLAPS = 0.05  # a step of [ and ]
MOST_OVERLAP = 0.5  # what [ and ] go up to; the settings take more
ELSEWHERE = "Here a file is text in UTF-8; mlxgpt chunk, the command, takes folders and other encodings."
THRESHOLDS = 0.1  # a step of t
SMALLEST = 8  # tokens that - goes down to: below, some strategies cannot cut
NEEDS = {"overlap": ("overlap_ratio", "stride"), "threshold": ("information_density_threshold",)}  # by action


class ChunksPage(Page):
    """How a document is cut."""

    NAME = "chunks"
    AUTO_FOCUS = "#map"
    HELP = "Change a setting and the document is cut again; choose a chunk and read why it ends where it does."
    DEFAULT_CSS = """
    ChunksPage { overflow: hidden; }
    ChunksPage ChunkMap, ChunksPage ChunkList, ChunksPage #figures, ChunksPage #why {
        border: round $foreground 30%; padding: 0 1;
    }
    ChunksPage ChunkMap:focus, ChunksPage ChunkList:focus { border: round $accent; }
    ChunksPage #side { width: 1fr; }
    ChunksPage ChunkMap { width: 1fr; }
    ChunksPage #figures { height: 14; }
    ChunksPage #why { height: 10; }
    ChunksPage.-wide #figures { height: 18; }
    ChunksPage.-narrow #map, ChunksPage.-narrow #side, ChunksPage.-narrow #list, ChunksPage.-narrow #figures
        { display: none; }
    ChunksPage.-narrow.-map #map, ChunksPage.-narrow.-list #side, ChunksPage.-narrow.-list #list,
    ChunksPage.-narrow.-figures #side, ChunksPage.-narrow.-figures #figures { display: block; }
    ChunksPage.-narrow #figures { height: 1fr; }
    ChunksPage.-narrow #why { height: 7; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "pane(1)", "Pane", id="chunks.pane"),
        Binding("shift+tab", "pane(-1)", "", show=False, id="chunks.pane_back"),
        Binding("full_stop,n,right,l", "next(1)", "Chunk", key_display="←→", id="chunks.next"),
        Binding("comma,N,left,h", "next(-1)", "", show=False, id="chunks.previous"),
        Binding("s", "strategy(1)", "Strategy", id="chunks.strategy"),
        Binding("S", "strategy(-1)", "", show=False, id="chunks.strategy_back"),
        Binding("plus,equals_sign", "size(1)", "Size", key_display="+-", id="chunks.larger"),
        Binding("minus", "size(-1)", "", show=False, id="chunks.smaller"),
        Binding("o", "optimise", "Optimise", id="chunks.optimise"),
        Binding("enter", "open", "Open", id="chunks.open"),
        Binding("f", "file", "File", id="chunks.file"),
        Binding("right_square_bracket", "overlap(1)", "Overlap", key_display="[]", id="chunks.more_overlap"),
        Binding("left_square_bracket", "overlap(-1)", "", show=False, id="chunks.less_overlap"),
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

    def __init__(self) -> None:
        super().__init__()
        self.strategy = "recursive"
        self.options: Options = carried("recursive", {"max_size": 128})
        self.cutting = Cutting(text="")
        self.chosen = 0
        self._name, self._path = "", None  # type: str, Path | None
        self._word = ""
        self._tokenizer: Tokenizer | None = None
        self._picked_tokenizer = False
        self._cutter = Cutter()
        self._search_stop = threading.Event()
        self._searching = False
        self._good: tuple[str, Options] | None = None  # the last settings that could cut
        self._layout_of: Layout | None = None
        self._fresh: tuple[Cutting, Layout] | None = None  # what comes, until it is shown
        self._text, self._at = "", 0
        self._drain: Timer | None = None

    def body(self) -> ComposeResult:
        """The settings, the document, the chunks."""
        yield StrategyBar(list(registry.CHUNKERS))
        with Horizontal(id="panes"):
            yield ChunkMap(id="map")
            with Vertical(id="side"):
                yield ChunkList(HEADER, self._row, id="list")
                yield Static(id="figures", markup=False)
                yield Static(id="why", markup=False)

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

    # ---- what is cut ----

    def _set_text(self, text: str, name: str, path: Path | None = None) -> None:
        self._text, self._name, self._path = text, name, path

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
            self.query_one(ChunkMap).border_title = visible(self._name)

    def _end(self) -> None:
        if self._drain is not None:
            self._drain.pause()
        self.chosen = self.cutting.chunk_at(self._at)
        self.refresh_bindings()

    # ---- showing ----

    def _row(self, number: int, width: int) -> str:
        return row(self.cutting, number, width, int(self.options["max_size"]))

    def _show(self) -> None:
        chunks = self.cutting.chunks
        map_, list_ = self.query_one(ChunkMap), self.query_one(ChunkList)
        map_.show(self._layout_of, chunks)
        list_.show(len(chunks))
        list_.border_subtitle = f"{len(chunks):,}"
        self._choose(min(self.chosen, max(0, len(chunks) - 1)))
        self._tell()

    def _choose(self, number: int, *, reveal: bool = True) -> None:
        self.chosen = number
        self.query_one(ChunkMap).choose(number, reveal=reveal)
        self.query_one(ChunkList).choose(number)
        self._show_figures()

    def _show_figures(self) -> None:
        figures, why = self.query_one("#figures", Static), self.query_one("#why", Static)
        if not self.cutting.chunks:
            empty = "" if self._cutter.busy else "There is nothing to cut: f opens a file, p takes a text."
            figures.update("", layout=False)
            why.update(empty, layout=False)
            return
        width = max(8, figures.content_size.width)
        height = max(2, (figures.content_size.height - 5) // 2)
        sizes, limit = self.cutting.sizes, int(self.options["max_size"])
        lines = [Text(size_line(sizes), "bold", no_wrap=True, overflow="ellipsis")]
        lines += [Text(line) for line in histogram(sizes, limit, width, height)]
        lines.append(Text(f"cohesion  {curve_line(self.cutting)}", "bold", no_wrap=True, overflow="ellipsis"))
        lines += curve(self.cutting, self.chosen, width, height)
        figures.update(Group(*lines), layout=False)
        why.border_title = f"why chunk {self.chosen + 1:,} ends here"
        why.update("\n".join(explain(self.cutting, self.chosen)), layout=False)

    def _tell(self) -> None:
        """The line of state."""
        cutting = self.cutting
        tokens = int(cutting.sizes.sum()) if cutting.chunks else 0
        line = f"{len(cutting.chunks):,} chunks · {tokens:,} tokens · {len(cutting.text):,} characters"
        if self._searching:
            line += " · measuring other settings … esc stops"
        elif self._cutter.busy:
            line += f" · {cutting.done / max(1, len(cutting.text)):.0%} … esc stops"
        elif self._cutter.stopped:
            line += f" · stopped at {cutting.done / max(1, len(cutting.text)):.0%}; any setting starts again"
        elif cutting.chunks:
            if self._cutter.seconds >= TELL_SECONDS:
                line += f" · {self._cutter.seconds:.1f} s, {tokens / self._cutter.seconds:,.0f} tokens/s"
            line += f" · chunk {self.chosen + 1:,}: {short(cutting.chunks[self.chosen].cut)}"
        self.say(line)

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

    @on(StrategyBar.Chosen)
    def _strategy_clicked(self, event: StrategyBar.Chosen) -> None:
        if event.strategy:
            self._set_strategy(event.strategy)
        else:
            self.action_settings()

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
        entries = await asyncio.to_thread(jobs.list_checkpoints)
        choices = [(entry.name, f"{entry.parameters:,} parameters") for entry in entries]
        choices.append(("byte", "each byte is a token"))
        word = await self.app.push_screen_wait(Picker("Count the tokens of", choices, hint="or a folder"))
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
            self.app.push_screen(ReadDialog(title, chunk.text))

    async def action_inspect(self) -> None:
        """See what the model makes of the chosen chunk."""
        if self.cutting.chunks:
            await self.host.go("inspect", Request(text=self.cutting.chunks[self.chosen].chunk.text))

    def action_copy(self) -> None:
        """The chosen chunk to the clipboard."""
        if self.cutting.chunks:
            self.app.copy_to_clipboard(self.cutting.chunks[self.chosen].chunk.text)
            self.app.notify(f"Chunk {self.chosen + 1:,} was copied.")

    @work
    async def action_file(self) -> None:
        """Cut a file."""
        path = await self.app.push_screen_wait(FileDialog("A file to cut", path=str(self._path or "")))
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
        name = await self.app.push_screen_wait(PathDialog("Write the chunks to", f"{stem}.chunks.json", note))
        if not name:
            return
        output = Path(name).expanduser()
        if output.exists():
            choices = [("no", "keep it"), ("yes", "write over it")]
            if await self.app.push_screen_wait(Picker(f"{visible(str(output))} exists", choices)) != "yes":
                return
        config = ChunkConfig(strategy=self.strategy, options=self.options, tokenizer=self._word)
        text, path, title = self.cutting.text, self._path, self._name

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
            documents=((self.cutting.text, chunks),), source=self._name, strategy=self.strategy, options=self.options,
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

    def _show_pane(self, shown: str) -> None:
        for name in PANES:
            self.set_class(name == shown, f"-{name}")

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
