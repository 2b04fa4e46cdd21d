"""What is true of one step of writing; `facts` is the same for the other reports, and most sentences are theirs."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.live_reports import LiveStep
from mlxgpt.inspection.sources import Fact, Figure, Named, Place, Token, figure


def live(report: LiveStep, focus: Focus) -> Iterator[Fact]:
    """How the next token came about, whom the one before looked at in one head, and what was drawn."""
    t, pieces = len(report.passage) - 1, report.passage.pieces
    last, best = len(report.top) - 1, int(report.top[-1])
    where: Named = {"position": Place(number=t), "token": Token(text=pieces[t])}

    def at(row: int, value: Any, measure: str, *arguments: int, kind: str = "share") -> Figure:
        path = "embed" if row == 0 else f"blocks.{row - 1}.resid_post"
        return figure(value, measure, path, (0, t), *arguments, kind=kind)

    final = at(last, report.top_probability[-1], "lens_probability", best)
    yield "lens.final", {**where, "guess": Token(text=report.pieces[best]), "probability": final}
    settled = last
    while settled and report.top[settled - 1] == best:
        settled -= 1
    if settled:
        share = at(settled, report.final_probability[settled], "lens_probability", best)
        guess: Named = {"guess": Token(text=report.pieces[best]), "layer": Place(number=settled - 1)}
        yield "lens.late" if settled == last else "lens.settled", {**where, **guess, "probability": share}
    if report.drawn is not None:
        named: Named = {
            "target": Token(text=report.pieces[report.drawn]),
            "probability": at(last, report.probability, "lens_probability", report.drawn),
            "rank": at(last, report.rank, "lens_rank", report.drawn, kind="count"),
        }
        yield "live.given" if report.given else "live.drawn", {**where, **named}
    yield from _state(report) if report.kind == "state" else _looked(report, focus)


def _looked(report: LiveStep, focus: Focus) -> Iterator[Fact]:
    """Where one head, the sharpest unless given, looked or took from."""
    head = telling_head(report) if focus.head is None else focus.head
    t, path, pieces = len(report.passage) - 1, f"blocks.{report.layer}.attn.pattern", report.passage.pieces
    row = report.weights[head]
    s = int(np.abs(row).argmax())
    attention = report.kind == "attention"
    named: Named = {
        "layer": Place(number=report.layer),
        "head": Place(number=head),
        "position": Place(number=t),
        "token": Token(text=pieces[t]),
        "at": Place(number=s),
        "seen": Token(text=pieces[s]),
        "weight": figure(row[s], "value", path, (0, head, t, s), kind="share" if attention else "signed"),
    }
    yield f"{'attention' if attention else 'effective'}.{'itself' if s == t else 'most'}", named
    if attention:
        spread: Named = {
            "entropy": figure(report.spread[head], "entropy", path, (0, head, t)),
            "places": figure(np.exp(report.spread[head]), "places", path, (0, head, t)),
        }
        yield "attention.spread", {**named, **spread}


def _state(report: LiveStep) -> Iterator[Fact]:
    """Which head of the layer holds most."""
    t, head = len(report.passage) - 1, int(report.norms.argmax())
    norm = figure(report.norms[head], "state_norm", f"blocks.{report.layer}.state", (0, head), t)
    named: Named = {"layer": Place(number=report.layer), "head": Place(number=head), "norm": norm}
    yield "live.state", {**named, "token": Token(text=report.passage.pieces[t]), "position": Place(number=t)}


def telling_head(report: LiveStep) -> int:
    """The head that gives most to one token; of a state, the one that holds most."""
    if report.kind == "state":
        return int(report.norms.argmax())
    return int(np.abs(report.weights).max(axis=-1).argmax())


FACTS: dict[type, Callable[[Any, Focus], Iterator[Fact]]] = {LiveStep: live}
