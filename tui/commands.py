"""Slash commands in the app: one that looks at the conversation runs where the model is, one that belongs to the app acts
on the page.  `mlxgpt.commands.registry` lists them all; `ACTS` says what the app does by itself.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlxgpt.commands import registry
from mlxgpt.commands.cutting import unquoted
from mlxgpt.commands.looking import head
from mlxgpt.commands.registry import COMMANDS, DENSITIES, KINDS_OF_FILE
from mlxgpt.commands.talk import Talk
from mlxgpt.commands.turns import read_text
from mlxgpt.errors import ConfigError, DataError, nearest
from mlxgpt.generation.commands import Reply, argument, parse
from tui.conversation import Message
from tui.exports import export
from tui.hearing import asked_about, foreign, hearing
from tui.modals.reading import Reading
from tui.page import Request
from tui.widgets.blocks import WHOLE
from tui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from mlxgpt.inspection.reports import Heard
    from tui.screens.chat import ChatPage

LONGEST = 160  # characters of an answer that is shown beside the conversation, not over it


class Commands:
    """Carries out lines on a chat page."""

    def __init__(self, page: "ChatPage") -> None:
        self.page = page
        self._talk: Talk | None = None

    async def run(self, line: str) -> None:
        """Carry out a line, and show what it says; what is wrong with it is shown too."""
        page = self.page
        try:
            command, rest = parse(line, COMMANDS)
            if command.name in ACTS:
                argument(command, rest)  # raises for one that takes none
                if said := await ACTS[command.name](page, rest):
                    self._show(line, Reply(text=said))
                return
            if page.bridge.opened is None:
                raise DataError(page.bridge.missing)
            page.say(f"{line} …")
            said_so_far = shown = None
            if page.writing is None and (path := page.talk.path()):
                said_so_far = [{"role": each.role, "content": each.text} for each in path]
                shown = hearing(page.bridge, page.talk, path[-1])
            reply = await page.bridge.ask(lambda: self._reply(line, said_so_far, shown))
            self._show(line, reply)
            if reply.model:
                page.host.open_model(reply.model)
        except Exception as error:  # whatever it is, the app goes on
            page.show_problem(error)
        finally:
            page.show_status(anew=True)

    def _reply(self, line: str, said: list[dict[str, str]] | None, shown: "Callable[[], Heard] | None") -> Reply:
        """What a command answers, on the engine's thread; `said` is the conversation on the screen, `shown` its ids."""
        bridge = self.page.bridge
        assert bridge.opened is not None
        if self._talk is None or self._talk.chat is not bridge.chat:
            self._talk = Talk(bridge.chat, bridge.opened.word, bridge.inspector)
        self._talk.shown = shown
        if said is not None:
            bridge.chat.messages = said  # type: ignore[assignment]  # such dicts are messages
        return registry.run(self._talk, line)

    def _show(self, line: str, reply: Reply) -> None:
        app = self.page.app
        if reply.views or "\n" in reply.text or len(reply.text) > LONGEST:
            app.push_screen(Reading(line, reply.text, reply.views))
        elif reply.text:
            app.notify(reply.text, markup=False, timeout=8)


# ---- what the app does itself ----------------------------------------------------------------------------------------


def last_text(page: "ChatPage") -> str:
    """What was written last, with its beginning where the model completes."""
    path = [message for message in page.talk.path() if message.text]
    if not path:
        raise DataError("There is no answer to look at yet.", hint="Write something first.")
    completes = page.bridge.opened is not None and page.bridge.opened.completes
    return "".join(message.text for message in path[-2:]) if completes else path[-1].text


def last_message(page: "ChatPage") -> Message:
    """The message that was written last; `DataError` before there is any."""
    last_text(page)
    return [message for message in page.talk.path() if message.text][-1]


async def last_step(page: "ChatPage", **place: Any) -> Request:  # Any: fields of Request
    """What Inspect is to look at: the step that drew the last token, which the model read just before."""
    message = last_message(page)
    position = -2 if message.tokens and not foreign(page.bridge, message) else -1
    return await asked_about(page.bridge, page.talk, message, position=position, **place)


async def _tokens(page: "ChatPage", rest: str) -> str:
    await page.host.go("tokens", Request(text=unquoted(rest) or last_text(page)))
    return ""


async def _chunks(page: "ChatPage", rest: str) -> str:
    strategy = page.bridge.chat.chunking.strategy if page.bridge.opened else "off"
    word = "" if strategy == "off" else strategy
    await page.host.go("chunks", Request(text=unquoted(rest) or last_text(page), word=word))
    return ""


async def _inspect(page: "ChatPage", rest: str) -> str:
    path = page.talk.path()
    if rest and not (rest.isdecimal() and 1 <= int(rest) <= len(path)):
        raise ConfigError(f"There is no message {rest}.", hint=f"Messages are 1 to {len(path)}." if path else "")
    message = path[int(rest) - 1] if rest else last_message(page)
    await page.host.go("inspect", await asked_about(page.bridge, page.talk, message))
    return ""


async def _lens(page: "ChatPage", rest: str) -> str:
    await page.host.go("inspect", await last_step(page, view="lens"))
    return ""


async def _attention(page: "ChatPage", rest: str) -> str:
    layer, number = _head(page, rest, "/attn")
    await page.host.go("inspect", await last_step(page, layer=layer, head=number, view="heads"))
    return ""


async def _ablate(page: "ChatPage", rest: str) -> str:
    place = None if rest == "off" else _head(page, rest, "/ablate")  # off: every head is heard
    layer, number = place or (None, None)
    silenced = () if place is None else (place,)
    request = await last_step(page, layer=layer, head=number, silenced=silenced, view="heads")
    await page.host.go("inspect", request)
    return ""


def _head(page: "ChatPage", rest: str, command: str) -> tuple[int, int]:
    """The layer and the head that "L.H" names."""
    opened = page.bridge.opened
    if opened is None:
        raise DataError(page.bridge.missing)
    if not opened.n_layer:
        raise DataError("mlx_lm runs this model, which shows no attention.", hint="/model NAME opens another.")
    place = head((opened.n_layer, opened.n_head), rest, command)
    return (place.layer or 0) % opened.n_layer, (place.head or 0) % opened.n_head


async def _branch(page: "ChatPage", rest: str) -> str:
    if page.chosen is None or page.chosen[1] == WHOLE:
        raise DataError("No token is selected.", hint="Escape leads to the tokens, arrows select one.")
    message, index = page.chosen
    many = len(message.tokens[index].alternatives)
    if not rest:
        place, all_ = page.talk.siblings(message).index(message) + 1, len(page.talk.siblings(message))
        return f"This is version {place} of {all_}; /branch 1 to {many} takes another token at this place."
    if not (rest.isdecimal() and 1 <= int(rest) <= many):
        raise ConfigError(f"There is no alternative {rest}.", hint=f"Here they are 1 to {many}, the likeliest first.")
    _idle(page, "branch")
    page.mark(int(rest) - 1)
    page.action_branch()
    return ""


def _acting(action: str) -> Callable[["ChatPage", str], Awaitable[str]]:
    """What a key does, by its action."""

    async def act(page: "ChatPage", rest: str) -> str:
        _idle(page, action)
        getattr(page, f"action_{action}")()
        return ""

    return act


def _idle(page: "ChatPage", action: str) -> None:
    """Raise for what cannot be done now."""
    if page.writing is not None:
        raise DataError("The model is still writing.", hint="Escape stops it.")
    if page.check_action(action, ()) is False:
        raise DataError("There is nothing to go on from yet.", hint="Write something first.")


async def _load(page: "ChatPage", rest: str) -> str:
    text = read_text(rest or None)
    prompt = page.query_one(Prompt)
    prompt.put(text)
    prompt.focus()
    return f"{len(text):,} characters: enter sends them."


async def _search(page: "ChatPage", rest: str) -> str:
    page.host.action_sessions(rest)
    return ""


async def _export(page: "ChatPage", rest: str) -> str:
    kind, _, name = rest.partition(" ")
    if kind not in KINDS_OF_FILE:
        kind, name = "", rest
    if not name:
        return f"/export writes the conversation to a file: /export {'|'.join(KINDS_OF_FILE)} FILE."
    if not page.talk.messages:
        raise DataError("There is nothing to export yet.", hint="Write something first.")
    return f"Written: {export(page.talk, Path(name), kind)}"


async def _theme(page: "ChatPage", rest: str) -> str:
    themes = [name for name in page.app.available_themes if "ansi" not in name]
    if not rest:
        return f"theme is {page.app.theme} ({', '.join(sorted(themes))})"
    if rest not in page.app.available_themes:
        raise ConfigError(f"There is no theme {rest!r}.", hint=f"{nearest(rest, themes)}  Now it is {page.app.theme}.")
    before, page.app.theme = page.app.theme, rest
    return f'theme is now {rest}, was {before}.  To keep it: theme = "{rest}" under [tui] in the settings file.'


async def _density(page: "ChatPage", rest: str) -> str:
    if not rest:
        return f"density is {page.density} ({', '.join(DENSITIES)})"
    if rest not in DENSITIES:
        raise ConfigError(
            f"density cannot be {rest!r}.", hint=f"It may be {', '.join(DENSITIES)}.  Now it is {page.density}."
        )
    before, page.density = page.density, rest
    return f"density is now {rest}, was {before}"


async def _new(page: "ChatPage", rest: str) -> str:
    page.action_new_chat()
    return ""


async def _exit(page: "ChatPage", rest: str) -> str:
    page.app.exit()
    return ""


ACTS: dict[str, Callable[["ChatPage", str], Awaitable[str]]] = {
    "tokens-demo": _tokens,
    "chunk-demo": _chunks,
    "inspect": _inspect,
    "lens": _lens,
    "attn": _attention,
    "ablate": _ablate,
    "branch": _branch,
    "retry": _acting("regenerate"),
    "continue": _acting("go_on"),
    "step": _acting("step"),
    "load": _load,
    "search": _search,
    "sessions": _search,
    "export": _export,
    "theme": _theme,
    "density": _density,
    "reset": _new,
    "exit": _exit,
}
