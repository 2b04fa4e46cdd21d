"""What a terminal lacks, told once: Apple's Terminal, 256 colours, no colours."""

from collections.abc import Mapping
from pathlib import Path

from mlxgpt.backend import places


def hints(environ: Mapping[str, str], colours: int) -> dict[str, str]:
    """What is worth saying about a terminal of so many colours, by a name under which it is remembered."""
    found = {}
    if environ.get("TERM_PROGRAM") == "Apple_Terminal":
        found["apple-terminal"] = (
            "Terminal.app: set the line spacing to 0.8 for pictures without gaps; Shift+Enter and copying over SSH do not "
            "work in it.  Ghostty, kitty, WezTerm or iTerm2 show all there is."
        )
    if "NO_COLOR" in environ:
        found["no-color"] = "NO_COLOR is set: shades are drawn as · ░ ▒ ▓ █, with their numbers."
    elif colours <= 256:
        found["few-colours"] = (
            f"This terminal has {colours} colours: shades are coarser.  If it has more, set COLORTERM=truecolor."
        )
    return found


def new_hints(environ: Mapping[str, str], colours: int) -> list[str]:
    """The hints that were not told on this computer yet."""
    path = memory()
    try:
        told = path.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        told = []
    found = {name: text for name, text in hints(environ, colours).items() if name not in told}
    if found:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join([*told, *found]) + "\n", encoding="utf-8")
        except OSError:
            pass  # then they are told again
    return list(found.values())


def memory() -> Path:
    """The file that holds the names of the hints that were told."""
    return places.database().with_name("hints.txt")
