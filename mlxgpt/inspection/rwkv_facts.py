"""What is true of the reports about recurrent models; `facts` is the same for the others.

Where no place is given, the head is named that reaches farthest, holds most or remembers longest.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mlxgpt.inspection import rwkv_reports as reports
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.reports import Numbers
from mlxgpt.inspection.sources import Fact, Named, Place, Token, Word, figure


def attention(report: reports.EffectiveAttentionReport, focus: Focus) -> Iterator[Fact]:
    """Whose value a token takes most of in one head, and from how far that head takes."""
    layer, head = _highest(report.reach, focus)
    t = len(report.passage) - 1 if focus.position is None else focus.position
    row, pieces, path = report.pattern[layer, head, t], report.passage.pieces, f"blocks.{layer}.attn.pattern"
    s = int(np.abs(row).argmax())
    named: Named = {
        **_place(layer, head),
        "position": Place(number=t),
        "token": Token(text=pieces[t]),
        "at": Place(number=s),
        "seen": Token(text=pieces[s]),
        "weight": figure(row[s], "value", path, (0, head, t, s), kind="signed"),
    }
    yield ("effective.itself" if s == t else "effective.most"), named
    own = figure(report.own[layer, head], "own", path, (0, head), kind="share")
    back = figure(report.reach[layer, head], "reach", path, (0, head))
    yield "effective.reach", {**_place(layer, head), "own": own, "reach": back}


def state(report: reports.StateReport, focus: Focus) -> Iterator[Fact]:
    """How full one state is after a token, and what all of them take."""
    t = len(report.passage) - 1 if focus.position is None else focus.position
    layer, head = _highest(report.norm[..., t], focus)
    path = f"blocks.{layer}.state"
    yield (
        "state.full",
        {
            **_place(layer, head),
            "position": Place(number=t),
            "token": Token(text=report.passage.pieces[t]),
            "norm": figure(report.norm[layer, head, t], "state_norm", path, (0, head), t),
            "rank": figure(report.rank[layer, head, t], "state_rank", path, (0, head), t),
            "most": figure(report.head_size, "config", "head_width", kind="count"),
        },
    )
    yield "state.bytes", {"state": figure(report.nbytes, "bytes", "state", kind="bytes")}


def decay(report: reports.DecayReport, focus: Focus) -> Iterator[Fact]:
    """How long one head remembers, in its middle channel and at both ends."""
    layer, head = _highest(np.median(report.usual, axis=-1), focus)
    lives, path = report.usual[layer, head], f"blocks.{layer}.attn.w"
    yield (
        "decay.head",
        {
            **_place(layer, head),
            "usual": figure(np.median(lives), "half_life", path, (0, head), kind="tokens"),
            "longest": figure(lives.max(), "longest_half_life", path, (0, head), kind="tokens"),
            "shortest": figure(lives.min(), "shortest_half_life", path, (0, head), kind="tokens"),
        },
    )


def shift(report: reports.ShiftReport, focus: Focus) -> Iterator[Fact]:
    """Which part of a layer, the first unless given, sees most of the token before, and which least."""
    layer = focus.layer or 0
    means = report.share[layer].mean(axis=-1)  # (P,)
    named: Named = {"layer": Place(number=layer)}
    for name, part in (("most", int(means.argmax())), ("least", int(means.argmin()))):
        path = report.paths[part]
        index = (part, 0) if path == "attn.mix" else ()
        named[f"{name}_part"] = Word(key=report.parts[part])
        named[name] = figure(means[part], "mean", f"blocks.{layer}.{path}", index)
    yield "shift.parts", named


def _place(layer: int, head: int) -> Named:
    return {"layer": Place(number=layer), "head": Place(number=head)}


def _highest(table: Numbers, focus: Focus) -> tuple[int, int]:
    """The head with the highest number of a table (L, H) among those asked about."""
    asked = np.full(table.shape, -np.inf)
    place = (slice(None) if focus.layer is None else focus.layer, slice(None) if focus.head is None else focus.head)
    asked[place] = table[place]
    layer, head = np.unravel_index(asked.argmax(), table.shape)
    return int(layer), int(head)


FACTS: dict[type, Callable[[Any, Focus], Iterator[Fact]]] = {
    reports.EffectiveAttentionReport: attention,
    reports.StateReport: state,
    reports.DecayReport: decay,
    reports.ShiftReport: shift,
}
