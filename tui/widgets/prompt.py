"""Where a person writes: it grows with the text, enter sends, and the arrows at its edges bring back what was sent before."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message as Event
from textual.widgets import TextArea

from mlxgpt.text import visible
from tui.widgets.kept import Kept

BELOW = 2  # lines of the page under the prompt


class Prompt(Kept, TextArea):
    """A text of one line or more; what is pasted is text, whatever it begins with."""

    DEFAULT_CSS = """
    Prompt {
        height: auto; min-height: 3; max-height: 10; border: round $border-blurred; padding: 0 1; background: $background;
        scrollbar-size-vertical: 1;
    }
    Prompt:focus { border: round $accent; }
    Prompt.-editing { border: round $warning; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "send", "Send", id="prompt.send"),
        Binding("shift+enter,ctrl+j", "newline", "Newline", id="prompt.newline", key_display="⇧⏎ ^J"),
        Binding("up", "before", "History", id="prompt.history_back", key_display="↑↓"),
        Binding("down", "after", "Later", id="prompt.history_forward", show=False),
        Binding("ctrl+e", "editor", "Editor", id="prompt.editor", show=False),
    ]
    HELP = (
        "Write, and send with enter.  A line that begins with / is a command, // a slash; "
        "shift+enter or ctrl+j breaks the line."
    )

    class Sent(Event):
        """Enter was pressed on a text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__(
            id="prompt", soft_wrap=True, show_line_numbers=False, tab_behavior="focus", highlight_cursor_line=False
        )
        keys = self._bindings.key_to_bindings  # the arrows are older, TextArea's; what sends is first in the last line
        self._bindings.key_to_bindings = {key: keys[key] for key in sorted(keys, key=lambda key: key != "enter")}
        self.placeholder = "Write…   / for commands"
        self.sent: list[str] = []  # what was sent, the last one last
        self._at: int | None = None  # which of them is shown
        self._draft = ""

    def on_resize(self) -> None:
        """What the app says stands above what is typed, never on it."""
        for messages in self.screen.query("ToastRack"):
            messages.styles.margin = (0, 0, self.outer_size.height + BELOW, 0)

    def put(self, text: str) -> None:
        """Write a text into it, the cursor behind."""
        self.text = visible(text)
        self.move_cursor(self.document.end)

    def action_send(self) -> None:
        """Hand over the text, unless the list of commands takes the key for itself."""
        taken = getattr(self.screen, "take_enter", None)
        if taken is None or not taken():
            self.deliver()

    def deliver(self) -> None:
        """Hand over the text as it is."""
        text = self.text
        if text.strip() and (not self.sent or self.sent[-1] != text):
            self.sent.append(text)
        self._at = None
        self.clear()
        self.post_message(self.Sent(text))

    def action_newline(self) -> None:
        """Break the line."""
        self.insert("\n")

    def action_before(self) -> None:
        """Up; from the first line to what was sent before."""
        if self.cursor_location[0] or self.wrapped_document.location_to_offset(self.cursor_location).y:
            self.action_cursor_up()
        elif self.sent and self._at != 0:
            if self._at is None:
                self._draft = self.text
            self._at = len(self.sent) - 1 if self._at is None else self._at - 1
            self.put(self.sent[self._at])

    def action_after(self) -> None:
        """Down; from the last line to what was sent later, and at last to what was being written."""
        last = self.wrapped_document.location_to_offset(self.document.end).y
        if self.wrapped_document.location_to_offset(self.cursor_location).y < last or self._at is None:
            self.action_cursor_down()
        else:
            self._at = self._at + 1 if self._at + 1 < len(self.sent) else None
            self.put(self._draft if self._at is None else self.sent[self._at])

    def action_editor(self) -> None:
        """Write the text in $VISUAL or $EDITOR."""
        command = os.environ.get("VISUAL") or os.environ.get("EDITOR")
        if not command:
            self.app.notify("Set EDITOR to the program that texts are written with.", severity="warning")
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "prompt.md")
            path.write_text(self.text, encoding="utf-8")
            try:
                with self.app.suspend():
                    subprocess.run([*shlex.split(command), str(path)], check=True)
                self.put(path.read_text(encoding="utf-8", errors="replace").removesuffix("\n"))
            except (OSError, subprocess.CalledProcessError) as error:
                self.app.notify(f"{command} did not work: {error}", severity="error", markup=False)

    async def _on_key(self, event: events.Key) -> None:
        """Keys with a meaning are carried out here, in the order of typing; as bindings of the app they would overtake
        letters that wait to be written, or be written themselves."""
        for node, bindings in self.screen._binding_chain:
            if node is self and (found := bindings.key_to_bindings.get(event.key)):
                event.stop()
                event.prevent_default()
                await self.run_action(found[0].action)

    async def _on_paste(self, event: events.Paste) -> None:
        """What is pasted may come from anywhere."""
        event.text = visible(event.text.replace("\r\n", "\n").replace("\r", "\n"))  # TextArea's own handler follows
