"""What is known of a run: its events folded into series, samples and sentences.  No Textual and no MLX.

A live run, another process's and last month's are the same here: all are read from events.jsonl.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mlxgpt import processes
from mlxgpt.display.curves import Curve
from mlxgpt.display.progress import describe_event, duration, size
from mlxgpt.events import (
    CheckpointSaved,
    EvaluationFinished,
    Event,
    RunContinued,
    RunFinished,
    RunPaused,
    RunStarted,
    SampleDrawn,
    SignalsMeasured,
    StepFinished,
    Tail,
    TokenizerTrained,
)
from mlxgpt.inspection.spikes import find_spikes
from mlxgpt.runs import Run
from mlxgpt.text import visible

METRICS: dict[str, tuple[str, Callable[[StepFinished], float], str]] = {  # key -> title, value, format
    "loss": ("loss", lambda step: step.loss, ".3g"),
    "learning rate": ("learning rate", lambda step: step.learning_rate, ".2g"),
    "gradient": ("gradient norm", lambda step: step.gradient_norm, ".3g"),
    "speed": ("tokens/s", lambda step: step.tokens_per_second, ".3g"),
    "memory": ("peak memory, GB", lambda step: step.peak_bytes / 1e9, ".3g"),
}
SMOOTHINGS = (0.0, 0.9, 0.98)  # of the thick line: the weight of what was before; 0 shows only the steps themselves
WINDOWS = (1.0, 0.5, 0.1)  # the newest share of the steps that is shown
COLOURS = ("cyan", "magenta", "green", "yellow", "blue", "red")  # of overlaid runs


@dataclass(slots=True, kw_only=True)
class RunState:
    """Everything a run has said so far."""

    run: Run
    started: RunStarted | None = None
    tokenizer: TokenizerTrained | None = None
    steps: list[StepFinished] = field(default_factory=list)
    validations: list[EvaluationFinished] = field(default_factory=list)
    samples: list[SampleDrawn] = field(default_factory=list)
    saved: list[CheckpointSaved] = field(default_factory=list)
    signals: list[SignalsMeasured] = field(default_factory=list)
    spikes: list[tuple[int, float]] = field(default_factory=list)  # step, usual loss before it
    finished: RunFinished | None = None
    paused: bool = False
    damaged: int = 0  # lines of events.jsonl that are no events
    log: list[str] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Take in the next event."""
        match event:
            case RunStarted():
                self._begin(event)
            case StepFinished():
                self.steps.append(event)
                self._judge()
            case EvaluationFinished():
                self.validations.append(event)
            case SampleDrawn():
                self.samples.append(event)
            case CheckpointSaved():
                self.saved.append(event)
            case SignalsMeasured():
                self.signals.append(event)
            case TokenizerTrained():
                self.tokenizer = event
            case RunPaused():
                self.paused = True
            case RunContinued():
                self.paused = False
            case RunFinished():
                self.finished = event
        self.log += describe_event(event).splitlines()

    def _begin(self, event: RunStarted) -> None:
        """A run that goes on from an earlier checkpoint forgets what came after it."""
        last = event.resumed_from_step
        self.started, self.finished, self.paused = event, None, False
        for series in (self.steps, self.validations, self.signals, self.samples, self.saved):
            series[:] = [entry for entry in series if entry.step <= last]  # type: ignore[misc]
        self.spikes = [spike for spike in self.spikes if spike[0] <= last]

    def _judge(self) -> None:
        losses = [step.loss for step in self.steps[-21:]]
        for index, usual in find_spikes(losses, len(losses) - 1):
            step = self.steps[-21:][index]
            self.spikes.append((step.step, usual))
            self.log.append(
                f"step {step.step:,}: the loss jumped to {step.loss:.3f} from {usual:.3f}; b reads that batch"
            )

    # ---- what is shown -----------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self.run.path.name

    def standing(self) -> str:
        """One word for what the run does now."""
        if self.finished is not None:
            return visible(self.finished.reason)
        if processes.trainer(self.run) is None:
            return "not finished" if self.started else "empty"
        return "paused" if self.paused else "training" if self.steps else "starting"

    def troubles(self) -> list[str]:
        """What the run could not say itself: that it was killed, and what of it cannot be read."""
        found = []
        if self.damaged:
            lines = "1 line" if self.damaged == 1 else f"{self.damaged:,} lines"
            found.append(f"{lines} of events.jsonl could not be read: what is shown has gaps.")
        if self.standing() == "not finished":
            at = f"after step {self.steps[-1].step:,}" if self.steps else "before its first step"
            kept = self.run.steps()
            way = f"R goes on from step {kept[-1]:,}" if kept else "it has no checkpoint, n starts a new run"
            found.append(f"Its process was killed {at}: {way}.")
        return found

    def figures(self) -> list[str]:
        """The figures of the newest step, the most important first."""
        if not self.steps:
            return [f"{self.started.parameters:,} parameters" if self.started else "no step yet"]
        last, parts = self.steps[-1], []
        parts.append(f"loss {last.smoothed_loss:.3f}")
        if self.validations:
            newest = self.validations[-1]
            parts += [f"val {newest.loss:.3f} @{newest.step:,}", f"ppl {newest.perplexity:.1f}"]
        parts += [f"lr {last.learning_rate:.1e}", f"‖g‖ {last.gradient_norm:.2f}", f"peak {size(last.peak_bytes)}"]
        if self.validations:
            parts.append(f"bits/byte {newest.bits_per_byte:.3f}")
        return parts

    def pace(self) -> list[str]:
        """How far, how fast, how long still; the last two only of a run that goes on or has ended well."""
        if not self.steps:
            return []
        last = self.steps[-1]
        parts = [f"step {last.step:,}/{self._all_steps():,}"]
        standing = self.standing()
        if standing == "training" or self.finished:
            parts.append(f"{last.tokens_per_second:,.0f} tok/s")
        if standing == "training":
            parts.append(f"{duration(last.seconds_left)} left")
        return parts

    def share(self) -> float:
        """How much of the run is behind, 0 … 1."""
        return self.steps[-1].step / max(self._all_steps(), 1) if self.steps else 0.0

    def _all_steps(self) -> int:
        """How many steps the run takes: with a budget in time an estimate, and at its end those that it took."""
        last = self.steps[-1]
        done = self.finished is not None and self.finished.reason == "completed"
        return last.step if done else max(last.steps, last.step)


def curves(state: RunState, metric: str, *, smoothing: float, window: float, colour: str, alone: bool) -> list[Curve]:
    """The curves of one run: each step, the smoothed line over them, and the validation losses as marks."""
    _, value, _ = METRICS[metric]
    shown = state.steps[-max(2, round(len(state.steps) * window)) :]
    if not shown:
        return []
    xs, ys = [step.step for step in shown], [value(step) for step in shown]
    drawn = []
    if alone or not smoothing:
        drawn.append(Curve(name="each step", xs=xs, ys=ys, style=f"dim {colour}" if smoothing else colour))
    if smoothing:
        name = f"smoothed {smoothing:g}" if alone else state.name
        drawn.append(Curve(name=name, xs=xs, ys=smoothed(ys, smoothing), style=f"bold {colour}"))
    if metric == "loss":
        marks = [entry for entry in state.validations if entry.step >= xs[0]]
        if marks:
            points = [entry.step for entry in marks], [entry.loss for entry in marks]
            drawn.append(Curve(name="validation", xs=points[0], ys=points[1], style=f"bold {colour}", marks="◆"))
        if alone and state.spikes:
            jumps = {
                step: loss for step, loss in zip(xs, ys, strict=True) if step in {step for step, _ in state.spikes}
            }
            if jumps:
                drawn.append(Curve(name="spike", xs=list(jumps), ys=list(jumps.values()), style="bold red", marks="▲"))
    return drawn


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """The exponential moving average, corrected for its beginning (Kingma and Ba 2014, section 3)."""
    averages, average, scale = [], 0.0, 1.0
    for value in values:
        average = weight * average + (1 - weight) * value
        scale *= weight
        averages.append(average / (1 - scale))
    return averages


class Follower:
    """Reads a run's events as they come; a run that has none yet is waited for."""

    def __init__(self, run: Run) -> None:
        self.state = RunState(run=run)
        self._tail: Tail | None = None

    def read(self, seconds: float = 0.05) -> int:
        """Take in what is new, for about `seconds` at most; returns how many events that were."""
        if self._tail is None:
            if not self.state.run.events.is_file():
                return 0
            self._tail = Tail(self.state.run.events)
        until, count = time.monotonic() + seconds, 0
        for event in self._tail.read():
            self.state.take(event)
            count += 1
            if count % 64 == 0 and time.monotonic() > until:
                break
        self.state.damaged, count = self._tail.damaged, count + self._tail.damaged - self.state.damaged
        return count

    def close(self) -> None:
        """Let go of the file."""
        if self._tail is not None:
            self._tail.close()
