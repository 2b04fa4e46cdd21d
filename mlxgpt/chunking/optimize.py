"""A search for better settings on the documents at hand: every suggestion was run and measured, nothing is advice.

Six figures count, and they are never added up: whole sentences, whole paragraphs, headings that begin a chunk, the
cohesion drop's z, fill and duplication.  Settings that no other beats in one figure without being worse in another are
the Pareto front.  A limit is somebody's context, so sizes go down from it and never up.
"""

import dataclasses
import shlex
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from mlxgpt.chunking.analysis.cohesion import GapScores
from mlxgpt.chunking.analysis.report import Analysis
from mlxgpt.chunking.analysis.view import ChunkView, DocumentView
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.registry import CHUNKERS, create, flag_of
from mlxgpt.errors import ConfigError
from mlxgpt.tokenizer.base import Tokenizer

MOST_CHARACTERS = 2_000_000  # of all documents together; of longer ones the beginning is searched
SIZES, MIN_SIZES, OVERLAPS = (1.0, 0.75, 0.5), (0.0, 0.25, 0.5), (0.0, 0.1, 0.2)  # shares of max_size

Options = Mapping[str, bool | int | float | str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A figure of the search; differences below `notable` are taken for none."""

    label: str
    higher_is_better: bool
    notable: float

    def gain(self, before: float, after: float) -> float:
        """How much better `after` is, 0 when not notably."""
        difference = after - before if self.higher_is_better else before - after
        return difference if abs(difference) > self.notable else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The figures of `GOALS`, and two to picture the chunks by.

    `headings_found` is 1 without headings, `drop_z` is 0 where random cuts cannot differ.
    """

    sentences_whole: float
    paragraphs_whole: float
    headings_found: float
    drop_z: float
    fill: float
    duplication: float
    chunks: int
    mean: float


GOALS: Mapping[str, Goal] = {
    "sentences_whole": Goal(label="sentences whole", higher_is_better=True, notable=0.005),
    "paragraphs_whole": Goal(label="paragraphs whole", higher_is_better=True, notable=0.005),
    "headings_found": Goal(label="headings found", higher_is_better=True, notable=0.005),
    "drop_z": Goal(label="cohesion drop, z", higher_is_better=True, notable=0.5),
    "fill": Goal(label="fill", higher_is_better=True, notable=0.01),
    "duplication": Goal(label="duplication", higher_is_better=False, notable=0.005),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Settings and what they gave."""

    strategy: str
    options: Options
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a search found.

    `better` are settings that are better than the current in some figure and worse in none, those with most gains first.
    When there are none, the current settings are on the front, and `trades` are points of the front that gain most in
    one figure and lose in others.
    """

    current: Tried
    better: tuple[Tried, ...]
    trades: tuple[Tried, ...]
    front: int
    tried: int
    candidates: int
    characters: int
    all_characters: int
    seconds: float

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Plain values."""
        return dataclasses.asdict(self)


class Bench:
    """The documents, looked at once; `measure` chunks them in some way."""

    def __init__(self, texts: Sequence[str], tokenizer: Tokenizer, limit: int) -> None:
        self._tokenizer, self._limit = tokenizer, limit
        self._views: list[tuple[DocumentView, GapScores]] = []
        self.characters = 0
        for text in texts:
            part = text[: MOST_CHARACTERS - self.characters]
            if part:
                view = DocumentView(part)
                self._views.append((view, GapScores(view, with_compression=False)))
            self.characters += len(part)

    def measure(self, strategy: str, options: Options) -> Tried:
        """The figures of one way to chunk; fill is against the limit of the search, whatever the strategy's own is."""
        chunker = create(strategy, **options)
        analysis = Analysis(max_size=self._limit, quick=True)
        for view, gaps in self._views:
            chunks: list[Chunk] = list(chunker.split(view.text, self._tokenizer))
            analysis.add_view(ChunkView(view, chunks), gaps)
        report = analysis.report()
        figures = Figures(
            sentences_whole=report.context.sentences_whole,
            paragraphs_whole=report.context.paragraphs_whole,
            headings_found=analysis.headings_found(),
            drop_z=report.cohesion.drop_z or 0.0,
            fill=report.sizes.fill or 0.0,
            duplication=report.coverage.duplication,
            chunks=report.sizes.chunks,
            mean=report.sizes.mean,
        )
        return Tried(strategy=strategy, options=dict(options), figures=figures)


def search(
    texts: Sequence[str],
    tokenizer: Tokenizer,
    strategy: str,
    options: Options,
    *,
    budget_seconds: float = 20.0,
    stop: threading.Event | None = None,
) -> Search:
    """Measure other settings than the given ones until all are tried, the time is over or somebody says stop.

    Raises `ConfigError` for a strategy or options that `registry` does not know: they cannot be measured again.
    """
    began = time.monotonic()
    limit = int(options.get("max_size", 512))
    bench = Bench(texts, tokenizer, limit)
    current = bench.measure(strategy, options)
    others = [entry for entry in candidates(limit, strategy, options) if entry != (strategy, dict(options))]
    tried: list[Tried] = []
    for name, chosen in others:
        if time.monotonic() - began > budget_seconds or (stop is not None and stop.is_set()):
            break
        try:
            tried.append(bench.measure(name, chosen))
        except ConfigError:  # options that do not go together, a size below one character's tokens
            continue
    front = [entry for entry in tried if not any(_dominates(other, entry, exact=True) for other in [current, *tried])]
    better = sorted(
        (entry for entry in front if _dominates(entry, current)), key=lambda e: _gains(e, current), reverse=True
    )
    trades = [] if better else _trades(front, current)
    return Search(
        current=current, better=tuple(better[:3]), trades=tuple(trades), front=len(front), tried=len(tried),
        candidates=len(others), characters=bench.characters, all_characters=sum(map(len, texts)),
        seconds=time.monotonic() - began,
    )  # fmt: skip


def candidates(limit: int, strategy: str, options: Options) -> Iterator[tuple[str, dict[str, Any]]]:
    """(strategy, options) to try: the likeliest first, the given strategy with its other options as they are."""
    seen: list[tuple[str, dict[str, Any]]] = []
    for size, min_share, overlap in sorted(product(SIZES, MIN_SIZES, OVERLAPS), key=lambda c: (-c[0], c[2], c[1])):
        max_size = max(1, round(limit * size))
        wanted = {"max_size": max_size, "min_size": int(max_size * min_share), "overlap_ratio": overlap}
        for name, kind in CHUNKERS.items():
            known = {field.name for field in dataclasses.fields(kind)}  # type: ignore[arg-type]  # a dataclass
            kept = dict(options) if name == strategy else {}
            entry = name, kept | {key: value for key, value in wanted.items() if key in known}
            if entry not in seen:
                seen.append(entry)
                yield entry


def command_line(tried: Tried, source: str, tokenizer: str, output: str) -> str:
    """What to type behind the program's name to chunk with these settings."""
    which = ["-"] if source == "<stdin>" else ["--file", source]
    words = ["chunk", *which, "--strategy", tried.strategy]
    for key, value in tried.options.items():
        flag = flag_of(key)
        if isinstance(value, bool):
            words += [flag if value else flag.replace("preserve", "cut")]
        elif key == "max_size" or value != 0:
            words += [flag, f"{value:g}" if isinstance(value, float) else str(value)]
    words += ["--tokenizer", tokenizer] if tokenizer else []
    return shlex.join([*words, "--output", output])


def gains(after: Figures, before: Figures) -> dict[str, float]:
    """How much better each figure is, worse below 0, not notably different 0."""
    return {name: goal.gain(getattr(before, name), getattr(after, name)) for name, goal in GOALS.items()}


def _dominates(one: Tried, other: Tried, *, exact: bool = False) -> bool:
    """`one` is better in some figure and worse in none."""
    if exact:
        differences = [
            (getattr(one.figures, name) - getattr(other.figures, name)) * (1 if goal.higher_is_better else -1)
            for name, goal in GOALS.items()
        ]
    else:
        differences = list(gains(one.figures, other.figures).values())
    return bool(min(differences) >= 0 and max(differences) > 0)


def _gains(entry: Tried, current: Tried) -> tuple[int, float]:
    """By how many figures, then by how whole the sentences are."""
    found = gains(entry.figures, current.figures)
    return sum(gain > 0 for gain in found.values()), entry.figures.sentences_whole


def _trades(front: Sequence[Tried], current: Tried) -> list[Tried]:
    """The point of the front that gains most in each figure, each point once."""
    chosen: list[Tried] = []
    for name in GOALS:
        best = max(front, key=lambda entry: gains(entry.figures, current.figures)[name], default=None)
        if best and gains(best.figures, current.figures)[name] > 0 and best not in chosen:
            chosen.append(best)
    return chosen
