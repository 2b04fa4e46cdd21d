"""The words of the Train page: head, layers, sample, and an explanation of the newest step; all from a run's own events."""

import math

from rich.text import Text

from mlxgpt.display.bars import bar
from mlxgpt.display.curves import spark_line
from mlxgpt.display.labels import fitting
from mlxgpt.text import visible
from tui.training import RunState

LEVELS = ("plain", "maths", "code")
MARKS = {
    "training": ("●", "green"),
    "paused": ("‖", "yellow"),
    "starting": ("○", "green"),
    "completed": ("✓", "green"),
    "interrupted": ("■", "yellow"),
    "early stop": ("■", "yellow"),
    "not finished": ("■", "red"),
}


def head(state: RunState, width: int) -> Text:
    """Two lines: what the run does and how far it is; the figures of its newest step."""
    mark, colour = MARKS.get(state.standing(), ("·", "yellow"))
    line = Text(f"{mark} {cut(state.standing(), 20)}  ", f"bold {colour}")
    pace = "   ".join(state.pace())
    line.append(cut(visible(state.name), max(width - line.cell_len - len(pace) - 3, 12)), "bold").append(f"   {pace}")
    room = width - line.cell_len - 9
    if state.steps and room > 4:
        line.append("  ").append(bar(state.share(), min(room, 30)), colour).append(f" {state.share():.1%}")
    line.truncate(width, overflow="ellipsis")
    return line.append("\n").append(cut(fitting(state.figures(), width), width), "dim")


def cut(line: str, width: int) -> str:
    """A line of at most so many columns; … stands for what is left out."""
    text = Text(line.replace("\n", " ").replace("\t", " "))
    text.truncate(max(width, 1), overflow="ellipsis")
    return text.plain


def log(state: RunState, width: int, height: int) -> Text:
    """The newest lines of what the run said, each cut to the width, and below them what it could not say itself."""
    lines = [(line, "") for line in state.log] + [(line, "yellow") for line in state.troubles()]
    return Text("\n").join(Text(cut(visible(line), width), style) for line, style in lines[-height:])


def layers(state: RunState, width: int) -> Text:
    """The gradient norm of each layer through the run, its newest measured value and of which step, and update / weights."""
    if not state.signals:
        return Text("Measured in runs that are started here, or with --set train.signals_every=20.", "dim")
    newest = state.signals[-1]
    columns = max(1, width // 48)
    room = max(min((width + 3) // columns - 32, 24), 4)
    text = Text(no_wrap=True, overflow="ellipsis")
    at = f"step {newest.step:,}"  # they are measured every so many steps: the run itself is further on
    text.append((" " * 6).join([f"gradient norm{at:>{room + 7}}  Δw/w"] * columns) + "\n", "dim")
    for i, (name, norm, ratio) in enumerate(
        zip(newest.layers, newest.gradient_norms, newest.update_ratios, strict=False)
    ):  # strict would trust the file
        past = [signal.gradient_norms[i] for signal in state.signals if i < len(signal.gradient_norms)]
        short = cut(visible(name.replace("blocks.", "block ")), 10)
        text.append(f"{short:<10} ").append(f"{spark_line(past, room):<{room}}", "cyan")
        text.append(f"  {norm:>7.3g}  {ratio:.1e}")
        text.append("   " if (i + 1) % columns else "\n")
    text.rstrip()
    return text


def sample(state: RunState, which: int | None) -> Text:
    """What the model wrote at a moment of training."""
    if not state.samples:
        return Text("No sample yet: s asks for one.", "dim")
    place = len(state.samples) - 1 if which is None else which
    drawn = state.samples[place]
    text = Text(f"step {drawn.step:,} · {place + 1} of {len(state.samples)} · [ ] through time\n", "dim")
    text.append(visible(drawn.prompt), "dim").append(visible(drawn.text) or "(nothing)")
    return text


SENTENCES = {  # by language and level; each figure is one of the newest step's
    (
        "en",
        "plain",
    ): "After {step:,} steps the model is as unsure about the next token as between {choices:.0f} equally likely ones. "
    "The last step pushed with a gradient {norm:.2f} long.",
    (
        "pt",
        "plain",
    ): "Depois de {step:,} passos, o modelo hesita quanto ao próximo token como entre {choices:.0f} igualmente prováveis. "
    "O último passo empurrou com um gradiente de comprimento {norm:.2f}.",
    ("en", "maths"): "perplexity = e^{loss:.3f} = {choices:.2f}.  The update is lr·m̂/(√v̂ + ε) with lr = {rate:.2e}; "
    "‖g‖ = {norm:.3f} before clipping.",
    ("pt", "maths"): "perplexidade = e^{loss:.3f} = {choices:.2f}.  A atualização é lr·m̂/(√v̂ + ε) com lr = {rate:.2e}; "
    "‖g‖ = {norm:.3f} antes do corte.",
    (
        "en",
        "code",
    ): "loss, norm = stepper.step(batches, lr={rate:.2e})   # {loss:.3f} nats, {norm:.3f}   (mlxgpt/training/step.py)",
    (
        "pt",
        "code",
    ): "loss, norm = stepper.step(batches, lr={rate:.2e})   # {loss:.3f} nats, {norm:.3f}   (mlxgpt/training/step.py)",
}


def explain(state: RunState, level: str, lang: str) -> Text:
    """The newest step in words."""
    if not state.steps:
        return Text("")
    last = state.steps[-1]
    return Text(
        SENTENCES[lang, level].format(
            step=last.step, choices=math.exp(min(last.smoothed_loss, 50)), loss=last.smoothed_loss,
            norm=last.gradient_norm, rate=last.learning_rate,
        )
    )  # fmt: skip
