"""Talk to the model; every token is an object.

What other parts of the program hang on here: `#live` holds the panel beside the transcript, `on_token`, `on_selection` and
`on_finished` are told what happens, `run_command` carries out a line that begins with a slash, and `save` keeps a message.
"""

import time
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.reactive import reactive

from mlxgpt.events import GenerationFinished, Noted, TokenGenerated
from mlxgpt.generation import commands
from tui.bridge import Feed
from tui.conversation import Conversation, Message
from tui.page import Page
from tui.widgets.live import DENSITIES, Live, LivePanel, LiveStrip
from tui.widgets.prompt import Prompt
from tui.widgets.transcript import Transcript


class ChatPage(Page):
    """Talk to the model; every token is an object."""

    NAME = "chat"
    AUTO_FOCUS = "#prompt"
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
        Binding("escape", "stop", "Stop", id="chat.stop"),
        Binding("tab", "density", "Panel", id="chat.density"),
        Binding("ctrl+n", "new_chat", "New", id="chat.new"),
    ]
    density: reactive[str] = reactive("panel")

    def __init__(self) -> None:
        super().__init__()
        self.talk = Conversation()
        self.writing: Message | None = None  # what the model is writing
        self._feed: Feed[object] | None = None
        self._saved = 0.0
        self.live = Live(self)

    def model_opened(self) -> None:
        """Another model: it is looked at anew."""
        self.run_worker(self.live.opened(), group="live-open", exclusive=True)

    def on_resize(self, event: events.Resize) -> None:
        """Another size of the terminal: there may be room for the live panel now, or none any more."""
        self.live.fit(self.density, event.size.width, event.size.height)

    def body(self) -> ComposeResult:
        """The transcript with the live panel beside it, and the prompt below."""
        with Horizontal(id="talk"):
            with Vertical(id="left"):
                yield Transcript(id="transcript")
            with Container(id="live"):
                yield LivePanel(self.live)
        yield LiveStrip(self.live)
        yield Prompt(id="prompt")

    # ---- what others fill --------------------------------------------------------------------------------------------

    def on_token(self, message: Message, index: int) -> None:
        """A token was written."""
        self.live.heard(message, index)

    def on_selection(self, message: Message | None, index: int | None) -> None:
        """Another token is selected, or none."""
        self.live.select(self.talk, message, index)

    def on_finished(self, message: Message) -> None:
        """A message is written; its `reason` says why it ended."""
        self.live.finished(message, self.talk)

    def save(self, message: Message) -> None:
        """Keep a message: after each turn, every second while it is written, and when it is stopped."""
        self.host.keep()

    async def run_command(self, line: str) -> None:
        """Carry out a line that begins with a slash."""
        reply = await self.bridge.ask(lambda: commands.run(self.bridge.chat, line))
        if reply.exit:
            self.app.exit()
        self.say(reply.text)

    # ---- turns -------------------------------------------------------------------------------------------------------

    async def on_input_submitted(self, event: Prompt.Submitted) -> None:
        """Send what was typed."""
        text, event.input.value = event.value, ""
        if commands.is_command(text):
            try:
                await self.run_command(text)
            except Exception as error:
                self.show_problem(error)
            return
        if self.writing is None and text and self.bridge.opened is not None:
            self.send(commands.unescaped(text))

    def send(self, text: str) -> None:
        """Ask the model."""
        self.save(self.talk.add("user", text=text))
        self.writing = self.talk.add("assistant")
        self._feed = self.bridge.play(lambda stop: self.bridge.chat.say(text, stop=stop))
        self._timer = self.set_interval(1 / 30, self.drain)
        self.refresh_transcript()

    def drain(self) -> None:
        """Take what the model wrote since the last time."""
        feed, message = self._feed, self.writing
        if feed is None or message is None:
            return
        over = feed.over
        for event in feed.take():
            match event:
                case TokenGenerated():
                    message.tokens.append(event)
                    message.text += event.text
                    self.on_token(message, len(message.tokens) - 1)
                case Noted():
                    message.notes.append(event.text)
                case GenerationFinished():
                    message.reason, message.seed = event.reason, event.seed
        self.refresh_transcript()
        if over:
            self._timer.stop()
            self.writing = self._feed = None
            if feed.error is not None:
                self.show_problem(feed.error)
            message.reason = message.reason or "stopped"
            self.save(message)
            self.on_finished(message)
        elif time.monotonic() - self._saved > 1:
            self._saved = time.monotonic()
            self.save(message)

    def refresh_transcript(self) -> None:
        """Show the conversation as it is now."""
        self.query_one(Transcript).show(self.talk)

    def action_stop(self) -> None:
        """End the writing after the current token."""
        if self._feed is not None:
            self._feed.stop.set()

    def action_density(self) -> None:
        """The next of off, strip and panel."""
        self.density = DENSITIES[(DENSITIES.index(self.density) + 1) % len(DENSITIES)]

    def watch_density(self, density: str) -> None:
        """Show as much of the live panel as was asked for."""
        self.live.fit(density, self.size.width, self.size.height)

    def open_talk(self, talk: Conversation) -> None:
        """Show another conversation, and go on with it."""
        self.action_stop()
        self.talk = talk
        self.refresh_transcript()

    def action_new_chat(self) -> None:
        """Begin another conversation."""
        self.talk = Conversation()
        self.refresh_transcript()
