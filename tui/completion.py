"""What a line that begins with a slash could become: names of commands, then what their arguments may be.  No Textual."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlxgpt.generation.commands import ALIASES, Command, is_command

MOST_FILES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One way to go on: the whole line it makes, how it is shown, and a word about it."""

    line: str
    shown: str
    help: str = ""


def candidates(line: str, commands: Mapping[str, Command]) -> list[Candidate]:
    """The ways to go on with a line, the likeliest first; none for a line that is no command."""
    if not is_command(line):
        return []
    name, space, rest = line.partition(" ")
    if not space:
        return [
            Candidate(line=f"/{each.name}" + (" " if each.argument else ""), shown=each.usage, help=each.help)
            for each in _fitting(name[1:].lower(), commands)
        ]
    command = commands.get(ALIASES.get(name[1:].lower(), name[1:].lower()))
    if command is None:
        return []
    words = rest.split(" ")
    if command.name == "help":
        choices: Sequence[str] = list(commands)
    else:
        choices = command.choices()
    if command.name == "export" and len(words) > 1:
        return _files(f"{name} {words[0]} ", rest.partition(" ")[2])
    if command.kind == "path":
        return _files(f"{name} ", rest)
    before, word = " ".join([name, *words[:-1]]) + " ", words[-1]
    found = sorted(choices, key=lambda choice: not choice.startswith(word))
    return [Candidate(line=before + choice, shown=choice) for choice in found if word.lower() in choice.lower()]


def _fitting(typed: str, commands: Mapping[str, Command]) -> list[Command]:
    """Commands that begin with what was typed, then those that hold its letters in order."""
    begin = [command for name, command in commands.items() if name.startswith(typed)]
    begin += [commands[name] for alias, name in ALIASES.items() if typed and alias.startswith(typed)]
    letters = [command for name, command in commands.items() if _holds(name, typed)]
    return list({command.name: command for command in (*begin, *letters)}.values())


def _holds(name: str, letters: str) -> bool:
    rest = iter(name)
    return all(letter in rest for letter in letters)


def _files(before: str, typed: str) -> list[Candidate]:
    """Files and folders that begin with a path that is being typed."""
    path = Path(typed).expanduser()
    folder, start = (path, "") if typed.endswith("/") or not typed else (path.parent, path.name)
    kept = typed[: len(typed) - len(start)]
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return []
    fitting: Iterable[Path] = (
        entry for entry in entries if entry.name.startswith(start) and (start or not entry.name.startswith("."))
    )
    found = []
    for entry in fitting:
        shown = entry.name + ("/" if entry.is_dir() else "")
        found.append(Candidate(line=before + kept + shown, shown=shown))
        if len(found) == MOST_FILES:
            break
    return found
