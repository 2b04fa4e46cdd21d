"""The command palette: every slash command and every page, by name and by what it does."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider

from mlxgpt.commands.registry import COMMANDS
from tui.widgets.tabs import PAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tui.app import MlxgptApp


class CommandProvider(Provider):
    """What the palette offers besides Textual's own."""

    def _entries(self) -> "Iterator[tuple[str, str, Callable[[], object]]]":
        """Name, help and what happens."""
        app = cast("MlxgptApp", self.app)
        for name, titles in PAGES.items():
            yield f"Go to {titles[0]}", "another page", partial(app.go, name)
        yield "Load another model", "the models there are", partial(app.go, "model")
        for command in COMMANDS.values():
            yield command.usage, command.help, partial(app.begin_command, command)

    async def discover(self) -> Hits:
        """All of them, before anything is typed."""
        for name, help_, act in self._entries():
            yield DiscoveryHit(name, act, text=name, help=help_)

    async def search(self, query: str) -> Hits:
        """Those that hold what is typed, in their name or their help."""
        matcher = self.matcher(query)
        for name, help_, act in self._entries():
            score = max(matcher.match(name), 0.8 * matcher.match(help_))
            if score > 0:
                yield Hit(score, matcher.highlight(name), act, text=name, help=help_)
