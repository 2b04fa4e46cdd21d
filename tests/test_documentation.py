"""What the documents say is there: commands, options, presets and files."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from mlxgpt.cli.main import app
from mlxgpt.model.config import presets

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def command_lines():
    """Every `mlxgpt …` line in a code block of a page."""
    for page in PAGES:
        for block in re.findall(r"^```\w*\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            for line in block.splitlines():
                match = re.match(r"\s*\$?\s*(?:\./scripts/)?mlxgpt\s+(.*)", line)
                if match:
                    yield pytest.param(match[1], id=f"{page.name}: {match[1][:50]}")


@pytest.mark.parametrize("line", list(command_lines()))
def test_commands_in_the_documents_exist_with_their_options(line):
    words = [word for word in shlex.split(line, comments=True) if word != "--offline"]  # it may stand anywhere
    command = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        name = words.pop(0)
        assert name in command.commands, f"there is no command {name!r}"
        command = command.commands[name]
    known = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
    for word in words:
        if word.startswith("--"):
            assert word in known, f"{line!r}: there is no option {word}"


def test_presets_in_the_readme_exist():
    table = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:gpt2|modern|small|mini)-[a-z0-9-]+)`", table))
    assert named
    assert named <= set(presets()), named - set(presets())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_links_in_the_documents_exist(page):
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    for link in links:
        assert (page.parent / link).exists(), link


def test_files_of_the_tour_exist():
    text = (ROOT / "docs" / "tour.md").read_text(encoding="utf-8")
    folder = ""
    for word in re.findall(r"`([\w/]+\.py)`|\(`(mlxgpt/\w+)`\)", text):
        if word[1]:
            folder = word[1]
            continue
        candidates = [ROOT / "mlxgpt" / word[0], ROOT / folder / word[0], *ROOT.glob(f"mlxgpt/*/{word[0]}")]
        candidates += [ROOT / word[0], ROOT / "tui" / word[0], *ROOT.glob(f"tui/*/{word[0]}")]
        assert any(path.is_file() for path in candidates), word[0]
