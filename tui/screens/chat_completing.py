"""Completion of slash commands on the chat page: its keys, and the list above the prompt."""

from typing import TYPE_CHECKING

from textual import on
from textual.binding import Binding, BindingType
from textual.screen import Screen

from mlxgpt.commands.registry import COMMANDS
from tui.completion import candidates
from tui.conversation import Message
from tui.widgets.completion import Completion
from tui.widgets.prompt import Prompt

# For the page to put before its own: a screen's keys take the place of its bases'.
COMPLETING: list[BindingType] = [
    Binding("tab", "complete", "Complete", id="complete.take", priority=True),
    Binding("down", "complete_move(1)", "Next", id="complete.next", priority=True, show=False),
    Binding("up", "complete_move(-1)", "Before", id="complete.before", priority=True, show=False),
    Binding("escape", "complete_not", "Close", id="complete.close", priority=True, show=False),
]


class Completing(Screen[None]):
    """The third of the chat page that helps to type commands."""

    if TYPE_CHECKING:
        editing: Message | None

    @on(Prompt.Changed)
    def offer(self, event: Prompt.Changed) -> None:
        """Show what the line could become."""
        text = event.text_area.text
        found = [] if self.editing is not None else candidates(text, COMMANDS)
        if [each.line for each in found] == [text]:
            found = []  # it is that already
        self.query_one(Completion).offer(found)
        self.refresh_bindings()

    @on(Completion.Taken)
    def take(self, event: Completion.Taken) -> None:
        """A click is as good as tab."""
        self.query_one(Prompt).put(event.candidate.line)

    def action_complete(self, send: bool = False) -> None:
        """Take what is marked; enter sends it, unless something is still to be typed."""
        prompt, marked = self.query_one(Prompt), self.query_one(Completion).marked
        if marked is not None:
            prompt.put(marked.line)
            if send and not marked.line.endswith((" ", "/")):
                prompt.deliver()

    def take_enter(self) -> bool:
        """Whether enter in the prompt takes what is marked, which it does here; a line that is whole is sent as it is.

        The prompt asks when the key's turn comes: a key of the page would overtake letters that wait to be written.
        """
        line, completion = self.query_one(Prompt).text, self.query_one(Completion)
        takes = completion.open and (completion.moved or (" " not in line and line[1:] not in COMMANDS))
        if takes:
            self.action_complete(True)
        return takes

    def action_complete_move(self, rows: int) -> None:
        """Mark another."""
        self.query_one(Completion).move(rows)

    def action_complete_not(self) -> None:
        """Type on without it."""
        self.query_one(Completion).offer([])
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys of the list of commands work while it is open."""
        if action.startswith("complete"):
            completion = next(iter(self.query(Completion)), None)
            return completion is not None and completion.open and isinstance(self.focused, Prompt)
        return super().check_action(action, parameters)
