"""How long texts are cut: the same text by several strategies, where they cut, and what is kept and repeated.

A lesson on `mlxgpt/chunking`; it reads the corpus and the model's tokenizer.
"""

import math
from collections.abc import Iterator

import mlx.core as mx
import numpy as np

from mlxgpt.chunking import registry
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.division import divide_part
from mlxgpt.chunking.levels import Level
from mlxgpt.chunking.strategies.fixed import Fixed
from mlxgpt.events import Event
from mlxgpt.lessons.board import Board
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.subject import Subject
from mlxgpt.model.functional import cross_entropy

STRATEGIES = ("fixed", "sentence", "paragraph", "recursive", "semantic", "overlapping")
CHARACTERS = 6000
MAX_SIZE = 64


def lesson(board: Board, subject: Subject, config: LessonConfig) -> Iterator[Event]:
    """The lesson, step by step."""
    text = subject.corpus[:CHARACTERS]
    tokens = len(subject.tokenizer.encode(text))
    yield board.tell("why", context=subject.model.config.context_length, characters=len(text), tokens=tokens)
    yield board.ask("least", math.ceil(tokens / MAX_SIZE), tokens=tokens, size=MAX_SIZE)
    cut = {name: list(registry.create(name, max_size=MAX_SIZE).split(text, subject.tokenizer)) for name in STRATEGIES}
    yield from _first_cuts(board, cut)
    yield from _compared(board, text, cut, config)
    yield from _overlap(board, text, cut["overlapping"])
    yield from _surprise(board, subject, text, cut)
    yield board.tell("end")


def edge(text: str, last: int = 38) -> str:
    """The end of a chunk, in one line."""
    return "…" + text[-last:].replace("\n", "↵")


def _first_cuts(board: Board, cut: dict[str, list[Chunk]]) -> Iterator[Event]:
    """Where two strategies cut."""
    yield board.tell("fixed", size=MAX_SIZE)
    for name in ("fixed", "recursive"):
        rows = [
            (number + 1, chunk.n_tokens, edge(chunk.text), board.word(f"level.{chunk.level.name}"))
            for number, chunk in enumerate(cut[name][:6])
        ]
        yield board.table(f"cuts_{name}", rows, ("d", "d", "", ""))
        yield board.tell(f"cuts_{name}_after", mid=mid_sentence(cut[name]), cuts=len(cut[name]) - 1)
    yield board.code("code.fixed", Fixed.cut)
    yield board.code("code.divide", divide_part)


def mid_sentence(chunks: list[Chunk]) -> int:
    """How many cuts are inside a sentence; the end of the text is no cut."""
    return sum(chunk.level < Level.SENTENCE for chunk in chunks[:-1])


def _compared(board: Board, text: str, cut: dict[str, list[Chunk]], config: LessonConfig) -> Iterator[Event]:
    rows = []
    for name, chunks in cut.items():
        sizes = [chunk.n_tokens for chunk in chunks]
        rows.append(
            (
                name,
                len(chunks),
                float(np.mean(sizes)),
                min(sizes),
                max(sizes),
                float(np.mean(sizes)) / MAX_SIZE,
                mid_sentence(chunks) / (len(chunks) - 1),
            )
        )
    exact = sum(text[chunk.start : chunk.end] == chunk.text for chunks in cut.values() for chunk in chunks)
    yield board.tell("compare", size=MAX_SIZE)
    yield board.table("compare_table", rows, ("", "d", ".1f", "d", "d", ".1%", ".1%"))
    yield board.tell("exact", exact=exact, all=sum(map(len, cut.values())))
    sizes = [chunk.n_tokens for chunk in cut["recursive"]][:20]
    yield board.bars("sizes", [str(number + 1) for number in range(len(sizes))], sizes, ".0f", size=MAX_SIZE)
    if config.show_tensors:
        yield board.tensor("n_tokens", np.array([[chunk.n_tokens for chunk in cut["recursive"]]]))
    names = [row[0] for row in rows[:4]]
    shares = [row[6] for row in rows[:4]]
    yield board.ask("cleanest", shares.index(max(shares)), choices=names, share=max(shares))
    yield board.ask("fill", rows[3][5], tolerance=0.01, percent=True, mean=rows[3][2], size=MAX_SIZE)


def _overlap(board: Board, text: str, chunks: list[Chunk]) -> Iterator[Event]:
    strategy = registry.create("overlapping", max_size=MAX_SIZE)
    ratio: float = strategy.overlap_ratio  # type: ignore[attr-defined]  # an option of this strategy alone
    second = chunks[1]
    repeated = sum(chunk.overlap for chunk in chunks)
    yield board.tell(
        "overlap",
        ratio=ratio,
        size=MAX_SIZE,
        shared=second.text[: second.overlap],
        repeated=repeated,
        share=repeated / len(text),
    )
    yield board.ask("overlap", int(MAX_SIZE * ratio), size=MAX_SIZE, ratio=ratio)


def start_losses(subject: Subject, chunks: list[Chunk], first: int = 8) -> list[float]:
    """The loss of the first few tokens of each chunk, read on its own: how lost the model is at its beginning."""
    losses = []
    for chunk in chunks:
        ids = subject.ids(chunk.text.lstrip())[: first + 1]
        if len(ids) > first:
            losses.append(float(cross_entropy(subject.model(mx.array([ids[:-1]]))[0], mx.array(ids[1:])).mean().item()))
    return losses


def _surprise(board: Board, subject: Subject, text: str, cut: dict[str, list[Chunk]]) -> Iterator[Event]:
    """Does it matter where one cuts?  The model itself answers."""
    starts = {name: start_losses(subject, cut[name]) for name in ("fixed", "recursive")}
    means = {name: float(np.mean(losses)) for name, losses in starts.items()}
    spread = math.sqrt(sum(float(np.var(losses, ddof=1)) / len(losses) for losses in starts.values()))
    difference = means["fixed"] - means["recursive"]
    yield board.tell(
        "surprise", fixed=means["fixed"], recursive=means["recursive"], difference=difference, spread=spread
    )
    yield board.tell("clear" if abs(difference) > 2 * spread else "unclear", difference=difference, spread=spread)
    yield board.code("code.surprise", start_losses)
