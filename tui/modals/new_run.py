"""What a new run needs: a preset, some text, a budget; everything else has a good value already."""

import shlex
from pathlib import Path

from textual.app import ComposeResult
from textual.containers import Grid, VerticalScroll
from textual.widgets import Button, Input, Label

from mlxgpt import runs
from mlxgpt.errors import ConfigError, describe, nearest
from mlxgpt.text import visible
from tui.modals.modal import Modal

BUDGETS = {"min": "--minutes", "minutes": "--minutes", "steps": "--steps", "epochs": "--epochs"}
HEIGHTS = [(0, "-short"), (30, "-tall")]  # lines, and the class the form gets from there on
FIELDS = (  # key, label, what it may be (54 characters are seen at 80 columns), and the value it has at first
    ("preset", "Preset", "one of those below, or a TOML file", "modern-nano"),
    ("data", "Text", "file, folder or dataset; empty: the Portuguese corpus", ""),
    ("budget", "Budget", "10 min, 2000 steps or 3 epochs", "10 min"),
    ("batch", "Batch size", "sequences; empty: chosen for this machine", ""),
    ("rate", "Learning rate", "empty: chosen for this machine", ""),
    ("more", "More", "options of mlxgpt train, as --context-length 128", ""),
)


def arguments(given: dict[str, str], presets: list[str]) -> list[str]:
    """The words of `mlxgpt train` that the form means, without --out; `ConfigError` says which field is wrong."""
    preset, data, budget = given["preset"].strip(), given["data"].strip(), given["budget"].split()
    if preset not in presets and not preset.endswith(".toml"):
        raise ConfigError(f"There is no preset {preset!r}.", hint=nearest(preset, presets))
    if data and not Path(data).expanduser().exists():
        raise ConfigError(f"There is nothing at {data}.", hint="Give a file or a folder of text, or nothing.")
    number, unit = [*budget, "steps"][:2] if budget else ("", "")
    try:
        if unit not in BUDGETS or not float(number) > 0:
            raise ValueError(number)
    except ValueError:
        raise ConfigError(f"{given['budget']!r} is no budget.", hint="Write 10 min, 2000 steps or 3 epochs.") from None
    words = ["--preset", preset, BUDGETS[unit], number]
    words += ["--data", str(Path(data).expanduser())] if data else []
    for key, option, kind in (("batch", "--batch-size", int), ("rate", "--learning-rate", float)):
        if value := given[key].strip():
            try:
                kind(value)
            except ValueError:
                raise ConfigError(f"{value!r} is no {option[2:].replace('-', ' ')}.", hint="Give a number.") from None
            words += [option, value]
    try:
        return [*words, *shlex.split(given["more"])]
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
            yield Label(f"Presets: {', '.join(self.presets)}", markup=False, id="presets")
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
            problem = describe(error)
            self.query_one("#problem", Label).update(f"{problem.message}  {problem.hint}")
            return
        run = runs.new_run(visible(Path(words[1]).stem))
        self.dismiss((run, [*words, "--set", "train.signals_every=20", "--out", str(run.path)]))
