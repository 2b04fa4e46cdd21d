"""A training run looked into afterwards: its layers' signals, its spikes, and the batches that caused them.

Nothing was recorded for this while it trained: a batch is a function of (seed, step), so the very rows that a step read are
made again, and the next step is measured from the last checkpoint.
"""

from mlxgpt.backend import devices
from mlxgpt.events import SignalsMeasured, StepFinished, replay
from mlxgpt.inspection.reports import Spike, TrainingReport
from mlxgpt.inspection.spikes import find_spikes
from mlxgpt.runs import Run
from mlxgpt.tokenizer import registry
from mlxgpt.training import material
from mlxgpt.training.prepare import Plan, load_config, prepare
from mlxgpt.training.schedules import learning_rate_share
from mlxgpt.training.signals import measure


def signals(run: Run, *, device: str = "auto", most: int = 5) -> TrainingReport:
    """The next step of a run in each layer, and its `most` highest spikes with the rows of their batches."""
    config, changes = load_config({"resume": run.path})
    backend = devices.prepare(device)
    plan = prepare(config, changes, backend, material.read(config), registry.load(run.tokenizer))
    steps = {event.step: event for event in replay(run.events) if isinstance(event, StepFinished)}  # the last of each
    losses = [steps[step].loss for step in sorted(steps)]
    found = sorted(find_spikes(losses), key=lambda pair: losses[pair[0]] - pair[1], reverse=True)[:most]
    numbers = sorted(steps)
    return TrainingReport(
        run=run.path.name,
        now=measure_next(plan, numbers[-1] if numbers else 0),
        steps=tuple(numbers),
        losses=tuple(losses),
        gradient_norms=tuple(steps[step].gradient_norm for step in numbers),
        spikes=tuple(_spike(plan, steps[numbers[index]], usual) for index, usual in sorted(found)),
        newest=_spike(plan, steps[numbers[-1]], losses[-1]) if numbers else None,
    )


def measure_next(plan: Plan, steps: int) -> SignalsMeasured:
    """The signals of the step after the last checkpoint, on the batch that would come, at the rate it would have."""
    config, step = plan.config, plan.progress.step
    share = learning_rate_share(step, max(plan.steps, steps, step + 1), config)
    batches = [plan.loader.batch(step * config.grad_accum + i) for i in range(config.grad_accum)]
    return measure(plan.stepper, batches, share * config.learning_rate, share * config.muon_learning_rate)


def _spike(plan: Plan, event: StepFinished, usual: float) -> Spike:
    first = (event.step - 1) * plan.config.grad_accum
    batches = range(first, first + plan.config.grad_accum)
    rows = [row for batch in batches for row in plan.loader.batch(batch).inputs]
    return Spike(
        step=event.step,
        loss=event.loss,
        usual=usual,
        gradient_norm=event.gradient_norm,
        batches=tuple(batches),
        texts=tuple(plan.tokenizer.decode(row.tolist(), skip_specials=False) for row in rows),
    )
