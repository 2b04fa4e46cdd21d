"""The last line: the keys that do something here, the most useful first, as many as there is room for, and Help always."""

from rich.cells import cell_len
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from tui.widgets.kept import Kept

HELP = "app.help"  # the binding that stands at the right end


class Keys(Kept, Widget):
    """Like Textual's footer, which makes a widget for each key and cuts the last one; a click presses the key.

    Keys stand in the order in which they are bound: first those of what has the focus, then the page's, then the app's.
    """

    DEFAULT_CSS = """
    Keys { height: 1; dock: bottom; background: $footer-background; color: $footer-foreground; }
    """
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._spans: list[tuple[int, int, str]] = []  # the columns of each key

    def on_mount(self) -> None:
        """Other keys may be valid after each change of the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def on_unmount(self) -> None:
        """Nobody looks any more."""
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _changed(self, screen: Screen[object]) -> None:
        self.refresh()

    def render(self) -> Content:
        """Whole keys only; what does not fit is in the help (F1)."""
        shown: dict[str, tuple[Binding, bool]] = {}  # by action: an action with two keys is shown once
        for _, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.show and binding.description:
                shown.setdefault(binding.action, (binding, enabled))
        last = [each for each in shown.values() if each[0].id == HELP]
        rest = [each for each in shown.values() if each[0].id != HELP]
        room = self.size.width - sum(self._width(binding) for binding, _ in last)
        chosen, used = [], 0
        for each in rest:
            if used + self._width(each[0]) > room:
                break
            chosen.append(each)
            used += self._width(each[0])
        parts: list[tuple[str, str] | str] = []
        self._spans, column = [], 0
        for binding, enabled in [*chosen, *last]:
            if last and binding is last[0][0]:
                parts.append(" " * (room - used))
                column += room - used
            key = self.app.get_key_display(binding)
            parts.append((f" {key}", "bold $footer-key-foreground" if enabled else "$text-disabled"))
            parts.append((f" {binding.description} ", "" if enabled else "$text-disabled"))
            self._spans.append((column, column + self._width(binding), binding.key))
            column += self._width(binding)
        return Content.assemble(*parts)

    def _width(self, binding: Binding) -> int:
        return cell_len(f" {self.app.get_key_display(binding)} {binding.description} ")

    def on_click(self, event: events.Click) -> None:
        """Press the key under the pointer."""
        for start, end, key in self._spans:
            if start <= event.x < end:
                self.app.simulate_key(key)
