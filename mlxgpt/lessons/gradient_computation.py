"""How a model knows which way to change: slopes, by hand, by automatic differentiation and by trying.

The small graph is one neuron whose numbers come from the model:

    p = x1 w1 + x2 w2 + x3 w3        y = tanh(p)        loss = (y - t)²

and its slopes follow from the chain rule, from the loss backwards:

    dloss/dy = 2 (y - t)    dloss/dp = dloss/dy (1 - y²)    dloss/dw = dloss/dp x
"""

from collections.abc import Iterator
from typing import Any

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten, tree_unflatten

from mlxgpt.events import Event
from mlxgpt.lessons.board import Board
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.subject import Subject
from mlxgpt.model.gpt import GPT
from mlxgpt.training.losses import next_token_loss
from mlxgpt.training.step import Stepper

TARGET = 1.0
STEPS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)  # of the finite differences
RATES = (-1e-3, 1e-4, 1e-3, 1e-2)  # of a step against the gradient; the first goes uphill
Tree = dict[str, mx.array]


def lesson(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """The lesson, step by step."""
    yield board.tell("slope")
    yield from _neuron(board, subject)
    yield from _whole_model(board, subject, config)


# ---- one neuron ------------------------------------------------------------------------------------------------------


def neuron_loss(w: mx.array, x: mx.array, target: float) -> mx.array:
    """The loss of one neuron."""
    return mx.square(mx.tanh((w * x).sum()) - target)


def slopes_by_hand(w: np.ndarray, x: np.ndarray, target: float) -> dict[str, Any]:  # Any: numbers, and an array
    """Every value of the neuron, and every slope, by the chain rule alone."""
    p = float((w * x).sum())
    y = float(np.tanh(p))
    dy = 2 * (y - target)  # the loss is a square
    dp = dy * (1 - y * y)  # the slope of tanh is 1 - tanh²
    return {"p": p, "y": y, "loss": (y - target) ** 2, "dy": dy, "dp": dp, "dw": dp * x}


def slope_by_trying(w: mx.array, x: mx.array, target: float, i: int, h: float) -> float:
    """The slope of weight i: how much the loss changes when the weight moves by h to either side, divided by 2 h."""
    moved = mx.zeros(w.shape).at[i].add(h)
    return (neuron_loss(w + moved, x, target) - neuron_loss(w - moved, x, target)).item() / (2 * h)


def real_neuron(subject: Subject) -> tuple[mx.array, mx.array]:
    """Three inputs and three weights of the model: the first token as the first attention sees it, and a query row."""
    block, ids = subject.model.blocks[0], mx.array([subject.ids()])
    x = block.attn_norm.apply("before", subject.model.embedding(ids))[0, 1, :3]
    w = block.attn.q_proj.weight[0, :3]
    return mx.array(x), mx.array(w)


def _neuron(board: Board, subject: Subject) -> Iterator[Event]:
    x, w = real_neuron(subject)
    hand = slopes_by_hand(np.array(w, np.float64), np.array(x, np.float64), TARGET)
    auto = mx.grad(neuron_loss)(w, x, TARGET)
    trying = [slope_by_trying(w, x, TARGET, i, 1e-2) for i in range(3)]
    piece = subject.pieces(subject.ids())[1]
    x1, x2, x3 = x.tolist()
    w1, w2, w3 = w.tolist()
    yield board.tell("neuron", piece=piece, x1=x1, x2=x2, x3=x3, w1=w1, w2=w2, w3=w3, target=TARGET)
    yield board.tell(
        "forward", x1=x1, x2=x2, x3=x3, w1=w1, w2=w2, w3=w3, p=hand["p"], y=hand["y"], loss=hand["loss"], target=TARGET
    )
    yield board.ask("forward", hand["y"], tolerance=0.01, p=hand["p"])
    yield board.tell("backward", dy=hand["dy"], dp=hand["dp"], y=hand["y"], target=TARGET, one=1, two=2)
    rows = [(f"w{i + 1}", hand["dw"][i], auto[i].item(), trying[i]) for i in range(3)]
    yield board.table("three_ways", rows, ("", "+.6f", "+.6f", "+.6f"))
    worst = max(abs(row[1] - row[2]) for row in rows)
    yield board.tell("agree", worst=worst)
    yield board.code("code.hand", slopes_by_hand)
    dw1 = float(hand["dw"][0])
    yield board.ask("sign", 0 if dw1 < 0 else 1, choices=[board.word("up"), board.word("down")], slope=dw1)

    around = np.linspace(w1 - 3, w1 + 3, 61)
    heights = [neuron_loss(mx.array([value, w2, w3]), x, TARGET).item() for value in around]
    near = [value for value in around if abs(value - w1) <= 1.2]
    tangent = [hand["loss"] + dw1 * (value - w1) for value in near]
    yield board.curves(
        "hill",
        {
            board.word("loss"): (around, heights),
            board.word("tangent"): (near, tangent),
            board.word("here"): ([w1], [hand["loss"]]),
        },
    )

    tried = [slope_by_trying(w, x, TARGET, 0, h) for h in STEPS]
    yield board.tell("trying")
    yield board.table(
        "steps", [(h, slope, abs(slope - dw1)) for h, slope in zip(STEPS, tried, strict=True)], ("g", "+.7f", ".1e")
    )
    best = min(range(len(STEPS)), key=lambda i: abs(tried[i] - dw1))
    yield board.tell(
        "trying_best", best=STEPS[best], error=abs(tried[best] - dw1), smallest=STEPS[-1], last=abs(tried[-1] - dw1)
    )


# ---- the whole model -------------------------------------------------------------------------------------------------


def loss_at(model: GPT, parameters: Tree, ids: list[int]) -> mx.array:
    """The loss of the model with these parameters on a text."""
    model.update(tree_unflatten(list(parameters.items())))
    return next_token_loss(model, mx.array([ids[:-1]]), mx.array([ids[1:]]))


def norm_by_part(gradients: Tree, layers: int) -> dict[str, float]:
    """The norm of the gradient in the embedding, in each block, and in the rest."""
    squares = dict.fromkeys(
        ("embedding", *(f"blocks.{i}" for i in range(layers)), "final_norm", "head", "positions"), 0.0
    )
    for name, g in gradients.items():
        part = ".".join(name.split(".")[:2]) if name.startswith("blocks.") else name.split(".")[0]
        squares[part] += (g * g).sum().item()
    return {part: square**0.5 for part, square in squares.items() if square}


def _whole_model(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    model, ids = subject.model, subject.ids()
    before: Tree = dict(tree_flatten(model.trainable_parameters()))
    try:
        loss, gradients = mx.value_and_grad(lambda parameters: loss_at(model, parameters, ids))(before)
        count = sum(p.size for p in before.values())
        yield board.tell("model", count=count, tokens=len(ids) - 1, loss=loss)
        yield board.code("code.model", Stepper._gradients_of)
        norms = norm_by_part(gradients, model.config.n_layer)
        yield board.bars("norms", list(norms), norms.values(), ".3f")
        parts = list(norms)
        largest = max(parts, key=norms.__getitem__)
        yield board.ask("largest", parts.index(largest), choices=parts, norm=norms[largest])

        name = max(gradients, key=lambda name: mx.abs(gradients[name]).max().item())
        place = int(mx.abs(gradients[name]).argmax())
        slope = gradients[name].reshape(-1)[place].item()
        h = 1e-2
        moved = mx.zeros(before[name].size).at[place].add(h).reshape(before[name].shape)
        up, down = (loss_at(model, before | {name: before[name] + sign * moved}, ids) for sign in (1, -1))
        tried = (up - down).item() / (2 * h)
        yield board.tell("one_weight", name=name, place=place, slope=slope, tried=tried, h=h)
        if config.show_tensors:
            yield board.tensor(f"grad {name}", gradients[name])

        norm = sum(value * value for value in norms.values()) ** 0.5
        rows = []
        for rate in RATES:
            stepped = {key: p - rate * gradients[key] for key, p in before.items()}
            after = loss_at(model, stepped, ids).item()
            rows.append((rate, loss.item() - rate * norm**2, after, after - loss.item()))
        yield board.tell("step", norm=norm)
        yield board.table("step_table", rows, ("g", ".4f", ".4f", "+.4f"), loss=loss)
        predicted = RATES[1] * norm**2
        yield board.ask("predict", predicted, tolerance=predicted * 0.05, rate=RATES[1], norm=norm, change=-rows[1][3])
    finally:
        model.update(tree_unflatten(list(before.items())))
