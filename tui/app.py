"""The app: seven pages as modes, one engine behind them.  It shows; `jobs`, `inspection` and `chunking` compute."""

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType

from tui.bridge import Bridge
from tui.page import Page, Request
from tui.screens.chat import ChatPage
from tui.screens.chunks import ChunksPage
from tui.screens.inspect import InspectPage
from tui.screens.learn import LearnPage
from tui.screens.model import ModelPage
from tui.screens.tokens import TokensPage
from tui.screens.train import TrainPage
from tui.widgets.tabs import PAGES, Tabs


class MlxgptApp(App[None]):
    """`mlxgpt tui`."""

    TITLE = "mlxgpt"
    CSS_PATH = Path("app.tcss")
    MODES: ClassVar = {
        "chat": ChatPage,
        "inspect": InspectPage,
        "tokens": TokensPage,
        "chunks": ChunksPage,
        "train": TrainPage,
        "model": ModelPage,
        "learn": LearnPage,
    }
    DEFAULT_MODE = "chat"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(i), f"go('{name}')", titles[0], id=f"app.{name}", show=False)
            for i, (name, titles) in enumerate(PAGES.items(), 1)
        ),
        Binding("f1", "help", "Help", id="app.help"),
        Binding("ctrl+p", "command_palette", "Palette", id="app.palette", priority=True),
        Binding("ctrl+q", "quit", "Quit", id="app.quit", priority=True, show=False),
    ]

    def __init__(self, model: str = "nano-pt", *, device: str = "auto", page: str = "chat") -> None:
        super().__init__()
        self.bridge = Bridge(device)
        self._word, self._page = model, page

    def on_mount(self) -> None:
        """Show the page at once; the model is loaded behind it."""
        if self._page != self.DEFAULT_MODE:
            self.switch_mode(self._page)
        self.open_model(self._word)

    async def on_unmount(self) -> None:
        """Give MLX back: without it Python may abort."""
        await asyncio.to_thread(self.bridge.close)

    @work(exclusive=True, group="open")
    async def open_model(self, word: str) -> None:
        """Load a model; the pages hear of it."""
        try:
            await self.bridge.open(word)
        except Exception as error:  # anything a file can cause
            self._current.show_problem(error)
            return
        for screen in self._pages():
            screen.query_one(Tabs).refresh()
            screen.model_opened()

    async def go(self, name: str, request: Request | None = None) -> None:
        """Show a page, and hand it a request."""
        await self.switch_mode(name)
        if request is not None:
            self._current.receive(request)

    async def action_go(self, name: str) -> None:
        """A digit was pressed."""
        await self.go(name)

    def action_help(self) -> None:
        """Every key of this page."""
        self.action_show_help_panel()

    @property
    def _current(self) -> Page:
        return next(screen for screen in reversed(self.screen_stack) if isinstance(screen, Page))

    def _pages(self) -> list[Page]:
        """The pages that have been shown so far."""
        stacks = self._screen_stacks.values()
        return [screen for stack in stacks for screen in stack if isinstance(screen, Page)]
