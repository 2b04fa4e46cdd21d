"""Slash commands as data, and those that a chat needs by itself; `mlxgpt.commands` adds those that look inside.

A command is a name, what its argument is, one line of help, and a function of the session.  Without an argument a
setting shows its value; with a wrong one the error says what is allowed.  `//` at the beginning escapes, and a pasted
text of several lines is text even when it begins with a slash.  No MLX here.
"""

import difflib
import json
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from mlxgpt.errors import ConfigError, DataError
from mlxgpt.events import Event, GenerationFinished, PromptRead
from mlxgpt.generation.config import RANGES, GenerateConfig, allowed


class SessionWindow(Protocol):
    """What the commands show of a window: tokens seen, tokens that fit, bytes of the caches."""

    size: int

    @property
    def length(self) -> int: ...

    @property
    def nbytes(self) -> int: ...


class Session(Protocol):
    """What commands act on; `chat.Chat` is one."""

    config: GenerateConfig
    system: str
    messages: Any  # list[Message]; Any because a list of a TypedDict matches no looser type
    read: PromptRead | None
    finished: GenerationFinished | None

    @property
    def window(self) -> SessionWindow: ...

    def reset(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a command says, and what is to be done now: a job to play, a model to open, or the end of the session.

    `views` are pictures by `mlxgpt.display`, to be shown before the text.
    """

    text: str
    views: tuple[Any, ...] = ()  # Any: what rich can print
    job: Callable[[threading.Event], Iterator[Event]] | None = None
    model: str = ""
    exit: bool = False


Value = float | int | str | bool | None  # the argument, read as the command's kind; None when there was none


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One slash command: `kind` is a key of `KINDS`, `argument` how help names it, `setting` the setting it changes.

    `choices` are words that its argument may be, for completion; `app` says that it needs the full-screen app.
    """

    name: str
    kind: str
    help: str
    run: Callable[[Any, Value], Reply]  # Any: a Session, or the Talk of `mlxgpt.commands`
    argument: str = ""
    setting: str = ""
    choices: Callable[[], Sequence[str]] = tuple
    app: bool = False

    @property
    def usage(self) -> str:
        """How it is typed: "/temp NUMBER"."""
        return f"/{self.name} {self.argument}".rstrip()

    @property
    def range(self) -> str:
        """What the argument may be, in words; "" when anything goes."""
        return allowed(self.setting) if self.setting in RANGES else KINDS[self.kind][1]


def is_command(line: str) -> bool:
    """Whether a line typed by a person is a command; "//" at the beginning means a slash."""
    return line.startswith("/") and not line.startswith("//") and "\n" not in line.strip()


def unescaped(line: str) -> str:
    """A line that is no command, as it is to be sent: "//etc" is "/etc"."""
    return line[1:] if line.startswith("//") else line


def run(session: Session, line: str, commands: Mapping[str, Command] | None = None) -> Reply:
    """Carry out a line such as "/temp 0.8"; `ConfigError` for an unknown command or a wrong argument.

    What is wrong with an argument is said with its range and the present value.
    """
    command, rest = parse(line, COMMANDS if commands is None else commands)
    now = f"  Now it is {shown(current(session.config, command.setting))}." if command.setting else ""
    return command.run(session, argument(command, rest, now))


def parse(line: str, commands: Mapping[str, Command]) -> tuple[Command, str]:
    """The command that a line means, and what stands behind it; `ConfigError` for one that there is not."""
    name, _, rest = line.strip().partition(" ")
    return find(commands, name), rest.strip()


def find(commands: Mapping[str, Command], name: str) -> Command:
    """The command called `name`, with or without its slash; `ConfigError` names the nearest."""
    name = name.removeprefix("/").lower()
    command = commands.get(ALIASES.get(name, name))
    if command is None:
        close = difflib.get_close_matches(name, [*commands, *ALIASES], n=1)
        hint = f"Did you mean /{close[0]}?  " if close else ""
        raise ConfigError(f"There is no command /{name}.", hint=f"{hint}/help lists all.")
    return command


def argument(command: Command, text: str, now: str = "") -> Value:
    """`text` as the kind of `command`, or a `ConfigError` that says what is allowed, and the value `now`."""
    if not text:
        return None
    try:
        return KINDS[command.kind][0](text)
    except ValueError:
        range_ = f"It may be {command.range}." if command.range else ""
        raise ConfigError(
            f"/{command.name} does not take {text!r}.", hint=f"Type {command.usage}.  {range_}{now}".rstrip()
        ) from None


# ---- what arguments may be -------------------------------------------------------------------------------------------


def _switch(text: str) -> bool:
    words = {"on": True, "off": False}
    if text.lower() not in words:
        raise ValueError(text)
    return words[text.lower()]


def _seed(text: str) -> int:
    return -1 if text.lower() == "off" else int(text)


def _nothing(text: str) -> None:
    raise ValueError(text)


# How an argument is read, and what it may be where the setting's range does not say it.
KINDS: dict[str, tuple[Callable[[str], Value], str]] = {
    "none": (_nothing, ""),
    "number": (float, ""),
    "whole": (int, ""),
    "seed": (_seed, ""),
    "switch": (_switch, "on or off"),
    "text": (str, ""),
    "path": (str, ""),
}


# ---- what commands do ------------------------------------------------------------------------------------------------


def change(session: Session, name: str, value: Value, shown_as: str) -> Reply:
    """Set a setting, or show it when there is no value."""
    before = current(session.config, name)
    if value is None:
        return Reply(text=f"{shown_as} is {shown(before)} ({allowed(name)})")
    try:
        session.config = session.config.with_(**{name: value})
    except ConfigError as error:
        raise ConfigError(f"{shown_as} cannot be {value}.", hint=f"{error.hint}  Now it is {shown(before)}.") from None
    return Reply(text=f"{shown_as} is now {shown(value)}, was {shown(before)}")


def shown(value: Value) -> str:
    """A value as it is typed: what is not set is off."""
    return "off" if value is None else str(value)


def current(config: GenerateConfig, name: str) -> Value:
    """The value of a setting, of `config` or of its sampling."""
    value: Value = getattr(config, name) if hasattr(config, name) else getattr(config.sampling, name)
    return value


def change_seed(session: Session, value: Value) -> Reply:
    """A fixed seed, or, with "off", another one each time."""
    if value == -1:
        session.config = session.config.with_(seed=None)
        return Reply(text="seed is off: another one each time")
    if value is None and session.config.sampling.seed is None:
        last = f"; the last answer had {session.finished.seed}" if session.finished else ""
        return Reply(text=f"seed is off: another one each time{last} ({allowed('seed')}, or off)")
    return change(session, "seed", value, "seed")


def change_system(session: Session, value: Value) -> Reply:
    """The message that stands before the conversation."""
    if value is None:
        return Reply(
            text=f"The system message is: {session.system}" if session.system else "There is no system message."
        )
    session.system = "" if value == "off" else str(value)
    return Reply(text="The system message is set." if session.system else "The system message is gone.")


def show_tokens(session: Session, value: Value) -> Reply:
    """Whether each token is shown with its id, probability and rank."""
    if value is not None:
        session.config = session.config.with_(show_tokens=value)
    return Reply(text=f"show-tokens is {'on' if session.config.show_tokens else 'off'}")


def reset(session: Session) -> Reply:
    """A new conversation."""
    session.reset()
    return Reply(text="A new conversation begins.")


def stats(session: Session) -> Reply:
    """Figures of the conversation and of the last answer."""
    window, read, finished = session.window, session.read, session.finished
    lines = [
        f"messages     {len(session.messages)}",
        f"context      {window.length:,} of {window.size:,} tokens"
        if window.size < sys.maxsize
        else f"context      {window.length:,} tokens, all in a state of {window.nbytes:,} bytes",
    ]
    if read:
        left_out = f", {read.dropped_tokens:,} left out" if read.dropped_tokens else ""
        known = f", {read.reused_tokens:,} known from before" if read.reused_tokens else ""
        lines.append(f"prompt       {read.tokens:,} tokens{known}{left_out}, read in {read.seconds:.3f} s")
    if finished:
        lines.append(f"answer       {finished.tokens:,} tokens, ended by {finished.reason}, seed {finished.seed}")
        lines.append(f"first token  {finished.seconds_to_first_token:.3f} s")
        if finished.tokens > 1:
            lines.append(f"speed        {finished.tokens_per_second:,.1f} tokens/s")
    return Reply(text="\n".join(lines))


def memory(session: Session) -> Reply:
    """What MLX holds, and how much of it the conversation takes."""
    import mlx.core as mx  # here only: listing the commands must not load MLX

    bits = session.config.kv_bits
    figures = {
        "in use": mx.get_active_memory(),
        "most so far": mx.get_peak_memory(),
        "kept for reuse": mx.get_cache_memory(),
        "this conversation": session.window.nbytes,
    }
    lines = [f"{name:18} {amount / 1e6:10,.1f} MB" for name, amount in figures.items()]
    if bits:
        lines[-1] += f"   (keys and values in {bits} bits)"
    return Reply(text="\n".join(lines))


def save(session: Session, value: Value) -> Reply:
    """The conversation as a file that did not exist before: JSON when it ends in .json, else text."""
    if value is None:
        raise ConfigError("/save needs the name of a file.", hint="Type /save FILE, for example /save chat.json.")
    messages: Sequence[Mapping[str, str]] = session.messages
    if session.system:
        messages = [{"role": "system", "content": session.system}, *messages]
    path = Path(str(value)).expanduser()
    text = "\n\n".join(f"{message['role']}: {message['content']}" for message in messages) + "\n"
    if path.suffix == ".json":
        text = json.dumps(messages, ensure_ascii=False, indent=2) + "\n"
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise DataError(f"{path} exists already.", hint="Choose another name; nothing was written.") from None
    except OSError as error:
        raise DataError(f"{path} cannot be written: {error.strerror}.", hint="Choose another place.") from None
    return Reply(text=f"{len(messages)} messages saved in {path}")


def show_help(commands: Mapping[str, Command], value: Value) -> Reply:
    """All commands, or one."""
    if value is None:
        return Reply(text="\n".join(map(_help_line, commands.values())))
    command = find(commands, str(value))
    return Reply(text=_help_line(command) + (f"  ({command.range})" if command.range else ""))


def _help_line(command: Command) -> str:
    return f"{command.usage:{USAGE}} {command.help}{' (app only)' if command.app else ''}"


def _setting(name: str, kind: str, setting: str, help_: str) -> Command:
    """A command that changes one number."""
    return Command(
        name=name,
        kind=kind,
        argument="NUMBER",
        setting=setting,
        help=help_,
        run=lambda session, value: change(session, setting, value, name),
    )


def _plain(name: str, help_: str, run_: Callable[[Session], Reply]) -> Command:
    """A command without an argument."""
    return Command(name=name, kind="none", help=help_, run=lambda session, _: run_(session))


ALIASES = {"quit": "exit", "temperature": "temp", "?": "help"}
USAGE = 26  # columns of `/help`

BASIC: tuple[Command, ...] = (
    _setting("temp", "number", "temperature", "how wild the choice is; 0 is always the most likely token"),
    _setting("tokens", "whole", "max_tokens", "most tokens in an answer"),
    _setting("top-k", "whole", "top_k", "choose among the k most likely tokens"),
    _setting("top-p", "number", "top_p", "choose among the tokens that hold this share of probability"),
    _setting("min-p", "number", "min_p", "choose among tokens at least this share as likely as the best"),
    _setting("repeat", "number", "repetition_penalty", "how much recent tokens are held back"),
    Command(
        name="seed",
        kind="seed",
        argument="NUMBER|off",
        setting="seed",
        help="the same seed gives the same text; off: another one each time",
        run=change_seed,
    ),
    Command(
        name="system",
        kind="text",
        argument="TEXT|off",
        help="a message that stands before the conversation",
        run=change_system,
    ),
    _plain("reset", "begin a new conversation", reset),
    _plain("stats", "figures of the conversation and the last answer", stats),
    _plain("memory", "memory in use", memory),
    Command(
        name="save",
        kind="path",
        argument="FILE",
        help="save the conversation: .json, or else text",
        run=save,
    ),
    Command(
        name="show-tokens",
        kind="switch",
        argument="on|off",
        help="show the id, probability and rank of each token",
        run=show_tokens,
    ),
    _plain("exit", "end", lambda _: Reply(text="", exit=True)),
)


def registry(commands: Sequence[Command]) -> dict[str, Command]:
    """The commands by name, with a `/help` that knows them all: `registry([*BASIC, another])` adds one."""
    table: dict[str, Command] = {}
    help_ = Command(
        name="help",
        kind="text",
        argument="[COMMAND]",
        help="list the commands, or explain one",
        run=lambda _, value: show_help(table, value),
    )
    table.update({command.name: command for command in (help_, *commands)})
    return table


COMMANDS = registry(BASIC)
