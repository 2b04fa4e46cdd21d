"""docs/tui.md lists every command as the registry has it; MLXGPT_SNAPSHOTS=update writes the list anew."""

import os
import re
from pathlib import Path

from mlxgpt.commands.registry import COMMANDS
from tui import keymap

GUIDE = Path(__file__).parents[2] / "docs" / "tui.md"
PLACE = re.compile(r"(<!-- commands: [^\n]*-->\n).*(<!-- /commands -->)", re.DOTALL)


def table():
    rows = ["| command | what it does |\n", "|---|---|\n"]
    for command in COMMANDS.values():
        usage = command.usage.replace("|", "\\|")
        rows.append(f"| `{usage}` | {command.help}{' (*app*)' if command.app else ''} |\n")
    return "".join(rows)


def test_the_guide_lists_every_command():
    text = GUIDE.read_text(encoding="utf-8")
    written = PLACE.sub(lambda match: match[1] + table() + match[2], text)
    if os.environ.get("MLXGPT_SNAPSHOTS") == "update":
        GUIDE.write_text(written, encoding="utf-8")
    assert written == GUIDE.read_text(encoding="utf-8")


def test_the_keys_that_the_guide_changes_exist():
    block = GUIDE.read_text(encoding="utf-8").split("[keys]")[1].split("```")[0]
    assert set(re.findall(r'^"([^"]+)" =', block, re.MULTILINE)) <= set(keymap.bindings())
