"""How to walk downhill: six ways of turning a gradient into a step, on one landscape that is a real model's loss.

SGD, momentum and RMSProp are written here; Adam, AdamW and Muon are those that train our models.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import mlx.core as mx
import numpy as np

from mlxgpt.events import Event
from mlxgpt.lessons.board import Board
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.gradient_computation import loss_at
from mlxgpt.lessons.plane import Plane
from mlxgpt.lessons.subject import Subject
from mlxgpt.training import optimizers, schedules
from mlxgpt.training.config import TrainConfig

START = (-0.9, 2.4)
STEPS = 16
RATES = (0.03, 0.1, 0.3, 1.0)
COLUMNS, ROWS = np.linspace(-1.5, 3.0, 37), np.linspace(-0.8, 3.0, 11)
BETA1, BETA2, EPS = 0.9, 0.95, 1e-8

State = dict[str, mx.array]
Step = Callable[
    [mx.array, mx.array, State, float, int], mx.array
]  # place, gradient, state (changed), rate, number from 1


def sgd(p: mx.array, g: mx.array, state: State, rate: float, t: int) -> mx.array:
    """Straight down (Robbins & Monro 1951):  p - rate g."""
    return p - rate * g


def momentum(p: mx.array, g: mx.array, state: State, rate: float, t: int) -> mx.array:
    """A rolling ball (Polyak 1964):  v = 0.9 v + g;  p - rate v."""
    state["v"] = BETA1 * state.get("v", mx.zeros(p.shape)) + g
    return p - rate * state["v"]


def rmsprop(p: mx.array, g: mx.array, state: State, rate: float, t: int) -> mx.array:
    """Steep directions held back (Hinton 2012):  s = 0.95 s + 0.05 g²;  p - rate g / sqrt(s)."""
    state["s"] = BETA2 * state.get("s", mx.zeros(p.shape)) + (1 - BETA2) * g * g
    return p - rate * g / (mx.sqrt(state["s"]) + EPS)


def adam(p: mx.array, g: mx.array, state: State, rate: float, t: int, decay: float = 0.0) -> mx.array:
    """Both, and the first steps corrected: the AdamW that trains our models, without its decay."""
    rule = optimizers.AdamW(beta1=BETA1, beta2=BETA2, eps=EPS, decay=decay)
    now = optimizers.Now.of(mx.array([rate, 0.0, 1 - BETA1**t, 1 - BETA2**t]))
    moved, after = rule.step(p, g, state or rule.start(p), now, decays=decay > 0)
    state.update(after)
    return moved


def adamw(p: mx.array, g: mx.array, state: State, rate: float, t: int) -> mx.array:
    """Adam, and a pull towards zero that does not pass through the gradient."""
    return adam(p, g, state, rate, t, decay=0.1)


def muon(p: mx.array, g: mx.array, state: State, rate: float, t: int) -> mx.array:
    """Momentum, orthogonalised: the two numbers are a matrix of one row, so the step has the same length everywhere."""
    rule = optimizers.Muon()
    row, slope = p[None], g[None]
    ((moved, after),) = rule.step_together([row], [slope], [state or rule.start(row)], mx.array(rate))
    state.update(after)
    return moved[0]


WALKERS: dict[str, Step] = {
    "SGD": sgd, "momentum": momentum, "RMSProp": rmsprop, "Adam": adam, "AdamW": adamw, "Muon": muon,
}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Walk:
    """A walker, where it went, and the loss at each place."""

    name: str
    rate: float
    places: list[tuple[float, float]]
    losses: list[float]
    state: State

    @property
    def end(self) -> float:
        """The loss where it ended; infinite when it left all numbers behind."""
        return self.losses[-1] if math.isfinite(self.losses[-1]) else math.inf


def walk(plane: Plane, steps: int = STEPS) -> list[Walk]:
    """Every walker with every rate, `steps` steps from START."""
    walks = [Walk(name=name, rate=rate, places=[START], losses=[], state={}) for name in WALKERS for rate in RATES]
    for t in range(1, steps + 2):
        losses, gradients = plane.slopes(mx.array([it.places[-1] for it in walks]))
        mx.eval(losses, gradients)
        for it, loss, g in zip(walks, losses.tolist(), gradients, strict=True):
            it.losses.append(loss)
            if t <= steps:
                x, y = WALKERS[it.name](mx.array(it.places[-1]), g, it.state, it.rate, t).tolist()
                it.places.append((x, y))
    return walks


def best_walks(walks: list[Walk]) -> dict[str, Walk]:
    """For each walker the rate that ended lowest."""
    return {name: min((it for it in walks if it.name == name), key=lambda it: it.end) for name in WALKERS}


def lesson(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """The lesson, step by step."""
    plane = Plane(subject)
    yield board.tell("landscape", weights=plane.weight.size)
    yield board.code("code.plane", Plane.loss)
    yield from _first_step(board, plane)
    yield board.tell("walkers", steps=STEPS, rates=len(RATES))
    yield board.table(
        "rules", [(name, board.word(f"rule.{name}"), board.word(f"formula.{name}", one=1)) for name in WALKERS]
    )
    walks = best_walks(walk(plane))
    heights = plane.heights(COLUMNS, ROWS)
    yield board.surface(
        "surface",
        COLUMNS,
        ROWS,
        np.log(heights),
        {name: it.places for name, it in walks.items()},
        lowest=float(heights.min()),
        highest=float(heights.max()),
    )
    yield board.curves("race", {name: (range(len(it.losses)), it.losses) for name, it in walks.items()})
    rows = [(name, it.rate, it.losses[0], it.losses[4], it.losses[-1], min(it.losses)) for name, it in walks.items()]
    yield board.table("race_table", rows, ("", "g", ".4f", ".4f", ".4f", ".4f"), steps=STEPS)
    lowest = min(walks, key=lambda name: walks[name].end)
    names = list(walks)
    yield board.tell("race_after", lowest=lowest, loss=walks[lowest].losses[-1])
    yield board.ask("lowest", names.index(lowest), choices=names, steps=STEPS, loss=walks[lowest].losses[-1])
    yield from _muon(board, subject, config)
    yield from _schedules(board)
    yield board.tell("end")


def _first_step(board: Board, plane: Plane) -> Iterator[Event]:
    """SGD and Adam, by hand, from the start."""
    loss, g = mx.value_and_grad(plane.loss)(mx.array(START))
    gx, gy = g.tolist()
    rate = RATES[1]
    x, y = START
    yield board.tell("first", x=x, y=y, loss=loss, gx=gx, gy=gy, rate=rate, sx=x - rate * gx, sy=y - rate * gy)
    yield board.ask("sgd", y - rate * gy, tolerance=0.01, y=y, rate=rate, gy=gy)
    m, s = (1 - BETA1) * gy, (1 - BETA2) * gy * gy
    moved = adam(mx.array(START), g, {}, rate, 1).tolist()
    yield board.tell(
        "adam",
        gy=gy,
        one=1,
        beta1=BETA1,
        beta2=BETA2,
        m=m,
        s=s,
        mc=m / (1 - BETA1),
        sc=s / (1 - BETA2),
        root=math.sqrt(s / (1 - BETA2)),
        rate=rate,
        step=rate * (1 if gy > 0 else -1),
        ay=moved[1],
        y=y,
    )
    yield board.code("code.adam", optimizers.AdamW.step)
    yield board.ask("adam", abs(moved[0] - x), tolerance=0.01, gx=gx, rate=rate)


def _muon(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """What orthogonalising does to the gradient of a real matrix."""
    block = subject.model.blocks[0]
    ids = subject.ids(subject.corpus[:2000])[:257]
    weight = block.attn.o_proj.weight
    name = "blocks.0.attn.o_proj.weight"
    slope = mx.grad(lambda w: loss_at(subject.model, {name: w}, ids))(weight)
    loss_at(subject.model, {name: weight}, ids)  # puts the weight back
    before = np.linalg.svd(np.array(slope), compute_uv=False)
    after = np.linalg.svd(np.array(optimizers.orthogonalize(slope)), compute_uv=False)
    count = len(before)
    places = [place for place in (0, 3, 15, 63, 127, 255) if place < count and before[place] > before[0] * 1e-6]
    even = int(((after > 0.7) & (after < 1.2)).sum())
    yield board.tell(
        "muon",
        rows=weight.shape[0],
        columns=weight.shape[1],
        name=name,
        ratio=float(before[0] / before[places[-1]]),
        last=places[-1] + 1,
        even=even,
        count=count,
    )
    yield board.table(
        "muon_table",
        [(i + 1, float(before[i]), float(before[i] / before[0]), float(after[i])) for i in places],
        ("d", ".3g", ".4f", ".3f"),
    )
    if config.show_tensors:
        yield board.tensor(f"grad {name}", slope)
        yield board.tensor("orthogonalize(grad)", optimizers.orthogonalize(slope))
    yield board.code("code.muon", optimizers.orthogonalize)


def _schedules(board: Board) -> Iterator[Event]:
    """How the rate moves over a run."""
    steps = 100
    curves = {}
    for name in schedules.SCHEDULES:
        config = TrainConfig(schedule=name, warmup=0.1)
        curves[name] = (range(steps), [schedules.learning_rate_share(step, steps, config) for step in range(steps)])
    yield board.tell("schedules", warmup=TrainConfig(warmup=0.1).warmup)
    yield board.curves("schedules_curves", curves)
    yield board.code("code.schedule", schedules.learning_rate_share)
    peak, half = 3e-3, schedules.learning_rate_share(55, steps, TrainConfig(schedule="linear", warmup=0.1))
    yield board.ask("schedule", peak * half, tolerance=peak * 0.02, share=half, peak=peak, step=55, steps=steps)
