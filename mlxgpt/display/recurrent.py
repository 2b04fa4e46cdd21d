"""Recurrent models on a terminal: who takes what of whom, how full states are, how fast they fade, the token shift."""

import numpy as np
from rich.columns import Columns

from mlxgpt.display.bars import Bars
from mlxgpt.display.heatmap import Heatmap, MiniMap, Numbers
from mlxgpt.display.progress import size
from mlxgpt.display.words import Drawn, line, numbered, shown
from mlxgpt.inspection.explain import KINDS
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.rwkv_reports import DecayReport, EffectiveAttentionReport, ShiftReport, StateReport

tokens = KINDS["tokens"]  # a half-life as a number to read
LONGEST = 4096.0  # tokens; what is remembered longer has the same colour


def attention(report: EffectiveAttentionReport, focus: Focus) -> Drawn:
    """All heads small, those of one layer, or one head large."""
    pieces = report.passage.pieces
    yield line(
        "There is no attention here.  The weights are what each token takes of the value of each up to itself; they may "
        "be negative and do not add up to one."
    )
    if focus.layer is not None and focus.head is not None:
        pattern = report.pattern[focus.layer, focus.head]
        most, best = largest(pattern), np.abs(pattern).argmax(axis=-1)
        notes = [f"{pattern[t, s]:+.2f} of {s} {shown(pieces[s])}" for t, s in enumerate(best)]
        yield Heatmap(values=pattern, rows=numbered(pieces), notes=notes, low=-most, high=most, header=True)
        yield line(f"layer {focus.layer}, head {focus.head}: {taken(report, focus.layer, focus.head)}")
        return
    yield line(f"{len(pieces)} tokens: {' '.join(map(shown, pieces))}")
    yield line(
        "Rows take, columns give.  Under each head: the share that tokens take of themselves, and how many tokens back "
        "the rest comes from."
    )
    layers, heads = report.own.shape
    for layer in range(layers) if focus.layer is None else [focus.layer]:
        maps = [
            MiniMap(
                values=pattern / largest(pattern),
                caption=f"{layer}.{head} ±{largest(pattern):.2g}",
                note=f"{report.own[layer, head]:.0%} ←{report.reach[layer, head]:.1f}",
                low=-1.0,
            )
            for head in (range(heads) if focus.head is None else [focus.head])
            for pattern in [report.pattern[layer, head]]
        ]
        yield Columns(maps, padding=(0, 2), equal=True)


def largest(pattern: Numbers) -> float:
    """The largest weight of a map by size; never zero."""
    return max(float(np.abs(pattern).max()), 1e-9)


def taken(report: EffectiveAttentionReport, layer: int, head: int) -> str:
    """What tokens take of themselves, and from where they take the rest."""
    return (
        f"{report.own[layer, head]:.0%} of the token itself, by size; the rest from "
        f"{report.reach[layer, head]:.1f} tokens back on average"
    )


def state(report: StateReport, focus: Focus) -> Drawn:
    """All heads after each token, all heads after one, or one head after each."""
    pieces = report.passage.pieces
    if focus.layer is not None and focus.head is not None and focus.position is None:
        norm, rank = report.norm[focus.layer, focus.head], report.rank[focus.layer, focus.head]
        yield line(f"The state of head {focus.head} in layer {focus.layer} after each token: norm, and effective rank:")
        texts = [full(a, b, report.head_size) for a, b in zip(norm, rank, strict=True)]
        yield Bars(labels=numbered(pieces), values=norm.tolist(), texts=texts)
        return
    places = chosen(report.norm, focus)
    rows = [f"{layer}.{head}" for layer, head in places]
    norms, ranks = (np.stack([table[place] for place in places]) for table in (report.norm, report.rank))  # (R, T)
    if focus.position is not None:
        t = focus.position
        yield line(f"The states after position {t} {shown(pieces[t])}: norm, and effective rank:")
        texts = [full(a, b, report.head_size) for a, b in zip(norms[:, t], ranks[:, t], strict=True)]
        yield Bars(labels=rows, values=norms[:, t].tolist(), texts=texts)
        return
    yield line(f"{len(pieces)} tokens: {' '.join(map(shown, pieces))}")
    for what, table, high in (("Norm", norms, float(norms.max())), ("Effective rank", ranks, float(report.head_size))):
        yield line(f"{what} of the state of each head (layer.head) after each token; on the right the last:")
        notes = [f"{row[-1]:.2f}" for row in table]
        yield Heatmap(values=table, rows=rows, notes=notes, high=max(high, 1e-9), header=True)
    yield line(f"All states together take {size(report.nbytes)}, after the first token as after the last.")


def full(norm: float, rank: float, head_size: int) -> str:
    """A state in two numbers."""
    return f"{norm:.2f}  rank {rank:.1f} of {head_size}"


def chosen(table: Numbers, focus: Focus) -> list[tuple[int, int]]:
    """The heads (layer, head) of a table (L, H, …) that are asked about; all unless some are."""
    layers, heads = table.shape[:2]
    return [(layer, head) for layer in range(layers) for head in range(heads)
            if focus.layer in (None, layer) and focus.head in (None, head)]  # fmt: skip


def decay(report: DecayReport, focus: Focus) -> Drawn:
    """The half-lives of all heads, or of the channels of one."""
    if focus.layer is not None and focus.head is not None:
        usual, shortest, longest = (
            table[focus.layer, focus.head] for table in (report.usual, report.shortest, report.longest)
        )
        order = np.argsort(-usual)
        yield line(
            f"Half-lives of the channels of head {focus.head} in layer {focus.layer}, in tokens: the median over the text "
            "(least … most); the bars are logarithms:"
        )
        yield Bars(
            labels=[f"channel {i}" for i in order],
            values=logarithm(usual[order]).tolist(),
            texts=[f"{tokens(usual[i])} ({tokens(shortest[i])} … {tokens(longest[i])})" for i in order],
        )
        return
    places = chosen(report.usual, focus)
    table = -np.sort(-np.stack([report.usual[place] for place in places]), axis=-1)  # (R, N)
    notes = [f"{tokens(float(np.median(row)))} ({tokens(row[-1])} … {tokens(row[0])})" for row in table]
    yield line(
        "After how many tokens half is forgotten: a row a head (layer.head), a column a channel, the longest memory first; "
        "on the right the median (least … most), in tokens:"
    )
    values = logarithm(table)
    yield Heatmap(values=values, rows=[f"{a}.{b}" for a, b in places], notes=notes, high=max(float(values.max()), 1.0))
    yield line("Colours are logarithms, log₂(1 + tokens).  Each channel counts with its median over the text.")


def logarithm(lives: Numbers) -> Numbers:
    """Half-lives, from one token to thousands, on a scale where all can be seen."""
    return np.asarray(np.log2(1 + np.minimum(lives, LONGEST)), dtype=np.float32)


def shift(report: ShiftReport, focus: Focus) -> Drawn:
    """The mean share of each part in all layers, or one layer with the spread over its channels."""
    means = report.share.mean(axis=-1)  # (L, P)
    yield line("How much of the token before each part sees: 0 its own token only, 1 the one before only.")
    if focus.layer is not None:
        low, high = np.quantile(report.share[focus.layer], (0.25, 0.75), axis=-1)
        texts = [f"{mean:.2f}  ({a:.2f} … {b:.2f})" for mean, a, b in zip(means[focus.layer], low, high, strict=True)]
        yield line(f"Layer {focus.layer}, the mean over channels (half of them lie between):")
        yield Bars(labels=report.parts, values=means[focus.layer].tolist(), texts=texts)
        return
    yield line("Columns, the mean over channels: " + ", ".join(f"{i} {part}" for i, part in enumerate(report.parts)))
    notes = [" ".join(f"{value:.2f}" for value in row) for row in means]
    yield Heatmap(values=means, rows=[f"layer {layer}" for layer in range(len(means))], notes=notes, header=True)
