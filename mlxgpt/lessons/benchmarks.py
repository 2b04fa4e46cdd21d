"""What this machine does in a second with this model: reading, writing, learning, and the arithmetic behind them."""

import time
from collections.abc import Iterator

import mlx.core as mx
import mlx.nn as nn

from mlxgpt.events import Event
from mlxgpt.generation.window import decode, prefill
from mlxgpt.lessons.board import Board
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.subject import Subject
from mlxgpt.lessons.timing import median_milliseconds
from mlxgpt.model.report import flops_per_token
from mlxgpt.training.losses import next_token_loss

LENGTHS = (16, 32, 64, 128, 256)
WRITTEN = 32
SIZE = 768  # of the square matrices that say what this machine can do


def lesson(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """The lesson, step by step."""
    shape = subject.model.config
    rates = read_rates(subject)
    yield board.tell("read", device=subject.backend.name)
    yield board.table("read_table", [(n, ms, n / ms * 1000) for n, ms in rates.items()], ("d", ".2f", ",.0f"))
    longest = max(rates)
    reading = longest / rates[longest] * 1000
    writing = write_rate(subject)
    learning = learn_rate(subject, min(64, shape.context_length))
    yield board.tell("write", count=WRITTEN, writing=writing, learning=learning)
    yield board.bars(
        "rates",
        [board.word("rate.read"), board.word("rate.write"), board.word("rate.learn")],
        [reading, writing, learning],
        ",.0f",
    )
    yield board.code("code.write", write_rate)
    yield board.ask("page", 400 / writing, tolerance=0.03 * 400 / writing, writing=writing, tokens=400)

    each = flops_per_token(shape)
    best = matrix_rate()
    yield board.tell(
        "arithmetic", each=each, done=each * reading / 1e9, best=best / 1e9, size=SIZE, share=each * reading / best
    )
    yield board.code("code.flops", flops_per_token)
    done = each * reading
    yield board.ask("work", done / 1e9, tolerance=max(0.03 * done / 1e9, 0.0005), each=each, reading=reading)
    yield board.ask(
        "share",
        done / best,
        tolerance=max(0.05 * done / best, 0.0005),  # never finer than the figure that the reason shows
        percent=True,
        done=done / 1e9,
        best=best / 1e9,
    )
    yield board.tell("end")


def read_rates(subject: Subject) -> dict[int, float]:
    """Milliseconds to read so many tokens at once."""
    ids = subject.ids(subject.corpus[:4000])
    lengths = [n for n in LENGTHS if n <= min(len(ids), subject.model.config.context_length)]
    return {n: median_milliseconds(lambda n=n: subject.model(mx.array([ids[:n]])), runs=7) for n in lengths}  # type: ignore[misc]


def write_rate(subject: Subject) -> float:
    """Tokens written in a second, with a cache, the best guess each time."""
    caches = subject.model.make_cache()
    ids = subject.ids()[: max(1, subject.model.config.context_length // 2)]
    prefill(subject.model, mx.array([ids[:-1]]), caches)
    token = mx.array([[ids[-1]]])
    count = min(WRITTEN, subject.model.config.context_length - len(ids))
    began = time.perf_counter()
    for _ in range(count):
        token = decode(subject.model, token, caches).argmax(axis=-1, keepdims=True)
        mx.eval(token)
    return count / (time.perf_counter() - began)


def learn_rate(subject: Subject, length: int) -> float:
    """Tokens learned from in a second: forward and backward, without the update."""
    ids = mx.array([subject.ids(subject.corpus[:4000])[: length + 1]])
    step = nn.value_and_grad(subject.model, lambda model: next_token_loss(model, ids[:, :-1], ids[:, 1:]))
    took = median_milliseconds(lambda: step(subject.model), runs=5)
    return (ids.size - 1) / took * 1000


def matrix_rate() -> float:
    """Operations a second in a product of large square matrices: the most that this machine can be hoped to do."""
    a = mx.random.normal((SIZE, SIZE), key=mx.random.key(0))
    mx.eval(a)
    return float(2 * SIZE**3 / median_milliseconds(lambda: a @ a, runs=7) * 1000)
