"""What a trained model says about cuts: boundary clarity, chunk stickiness and the nats of each chunk.

Everything is a mean loss over the last tokens of a row, so all passes are one function, `likelihood.mean_nats`.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from mlxgpt import checkpoint
from mlxgpt.chunking.analysis.chance import SEED, ComparedTally, auc
from mlxgpt.chunking.analysis.cohesion import GapScores
from mlxgpt.chunking.analysis.model_scores import FEWEST_HEADINGS, Gate, ModelScores, Stickiness
from mlxgpt.chunking.analysis.view import ChunkView, DocumentView
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.evaluation.likelihood import Row, Values, mean_nats
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer, begin_id

BEHIND, BEFORE = 64, 192  # tokens of q and d
MOST_CUTS, MOST_GAPS, MOST_CHUNKS = 100, 100, 32  # of a document: some 200,000 tokens to read in all
_CHARACTERS = 16  # of a token, at the most that is worth encoding


def load(directory: Path) -> tuple[GPT, Tokenizer]:
    """A model and its tokenizer, in float32: exact, and on CPUs ten times as fast as bfloat16."""
    return checkpoint.load(directory, dtype=mx.float32)


class Scorer:
    """Boundary clarity with one model: BC(q, d) = exp(nats(q|d) - nats(q))."""

    def __init__(self, model: GPT, tokenizer: Tokenizer) -> None:
        self._model, self._tokenizer = model, tokenizer
        begin = begin_id(tokenizer)
        self._begin = [] if begin is None else [begin]
        context = model.config.context_length + 1  # the last token is predicted, not read
        self.behind = min(BEHIND, context // 4)
        self.before = min(BEFORE, context - self.behind - 1)

    def clarity(self, pairs: Sequence[tuple[str, str]]) -> Values:
        """BC of each (d, q): q the first tokens of the second text, d the last of the first."""
        rows = [row for before, behind in pairs for row in self._rows(before, behind)]
        nats = mean_nats(self._model, rows).reshape(-1, 2)
        return np.exp(np.clip(nats[:, 0] - nats[:, 1], -700, 700))

    def clarity_at(self, text: str, places: npt.NDArray[np.int64]) -> Values:
        """BC at places of a text."""
        reach = (self.before * _CHARACTERS, self.behind * _CHARACTERS)
        return self.clarity([(text[max(0, at - reach[0]) : at], text[at : at + reach[1]]) for at in places.tolist()])

    def chunk_nats(self, texts: Sequence[str]) -> tuple[Values, npt.NDArray[np.int64]]:
        """Mean nats of the tokens of each text read alone, in windows of the context, and how many tokens were predicted."""
        size = self._model.config.context_length + 1 - len(self._begin)
        rows, owner = [], []
        for number, ids in enumerate(self._tokenizer.encode_batch(texts)):
            for low in range(0, len(ids), size):
                window = self._begin + ids[low : low + size].tolist()
                if len(window) > 1:
                    rows.append(Row(ids=window, scored=len(window) - 1))
                    owner.append(number)
        scored = np.array([row.scored for row in rows], dtype=np.int64)
        counts = np.bincount(owner, scored, len(texts)) if rows else np.zeros(len(texts))
        sums = np.bincount(owner, mean_nats(self._model, rows) * scored, len(texts)) if rows else counts
        return sums / np.maximum(1, counts), counts.astype(np.int64)

    def _rows(self, before: str, behind: str) -> tuple[Row, Row]:
        """q behind d, and q alone; the same tokens are predicted in both."""
        q = self._tokenizer.encode(behind)[: self.behind]
        d = self._tokenizer.encode(before)[-self.before :]
        scored = len(q) if self._begin else max(0, len(q) - 1)  # nothing to predict a first token from
        return Row(ids=self._begin + d + q, scored=scored), Row(ids=self._begin + q, scored=scored)


def score(
    model: GPT,
    tokenizer: Tokenizer,
    documents: Sequence[tuple[str, Sequence[Chunk]]],
    *,
    threshold: float = 0.1,
    window: int = 4,
    ungated: bool = False,
    told: Callable[[float], object] | None = None,
) -> ModelScores:
    """The model's scores of the cuts of some documents: of at most 100 cuts, 100 gaps and 32 chunks of each.

    `told` hears how much of the work is done, 0 … 1.
    """
    scorer = Scorer(model, tokenizer)
    clarity, sticky, nats = ComparedTally(), _Graph(window, threshold), _Nats()
    gates: list[tuple[Values, Values, Values, Values]] = []
    for number, (text, chunks) in enumerate(documents):

        def step(done: int, number: int = number) -> None:
            if told is not None:
                told((number + done / 5) / len(documents))

        view = DocumentView(text)
        at_cuts = scorer.clarity_at(text, _some(ChunkView(view, chunks).cuts, MOST_CUTS))
        step(1)
        clarity.add(at_cuts, scorer.clarity_at(text, _some(view.gaps, MOST_GAPS)))
        step(2)
        gates.append(_gate_scores(scorer, view))
        step(3)
        sticky.add(scorer, chunks[:MOST_CHUNKS])
        step(4)
        nats.add(scorer, _spread(chunks, MOST_CHUNKS))
        step(5)
    return nats.scores(
        gate=_gate(gates), clarity=clarity.result(), stickiness=sticky.result(), ungated=ungated
    )  # fmt: skip


def _gate_scores(scorer: Scorer, view: DocumentView) -> tuple[Values, Values, Values, Values]:
    """Clarity and -g at the places of headings and at other paragraph gaps, in the text without its headings.

    Paragraphs on both sides, because their white space alone would give a heading away to the model.
    """
    parts: list[str] = []
    places: list[int] = []
    at = size = 0
    for start, end in view.heading_spans():
        parts.append(view.text[at:start])
        size, at = size + start - at, end
        places.append(size)
    bare = DocumentView("".join([*parts, view.text[at:]]))
    gaps = GapScores(bare, with_compression=False)
    words = bare.words.before(bare.paragraphs)
    usable = bare.paragraphs[(words > 0) & (words < len(bare.words.starts))]
    marked = np.isin(bare.solid[usable], bare.solid[np.array(places, dtype=np.int64)])
    heads, others = _some(usable[marked], MOST_CUTS), _some(usable[~marked], MOST_GAPS)
    if len(heads) == 0:
        nothing = np.zeros(0)
        return nothing, nothing, nothing, nothing
    return (
        scorer.clarity_at(bare.text, heads), scorer.clarity_at(bare.text, others), -gaps.lexical_at(heads),
        -gaps.lexical_at(others),
    )  # fmt: skip


def _gate(found: list[tuple[Values, Values, Values, Values]]) -> Gate:
    heads, others, lexical_heads, lexical_others = (np.concatenate(parts) for parts in zip(*found, strict=True))
    if len(heads) < FEWEST_HEADINGS or len(others) == 0:
        return Gate(headings=len(heads), clarity_auc=None, lexical_auc=None)
    return Gate(
        headings=len(heads), clarity_auc=auc(heads, others), lexical_auc=auc(lexical_heads, lexical_others)
    )  # fmt: skip


class _Graph:
    """Which chunks lean on which, for stickiness."""

    def __init__(self, window: int, threshold: float) -> None:
        self._window, self._threshold = window, threshold
        self._degrees: list[npt.NDArray[np.int64]] = []
        self._pairs = 0

    def add(self, scorer: Scorer, chunks: Sequence[Chunk]) -> None:
        pairs = [(i, j) for i in range(len(chunks)) for j in range(i + 1, min(len(chunks), i + 1 + self._window))]
        own = [chunk.text[chunk.overlap :] for chunk in chunks]
        edges = 1 - scorer.clarity([(chunks[i].text, own[j]) for i, j in pairs])
        kept = [node for pair, edge in zip(pairs, edges, strict=True) if edge > self._threshold for node in pair]
        self._degrees.append(
            np.bincount(kept, minlength=len(chunks)) if kept else np.zeros(len(chunks), dtype=np.int64)
        )
        self._pairs += len(pairs)

    def result(self) -> Stickiness | None:
        if not self._pairs:
            return None
        degrees = np.concatenate(self._degrees)
        shares = degrees[degrees > 0] / max(1, degrees.sum())
        return Stickiness(
            bits=float(-(shares * np.log2(shares)).sum()) if len(shares) else None,
            chunks=len(degrees), edges=int(degrees.sum()) // 2, pairs=self._pairs, window=self._window,
            threshold=self._threshold,
        )  # fmt: skip


class _Nats:
    """The loss of the chunks."""

    def __init__(self) -> None:
        self._nats: list[Values] = []
        self._total, self._tokens, self._characters = 0.0, 0, 0

    def add(self, scorer: Scorer, chunks: Sequence[Chunk]) -> None:
        nats, counts = scorer.chunk_nats([chunk.text for chunk in chunks])
        self._nats.append(nats[counts > 0])
        self._total += float((nats * counts).sum())
        self._tokens += int(counts.sum())
        self._characters += sum(len(chunk.text) for chunk in chunks)

    def scores(self, **others: object) -> ModelScores:
        nats = np.concatenate(self._nats) if self._nats else np.zeros(0)
        return ModelScores(
            nats_per_token=self._total / max(1, self._tokens),
            chunk_nats=tuple(np.percentile(nats, (5, 50, 95)).tolist()) if len(nats) else (),
            bits_per_character=self._total / np.log(2) / max(1, self._characters),
            chunks_read=len(nats),
            **others,  # type: ignore[arg-type]  # the fields that are not about nats
        )


def _some(places: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    """At most so many of the places, drawn with a fixed seed, in order."""
    if len(places) <= most:
        return places
    drawn: npt.NDArray[np.int64] = np.sort(np.random.default_rng(SEED).choice(places, most, replace=False))
    return drawn


def _spread(chunks: Sequence[Chunk], most: int) -> list[Chunk]:
    """At most so many of the chunks, evenly spread."""
    number = min(most, len(chunks))
    return [chunks[i * (len(chunks) - 1) // max(1, number - 1)] for i in range(number)]
