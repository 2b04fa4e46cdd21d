"""The app: seven pages as modes, one engine behind them.  It shows; `jobs`, `inspection` and `chunking` compute."""

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import App
from textual.binding import Binding, BindingType
from textual.widgets import HelpPanel

from mlxgpt.backend import places
from mlxgpt.errors import MlxgptError
from mlxgpt.generation.commands import Command
from mlxgpt.text import visible
from tui import clipboard, keymap, terminal, themes
from tui.bridge import Bridge
from tui.keeper import Keeper
from tui.modals.sessions import Sessions
from tui.page import Page, Request
from tui.palette import CommandProvider
from tui.screens.chat import ChatPage
from tui.store import Store
from tui.widgets.tabs import PAGES, Tabs

PATIENCE_SECONDS = 6.0  # more than saving waits for another app


def later(name: str) -> Callable[[], Page]:
    """A page that is imported when it is first shown, so that the app appears sooner."""

    def make() -> Page:
        page: Page = getattr(import_module(f"tui.screens.{name}"), f"{name.title()}Page")()
        return page

    return make


class MlxgptApp(App[None]):
    """`mlxgpt tui`."""

    TITLE = "mlxgpt"
    CSS_PATH = Path("app.tcss")
    MODES: ClassVar = {name: ChatPage if name == "chat" else later(name) for name in PAGES}
    DEFAULT_MODE = "chat"
    COMMANDS: ClassVar = App.COMMANDS | {CommandProvider}
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(str(i), f"go('{name}')", titles[0], id=f"app.{name}", show=False)
            for i, (name, titles) in enumerate(PAGES.items(), 1)
        ),
        *(  # the same while one writes; an editor's own f6 and f7 (select line, select all) give way
            Binding(f"f{i}", f"go('{name}')", titles[0], id=f"app.{name}_key", show=False, priority=True)
            for i, (name, titles) in enumerate(PAGES.items(), 2)
        ),
        Binding("f1", "help", "Help", id="app.help"),
        Binding("escape", "hide_help_panel", "Close help", id="app.close_help", show=False, priority=True),
        Binding("ctrl+s", "sessions", "Sessions", id="app.sessions", priority=True),
        Binding("ctrl+p", "command_palette", "Palette", id="app.palette", priority=True),
        Binding("ctrl+q", "quit", "Quit", id="app.quit", priority=True, show=False),
    ]

    def __init__(
        self,
        model: str = "nano-pt",
        *,
        device: str = "auto",
        page: str = "chat",
        session: str = "new",
        settings: dict[str, Any] | None = None,
        system: str = "",
    ) -> None:
        """`settings` are those of `generation.config`, flat; `system` stands before the conversation."""
        super().__init__()
        self.console.no_color = (
            self.no_color
        )  # Textual keeps NO_COLOR to itself: rich's pictures would not turn to glyphs
        self.bridge = Bridge(device)
        self.keeper = Keeper(Store(places.database()))
        self._word, self._page, self._session = model, page, session
        self._begin_with, self._system = settings, system
        for theme in themes.THEMES:
            self.register_theme(theme)
        self.ansi_theme_light = themes.ON_LIGHT
        self.settings = keymap.read(places.settings(), self.available_themes)
        self.theme = self.settings.theme or themes.DARK.name

    def on_mount(self) -> None:
        """Show the page at once; the model is loaded behind it."""
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self.end_by, number)
        if not self.is_headless:
            loop = asyncio.get_running_loop()
            terminal.when_gone(lambda: loop.call_soon_threadsafe(self.end_by, signal.SIGHUP), PATIENCE_SECONDS)
        self.chat_page = next(page for page in self._pages() if isinstance(page, ChatPage))
        if self._page != self.DEFAULT_MODE:
            self.switch_mode(self._page)
        self.call_after_refresh(self.open_model, self._word)  # importing MLX would hold up the first picture
        self.begin_session(self._session)
        for notice in self.settings.notices:
            self.notify(visible(notice), title="config.toml", severity="warning", timeout=15, markup=False)
        for hint in [] if self.is_headless else terminal.new_hints(os.environ, self._colours):
            self.notify(hint, title="Your terminal", timeout=15, markup=False)

    @work(group="end")
    async def end_by(self, number: signal.Signals) -> None:
        """End as when one quits: what was said is kept, the terminal given back.

        A terminal that is gone takes nothing any more, and Textual waits for it; so there is an end to waiting.
        """
        patience = threading.Timer(PATIENCE_SECONDS, os._exit, [128 + number])
        patience.daemon = True
        patience.start()
        self.chat_page.action_stop()
        await self.keeper.save(self.chat_page.talk, self.model_word)
        self.exit(None, 128 + number)

    async def on_unmount(self) -> None:
        """Keep what was said last, and give MLX back: without it Python may abort."""
        await self.keeper.save(self.chat_page.talk, self.model_word)
        self.keeper.store.close()
        await asyncio.to_thread(self.bridge.close)

    @work(exclusive=True, group="open")
    async def open_model(self, word: str) -> None:
        """Load a model; the pages hear of it."""
        try:
            await self.bridge.open(word, self._begin_with, system=self._system)
            self._begin_with, self._system = None, ""
        except Exception as error:  # anything a file can cause
            self._current.show_problem(error)
            if self.bridge.opened is None:
                for screen in self._pages():
                    for tabs in screen.query(Tabs):
                        tabs.refresh()
                        screen.model_missing()
            return
        for screen in self._pages():
            for tabs in screen.query(Tabs):  # none when the app has just ended
                tabs.refresh()
                screen.model_opened()
        gc.unfreeze()  # the model before this one may be garbage now
        self.settle()

    def settle(self) -> None:
        """What is there now stays: the collector need not look through it again, which would hold up the app for 50 to 80
        ms at a time.  Called where a moment's pause is not felt."""
        gc.collect()
        gc.freeze()

    # ---- conversations that are kept ---------------------------------------------------------------------------------

    @property
    def model_word(self) -> str:
        """The model that is open, as it was asked for."""
        return self.bridge.opened.word if self.bridge.opened else self._word

    @work(group="keep")
    async def keep(self) -> None:
        """Write what is new in the conversation to the store; trouble is said once, and the app goes on."""
        if said := await self.keeper.save(self.chat_page.talk, self.model_word):
            self.notify(visible(said), title="Not saved", severity="warning", timeout=12, markup=False)

    @work(group="sessions")
    async def begin_session(self, word: str) -> None:
        """Take up a kept conversation: last, or a number; for a new one only say what a crash left."""
        try:
            entries = await asyncio.to_thread(self.keeper.store.entries)
            if word == "new":
                if entries and entries[0].cut_off:
                    self.notify(
                        f"“{visible(entries[0].title)}” was cut off while the model wrote: Ctrl+S opens it.",
                        markup=False,
                    )
            elif word == "last":
                if entries:
                    await self.open_session(entries[0].id)
            else:
                await self.open_session(int(word))
        except MlxgptError as error:
            self._current.show_problem(error)

    async def open_session(self, session: int) -> None:
        """Show a kept conversation."""
        talk = await self.keeper.open(session)
        await self.go("chat")
        self.chat_page.open_talk(talk)

    @work(group="sessions")
    async def action_sessions(self, words: str = "") -> None:
        """The list of conversations."""
        if isinstance(self.screen, Sessions):
            return
        page = self.chat_page
        await self.keeper.save(page.talk, self.model_word)
        sessions = Sessions(self.keeper.store, page.talk.session, words)
        chosen = await self.push_screen_wait(sessions)
        if page.talk.session is not None:
            page.talk.title = sessions.renamed.get(page.talk.session, page.talk.title)
            if page.talk.session in sessions.deleted:
                page.action_new_chat()
        if chosen is not None and chosen != page.talk.session:
            try:
                await self.open_session(chosen)
            except MlxgptError as error:
                self._current.show_problem(error)

    # ---- the terminal ------------------------------------------------------------------------------------------------

    @property
    def _colours(self) -> int:
        """How many colours the terminal is said to have."""
        return {"truecolor": 1 << 24, "256": 256, None: 1}.get(self.console.color_system, 16)

    def copy_to_clipboard(self, text: str) -> None:
        """Copy a text as it is shown, and say which way it went."""
        self._clipboard = text = visible(text)
        self._copy(text)

    @work(group="copy", exclusive=True)
    async def _copy(self, text: str) -> None:
        sequences: list[str] = []  # written here: the terminal has one writer
        how = await asyncio.to_thread(clipboard.copy, text, sequences.append)
        if self._driver is not None:
            for sequence in sequences:
                self._driver.write(sequence)
        self.notify(f"{len(text):,} characters {how}", markup=False)

    # ---- pages -------------------------------------------------------------------------------------------------------

    async def go(self, name: str, request: Request | None = None) -> None:
        """Show a page, and hand it a request."""
        await self.switch_mode(name)
        if request is not None:
            self._current.receive(request)

    async def begin_command(self, command: Command) -> None:
        """Carry out a command that was chosen by name; one that needs an argument is put into the prompt instead."""
        await self.go("chat")
        if command.argument and not command.argument.startswith("["):
            self.chat_page.receive(Request(text=f"/{command.name} "))
        else:
            await self.chat_page.run_command(f"/{command.name}")

    async def action_go(self, name: str) -> None:
        """A digit was pressed."""
        await self.go(name)

    def action_help(self) -> None:
        """Every key of this page, or no longer."""
        if self.screen.query(HelpPanel):
            self.action_hide_help_panel()
        else:
            self.action_show_help_panel()
            self.notify("F1 or Esc closes the help.", timeout=4)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Escape closes the help before it does anything else."""
        return bool(self.screen.query(HelpPanel)) if action == "hide_help_panel" else True

    @property
    def _current(self) -> Page:
        return next(screen for screen in reversed(self.screen_stack) if isinstance(screen, Page))

    def _pages(self) -> list[Page]:
        """The pages that have been shown so far."""
        stacks = self._screen_stacks.values()
        return [screen for stack in stacks for screen in stack if isinstance(screen, Page)]
