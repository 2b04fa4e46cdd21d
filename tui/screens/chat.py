"""Talk to the model; every token is an object.

Typing (the prompt has the focus) and looking (the transcript has it); escape goes between them, or stops the model.  What
other parts of the program hang on here: `on_token`, `on_selection` and `on_finished` are told what happens, `run_command`
carries out a line that begins with a slash, and `save` keeps a message.
"""

import time
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.timer import Timer

from mlxgpt.generation import commands
from mlxgpt.text import visible
from tui.bridge import Opened
from tui.commands import Commands
from tui.conversation import Conversation, Message
from tui.modals.reading import Reading
from tui.page import Page, Request
from tui.screens.chat_completing import COMPLETING, Completing
from tui.screens.chat_turns import Turns
from tui.surprise import brief
from tui.widgets.completion import Completion
from tui.widgets.kept import KeptContainer, KeptHorizontal, KeptVertical
from tui.widgets.live import DENSITIES, Live
from tui.widgets.live_lines import LivePanel, LiveStrip
from tui.widgets.prompt import Prompt
from tui.widgets.token_card import TokenCard
from tui.widgets.transcript import Transcript
from tui.writer import Writer

FRAME = 1 / 30  # seconds between two looks at what was written
FIGURES = 0.2  # seconds between two sets of figures: faster nobody reads them


class ChatPage(Completing, Turns, Page):
    """Talk to the model; every token is an object."""

    NAME = "chat"
    AUTO_FOCUS = "#prompt"
    HELP = """Write, and Enter sends.  Escape stops the model, and goes between the prompt and the tokens: arrows walk over
them, Enter opens one, b branches from another.  A line that begins with / is a command; Ctrl+S lists the conversations."""
    DEFAULT_CSS = """
    ChatPage #talk { height: 1fr; }
    ChatPage #left { width: 1fr; }
    ChatPage #live { width: 48; display: none; }
    ChatPage.-wide #live { width: 64; }
    ChatPage LiveStrip { display: none; }
    ChatPage.-live-panel #live { display: block; }
    ChatPage.-live-strip LiveStrip { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *COMPLETING,
        Binding("escape", "stop", "Stop", id="chat.stop"),
        Binding("escape", "close_card", "Close", id="chat.close_card"),
        Binding("escape", "browse", "Browse", id="chat.browse"),
        Binding("escape", "type", "Type", id="chat.type"),
        Binding("tab", "density", "Panel", id="chat.density"),
        Binding("ctrl+n", "new_chat", "New", id="chat.new"),
    ]
    density: reactive[str] = reactive("panel")

    def __init__(self) -> None:
        super().__init__()
        self.talk = Conversation()
        self.writer = Writer(self.bridge)
        self.live = Live(self)
        self._timer: Timer | None = None
        self._saved = self._shown = 0.0  # when
        self._said = ""
        self.commands = Commands(self)

    def body(self) -> ComposeResult:
        """The transcript with the live panel beside it, and the prompt below."""
        with KeptHorizontal(id="talk"):
            with KeptVertical(id="left"):
                yield Transcript()
                yield TokenCard()
            with KeptContainer(id="live"):
                yield LivePanel(self.live)
        yield LiveStrip(self.live)
        yield Completion()
        yield Prompt()

    def on_mount(self) -> None:
        """Somebody will type."""
        self.query_one(Prompt).focus()
        self.show_talk()

    def model_opened(self) -> None:
        """Another model: it is looked at anew."""
        self.run_worker(self.live.opened, group="live-open", exclusive=True)  # type: ignore[arg-type]  # a coroutine is made when it runs
        self.names.clear()
        self.show_talk()

    def model_missing(self) -> None:
        """There is no model to talk to."""
        self.show_talk()

    def receive(self, request: Request) -> None:
        """Another page hands over a text to write on from."""
        if request.text:
            prompt = self.query_one(Prompt)
            prompt.put(request.text)
            prompt.focus()

    def on_resize(self, event: events.Resize) -> None:
        """Another size of the terminal: there may be room for the live panel now, or none any more."""
        self.live.fit(self.density, event.size.width, event.size.height)
        self.show_card()

    # ---- what others fill --------------------------------------------------------------------------------------------

    def on_token(self, message: Message, index: int) -> None:
        """A token was written."""
        self.live.heard(message, index, self.writer.first_seconds)

    def on_selection(self, message: Message | None, index: int | None) -> None:
        """Another token is selected, or none."""
        self.live.select(self.talk, message, index)

    def on_finished(self, message: Message) -> None:
        """A message is written; its `reason` says why it ended."""
        self.live.finished(message, self.talk, self.writer.first_seconds)

    def save(self, message: Message) -> None:
        """Keep a message: after each turn, every second while it is written, and when it is stopped."""
        self.host.keep()

    async def run_command(self, line: str) -> None:
        """Carry out a line that begins with a slash."""
        self.run_worker(self.commands.run(line), group="command")

    # ---- what is shown -----------------------------------------------------------------------------------------------

    @property
    def writing(self) -> Message | None:
        """What the model is writing."""
        return self.writer.message

    def show_talk(self) -> None:
        """Show the conversation as it is now."""
        transcript, opened = self.query_one(Transcript), self.bridge.opened
        completes = opened is not None and opened.completes
        transcript.welcome = [self.bridge.missing] if opened is None else welcome(opened)
        transcript.show(self.talk, completes=completes, unseen=self.writer.unseen)
        self.show_status()

    def show_status(self, *, anew: bool = False) -> None:
        """Show the figures, where they changed; `anew` also where something else was said."""
        self._shown = time.monotonic()
        path = self.talk.path()
        status = self.writer.status(path[-1] if path else None, self.size.width)
        if status != self._said or anew:
            self._said = status
            self.say(status)

    def follow(self) -> None:
        """A message is being written from now on: look at it thirty times a second."""
        self.show_talk()
        self._saved = time.monotonic()
        if self._timer is None:
            self._timer = self.set_interval(FRAME, self.drain)
        self.refresh_bindings()

    def drain(self) -> None:
        """Take what the model wrote since the last time."""
        message = self.writer.message
        if message is None:
            return
        notes, unseen = len(message.notes), self.writer.unseen
        for index in self.writer.take():
            self.on_token(message, index)
        over = self.writer.message is None
        if over or len(message.notes) != notes or self.writer.unseen != unseen:
            self.show_talk()
        else:
            self.query_one(Transcript).grow()
            if time.monotonic() - self._shown > FIGURES:
                self.show_status()
        if over:
            self._over(message)
        elif time.monotonic() - self._saved > 1 and self._ended is None:
            self._saved = time.monotonic()
            self.save(message)

    def _over(self, message: Message) -> None:
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self.writer.error is not None:
            self.show_problem(self.writer.error)
        self.on_finished(message)
        self.stepped(message)
        self.ended_again(message)
        self.save(message)
        self.host.settle()
        self.refresh_bindings()

    # ---- typing ------------------------------------------------------------------------------------------------------

    @on(Prompt.Sent)
    async def sent(self, event: Prompt.Sent) -> None:
        """A command, an edit, or something to say."""
        prompt, text = self.query_one(Prompt), event.text
        if self.editing is None and commands.is_command(text):
            await self.run_command(text.strip())
        elif self.bridge.opened is None or self.writing is not None:
            prompt.put(text)
            self.app.notify("The model is still writing: escape stops it." if self.writing else self.bridge.missing)
        elif self.editing is not None:
            self.rewrite(text)
        elif text.strip():
            self.ask(commands.unescaped(text))
        elif self.talk.leaf is not None:
            self.action_go_on()

    @on(Transcript.Selected)
    def selected(self, event: Transcript.Selected) -> None:
        """Another token is selected; a click on the one that was opens it."""
        self.choose(event.message, event.index)
        if event.again and event.index >= 0:
            if self._card:
                self.action_branch()
            else:
                self.action_card()

    @on(Transcript.Pointed)
    def pointed(self, event: Transcript.Pointed) -> None:
        """Say what is known of the token under the mouse."""
        self._said = ""
        if event.message is not None and event.index is not None and event.index >= 0:
            self.say(brief(event.message.tokens[event.index]))
        else:
            self.show_status()

    @on(TokenCard.Marked)
    def marked_by_mouse(self, event: TokenCard.Marked) -> None:
        """A click on an alternative marks it, another one branches."""
        if event.number == self.marked:
            self.action_branch()
        else:
            self.mark(event.number)

    def on_descendant_focus(self) -> None:
        """Other keys are valid now."""
        self.refresh_bindings()

    # ---- keys --------------------------------------------------------------------------------------------------------

    def action_explain(self) -> None:
        """What live shows in other words: in its panel, or above the page where it has no room for words."""
        if self.query_one("#live").display:
            self.live.explain()
        elif words := self.live.in_words():
            self.app.push_screen(Reading("What the model did at this token", words))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is something to explain once live has looked."""
        if action == "explain":
            return self.live.state.step is not None
        return super().check_action(action, parameters)

    def action_density(self) -> None:
        """The next of off, strip and panel."""
        self.density = DENSITIES[(DENSITIES.index(self.density) + 1) % len(DENSITIES)]

    def watch_density(self, density: str) -> None:
        """Show as much of the live panel as was asked for."""
        self.live.fit(density, self.size.width, self.size.height)

    def open_talk(self, talk: Conversation) -> None:
        """Show another conversation, and go on with it."""
        self.action_stop()
        self.writer.unseen = frozenset()
        self.talk = talk
        self.query_one(Transcript).select(None, None)
        self.choose(None, None)
        self.show_talk()

    def action_new_chat(self) -> None:
        """Begin another conversation."""
        self.open_talk(Conversation())
        self.query_one(Prompt).focus()


def welcome(opened: Opened) -> list[str]:
    """What an empty conversation says."""
    does = "goes on with what you write" if opened.completes else "answers what you write"
    layers = f"{opened.n_layer} layers" if opened.n_layer else "run by mlx_lm"
    sees = "a state of fixed size" if opened.recurrent else f"{opened.context_length:,} tokens of context"
    return [
        f"{visible(opened.name)}: {layers}, {sees}, {opened.device}",
        f"It {does}.  Each token is coloured by its surprisal:",
        "",  # the legend
        "",
        "⏎      send; esc stops, and leads to the tokens and back",
        "←→↑↓   from token to token; ⏎ what else could have come",
        "b      branch from an alternative; , . other versions",
        "space  one token, and the random number that drew it",
        "r u E  write it again, go on, edit",
        "F2–F8  the other pages",
    ]
