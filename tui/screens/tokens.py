"""How text becomes ids: type, and see the pieces, their bytes, and the merges that made them; one tokenizer beside another."""

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static, TextArea

from mlxgpt import jobs
from mlxgpt.display.labels import fitted
from mlxgpt.errors import MlxgptError
from mlxgpt.text import visible
from mlxgpt.tokenizer.fast import FastTokenizer
from mlxgpt.tokenizer.spans import Merging, Spans
from tui.modals.picker import OTHER_TOKENIZER, Picker, tokenizers
from tui.page import Page, Request
from tui.token_view import MOST, about_token, counts, figures, notes_of, special, texts_of
from tui.widgets.edit_area import EditArea
from tui.widgets.merge_pane import MergePane
from tui.widgets.token_strip import TokenStrip

TEXT = (
    "Era uma vez uma menina que contava estrelas: 1, 2, 3… Não parou na centésima!\n"
    "O coração da máquina lê pedaços de palavras, nunca letras. 🚀"
)
VIEWS = ("spans", "ids", "bytes")
WAIT = 0.12  # seconds without a key before the text is cut
PANES = ("card", "figures", "merges")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A tokenizer that is looked at, and the word it was asked for by."""

    word: str
    tokenizer: FastTokenizer
    merging: Merging


def load(word: str) -> Loaded:
    """Read a tokenizer; in a thread, because large ones take a second."""
    tokenizer = jobs.open_tokenizer(word)
    return Loaded(word=word, tokenizer=tokenizer, merging=jobs.watch_merges(tokenizer))


class TokensPage(Page):
    """How text becomes ids."""

    NAME = "tokens"
    AUTO_FOCUS = "#one"
    HELP = "Write a text, walk over its tokens, and step through the merges of a word."
    DEFAULT_CSS = """
    TokensPage EditArea, TokensPage TokenStrip, TokensPage #lower > * {
        border: round $border-blurred;
        background: $background; padding: 0 1;
    }
    TokensPage EditArea { height: 7; }
    TokensPage #two { display: none; }
    TokensPage.-comparing #two { display: block; }
    TokensPage #lower { height: 15; }
    TokensPage #lower > * { height: 1fr; }
    TokensPage #table { height: 1fr; }
    TokensPage #card { width: 4fr; }
    TokensPage #figures { width: 3fr; min-width: 34; }
    TokensPage #merges { width: 6fr; }
    TokensPage EditArea:focus, TokensPage TokenStrip:focus, TokensPage #merges:focus { border: round $accent; }
    TokensPage.-narrow EditArea { height: 4; }
    TokensPage.-narrow #lower { height: 10; }
    TokensPage.-narrow #lower > * { display: none; width: 1fr; }
    TokensPage.-narrow.-card #card, TokensPage.-narrow.-figures #figures, TokensPage.-narrow.-merges #merges
        { display: block; }
    TokensPage.-wide #lower { height: 40%; }
    TokensPage.-wide EditArea { height: 20%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e,enter", "edit", "Edit", key_display="e", id="tokens.edit"),
        Binding("tab", "pane(1)", "Pane", id="tokens.pane"),
        Binding("shift+tab", "pane(-1)", "Pane before", show=False, id="tokens.pane_back"),
        Binding("space", "step(1)", "Merge", id="tokens.step"),
        Binding("b", "step(-1)", "Back", id="tokens.unstep"),
        Binding("v", "view", "View", id="tokens.view"),
        Binding("x", "specials", "Specials", id="tokens.specials"),
        Binding("t", "choose('one')", "Tokenizer", id="tokens.tokenizer"),
        Binding("c", "choose('two')", "Compare", id="tokens.compare"),
        Binding("i", "inspect", "Inspect", id="tokens.inspect"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._chosen = False  # the first tokenizer was chosen here; else it follows the model
        self._one: Loaded | None = None
        self._two: Loaded | None = None
        self._found: list[Spans] = []  # of one tokenizer, or of both
        self._view = 1
        self._specials = False

    def body(self) -> ComposeResult:
        """The text, its tokens, and what is known of one."""
        yield EditArea(TEXT, id="text", soft_wrap=True, show_line_numbers=False, highlight_cursor_line=False)
        yield TokenStrip(id="one")
        yield TokenStrip(id="two")
        with Horizontal(id="lower"):
            yield Static(id="card", markup=False)
            with Vertical(id="figures"):
                yield Static(id="table", markup=False)
            yield MergePane(id="merges")

    def on_mount(self) -> None:
        """Begin with the tokenizer of the model that is open, or will be."""
        self.query_one("#text").border_title = "text"
        for name, title in (("card", "token"), ("figures", "counts"), ("merges", "merges of the word")):
            self.query_one(f"#{name}").border_title = title
        self._show_pane("card")
        self._load("one", self.bridge.opened.word if self.bridge.opened else "nano-pt")

    def model_opened(self) -> None:
        """Its tokenizer, unless another was chosen here."""
        opened = self.bridge.opened
        if opened and not self._chosen and (self._one is None or self._one.word != opened.word):
            self._load("one", opened.word)

    def receive(self, request: Request) -> None:
        """Look at a text, at one of its tokens; `word` is a tokenizer."""
        if request.text:
            self.query_one("#text", EditArea).load_text(request.text)
        if request.position is not None:
            self.query_one("#one", TokenStrip).cursor = request.position
        if request.word:
            self._chosen = True
            self._load("one", request.word)
        self.query_one("#one").focus()

    # ---- reading and cutting, both in threads ----

    @work(exclusive=True, group="load")
    async def _load(self, which: str, word: str) -> None:
        self.say(f"Reading the tokenizer of {word} …")
        try:
            loaded = await asyncio.to_thread(load, word)
        except MlxgptError as error:
            self.show_problem(error)
            self._tell()
            return
        if which == "one":
            self._one = loaded
        else:
            self._two = loaded
        self.set_class(self._two is not None, "-comparing")
        self._cut(0.0)

    @on(TextArea.Changed)
    def _written(self) -> None:
        self._cut(WAIT)

    @work(exclusive=True, group="cut")
    async def _cut(self, wait: float) -> None:
        """Cut the text once nobody types; a newer text ends this worker, so no stale result is ever shown."""
        await asyncio.sleep(wait)
        loaded = [entry for entry in (self._one, self._two) if entry is not None]
        text, specials = self.query_one("#text", EditArea).text, self._specials

        def cut() -> list[Spans]:
            found = [jobs.token_spans(entry.tokenizer, text, specials=specials) for entry in loaded]
            for spans in found:
                if text:
                    spans.word_at(0)  # finds the words here, not when the cursor moves
            return found

        try:
            self._found = await asyncio.to_thread(cut)
        except MlxgptError as error:
            self.show_problem(error)
            return
        self._show()

    # ---- showing ----

    def _show(self) -> None:
        names = [entry.word for entry in (self._one, self._two) if entry is not None]
        for name, spans, word in zip(("one", "two"), self._found, names, strict=False):
            other = None if len(self._found) < 2 else self._found[0 if name == "two" else 1]
            edges = None if other is None else spans.differing(other)[:MOST].tolist()
            strip = self.query_one(f"#{name}", TokenStrip)
            strip.show(texts_of(spans), special(spans), notes=notes_of(spans, VIEWS[self._view]), edges=edges)
            strip.border_title = visible(f"{word} · {spans.tokenizer.vocab_size:,} entries · {VIEWS[self._view]}")
            strip.border_subtitle = f"{len(spans.ids):,} tokens" + (
                " · ╳ ends where the other does not" if edges else ""
            )
        self._link("one")
        self.query_one("#table", Static).update(figures(list(zip(names, self._found, strict=False))), layout=False)
        self._show_token()
        self._tell()

    def _tell(self) -> None:
        if self._found:
            self.say(counts(self._found[0]) + (" · specials are read" if self._specials else ""))

    @on(TokenStrip.Picked)
    def _picked(self, event: TokenStrip.Picked) -> None:
        self._link(event.strip.id or "one")
        self._show_token()

    def _link(self, leader: str) -> None:
        """The cursor of the other strip goes to the same place of the text."""
        if len(self._found) == 2 and len(self._found[0].ids) and len(self._found[1].ids):
            mine, other = (0, 1) if leader == "one" else (1, 0)
            start = int(self._found[mine].starts[self.query_one(f"#{leader}", TokenStrip).cursor])
            there = self._found[other].tokens_in(0, start + 1)
            self.query_one(f"#{('one', 'two')[other]}", TokenStrip).put_cursor(len(there) - 1)

    @property
    def _active(self) -> int:
        """0 for the first strip, 1 while the second has the keys."""
        return int(self.focused is not None and self.focused.id == "two" and len(self._found) > 1)

    def _show_token(self) -> None:
        spans = self._found[self._active] if self._found else None
        loaded = (self._one, self._two)[self._active]
        card, merges = self.query_one("#card", Static), self.query_one("#merges", MergePane)
        if spans is None or loaded is None or not len(spans.ids):
            card.update("Nothing is written yet: press e and type, or paste a text.", layout=False)
            merges.show(None, None)
            return
        position = min(self.query_one(("#one", "#two")[self._active], TokenStrip).cursor, len(spans.ids) - 1)
        rows = about_token(spans, loaded.merging, position)
        card.update("\n".join(f"{fitted(name, 10)} {value}" for name, value in rows), layout=False)
        start, end = spans.word_at(position)
        merges.show(loaded.merging.steps(spans.text[start:end]), loaded.merging)

    # ---- keys ----

    def action_edit(self) -> None:
        """Write."""
        self.query_one("#text").focus()

    def on_edit_area_left(self) -> None:
        """Escape in the text: back to the tokens."""
        self.query_one("#one").focus()

    def action_pane(self, by: int) -> None:
        """To the next pane; below, a narrow window shows the one that is gone to."""
        narrow = self.has_class("-narrow")
        stops = ["text", "one", *(["two"] if self._two else []), *(["figures"] if narrow else []), "merges"]
        focused = self.focused.id if self.focused is not None else None
        here = "figures" if narrow and self.has_class("-figures") else focused
        there = stops[(stops.index(here) + by) % len(stops)] if here in stops else "one"
        self._show_pane(there if there in PANES else "card")
        self.query_one("#one" if there == "figures" else f"#{there}").focus()

    def _show_pane(self, shown: str) -> None:
        for name in PANES:
            self.set_class(name == shown, f"-{name}")

    def on_descendant_focus(self) -> None:
        """The card is about the strip that has the keys."""
        self._show_token()

    def action_step(self, by: int) -> None:
        """A merge of the word forward or back."""
        self._show_pane("merges")
        self.query_one("#merges", MergePane).action_step(by)

    def action_view(self) -> None:
        """Ids or bytes under the tokens, or nothing."""
        self._view = (self._view + 1) % len(VIEWS)
        self._show()

    def action_specials(self) -> None:
        """Whether "<EOS>" in the text is that token, or five characters."""
        self._specials = not self._specials
        self._cut(0.0)

    @work
    async def action_choose(self, which: str) -> None:
        """Another tokenizer, from a model, a run or a folder."""
        choices = await asyncio.to_thread(tokenizers)
        if which == "two" and self._two is not None:
            choices.insert(0, ("", "no comparison"))
        title = "tokenizer of" if which == "one" else "compare with the tokenizer of"
        word = await self.app.push_screen_wait(Picker(title, choices, hint=OTHER_TOKENIZER))
        if word is None:
            return
        if word == "":
            self._two = None
            self.remove_class("-comparing")
            self._cut(0.0)
            return
        self._chosen |= which == "one"
        self._load(which, word)

    async def action_inspect(self) -> None:
        """See what the model makes of this text."""
        if self._found and len(self._found[0].ids):
            position = self.query_one("#one", TokenStrip).cursor
            await self.host.go("inspect", Request(text=self._found[0].text, position=position))
