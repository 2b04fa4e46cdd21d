"""Attention on a terminal: maps of all heads or one, what heads do, and how attention adds up."""

import numpy as np
from rich.columns import Columns

from mlxgpt.display.bars import Bars
from mlxgpt.display.heatmap import Heatmap, MiniMap, Scale
from mlxgpt.display.words import Drawn, line, numbered, shown
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.reports import AttentionReport, InductionReport, RoleReport, RolloutReport


def attention(report: AttentionReport, focus: Focus) -> Drawn:
    """All heads small, those of one layer, or one head large."""
    pieces = report.passage.pieces
    layers, heads = report.pattern.shape[:2]
    if focus.layer is not None and focus.head is not None:
        yield from _one_head(report, focus.layer, focus.head)
        return
    yield line(f"{len(pieces)} tokens: {' '.join(map(shown, pieces))}")
    yield line(
        "Rows ask, columns answer; brighter is more.  Under each head: its role, if it has one, and its mean entropy."
    )
    yield Scale(size=len(pieces))
    for layer in range(layers) if focus.layer is None else [focus.layer]:
        maps = [
            MiniMap(
                values=report.pattern[layer, head],
                caption=f"{layer}.{head} {report.roles.role(layer, head)}".strip(),
                note=f"H {report.entropy[layer, head].mean():.2f}",
            )
            for head in (range(heads) if focus.head is None else [focus.head])
        ]
        yield Columns(maps, padding=(0, 2), equal=True)


def _one_head(report: AttentionReport, layer: int, head: int) -> Drawn:
    pieces, pattern = report.passage.pieces, report.pattern[layer, head]
    best = pattern.argmax(axis=-1)
    notes = [f"{pattern[t, s]:.2f} to {s} {shown(pieces[s])}" for t, s in enumerate(best)]
    yield Heatmap(values=pattern, rows=numbered(pieces), notes=notes, header=True)
    role = report.roles.role(layer, head) or "no clear role"
    yield line(f"layer {layer}, head {head}: {role}; mean entropy {report.entropy[layer, head].mean():.2f} nats")
    yield from _role_bars(report.roles, layer, head)


def _role_bars(roles: RoleReport, layer: int, head: int) -> Drawn:
    names = list(roles.scores)
    values = [float(roles.scores[name][layer, head]) for name in names]
    yield line(f"Roles on repeated random tokens; one is named from {roles.threshold:.2f} on (chance in brackets):")
    texts = [f"{value:.2f} ({roles.chance[name]:.2f})" for name, value in zip(names, values, strict=True)]
    yield Bars(labels=names, values=values, texts=texts)


def rollout(report: RolloutReport, focus: Focus) -> Drawn:
    """How much of each token has reached each position, after a layer (the last unless given)."""
    layer = len(report.rollout) - 1 if focus.layer is None else focus.layer
    reached, pieces = report.rollout[layer], report.passage.pieces
    others = reached - np.diag(np.diag(reached))
    notes = [f"{reached[t, s]:.2f} from {s} {shown(pieces[s])}" for t, s in enumerate(others.argmax(axis=-1))]
    yield Heatmap(values=reached, rows=numbered(pieces), notes=notes, header=True, high=float(reached.max()))
    yield line(f"Attention rollout after layer {layer}; the number is the largest share from another token.")


def roles(report: RoleReport, focus: Focus) -> Drawn:
    """The scores of every head, and the role of those that have one."""
    names = list(report.scores)
    table = np.stack([report.scores[name] for name in names], axis=-1)  # (L, H, roles)
    layers, heads = table.shape[:2]
    wanted = [(layer, head) for layer in range(layers) for head in range(heads)
              if focus.layer in (None, layer) and focus.head in (None, head)]  # fmt: skip
    notes = [
        "  ".join(f"{value:.2f}" for value in table[place]) + f"  {report.role(*place) or '–'}" for place in wanted
    ]
    yield line("Columns: " + ", ".join(f"{i} {name}" for i, name in enumerate(names)))
    yield Heatmap(
        values=np.stack([table[place] for place in wanted]),
        rows=[f"{a}.{b}" for a, b in wanted],
        notes=notes,
        header=True,
    )
    yield line("By chance: " + ", ".join(f"{name} {report.chance[name]:.2f}" for name in names)
                + f".  A role is named from {report.threshold:.2f} on, if it beats the others.")  # fmt: skip


def induction(report: InductionReport, focus: Focus) -> Drawn:
    """The roles, and how well repeated random tokens are predicted without each head."""
    yield from roles(report.roles, focus)
    yield line(
        f"Repeated random tokens are predicted right in {report.accuracy:.1%} of places (the first time: "
        f"{report.first_accuracy:.1%}).  Without single heads:"
    )
    yield Heatmap(
        values=report.without, rows=[f"layer {layer}" for layer in range(len(report.without))],
        notes=[f"{row.min():.1%} without head {int(row.argmin())}" for row in report.without], header=True,
    )  # fmt: skip
