"""How a number comes to mean something: every token is a row of a table, and rows that are used alike come to lie alike.

V vocab · C channels (n_embd) · T time
"""

import math
from collections.abc import Iterator

import mlx.core as mx
import numpy as np

from mlxgpt.events import Event
from mlxgpt.inspection.trace import Trace
from mlxgpt.lessons.board import Board
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.subject import Subject

# Words to look at, in families; a tokenizer that cuts one into pieces leaves it out.
FAMILIES = (
    ("gato", "gata", "cabrito", "bezerro", "cachorro", "cat", "dog", "horse"),
    ("menino", "menina", "avó", "mãe", "boy", "girl", "mother", "father"),
    ("azul", "verde", "amarelo", "vermelho", "blue", "green", "red"),
    ("dois", "três", "quatro", "cinco", "two", "three", "four"),
    ("correu", "saiu", "pulou", "disse", "ran", "went", "said"),
)
CONTEXTS = (
    "Era uma vez um{word}",
    "Na beira do rio, o menino viu um{word}",
    "— Bom dia! — disse o{word}",
)


def lesson(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """The lesson, step by step."""
    yield from _table(board, subject, config)
    words = known_words(subject)
    yield from _alike(board, subject, words)
    yield from _map(board, subject, words)
    yield from _context(board, subject, words)
    yield from _head(board, subject)
    yield board.tell("end_state" if subject.model.config.recurrent else "end")


def known_words(subject: Subject) -> dict[str, int]:
    """Words of `FAMILIES` that are one token, with their ids; the first tokens of a sentence when there are too few."""
    found = {}
    for word in (word for family in FAMILIES for word in family):
        ids = subject.tokenizer.encode(" " + word)
        if len(ids) == 1:
            found[word] = ids[0]
    if len(found) < 6:
        ids = list(dict.fromkeys(subject.ids(begun=False)))
        found |= dict(zip(subject.pieces(ids), ids, strict=True))
    return found


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """How alike two directions are: 1 the same, 0 nothing in common, -1 opposite."""
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def nearest_words(table: np.ndarray, row: int, count: int = 8) -> list[tuple[int, float]]:
    """The rows most alike to one row of a table (V, C), and their cosines."""
    lengths = np.maximum(np.linalg.norm(table, axis=1), 1e-9)
    cosines = table @ table[row] / (lengths * lengths[row])  # (V,)
    cosines[row] = -np.inf
    best = np.argsort(-cosines)[:count]
    return [(int(i), float(cosines[i])) for i in best]


def _table(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    table = subject.model.embedding.weight  # (V, C)
    V, C = table.shape
    ids = subject.ids(begun=False)[:5]
    pieces = subject.pieces(ids)
    yield board.tell("row", piece=pieces[0], id=ids[0], channels=C, entries=V)
    yield board.tensor("embedding.weight[ids]", table[mx.array(ids)], rows=pieces)
    yield board.code("code.forward", type(subject.model).hidden)
    if config.show_tensors:
        yield board.tensor("embedding.weight", table)
    yield board.ask("size", V * C, entries=V, channels=C)


def _alike(board: Board, subject: Subject, words: dict[str, int]) -> Iterator[Event]:
    table = np.array(subject.model.embedding.weight)
    names = list(words)
    a, b = table[words[names[0]], :3], table[words[names[1]], :3]
    a1, a2, a3 = map(float, a)
    b1, b2, b3 = map(float, b)
    yield board.tell(
        "cosine",
        one=names[0],
        other=names[1],
        a1=a1,
        a2=a2,
        a3=a3,
        b1=b1,
        b2=b2,
        b3=b3,
        dot=float(a @ b),
        three=cosine(a, b),
        all=cosine(table[words[names[0]]], table[words[names[1]]]),
    )
    yield board.code("code.cosine", cosine)
    dot = round(a1, 2) * round(b1, 2) + round(a2, 2) * round(b2, 2)
    yield board.ask("dot", dot, tolerance=max(abs(dot) * 0.05, 1e-4), a1=a1, a2=a2, b1=b1, b2=b2)

    near = nearest_words(table, words[names[0]])
    yield board.tell("near", word=names[0], entries=len(table))
    yield board.bars("near_bars", subject.pieces([i for i, _ in near]), [c for _, c in near], ".3f", word=names[0])

    shown = [name for family in FAMILIES for name in [word for word in family if word in words][:2]] or names[:8]
    cosines = np.array([[cosine(table[words[x]], table[words[y]]) for y in shown] for x in shown])
    yield board.heatmap("cosines", cosines, shown, shown)
    others = shown[1:4]
    best = max(range(len(others)), key=lambda i: cosines[0, i + 1])
    yield board.ask("nearest", best, choices=others, word=shown[0], cosine=cosines[0, best + 1])


def principal_plane(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The plane in which vectors (N, C) differ most: their places in it (N, 2), and the share of each axis (2,)."""
    centred = vectors - vectors.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    return left[:, :2] * sizes[:2], (sizes**2 / (sizes**2).sum())[:2]


def _map(board: Board, subject: Subject, words: dict[str, int]) -> Iterator[Event]:
    table = np.array(subject.model.embedding.weight)
    names = list(words)
    places, shares = principal_plane(table[[words[name] for name in names]])
    yield board.tell("map", words=len(names), channels=table.shape[1], shown=float(shares.sum()))
    yield board.points("plane", names, places[:, 0], places[:, 1], first=float(shares[0]), second=float(shares[1]))


def _context(board: Board, subject: Subject, words: dict[str, int]) -> Iterator[Event]:
    model, word = subject.model, " " + next(iter(words)).removeprefix("·")
    streams = []  # for each text, the vector of the word after each layer
    for text in CONTEXTS:
        trace = Trace("embed", "blocks.*.resid_post")
        trace.run(model, subject.ids(text.format(word=word)))
        streams.append([trace.numpy(name)[0, -1] for name in trace.names])
    places = [board.word(f"place.{word}") for word in ("first", "second", "third")]
    curves = {
        board.word("pair", one=places[i], other=places[j]): (
            range(len(streams[0])),
            list(map(cosine, streams[i], streams[j])),
        )
        for i, j in ((0, 1), (0, 2), (1, 2))
    }
    first, last = (float(np.mean([ys[at] for _, ys in curves.values()])) for at in (0, -1))
    texts = [text.format(word=word) for text in CONTEXTS]
    yield board.tell("context", word=word.strip(), one=texts[0], two=texts[1], three=texts[2])
    yield board.curves("context_curves", curves)
    yield board.tell("context_after", first=first, last=last, layers=model.config.n_layer)


def _head(board: Board, subject: Subject) -> Iterator[Event]:
    model = subject.model
    trace = Trace("final_norm")
    logits = np.array(trace.run(model, subject.ids())[0, -1])
    x = trace.numpy("final_norm")[0, -1]
    table = np.array(model.embedding.weight if model.config.tie_embeddings else model.head.weight)
    best = int(logits.argmax())
    dot = float(x @ table[best])
    tied = "tied" if model.config.tie_embeddings else "untied"
    yield board.tell("head", text=subject.sentence, channels=len(x), entries=len(table), tied=board.word(tied))
    order = np.argsort(-logits)[:6]
    rows = [
        (piece, float(x @ table[i]), float(logits[i]))
        for piece, i in zip(subject.pieces(order.tolist()), order, strict=True)
    ]
    yield board.table("head_table", rows, ("", ".4f", ".4f"))
    first, second = subject.pieces(order[:2].tolist())
    ratio = float(np.exp(logits[order[0]] - logits[order[1]]))
    yield board.ask(
        "times",
        ratio,
        tolerance=ratio * 0.03,
        first=first,
        second=second,
        difference=float(logits[order[0]] - logits[order[1]]),
        e=math.e,
        dot=dot,
    )
