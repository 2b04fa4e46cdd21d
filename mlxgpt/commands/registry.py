"""Every slash command of a conversation, in one table: `mlxgpt chat --plain`, the full-screen app, its completion and its
palette, `/help`, the guide and the tests read it.

Those of the app alone are here with their words; what they do is the app's.
"""

from collections.abc import Sequence
from dataclasses import replace

from mlxgpt.commands.cutting import CUTTING
from mlxgpt.commands.looking import LOOKING
from mlxgpt.commands.talk import Talk
from mlxgpt.commands.turns import TURNS
from mlxgpt.errors import ConfigError
from mlxgpt.generation import commands
from mlxgpt.generation.commands import BASIC, Command, Reply, Value

DENSITIES = ("off", "strip", "panel")
KINDS_OF_FILE = ("md", "json", "html", "svg")


def run(talk: Talk, line: str) -> Reply:
    """Carry out a line on a conversation; see `generation.commands.run`."""
    before = talk.settings
    reply = commands.run(talk, line, COMMANDS)  # type: ignore[arg-type]  # a Talk has what `run` itself asks for
    if not line.startswith("/undo"):
        talk.remember(before)
    return reply


def _on_chat(command: Command) -> Command:
    """A command of a chat as one of a talk."""
    return replace(command, run=lambda talk, value: command.run(talk.chat, value))


def _in_app(name: str, help_: str, argument: str = "", choices: Sequence[str] = ()) -> Command:
    """A command that only the full-screen app can carry out."""

    def refuse(_: Talk, value: Value) -> Reply:
        raise ConfigError(f"/{name} needs the full-screen app.", hint="Start it with `mlxgpt tui`.")

    kind = "text" if argument else "none"
    return Command(
        name=name, kind=kind, argument=argument, help=help_, run=refuse, app=True, choices=lambda: choices
    )  # fmt: skip


APP: tuple[Command, ...] = (
    _in_app("inspect", "look into the last answer", "[MESSAGE]"),
    _in_app("branch", "write on from another likely token at the selected place", "[N]"),
    _in_app("step", "write one token, and show how it was drawn"),
    _in_app("search", "find words in all conversations", "WORDS"),
    _in_app("sessions", "the list of conversations"),
    _in_app("export", "the conversation as a file", "KIND FILE", KINDS_OF_FILE),
    _in_app("theme", "colours of the app", "[NAME]"),
    _in_app("density", "how much is shown beside the conversation", "[off|strip|panel]", DENSITIES),
)
COMMANDS = commands.registry([*map(_on_chat, BASIC), *TURNS, *LOOKING, *CUTTING, *APP])
