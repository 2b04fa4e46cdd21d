"""How a recurrent model remembers: a matrix a head that fades, is written to, and is read, the same size for any text.

T time · H heads · N head size
"""

from collections.abc import Iterator

import mlx.core as mx
import numpy as np

from mlxgpt.events import Event
from mlxgpt.inspection.trace import Trace
from mlxgpt.lessons.board import Board
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.subject import Subject
from mlxgpt.model import rwkv6, rwkv7
from mlxgpt.model.gpt import GPT
from mlxgpt.model.report import state_bytes

MIXING = {"rwkv6": rwkv6.TimeMix, "rwkv7": rwkv7.TimeMix}
LATER = 10  # tokens after which we ask what is left


def lesson(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """The lesson, step by step."""
    yield from _size(board, subject)
    yield from _by_hand(board, subject, config)
    yield from _fading(board, subject)
    yield from _filling(board, subject)
    yield board.tell("end")


def _size(board: Board, subject: Subject) -> Iterator[Event]:
    """The state takes the same room however long the text is."""
    shape = subject.model.config
    tokens, held = len(subject.ids()), state_bytes(shape, 4)
    yield board.tell("size", layers=shape.n_layer, heads=shape.n_head, width=shape.head_width, held=held)
    yield board.ask("size", held, tokens=tokens, twice=2 * tokens)


def states_by_hand(model: GPT, ids: list[int], layer: int, head: int) -> np.ndarray:
    """The state of a head after each token, (T, N, N), by the recurrence as it is defined, a token at a time."""
    trace = Trace(f"blocks.{layer}.attn.*")
    trace.run(model, ids)

    def rows(name: str) -> np.ndarray:  # (T, N), of one head
        return trace.numpy(f"blocks.{layer}.attn.{name}")[0, head].astype(np.float64)

    start = model.layers[layer].att.get("time_state")
    S = np.zeros((model.config.head_width,) * 2) if start is None else np.array(start[head].astype(mx.float32))
    old = model.config.block == "rwkv6"
    k, v, w = rows("k"), rows("v"), rows("w")
    a, b = (k, k) if old else (rows("a"), rows("b"))
    seen = []
    for t, token in enumerate(ids):
        if old:
            S = np.exp(-np.exp(w[t]))[:, None] * S + np.outer(k[t], v[t])
        else:
            S = S @ (np.diag(np.exp(w[t])) + np.outer(a[t], b[t])) + np.outer(v[t], k[t])
        if token == model.config.document_end:
            S = np.zeros_like(S)
        seen.append(S)
    return np.stack(seen)


def _by_hand(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """Fade, write: the state of one head, reckoned token by token, beside the model's own."""
    model, ids = subject.model, subject.ids()
    block = model.config.block
    yield board.tell(f"step.{block}")
    by_hand = states_by_hand(model, ids, 0, 0)
    cache = model.make_cache()
    norms = []
    for token in ids:
        model(mx.array([[token]]), cache)
        norms.append(float(mx.linalg.norm(cache[0].wkv[0, 0]).item()))  # type: ignore[union-attr, index]
    ours = np.linalg.norm(by_hand, axis=(1, 2))
    yield board.table("hand", zip(subject.pieces(ids), ours, norms, strict=True), ("", ".4f", ".4f"))
    yield board.tell("hand_after", difference=float(np.abs(ours - norms).max()))
    if config.show_tensors:
        yield board.tensor("S", by_hand[-1])
    yield board.code("code.mixing", MIXING[block].__call__)


def _fading(board: Board, subject: Subject) -> Iterator[Event]:
    """How long each head remembers, from the decays themselves."""
    usual = subject.inspector.decay(subject.sentence).usual  # (L, H, N)
    lives = np.minimum(np.median(usual, axis=-1), 1e6).reshape(-1)
    heads = usual.shape[1]
    names = [f"{i // heads}.{i % heads}" for i in range(len(lives))]
    yield board.tell("fading")
    yield board.bars("lives", names, lives, ",.1f")
    most, least = int(lives.argmax()), int(lives.argmin())
    near = int(np.abs(np.log(lives / LATER)).argmin())  # the head whose half-life makes the sum worth doing
    yield board.tell("fading_after", longest=names[most], most=lives[most], shortest=names[least], least=lives[least])
    yield board.ask("left", 0.5 ** (LATER / float(lives[near])), head=names[near], life=lives[near], later=LATER)


def _filling(board: Board, subject: Subject) -> Iterator[Event]:
    """In how many directions the states hold something, token by token."""
    report = subject.inspector.state(subject.sentence)
    rank = report.rank[0]  # (H, T)
    names = [f"0.{head}" for head in range(len(rank))]
    yield board.tell("filling", width=report.head_size)
    yield board.heatmap(
        "rank", rank / report.head_size, names, [piece.replace(" ", "·") for piece in report.passage.pieces]
    )
    last = rank[:, -1]
    fullest = int(last.argmax())
    yield board.tell("filling_after", head=names[fullest], rank=last[fullest], width=report.head_size)
    yield board.ask("share", float(last[fullest] / report.head_size), rank=last[fullest], width=report.head_size)
