"""How words look at each other: one row of attention by hand, whole maps, what heads do, and what is lost without them.

T time · L layers · H heads · K kv heads · D head dim
"""

from collections.abc import Iterator

import mlx.core as mx
import numpy as np

from mlxgpt.events import Event
from mlxgpt.inspection import roles
from mlxgpt.inspection.trace import Trace, require_attention, zeroed
from mlxgpt.lessons.board import Board
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.subject import Subject
from mlxgpt.model.attention import explicit
from mlxgpt.model.functional import cross_entropy

SHIFTS = (0, 1, 2, 4, 8)  # between a query and a key


def lesson(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """The lesson, step by step."""
    require_attention(subject.model.config)
    trace = Trace("blocks.*.attn.*")
    trace.run(subject.model, subject.ids())
    layer, head = looking_back(trace, subject)
    yield from _one_row(board, subject, trace, layer, head, config)
    yield from _maps(board, subject, trace, layer, head, config)
    yield from _positions(board, subject, trace, layer, head)
    yield from _roles(board, subject)
    yield from _without(board, subject)
    yield board.tell("end")


def looking_back(trace: Trace, subject: Subject) -> tuple[int, int]:
    """The layer and head in which the last token looks hardest at one that is neither the first nor itself."""
    layers, heads = subject.model.config.n_layer, subject.model.config.n_head
    rows = np.stack([trace.numpy(f"blocks.{layer}.attn.pattern")[0, :, -1, 1:-1] for layer in range(layers)])
    layer, head = divmod(int(rows.max(axis=-1).argmax()), heads)
    return layer, head


def attention_by_hand(
    q: np.ndarray, keys: np.ndarray, scale: float, softcap: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """Scores and weights (T,) that a query (D,) gives to keys (T, D): products, then softmax."""
    scores = keys @ q * scale
    if softcap:
        scores = softcap * np.tanh(scores / softcap)
    grown = np.exp(scores - scores.max())  # taking the largest away changes no share, and nothing overflows
    return scores, grown / grown.sum()


def of_head(trace: Trace, subject: Subject, layer: int, head: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Queries, keys and values (T, D) of one head; with grouped heads, several share keys and values."""
    shared = head * subject.model.config.kv_heads // subject.model.config.n_head
    q, k, v = (trace.numpy(f"blocks.{layer}.attn.{part}")[0] for part in "qkv")
    return q[head], k[shared], v[shared]


def _one_row(
    board: Board, subject: Subject, trace: Trace, layer: int, head: int, config: LessonConfig
) -> Iterator[Event]:
    ids = subject.ids()
    pieces = subject.pieces(ids)
    model, attn = subject.model, subject.model.blocks[layer].attn
    yield board.tell(
        "idea", layers=model.config.n_layer, heads=model.config.n_head, all=model.config.n_layer * model.config.n_head
    )
    q, k, v = of_head(trace, subject, layer, head)
    scores, weights = attention_by_hand(q[-1], k, attn._scale, attn._softcap)
    pattern = trace.numpy(f"blocks.{layer}.attn.pattern")[0, head]  # (T, T)
    D = len(q[-1])
    yield board.tell("row", layer=layer, head=head, asking=pieces[-1], dims=D, scale=attn._scale)
    if config.show_tensors:
        yield board.tensor(f"blocks.{layer}.attn.q[{head}]", q, rows=pieces)
        yield board.tensor(f"blocks.{layer}.attn.k", k, rows=pieces)
        yield board.tensor(f"blocks.{layer}.attn.v", v, rows=pieces)
    rows = [
        (
            piece,
            float(k[i] @ q[-1]),
            float(scores[i]),
            float(np.exp(scores[i] - scores.max())),
            float(weights[i]),
            float(pattern[-1, i]),
        )
        for i, piece in enumerate(pieces)
    ]
    yield board.table("row_table", rows, ("", ".3f", ".3f", ".5f", ".2%", ".2%"), scale=attn._scale)
    if len(ids) > len(subject.ids(begun=False)):
        yield board.tell("begin", begin=pieces[0])
    yield board.tell("row_after", difference=float(np.abs(weights - pattern[-1]).max()))
    yield board.code("code.hand", attention_by_hand)
    strongest = int(weights[1:-1].argmax()) + 1
    yield board.ask(
        "rest",
        1 - float(weights[strongest]),
        tolerance=0.01,
        percent=True,
        piece=pieces[strongest],
        weight=float(weights[strongest]),
    )
    z = weights @ v  # (D,)
    given = trace.numpy(f"blocks.{layer}.attn.z")[0, head, -1]
    yield board.tell("values", difference=float(np.abs(z - given).max()), asking=pieces[-1])
    yield board.code("code.explicit", explicit)
    a, b = round(float(scores[strongest]), 3), round(float(scores[-1]), 3)  # as they are shown
    grown = float(np.exp(b - a))
    yield board.ask("softmax", 1 / (1 + grown), tolerance=0.02, a=a, b=b, difference=b - a, grown=grown, one=1)


def _maps(board: Board, subject: Subject, trace: Trace, layer: int, head: int, config: LessonConfig) -> Iterator[Event]:
    pieces = subject.pieces(subject.ids())
    pattern = trace.numpy(f"blocks.{layer}.attn.pattern")[0]  # (H, T, T)
    T = len(pieces)
    yield board.tell("map", layer=layer, head=head, hidden=T * (T - 1) // 2, cells=T * T)
    yield board.heatmap("pattern", pattern[head], pieces, pieces, layer=layer, head=head)
    middle = T // 2
    yield board.ask("visible", middle + 1, first=pieces[0], piece=pieces[middle], tokens=T)
    if config.show_attention_maps:
        for deep in range(subject.model.config.n_layer):
            for each, weights in enumerate(trace.numpy(f"blocks.{deep}.attn.pattern")[0]):
                yield board.heatmap("pattern", weights, pieces, pieces, layer=deep, head=each)


def _positions(board: Board, subject: Subject, trace: Trace, layer: int, head: int) -> Iterator[Event]:
    """Does a score depend on where the two stand, or on how far apart they are?"""
    model = subject.model
    if model.config.position != "rope":
        yield board.tell(f"order.{model.config.position}")
        return
    q, k, _ = of_head(trace, subject, layer, head)
    query, key = mx.array(q[-1])[None, None, None], mx.array(k[-1])[None, None, None]  # (1, 1, 1, D)
    local = model.config.slides(layer)

    def score(at: int, distance: int) -> float:
        """The score of the same two vectors, the query turned to position `at + distance`, the key to `at`."""
        turned = model.positions.rotate(query, at + distance, local), model.positions.rotate(key, at, local)
        return float((turned[0] * turned[1]).sum().item() * model.blocks[layer].attn._scale)

    rows = [(distance, score(0, distance), score(10, distance), score(100, distance)) for distance in SHIFTS]
    yield board.tell("order.rope")
    yield board.table("order_table", rows, ("d", ".4f", ".4f", ".4f"), first=0, second=10, third=100)
    yield board.tell("order_after", most=max(abs(row[1] - row[3]) for row in rows))
    yield board.code("code.rotate", type(model.positions).rotate)


def _roles(board: Board, subject: Subject) -> Iterator[Event]:
    found = subject.inspector.roles
    config = subject.model.config
    named = {(layer, head): found.role(layer, head) for layer in range(config.n_layer) for head in range(config.n_head)}
    yield board.tell("roles", sequences=len(found.probe), tokens=found.probe.shape[1], threshold=found.threshold)
    rows = []
    for role, scores in found.scores.items():
        layer, head = divmod(int(np.nan_to_num(scores).argmax()), config.n_head)
        rows.append(
            (
                board.word(f"role.{role}"),
                layer,
                head,
                float(scores[layer, head]),
                found.chance[role],
                sum(name == role for name in named.values()),
            )
        )
    yield board.table("roles_table", rows, ("", "d", "d", ".3f", ".3f", "d"))
    yield board.code("code.roles", roles.induction)
    unclear = sum(not name for name in named.values())
    yield board.tell("roles_after", unclear=unclear, all=len(named))
    yield board.ask("roles", unclear, clear=len(named) - unclear, all=len(named))


def loss_without(subject: Subject, ids: list[int], layer: int | None = None, head: int | None = None) -> float:
    """The mean loss on a text; with a layer and head, that head's output set to zero."""
    edits = {} if layer is None else {f"blocks.{layer}.attn.z": zeroed(head=head)}
    logits = Trace(edits=edits).run(subject.model, ids[:-1])
    return float(cross_entropy(logits, mx.array([ids[1:]])).mean().item())


def _without(board: Board, subject: Subject) -> Iterator[Event]:
    config = subject.model.config
    context = min(64, config.context_length)
    ids = subject.ids(subject.corpus[: 6 * context])[: context + 1]
    whole = loss_without(subject, ids)
    worse = np.array(
        [
            [loss_without(subject, ids, layer, head) - whole for head in range(config.n_head)]
            for layer in range(config.n_layer)
        ]
    )
    yield board.tell("without", tokens=len(ids) - 1, loss=whole)
    names = [board.word("layer", layer=layer) for layer in range(config.n_layer)]
    heads = [board.word("head", head=head) for head in range(config.n_head)]
    yield board.heatmap("without_map", worse, names, heads)
    layer, head = divmod(int(worse.argmax()), config.n_head)
    yield board.tell(
        "without_after", layer=layer, head=head, worse=float(worse.max()), better=int((worse < 0).sum()), all=worse.size
    )
    yield board.ask("layer", int(worse.max(axis=1).argmax()), choices=names, head=head, worse=float(worse.max()))
