"""Training on a terminal: one live line for the step, and lines above it for what should stay.

`TrainingView` folds events; on a terminal it draws a bar, elsewhere it writes plain lines, a few a minute.
"""

import math
import time

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from mlxgpt.display.bar_view import BarView
from mlxgpt.events import (
    CheckpointSaved,
    EvaluationFinished,
    Event,
    Noted,
    RunContinued,
    RunFinished,
    RunPaused,
    RunStarted,
    SampleDrawn,
    StepFinished,
    TokenizerTrained,
)
from mlxgpt.text import visible

_PLAIN_SECONDS = 5.0  # between two plain step lines


class TrainingView(BarView):
    """Shows the events of a training job as they come."""

    def __init__(self, console: Console, *, live: bool | None = None) -> None:
        super().__init__(console, live=live, begin="starting")
        self.samples: list[SampleDrawn] = []
        self._last_line = 0.0
        self._saved: CheckpointSaved | None = None
        self._best: EvaluationFinished | None = None

    def show(self, event: Event) -> None:
        """Take in one event."""
        match event:
            case StepFinished():
                self._step(event)
            case SampleDrawn():
                self.samples.append(event)
                self._line(sample_text(event))
            case CheckpointSaved():
                self._saved = event  # one a minute would drown the rest; the last is named at the end
            case EvaluationFinished():
                self._best = event if event.best else self._best
                self._line(describe_event(event))
            case RunFinished():
                self._line(describe_event(event))
                if self._best is not None and self._best.step != event.step:
                    self._line(
                        f"The best was step {self._best.step:,}, with a validation loss of {self._best.loss:.3f}."
                    )
                if self._saved is not None:
                    self._line(describe_event(self._saved))
            case _:
                if sentence := describe_event(event):
                    self._line(sentence)

    def _step(self, event: StepFinished) -> None:
        if self.live:
            self._bar.update(self._task, completed=share_done(event), description=step_line(event))
        elif time.monotonic() - self._last_line >= _PLAIN_SECONDS or event.step == 1:
            self._last_line = time.monotonic()
            self._line(step_line(event))

    def _line(self, text: RenderableType) -> None:
        self.console.print(text, highlight=False, markup=False, soft_wrap=not self.live)


def share_done(event: StepFinished) -> float:
    """How much of the run is behind, 0 … 1."""
    return min(1.0, event.step / event.steps) if event.steps else 0.0


def step_line(event: StepFinished) -> str:
    """The figures of a step in one line."""
    return (
        f"step {event.step:,}/{event.steps:,}  loss {event.smoothed_loss:.3f}  lr {event.learning_rate:.1e}  "
        f"{event.tokens_per_second:,.0f} tok/s  {duration(event.seconds_left)} left"
    )


def sample_text(event: SampleDrawn) -> Group:
    """A sample as an indented block under the step it was drawn at."""
    words = visible(event.prompt + event.text).strip() or "(nothing)"
    return Group(Text(f"what it writes at step {event.step:,}", style="bold"), Padding(Text(words), (0, 2, 1, 4)))


def describe_event(event: Event) -> str:
    """One sentence for an event that should stay on the screen; empty for the others."""
    match event:
        case TokenizerTrained():
            return (
                f"Tokenizer: {event.vocab_size:,} entries ({visible(event.algorithm)}) from {size(event.corpus_bytes)}, "
                f"{event.bytes_per_token:.2f} bytes per token, {event.seconds:.1f} s."
            )
        case RunStarted():
            step = event.resumed_from_step
            again = f"Continuing {visible(event.run)} from step {step:,}. " if step else ""
            return "\n".join(
                [
                    f"{again}{event.parameters:,} parameters on {visible(event.device)}; "
                    f"{event.train_tokens:,} tokens to learn from, {event.validation_tokens:,} held out; "
                    f"{event.batch_tokens:,} tokens a step.",
                    *map(visible, event.notes),
                ]
            )
        case EvaluationFinished():
            best = ", the best so far" if event.best else ""
            return (
                f"step {event.step:,}: validation loss {event.loss:.3f}, perplexity {event.perplexity:.1f}, "
                f"{event.bits_per_byte:.3f} bits per byte{best}"
            )
        case CheckpointSaved():
            return f"The checkpoint of step {event.step:,} is {visible(event.path)} ({size(event.bytes)})."
        case RunFinished():
            validation = "" if event.validation_loss is None else f", validation {event.validation_loss:.3f}"
            return (
                f"{visible(event.reason).capitalize()} after {event.step:,} steps in {duration(event.seconds)}: "
                f"loss {event.loss:.3f}{validation}; {event.tokens_seen:,} tokens, {event.tokens_per_second:,.0f} tok/s."
            )
        case RunPaused():
            return f"Paused after step {event.step:,}; its checkpoint is saved."
        case RunContinued():
            return f"Going on from step {event.step:,} after a pause of {duration(event.seconds)}."
        case Noted():
            return visible(event.text)
        case _:
            return ""


def duration(seconds: float) -> str:
    """65 -> "1:05", 3700 -> "1:01:40"."""
    if not math.isfinite(seconds):
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(count: float) -> str:
    """Bytes with a fitting unit, in powers of 1000: 1_500_000 -> "1.5 MB"."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
