"""Training, as a story read straight down: prepare, step, look, save, until the budget is spent.

A job: it yields events and is stopped by `stop` (or by closing it), after which the last complete step is on the disk.
"""

import dataclasses
import math
import threading
import time
from collections.abc import Generator, Iterator, Sequence

import mlx.core as mx

from mlxgpt import checkpoint, processes, whole
from mlxgpt.backend import devices
from mlxgpt.config import Settings, to_toml
from mlxgpt.data.loader import prefetch
from mlxgpt.data.split import Split
from mlxgpt.errors import CheckpointError, TrainingError
from mlxgpt.evaluation.evaluate import Score, Stopped, evaluate
from mlxgpt.events import (
    CheckpointSaved,
    EvaluationFinished,
    Event,
    GenerationFinished,
    Noted,
    RunContinued,
    RunFinished,
    RunPaused,
    RunStarted,
    SampleDrawn,
    StepFinished,
    TokenizerTrained,
    record,
)
from mlxgpt.generation.config import GenerateConfig, SamplingConfig
from mlxgpt.generation.generate import generate
from mlxgpt.runs import Run
from mlxgpt.tokenizer import registry
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.config import TokenizerConfig
from mlxgpt.training import material
from mlxgpt.training import record as records
from mlxgpt.training.config import TrainConfig
from mlxgpt.training.meter import Clock, Moments
from mlxgpt.training.prepare import Plan, prepare, usual_vocab_size
from mlxgpt.training.schedules import learning_rate_share
from mlxgpt.training.signals import measure

ANNOUNCED = 20.0  # seconds that an evaluation may take without a word


def train(
    config: TrainConfig,
    model_changes: Settings | None = None,
    *,
    device: str = "auto",
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Train a model as `config` says; the run's directory gets every event and checkpoint.

    Raises `DataError`, `ConfigError`, `TokenizerError` or `CheckpointError` before anything is written, `TrainingError`
    when the loss stops being a number (the last checkpoint is from before).
    """
    _refuse_a_used_folder(config)
    backend = devices.prepare(device)
    source = material.read(config)
    tokenizer, trained = _tokenizer(config, source)
    plan = prepare(config, model_changes or {}, backend, source, tokenizer)

    def story() -> Iterator[Event]:
        if trained is not None:
            yield dataclasses.replace(trained, path=str(plan.run.tokenizer))
        yield from _train(plan, stop or threading.Event())

    with processes.holding(plan.run):
        _open(plan, model_changes or {})
        yield from record(story(), plan.run.events)


def _tokenizer(config: TrainConfig, source: material.Source) -> tuple[Tokenizer, TokenizerTrained | None]:
    """The tokenizer of the run: its own when resuming, the one that was named or is the dataset's, or one trained here."""
    if config.resume:
        return registry.load(config.resume / "tokenizer"), None
    known = config.base or material.require_tokenizer(source, config)
    if known is not None:
        return registry.load(known), None
    assert isinstance(source, Split)  # the others have one
    began = time.monotonic()
    texts = [part for document in source.train for part in document.texts]
    corpus_bytes = sum(len(text.encode()) for text in texts)
    settings = TokenizerConfig(
        algorithm=config.algorithm, vocab_size=config.vocab_size or usual_vocab_size(corpus_bytes)
    )
    tokenizer = registry.train(texts, settings)
    tokens = sum(len(ids) for ids in tokenizer.encode_batch(texts))
    return tokenizer, TokenizerTrained(
        path="",
        algorithm=config.algorithm,
        vocab_size=tokenizer.vocab_size,
        corpus_bytes=corpus_bytes,
        bytes_per_token=corpus_bytes / max(1, tokens),
        seconds=time.monotonic() - began,
    )


def _refuse_a_used_folder(config: TrainConfig) -> None:
    """Raise `CheckpointError` when the folder of a new run holds one already, or anything else that could be lost."""
    if not (config.out and config.out.is_dir()):
        return
    if Run(path=config.out).config.exists():
        raise CheckpointError(
            f"{config.out} already holds a run.",
            hint=f"Continue it with --resume {config.out}, or choose another --out.",
        )
    # A tokenizer is all that a run leaves which was stopped before it began.
    strangers = [path.name for path in config.out.iterdir() if path.name != "tokenizer" and path.name[0] != "."]
    if strangers:
        raise CheckpointError(
            f"{config.out} holds other files, such as {min(strangers)}.", hint="Choose another --out."
        )


def _open(plan: Plan, model_changes: Settings) -> None:
    """Make the run's directory; from here on there is something to lose.  config.toml comes last: it makes it a run."""
    run = plan.run
    run.path.mkdir(parents=True, exist_ok=True)
    own = dataclasses.asdict(plan.config) | {"resume": None, "out": None}
    if not plan.config.resume:
        whole.write_directory(run.tokenizer, plan.tokenizer.save)
    whole.write_text(run.config, to_toml({"train": own, "model": model_changes}))
    if plan.progress.step:
        _point(plan)  # a crash may have come between a checkpoint and its links


# ---- the loop --------------------------------------------------------------------------------------------------------


def _train(plan: Plan, stop: threading.Event) -> Iterator[Event]:
    config, progress, stepper = plan.config, plan.progress, plan.stepper
    clock = Clock(steps=plan.steps, seconds=60 * config.minutes, seconds_before=progress.seconds)
    yield _started(plan)
    share = clock.share(progress.step)
    evaluating = Moments(config.eval_every, 10, share)
    sampling = Moments(config.sample_every, 2, share)
    saving = Moments(config.checkpoint_every, max(1, round(config.epochs)) if config.epochs else 10, share)
    if progress.step == 0 and config.sample_every >= 0:
        yield _sample(plan)

    reason, saved_step = "completed" if progress.step and share >= 1.0 else "", progress.step
    batches = prefetch(plan.loader, progress.step * config.grad_accum)
    try:
        while not reason:
            clock.begin_step()
            share = learning_rate_share(progress.step, clock.steps(progress.step), config)
            rates = share * config.learning_rate, share * config.muon_learning_rate
            key = mx.random.key((config.seed << 32) + progress.step) if plan.model.config.dropout else None
            taken = [next(batches) for _ in range(config.grad_accum)]
            if config.signals_every and progress.step % config.signals_every == 0:
                yield measure(plan.stepper, taken, *rates, key)
                clock.begin_step()
            loss, norm = stepper.step(taken, *rates, key)
            stepper.evaluate(loss, norm)
            clock.end_step()
            _count(plan, loss.item(), norm.item(), clock.elapsed)
            yield _stepped(plan, clock, rates[0], norm.item(), taken[-1].epoch)

            done = clock.share(progress.step)
            finished = done >= 1.0
            if len(plan.validation.ids) and (evaluating.due(progress.step, done) or finished):
                yield from _evaluate(plan, clock, stop)
            if sampling.due(progress.step, done) and config.sample_every >= 0:
                yield _sample(plan)
            asked = processes.taken(plan.run)
            if "pause" in asked and not finished:
                asked += yield from _pause(plan, clock, stop)
            if "sample" in asked:
                yield _sample(plan)
            reason = _reason(plan, stop, finished, asked)
            saves = "checkpoint" in asked or progress.best_step == progress.step
            if saving.due(progress.step, done) or reason or saves:
                saved_step = progress.step
                yield _save(plan)
    finally:
        batches.close()
        if saved_step != progress.step:  # closed from outside, or an error: keep the last complete step
            _keep(plan)
    yield RunFinished(
        run=str(plan.run.path),
        reason=reason,
        step=progress.step,
        loss=progress.smoothed_loss,
        validation_loss=progress.validation_loss,
        seconds=clock.elapsed,
        tokens_seen=progress.tokens_seen,
        tokens_per_second=plan.batch_tokens / clock.step_seconds if clock.step_seconds else 0.0,
    )


def _pause(plan: Plan, clock: Clock, stop: threading.Event) -> Generator[Event, None, list[str]]:
    """Wait, the checkpoint of this step on the disk, until a word or `stop` ends it; returns the other words."""
    yield _save(plan)
    yield RunPaused(step=plan.progress.step)
    began, asked = time.monotonic(), list[str]()
    while not (stop.is_set() or {"continue", "stop"} & set(asked)):
        stop.wait(0.1)
        asked += processes.taken(plan.run)
    waited = time.monotonic() - began
    clock.wait(waited)
    yield RunContinued(step=plan.progress.step, seconds=waited)
    return asked


def _reason(plan: Plan, stop: threading.Event, finished: bool, asked: Sequence[str]) -> str:
    """Why training ends now; empty to go on."""
    if finished:
        return "completed"
    if stop.is_set() or "stop" in asked:
        return "interrupted"
    patience = plan.config.patience
    return "early stop" if patience and plan.progress.evaluations_without_progress >= patience else ""


def _count(plan: Plan, loss: float, norm: float, seconds: float) -> None:
    """Book a finished step; raise `TrainingError` when its loss or gradient is not a number."""
    progress = plan.progress
    if not math.isfinite(loss + norm):
        what = f"The norm of the gradient became {norm}" if math.isfinite(loss) else f"The loss became {loss}"
        batch = progress.step * plan.config.grad_accum
        raise _not_a_number(plan, f"{what} at step {progress.step + 1}, on batch {batch} of the data")
    progress.step += 1
    progress.seconds = seconds
    progress.tokens_seen += plan.batch_tokens
    progress.loss = loss
    newest = max(0.05, 1 / progress.step)  # the plain mean of the first twenty, then an exponential moving average
    progress.smoothed_loss += newest * (loss - progress.smoothed_loss)


def _not_a_number(plan: Plan, what: str) -> TrainingError:
    """The error that ends training, saying what is left of it."""
    steps = plan.run.steps()
    kept = f"The checkpoint of step {steps[-1]} is intact." if steps else "There is no earlier checkpoint."
    return TrainingError(
        f"{what}.",
        hint=f"{kept}  Lower --learning-rate, or raise the warm-up with --set train.warmup=0.1; "
        "--precision float32 helps if the numbers overflowed.",
    )


def _started(plan: Plan) -> RunStarted:
    return RunStarted(
        run=str(plan.run.path),
        device=f"{plan.backend.name} ({plan.backend.device})",
        parameters=sum(p.size for p in plan.stepper.parameters.values()),
        train_tokens=len(plan.train.ids),
        validation_tokens=len(plan.validation.ids),
        steps=plan.steps,
        batch_tokens=plan.batch_tokens,
        resumed_from_step=plan.progress.step,
        notes=plan.notes,
    )


def _stepped(plan: Plan, clock: Clock, rate: float, norm: float, epoch: float) -> StepFinished:
    progress = plan.progress
    return StepFinished(
        step=progress.step,
        steps=round(clock.steps(progress.step)),
        epoch=epoch,
        loss=progress.loss,
        smoothed_loss=progress.smoothed_loss,
        learning_rate=rate,
        gradient_norm=norm,
        tokens_per_second=plan.batch_tokens / clock.step_seconds,
        tokens_seen=progress.tokens_seen,
        seconds_left=clock.seconds_left(progress.step),
        peak_bytes=mx.get_peak_memory(),
    )


# ---- what happens at moments -----------------------------------------------------------------------------------------


def _evaluate(plan: Plan, clock: Clock, stop: threading.Event) -> Iterator[Event]:
    """The loss on the held-out documents.  Where it takes long it is announced, and a stop ends it without a score; a short
    one is finished, so that a run that is continued is the uninterrupted one.
    """
    progress, tokens = plan.progress, min(plan.config.eval_tokens or len(plan.validation.ids), len(plan.validation.ids))
    seconds = tokens * clock.step_seconds / plan.batch_tokens / 3  # a step also goes back, which takes twice as long
    long = seconds > ANNOUNCED
    if long:
        how = "--set train.eval_tokens=20000 takes fewer."
        yield Noted(text=f"Evaluating on {tokens:,} held-out tokens, about {seconds:,.0f} s.  {how}")
    try:
        score = validation_score(plan, stop if long else None)
    except Stopped:
        return
    if not math.isfinite(score.loss):
        raise _not_a_number(plan, f"The validation loss became {score.loss} at step {progress.step}")
    best = progress.best_loss is None or score.loss < progress.best_loss
    progress.validation_loss = score.loss
    if best:
        progress.best_loss, progress.best_step, progress.evaluations_without_progress = score.loss, progress.step, 0
    else:
        progress.evaluations_without_progress += 1
    yield EvaluationFinished(
        step=progress.step, loss=score.loss, perplexity=score.perplexity, bits_per_byte=score.bits_per_byte, best=best
    )


def validation_score(plan: Plan, stop: threading.Event | None = None) -> Score:
    """The loss on the held-out documents; `Stopped` once `stop` is set."""
    config = plan.config
    return evaluate(
        plan.stepper.write_back(),
        plan.validation,
        context_length=config.context_length,
        batch_size=config.batch_size,
        most_tokens=config.eval_tokens,
        stop=stop,
    )


def _sample(plan: Plan) -> SampleDrawn:
    """What the model writes now; the seed is the step, so samples differ and repeat."""
    config, step = plan.config, plan.progress.step
    settings = GenerateConfig(max_tokens=config.sample_tokens, sampling=SamplingConfig(seed=step))
    ids = plan.tokenizer.encode(config.sample_prompt)
    finished = list(generate(plan.stepper.write_back(), plan.tokenizer, ids, settings))[-1]
    text = finished.text if isinstance(finished, GenerationFinished) else ""
    return SampleDrawn(step=step, prompt=config.sample_prompt, text=text)


def _save(plan: Plan) -> CheckpointSaved:
    """Write the checkpoint of this step, move the links, drop old ones; `TrainingError` when a weight is no number."""
    run, progress = plan.run, plan.progress
    if not plan.stepper.is_finite():
        raise _not_a_number(plan, f"The weights stopped being numbers at step {progress.step}")
    directory = run.checkpoint(progress.step)
    size = checkpoint.save(
        directory, plan.stepper.write_back(), plan.tokenizer, records.tables(plan), records.state(plan)
    )
    _point(plan)
    checkpoint.prune(run, plan.config.keep)
    return CheckpointSaved(
        step=progress.step, path=str(directory), best=progress.best_step == progress.step, bytes=size
    )


def _point(plan: Plan) -> None:
    """Let the links lead to the checkpoint of this step: `last`, and `best` when it is the best."""
    run, progress = plan.run, plan.progress
    directory = run.checkpoint(progress.step)
    whole.point(run.last, directory)
    if progress.best_step == progress.step or not run.best.exists():
        whole.point(run.best, directory)


def _keep(plan: Plan) -> None:
    """Save after an interruption, unless the step was never completed or spoilt the weights."""
    if plan.progress.step == plan.stepper.steps and plan.stepper.is_finite():
        _save(plan)
