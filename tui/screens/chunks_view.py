"""What the Chunks page shows: the document in colours, the list, the figures, why a chunk ends; and what is known of it."""

import threading
from pathlib import Path

from rich.console import Group
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.widgets import Static

from mlxgpt.chunking import registry
from mlxgpt.tokenizer.base import Tokenizer
from tui.chunk_layout import Layout
from tui.chunk_settings import Options, carried
from tui.chunk_view import HEADER, Cutting, curve, curve_line, explain, histogram, row, short, size_line
from tui.cutter import Cutter
from tui.page import Page
from tui.widgets.chunk_list import ChunkList
from tui.widgets.chunk_map import ChunkMap
from tui.widgets.strategy_bar import StrategyBar

PANES = ("map", "list", "figures")
TELL_SECONDS = 0.5  # how long cutting took is said from there on


class ChunksView(Page):
    """The page without its keys."""

    def __init__(self) -> None:
        super().__init__()
        self.strategy = "recursive"
        self.options: Options = carried("recursive", {"max_size": 128})
        self.cutting = Cutting(text="")
        self.chosen = 0
        self._source_name = ""
        self._path: Path | None = None
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
        colour = self.app.theme_variables["primary"]
        lines += [Text(line, colour) for line in histogram(sizes, limit, width, height)]
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

    def _show_pane(self, shown: str) -> None:
        for name in PANES:
            self.set_class(name == shown, f"-{name}")
