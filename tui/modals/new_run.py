"""What a new run needs: a preset, some text, a budget; everything else has a good value already."""

import re
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Grid, VerticalScroll
from textual.widgets import Button, Input, Label

from mlxgpt import runs
from mlxgpt.errors import ConfigError, describe, nearest
from mlxgpt.text import visible
from tui.modals.modal import Modal

BUDGETS = {  # unit -> option of mlxgpt train, and how much of it one is
    **dict.fromkeys(("s", "sec", "seconds"), ("--minutes", 1 / 60)),
    **dict.fromkeys(("min", "minute", "minutes"), ("--minutes", 1)),
    **dict.fromkeys(("h", "hour", "hours"), ("--minutes", 60)),
    **dict.fromkeys(("", "step", "steps"), ("--steps", 1)),
    **dict.fromkeys(("epoch", "epochs"), ("--epochs", 1)),
}
BUDGET = "60 s, 10 min, 2000 steps or 3 epochs"
HEIGHTS = [(0, "-short"), (30, "-tall")]  # lines, and the class the form gets from there on
FIELDS = (  # key, label, what it may be (54 characters are seen at 80 columns), and the value it has at first
    ("preset", "Preset", "one of those below, or a TOML file", "modern-nano"),
    ("data", "Text", "file, folder or dataset; empty: the Portuguese corpus", ""),
    ("budget", "Budget", BUDGET, "10 min"),
    ("batch", "Batch size", "sequences; empty: chosen for this machine", ""),
    ("rate", "Learning rate", "empty: chosen for this machine", ""),
    ("more", "More", "options of mlxgpt train, as --context-length 128", ""),
)


def arguments(given: dict[str, str], presets: list[str]) -> list[str]:
    """The words of `mlxgpt train` that the form means, without --out; `ConfigError` tells all fields that are wrong."""
    readers: dict[str, Callable[[str], list[str]]] = {
        "preset": partial(_preset, presets),
        "data": _data,
        "budget": _budget,
        "batch": partial(_number, "--batch-size", int),
        "rate": partial(_number, "--learning-rate", float),
        "more": _more,
    }
    words, wrong = list[str](), list[str]()
    for key, read in readers.items():
        try:
            words += read(given[key].strip())
        except ConfigError as error:
            wrong.append(f"{error.message}  {error.hint}")
    if wrong:
        raise ConfigError("\n".join(wrong))
    return words


def _preset(presets: list[str], said: str) -> list[str]:
    if said not in presets and not said.endswith(".toml"):
        near = nearest(said, presets)
        hint = "The presets are listed below." if near.startswith("Known") else near
        raise ConfigError(f"There is no preset {said!r}.", hint=hint)
    return ["--preset", said]


def _data(said: str) -> list[str]:
    path = Path(said).expanduser()
    if said and not path.exists():
        raise ConfigError(f"There is nothing at {said}.", hint="Give a file or a folder of text, or nothing.")
    return ["--data", str(path)] if said else []


def _budget(said: str) -> list[str]:
    found = re.fullmatch(r"(\d+|\d*\.\d+)\s*([a-z]*)", said.lower(), re.ASCII)
    number, unit = found.groups() if found else ("0", "")
    option, each = BUDGETS.get(unit, ("", 0))
    if not float(number) * each > 0 or (option == "--steps" and "." in number):
        raise ConfigError(f"{said!r} is no budget.", hint=f"Write {BUDGET}.")
    return [option, number if each == 1 else f"{float(number) * each:.6g}"]


def _number(option: str, kind: type[int | float], said: str) -> list[str]:
    try:
        return [option, str(kind(said))] if said else []
    except ValueError:
        raise ConfigError(f"{said!r} is no {option[2:].replace('-', ' ')}.", hint="Give a number.") from None


def _more(said: str) -> list[str]:
    try:
        return shlex.split(said)
    except ValueError as error:
        raise ConfigError(f"More: {error}.", hint="Quotes come in pairs.") from None


class NewRunModal(Modal["tuple[runs.Run, list[str]] | None"]):
    """Dismissed with the run and the words to train it with; None when it was closed."""

    DEFAULT_CSS = """
    NewRunModal Grid { grid-size: 2; grid-columns: 14 1fr; grid-rows: auto; height: auto; }
    NewRunModal Grid Label { padding: 1 0 0 0; }
    NewRunModal Input { height: 3; }
    NewRunModal.-short Grid Label { padding: 0; }
    NewRunModal.-short Input { height: 1; border: none; padding: 0 1; }
    NewRunModal #problem { color: $error; width: 100%; height: auto; }
    NewRunModal #presets { color: $text-muted; width: 100%; }
    NewRunModal Button { margin: 1 0 0 0; }
    """
    AUTO_FOCUS = "Input"
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(self, presets: list[str]) -> None:
        super().__init__()
        self.presets = presets

    def compose(self) -> ComposeResult:
        """The form."""
        with VerticalScroll(id="box") as box:
            box.border_title = "a new run"
            box.border_subtitle = "enter starts it · esc goes back · it outlives this program"
            with Grid():
                for key, label, hint, value in FIELDS:
                    yield Label(label)
                    yield Input(value, placeholder=hint, id=key)
            yield Label("", id="problem", markup=False)
            yield Label(f"Presets: {', '.join(self.presets)}.  Budget: {BUDGET}.", markup=False, id="presets")
            yield Button("Start", id="start", variant="primary", compact=True)

    def on_input_submitted(self) -> None:
        """Enter in any field starts."""
        self._start()

    def on_button_pressed(self) -> None:
        """So does the button."""
        self._start()

    def _start(self) -> None:
        given = {key: self.query_one(f"#{key}", Input).value for key, *_ in FIELDS}
        try:
            words = arguments(given, self.presets)
        except ConfigError as error:
            self.query_one("#problem", Label).update(describe(error).message)
            return
        run = runs.new_run(visible(Path(words[1]).stem))
        self.dismiss((run, [*words, "--set", "train.signals_every=20", "--out", str(run.path)]))
