"""How a model learns: the loss of a real sentence by hand, then a real run of 60 steps of the project's own training job.

The run is small enough to finish in seconds: two thin layers on the corpus that ships with the program.  Its folder is
temporary; nothing is left behind.
"""

import math
import tempfile
from collections.abc import Iterator
from pathlib import Path

import mlx.core as mx

from mlxgpt.backend import places
from mlxgpt.events import (
    CheckpointSaved,
    EvaluationFinished,
    Event,
    RunFinished,
    RunStarted,
    SampleDrawn,
    StepFinished,
    TokenizerTrained,
)
from mlxgpt.lessons.board import Board
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.subject import Subject
from mlxgpt.training.config import TrainConfig
from mlxgpt.training.losses import next_token_loss
from mlxgpt.training.step import Stepper
from mlxgpt.training.train import train

STEPS = 60
TOLD = (1, 10, 30)  # steps after which something is said
SHAPE = {"n_layer": 2, "n_head": 4, "n_kv_head": 4, "n_embd": 64, "context_length": 64}


def lesson(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """The lesson, step by step."""
    yield from _loss(board, subject)
    yield from _run(board, subject, config)
    yield board.tell("end", minutes=10)


def surprises(subject: Subject, ids: list[int]) -> list[float]:
    """The probability that the model gave to each token that really came next."""
    shares = mx.softmax(subject.model(mx.array([ids[:-1]]))[0], axis=-1)  # (T, V)
    return mx.take_along_axis(shares, mx.array(ids[1:])[:, None], axis=-1)[:, 0].tolist()


def _loss(board: Board, subject: Subject) -> Iterator[Event]:
    ids = subject.ids()
    pieces = subject.pieces(ids)
    shares = surprises(subject, ids)
    rows = [(pieces[i], pieces[i + 1], share, -math.log(share)) for i, share in enumerate(shares)]
    loss = next_token_loss(subject.model, mx.array([ids[:-1]]), mx.array([ids[1:]])).item()
    yield board.tell("shift", text=subject.sentence, tokens=len(ids), pairs=len(shares))
    yield board.table("shift_table", rows, ("", "", ".2%", ".3f"))
    mean = sum(row[3] for row in rows) / len(rows)
    yield board.tell("loss", mean=mean, loss=loss, perplexity=math.exp(loss))
    yield board.code("code.loss", next_token_loss)
    example = min(rows, key=lambda row: abs(row[2] - 0.3))
    yield board.ask("surprise", example[3], tolerance=0.02, piece=example[1], share=example[2])
    yield board.ask("perplexity", math.exp(loss), tolerance=0.02 * math.exp(loss), loss=loss)


# ---- the run ---------------------------------------------------------------------------------------------------------


def small_run(folder: Path, seed: int) -> Iterator[Event]:
    """A run of the project's training job, with everything that a long one does.

    It is not compiled: for sixty steps of so small a model, compiling takes longer than training.
    """
    config = TrainConfig(
        data=places.corpus(), preset="modern-nano", vocab_size=384, out=folder, steps=STEPS, batch_size=8,
        optimizer="muon", learning_rate=2e-2, warmup=0.05, eval_every=STEPS // 3, eval_tokens=4096, sample_every=STEPS // 2,
        sample_prompt="A menina", sample_tokens=16, checkpoint_every=STEPS, seed=seed,
    )  # fmt: skip
    mx.disable_compile()
    try:
        yield from train(config, SHAPE)
    finally:
        mx.enable_compile()


def _run(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    steps: list[StepFinished] = []
    scores: list[EvaluationFinished] = []
    uniform = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for event in small_run(Path(folder) / "run", config.seed):
            match event:
                case TokenizerTrained():
                    uniform = math.log(event.vocab_size)
                    yield board.tell(
                        "tokenizer", entries=event.vocab_size, bytes=event.corpus_bytes, each=event.bytes_per_token
                    )
                case RunStarted():
                    yield board.tell(
                        "started",
                        parameters=event.parameters,
                        tokens=event.train_tokens,
                        held=event.validation_tokens,
                        batch=event.batch_tokens,
                        steps=event.steps,
                    )
                    yield board.code("code.step", Stepper._trace_step)
                    yield board.ask("uniform", uniform, tolerance=0.02, entries=round(math.exp(uniform)))
                    yield board.ask(
                        "tokens", event.batch_tokens * event.steps, batch=event.batch_tokens, steps=event.steps
                    )
                case SampleDrawn():
                    yield board.tell("sample", step=event.step, prompt=event.prompt, text=event.text)
                case StepFinished():
                    steps.append(event)
                    if event.step in TOLD:
                        yield board.tell(
                            f"after.{TOLD.index(event.step)}",
                            step=event.step,
                            loss=event.loss,
                            chance=math.exp(-event.loss),
                            uniform=uniform,
                            rate=event.learning_rate,
                            norm=event.gradient_norm,
                            times=math.exp(steps[0].loss - event.loss),
                        )
                case EvaluationFinished():
                    scores.append(event)
                case CheckpointSaved():
                    files = sorted(Path(event.path).rglob("*"))
                    rows = [
                        (path.relative_to(event.path).as_posix(), path.stat().st_size)
                        for path in files
                        if path.is_file()
                    ]
                    saved = board.table("files", rows, ("", ",d"), step=event.step)
                case RunFinished():
                    finished = event
    yield from _picture(board, steps, scores, uniform)
    yield board.tell("saved")
    yield saved
    yield board.tell(
        "finished",
        steps=finished.step,
        seconds=finished.seconds,
        first=steps[0].loss,
        last=finished.loss,
        seen=finished.tokens_seen,
    )


def _picture(
    board: Board, steps: list[StepFinished], scores: list[EvaluationFinished], uniform: float
) -> Iterator[Event]:
    numbers = [event.step for event in steps]
    yield board.curves("loss_curves", {
        board.word("curve.loss"): (numbers, [event.loss for event in steps]),
        board.word("curve.held"): ([event.step for event in scores], [event.loss for event in scores]),
        board.word("curve.uniform"): (numbers, [uniform] * len(numbers)),
    })  # fmt: skip
    yield board.curves("rate_curves", {board.word("curve.rate"): (numbers, [event.learning_rate for event in steps])})
    rows = [(e.step, e.loss, steps[e.step - 1].smoothed_loss, e.perplexity, e.bits_per_byte) for e in scores]
    yield board.tell("held")
    yield board.table("held_table", rows, ("d", ".4f", ".4f", ".1f", ".3f"))
    last = scores[-1]
    yield board.ask(
        "gap", last.loss - steps[-1].smoothed_loss, tolerance=0.005, held=last.loss, own=steps[-1].smoothed_loss
    )
