"""What can be done with messages and tokens: ask, go on, write anew, branch, edit, step, copy, look inside.

The half of the chat page that acts on a conversation; `chat` has the other one, what is shown and typed.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from textual.screen import Screen

from mlxgpt import jobs
from mlxgpt.text import visible
from tui.conversation import Conversation, Message
from tui.hearing import asked_about, foreign, hearing
from tui.widgets.blocks import WHOLE
from tui.widgets.prompt import Prompt
from tui.widgets.token_card import Look, TokenCard
from tui.widgets.transcript import Transcript
from tui.writer import Writer, copied, edited, without_end

if TYPE_CHECKING:
    from mlxgpt.inspection.reads import Reads
    from tui.app import MlxgptApp
    from tui.bridge import Bridge

CARD_ROWS, CARD_COLUMNS = 30, 70  # of the terminal, from which on there is room for the card
REST = 0.2  # seconds on a token after which it is looked up whom the model read there


class Turns(Screen[None]):
    """Actions on the conversation `talk` that `writer` goes on with."""

    talk: Conversation
    writer: Writer
    if TYPE_CHECKING:
        bridge: Bridge
        host: MlxgptApp

        def follow(self) -> None: ...
        def show_talk(self) -> None: ...
        def show_problem(self, error: BaseException) -> None: ...
        def save(self, message: Message) -> None: ...
        def on_selection(self, message: Message | None, index: int | None) -> None: ...

    def __init__(self) -> None:
        super().__init__()
        self.chosen: tuple[Message, int] | None = None  # the token that is selected; WHOLE for a message without any
        self.marked = 0  # which of its alternatives a branch takes
        self.editing: Message | None = None
        self.names: dict[int, str] = {}  # tokens of the open model by id
        self._card = self._stepping = False
        self._ended: tuple[Message, Message] | None = None  # an answer that had ended, and the one that goes on from it
        self._branched: int | None = None  # the token that was put in the place of another
        self._reads: tuple[tuple[int, int], Reads] | None = None

    # ---- turns -------------------------------------------------------------------------------------------------------

    def ask(self, text: str) -> None:
        """Say something, and let the model answer."""
        self._unselect()
        self.save(self.talk.add("user", text=text))
        self._write(self.talk.add("assistant"))

    def _write(self, message: Message, *, forced: tuple[int, ...] = (), most: int | None = None) -> None:
        self.writer.write(self.talk, message, forced=forced, most=most)
        self.follow()

    def _foreign(self, message: Message) -> bool:
        """Whether the tokens of a message are another model's, whose numbers mean nothing to this one."""
        return foreign(self.bridge, message)

    def _may_go_on(self, message: Message) -> bool:
        """Whether this model can go on from the tokens of a message; says why not."""
        if self._foreign(message):
            by = visible(message.model)
            self.app.notify(f"{by} wrote this: its tokens are not this model's.  r writes it again.", markup=False)
            return False
        return True

    def action_regenerate(self) -> None:
        """Another answer in the place of this one."""
        if (message := self._answer()) is None:
            return
        other = self.talk.sibling(message)
        if (seed := self.writer.config.sampling.seed) is not None:  # the same one would write the same
            other.seed = (seed + len(self.talk.siblings(other)) - 1) % 2**32
        self._unselect()
        self._write(other)

    def action_go_on(self, most: int | None = None) -> None:
        """Let the model write on from the end of its last message."""
        message = self.talk.path()[-1]
        if message.role != "assistant":
            self._write(self.talk.add("assistant"), most=most)
            return
        if not self._may_go_on(message):
            return
        count = without_end(message, self.bridge.tokenizer.stop_ids)
        if message.reason == "eos" and count < len(message.tokens):  # it wanted to end: another draw, beside this one
            ended, message = message, copied(self.talk, message, count)
            message.seed = None
            self._ended = ended, message
        self._write(message, most=most)

    def action_step(self) -> None:
        """One token, and the number that draws it."""
        message = self.talk.path()[-1]
        if message.role == "assistant" and message.reason == "eos":
            self.app.notify("The model has ended this text.  u draws again from there, r from the beginning.")
            return
        self._stepping = not self._foreign(message)
        self.action_go_on(most=1)

    def ended_again(self, message: Message) -> None:
        """A text that had ended was gone on with: if the end was drawn again there is no other version of it."""
        (ended, other), self._ended = self._ended or (None, None), None
        if ended is None or other is not message or len(message.tokens) > len(ended.tokens) or message.reason != "eos":
            return
        self.talk.drop(message)
        self.talk.show(ended)
        self.show_talk()
        self.on_selection(None, None)
        self.app.notify("The model drew the end again: the text stays as it is.  u draws once more, r writes another.")

    def stepped(self, message: Message) -> None:
        """A message is written so far; after a step its newest token is shown, after a branch the one it began with."""
        transcript = self.query_one(Transcript)
        if self._stepping and message.tokens:
            self._card = True
            transcript.select(message, len(message.tokens) - 1)
        elif self._branched is not None and self._branched < len(message.tokens) and transcript.has_focus:
            transcript.select(message, self._branched)
        self._stepping, self._branched = False, None

    def action_branch(self) -> None:
        """A sibling that has the marked alternative in the place of the selected token, and goes on from there."""
        if self.chosen is None or self.chosen[1] == WHOLE:
            return
        message, index = self.chosen
        if not self._may_go_on(message):
            return
        token = message.tokens[index]
        if not token.alternatives:
            self.app.notify("No alternatives were kept of this token.")
            return
        identity = token.alternatives[min(self.marked, len(token.alternatives) - 1)][0]
        if identity == token.id:
            self.app.notify("This one was written: ↑↓ marks another.")
            return
        other = copied(self.talk, message, index)
        other.forced = index + 1
        self._unselect()
        self._branched = index
        self._write(other, forced=(identity,))

    def action_sibling(self, by: int) -> None:
        """Show the message before or after in the same place."""
        message = self.chosen[0] if self.chosen else self._answer()
        if message is None:
            return
        family = self.talk.siblings(message)
        if len(family) == 1 and message.parent is not None:  # of one answer the question may have been edited
            message = self.talk.messages[message.parent]
            family = self.talk.siblings(message)
        place = next(i for i, each in enumerate(family) if each is message) + by
        if 0 <= place < len(family):
            self._unselect()
            self.talk.show(family[place])
            self.save(family[place])
            self.show_talk()
            self.on_selection(None, None)  # the figures are those of the message that is shown now

    def action_edit(self) -> None:
        """Change a message: it gets a sibling, and the model goes on from there."""
        self.editing = self.chosen[0] if self.chosen else self.talk.path()[-1]
        prompt = self.query_one(Prompt)
        prompt.put(self.editing.text)
        prompt.add_class("-editing")
        prompt.border_title = "edit what you said" if self.editing.role == "user" else "edit what the model wrote"
        prompt.border_subtitle = "⏎ goes on from it · esc leaves it"
        prompt.focus()

    def leave_edit(self) -> None:
        """No message is edited any more."""
        prompt = self.query_one(Prompt)
        self.editing = prompt.border_title = prompt.border_subtitle = None
        prompt.remove_class("-editing")

    def rewrite(self, text: str) -> None:
        """Go on from the message that was edited."""
        message = self.editing
        self.leave_edit()
        if message is None or text == message.text:
            return
        self._unselect()
        if message.role == "user":
            other = self.talk.sibling(message)
            other.text = text
            self.save(other)
            self._write(self.talk.add("assistant"))
            return
        if self._foreign(message):
            message = Message(id=message.id, parent=message.parent, role=message.role)  # all of it is read anew
        kept, rest = edited(message, text, self.bridge.tokenizer)
        other = copied(self.talk, message, kept)
        other.forced = kept + len(rest)
        self._write(other, forced=tuple(rest))

    def action_copy(self) -> None:
        """Copy the message."""
        message = self.chosen[0] if self.chosen else self._answer()
        if message is not None:
            self.app.copy_to_clipboard(message.text)  # it says how

    async def action_inspect(self) -> None:
        """Look inside the model at the step that drew the selected token: the one that reads the token before it."""
        if self.chosen is None:
            return
        message, index = self.chosen
        request = await asked_about(self.bridge, self.talk, message, index + 1)
        if index != WHOLE and request.heard is not None and len(request.heard.ids) > 1:
            request = replace(request, position=-2)
        if self._reads is not None and self._reads[0] == (message.id, index):
            request = replace(request, layer=self._reads[1].layer, head=self._reads[1].head)
        await self.host.go("inspect", request)

    # ---- the selected token ------------------------------------------------------------------------------------------

    def choose(self, message: Message | None, index: int | None) -> None:
        """A token is selected, or none any more."""
        self.chosen = None if message is None or index is None else (message, index)
        if message is None or index is None or index == WHOLE:
            self.on_selection(None, None)
        else:
            token = message.tokens[index]
            rivals = (number for number, (identity, _) in enumerate(token.alternatives) if identity != token.id)
            self.marked = next(rivals, 0)
            self.on_selection(message, index)
            if self.writer.message is None and not self._foreign(message):
                self.set_timer(REST, lambda: self._look_up(message, index))
        self.show_card()
        self.refresh_bindings()

    def _unselect(self) -> None:
        self._card = False
        self.query_one(Transcript).select(None, None)
        self.choose(None, None)

    def show_card(self) -> None:
        """Show what is known of the selected token."""
        look = None
        if self.chosen is not None and self.chosen[1] != WHOLE and self.bridge.opened is not None:
            message, index = self.chosen
            token = message.tokens[index]
            found = self._reads[1] if self._reads is not None and self._reads[0] == (message.id, index) else None
            sources = [identity for identity, _, _ in found.sources] if found is not None else []
            others = self._foreign(message)
            for identity in () if others else (token.id, *(each for each, _ in token.alternatives), *sources):
                if identity not in self.names and identity < self.bridge.opened.vocab_size:
                    self.names[identity] = self.bridge.tokenizer.token_text(identity)
            look = Look(
                token=token, index=index, settings=visible(message.settings), forced=index < message.forced,
                names={token.id: token.token} if others else self.names,
                reads=found, reading=found is None and not others and self.writer.message is None, marked=self.marked,
            )  # fmt: skip
        roomy = self.size.height >= CARD_ROWS and self.size.width >= CARD_COLUMNS
        self.query_one(TokenCard).show(look, large=self._card and roomy)

    def _look_up(self, message: Message, index: int) -> None:
        if self.chosen == (message, index) and self.writer.message is None:
            self.run_worker(self._read(message, index), group="reads", exclusive=True)

    async def _read(self, message: Message, index: int) -> None:
        """Compute whom the model read when it chose the token."""
        heard = hearing(self.bridge, self.talk, message, index)
        try:
            found = await self.bridge.ask(lambda: jobs.what_was_read(self.bridge.chat, heard().ids))
        except Exception as error:
            self.show_problem(error)
            return
        self._reads = (message.id, index), found
        self.show_card()

    def mark(self, number: int) -> None:
        """Mark an alternative of the selected token."""
        if self.chosen is not None and self.chosen[1] != WHOLE:
            many = len(self.chosen[0].tokens[self.chosen[1]].alternatives)
            self.marked = max(0, min(number, many - 1))
            self.show_card()

    def action_move(self, dx: int, dy: int) -> None:
        """To another token."""
        self.query_one(Transcript).move(dx, dy)

    def action_beside(self, dx: int) -> None:
        """To the token before or after, which is opened."""
        self.query_one(Transcript).move(dx, 0)

    def action_mark_by(self, by: int) -> None:
        """Mark another alternative of the open token."""
        self.mark(self.marked + by)

    def action_card(self) -> None:
        """Open the token."""
        self._card = True
        self.show_card()
        self.refresh_bindings()

    def action_close_card(self) -> None:
        """Close the card."""
        self._card = False
        self.show_card()
        self.refresh_bindings()

    # ---- between typing and looking ----------------------------------------------------------------------------------

    def action_stop(self) -> None:
        """End the writing after the current token."""
        self.writer.stop()

    def action_browse(self) -> None:
        """From typing to the tokens."""
        if self.editing is not None:
            self.leave_edit()
            self.query_one(Prompt).clear()
        transcript = self.query_one(Transcript)
        transcript.focus()
        if self.chosen is None:
            transcript.move(0, 0)

    def action_type(self, beginning: str = "") -> None:
        """From the tokens to typing."""
        prompt = self.query_one(Prompt)
        if beginning:
            prompt.put(beginning)
        prompt.focus()

    def _answer(self) -> Message | None:
        """The selected message of the model, or its last one."""
        if self.chosen is not None and self.chosen[0].role == "assistant":
            return self.chosen[0]
        return next((message for message in reversed(self.talk.path()) if message.role == "assistant"), None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does something now; the footer shows those that do."""
        writing, typing = self.writer.message is not None, isinstance(self.focused, Prompt)
        token = self.chosen is not None and self.chosen[1] != WHOLE
        match action:
            case "stop":
                return writing
            case "close_card":
                return not writing and not typing and self._card
            case "browse":
                return not writing and typing
            case "type":
                return not typing and (bool(parameters) or not (writing or self._card))
            case "move":
                return not (self._card and token)
            case "beside" | "mark_by":
                return self._card and token
            case "card" | "branch" | "inspect":
                return token and (action == "inspect" or not writing) and not (action == "card" and self._card)
            case "regenerate":
                return not writing and self._answer() is not None
            case "go_on" | "step" | "edit":
                return not writing and self.talk.leaf is not None and self.bridge.opened is not None
            case "copy":
                return self._answer() is not None
            case "sibling":
                return not writing and self._has_siblings()
        return True

    def _has_siblings(self) -> bool:
        message = self.chosen[0] if self.chosen else self._answer()
        if message is None:
            return False
        parent = None if message.parent is None else self.talk.messages[message.parent]
        return len(self.talk.siblings(message)) > 1 or (parent is not None and len(self.talk.siblings(parent)) > 1)
