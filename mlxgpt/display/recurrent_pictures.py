"""Reports about recurrent models as drawings; the terminal's are in `recurrent`."""

import numpy as np

from mlxgpt.display import plots
from mlxgpt.display.drawing import FAINT, Drawing
from mlxgpt.display.progress import size
from mlxgpt.display.recurrent import chosen, full, largest, logarithm, taken, tokens
from mlxgpt.display.words import numbered
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.rwkv_reports import DecayReport, EffectiveAttentionReport, ShiftReport, StateReport


def attention(report: EffectiveAttentionReport, focus: Focus) -> Drawing:
    """All heads small, or one large."""
    rows, layers = numbered(report.passage.pieces), len(report.pattern)
    if focus.layer is not None and focus.head is not None:
        pattern = report.pattern[focus.layer, focus.head]
        title = f"{report.passage.model}: what tokens take of whom in layer {focus.layer}, head {focus.head}"
        picture = plots.titled(title, f"{taken(report, focus.layer, focus.head)}.  On the right the largest weight.")
        best, most = np.abs(pattern).argmax(axis=-1), largest(pattern)
        notes = [f"{pattern[t, s]:+.2f} {rows[s]}" for t, s in enumerate(best)]
        cell = min(max(760 / len(rows), 4), 22)
        plots.labelled(picture, plots.TOP, pattern, rows, notes, low=-most, high=most, cell=cell)
        return picture
    picture = plots.titled(
        f"{report.passage.model}: what each token takes of the value of each (no attention: weights may be negative)",
        "Above each map: layer.head, ± the largest weight, the share of the token itself, tokens back of the rest.",
    )
    wanted = range(layers) if focus.layer is None else [focus.layer]
    places = [[place for place in chosen(report.own, focus) if place[0] == layer] for layer in wanted]
    maps = [
        [
            (
                f"{layer}.{head} ±{largest(pattern):.2g} {report.own[layer, head]:.0%} ←{report.reach[layer, head]:.1f}",
                FAINT,
                pattern / largest(pattern),
            )
            for layer, head in row
            for pattern in [report.pattern[layer, head]]
        ]
        for row in places
    ]
    plots.small_maps(picture, maps, low=-1.0)
    return picture


def state(report: StateReport, focus: Focus) -> Drawing:
    """Norm and effective rank of each head after each token; of one head as bars."""
    pieces, places = numbered(report.passage.pieces), chosen(report.norm, focus)
    note = f"All states together take {size(report.nbytes)}, after the first token as after the last."
    norms, ranks = (np.stack([table[place] for place in places]) for table in (report.norm, report.rank))  # (R, T)
    rows, t = [f"{a}.{b}" for a, b in places], focus.position
    if len(places) == 1 or t is not None:
        what = f"the state of head {rows[0]} after each token" if t is None else f"the states after {pieces[t]}"
        picture = plots.titled(f"{report.passage.model}: {what}", note)
        norm, rank = (norms[0], ranks[0]) if t is None else (norms[:, t], ranks[:, t])
        texts = [full(a, b, report.head_size) for a, b in zip(norm, rank, strict=True)]
        plots.bars(picture, plots.TOP, pieces if t is None else rows, norm.tolist(), texts)
        return picture
    picture = plots.titled(f"{report.passage.model}: the state while it reads {len(pieces)} tokens", note)
    y = float(plots.TOP)
    for what, table, high in (("norm", norms, float(norms.max())), ("effective rank", ranks, float(report.head_size))):
        picture.words(
            plots.LEFT, y + 8, f"{what} after each token, a row a head (layer.head); on the right the last", 11
        )
        notes = [f"{row[-1]:.2f}" for row in table]
        plots.labelled(
            picture, y + 18, table, rows, notes, high=max(high, 1e-9), cell=min(max(760 / len(pieces), 4), 18)
        )
        y = picture.height + 8
    return picture


def decay(report: DecayReport, focus: Focus) -> Drawing:
    """Half-lives: a row a head, a column a channel, the longest memory first."""
    places = chosen(report.usual, focus)
    table = -np.sort(-np.stack([report.usual[place] for place in places]), axis=-1)
    notes = [f"{tokens(float(np.median(row)))} ({tokens(row[-1])} … {tokens(row[0])})" for row in table]
    picture = plots.titled(
        f"{report.passage.model}: after how many tokens half is forgotten, by channel",
        "Colours: log₂(1 + tokens).  On the right the median (least … most), in tokens.",
    )
    values = logarithm(table)
    rows = [f"{a}.{b}" for a, b in places]
    plots.labelled(picture, plots.TOP, values, rows, notes, high=max(float(values.max()), 1.0), cell=16)
    return picture


def shift(report: ShiftReport, focus: Focus) -> Drawing:
    """The mean share of each part in each layer."""
    means = report.share.mean(axis=-1)  # (L, P)
    picture = plots.titled(
        f"{report.passage.model}: how much of the token before each part sees",
        "0 its own token only, 1 the one before only; the mean over channels.  " + ", ".join(report.parts),
    )
    wanted = range(len(means)) if focus.layer is None else [focus.layer]
    columns = [part[:4] for part in report.parts]
    rows, notes = [f"layer {layer}" for layer in wanted], [""] * len(wanted)
    plots.labelled(picture, plots.TOP, means[list(wanted)], rows, notes, cell=34, numbers=".2f", columns=columns)
    return picture
