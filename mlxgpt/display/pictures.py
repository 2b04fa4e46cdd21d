"""Reports of inspection as drawings: PICTURES says how each kind is drawn; the numbers stand beside the colours here too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mlxgpt.display import drawing, plots, recurrent_pictures
from mlxgpt.display.colours import ink, shade
from mlxgpt.display.drawing import FAINT, PAPER, Drawing
from mlxgpt.display.progress import size
from mlxgpt.display.words import layer_names, numbered
from mlxgpt.errors import ConfigError
from mlxgpt.inspection import reports, rwkv_reports
from mlxgpt.inspection.close_reports import SilenceReport
from mlxgpt.inspection.focus import Focus

ROLE = (255, 214, 102)  # of a head that has one


def save(report: Any, focus: Focus, path: Path, kind: str) -> None:  # Any: one of the keys of PICTURES
    """Draw a report into a file, as "svg" or "png"."""
    if type(report) not in PICTURES:
        raise ConfigError(f"There is no picture of a {type(report).__name__}.", hint="Use --json, or look at it here.")
    drawing.save(PICTURES[type(report)](report, focus), path, kind)


# ---- one for each report ---------------------------------------------------------------------------------------------


def attention(report: reports.AttentionReport, focus: Focus) -> Drawing:
    """All heads small, or one large."""
    pieces = report.passage.pieces
    layers, T = len(report.pattern), len(pieces)
    if focus.layer is not None and focus.head is not None:
        pattern = report.pattern[focus.layer, focus.head]
        role = report.roles.role(focus.layer, focus.head) or "no clear role"
        title = f"{report.passage.model}: layer {focus.layer}, head {focus.head}: {role}"
        picture = plots.titled(title, "Rows ask, columns answer; on the right the most looked at, and how much.")
        notes = [f"{row.max():.2f} {numbered(pieces)[int(row.argmax())]}" for row in pattern]
        plots.labelled(picture, plots.TOP, pattern, numbered(pieces), notes, cell=min(max(760 / T, 4), 22))
        return picture
    picture = plots.titled(
        f"{report.passage.model}: attention", "Above each map: layer.head, role; mean entropy in nats."
    )
    maps = [
        [
            (f"{layer}.{head} {role} H {report.entropy[layer, head].mean():.2f}", FAINT if not role else ROLE, pattern)
            for head, pattern in enumerate(report.pattern[layer])
            for role in [report.roles.role(layer, head)]
        ]
        for layer in (range(layers) if focus.layer is None else [focus.layer])
    ]
    plots.small_maps(picture, maps)
    return picture


def rollout(report: reports.RolloutReport, focus: Focus) -> Drawing:
    """What has reached each position after a layer, the last unless given."""
    layer = len(report.rollout) - 1 if focus.layer is None else focus.layer
    reached, rows = report.rollout[layer], numbered(report.passage.pieces)
    title = f"{report.passage.model}: attention rollout after layer {layer}"
    picture = plots.titled(title, "On the right the largest share from another token.")
    others = reached - np.diag(np.diag(reached))
    notes = [f"{row.max():.2f} {rows[int(row.argmax())]}" for row in others]
    plots.labelled(
        picture, plots.TOP, reached, rows, notes, cell=min(max(760 / len(rows), 4), 22), high=float(reached.max())
    )
    return picture


def roles(report: reports.RoleReport, focus: Focus) -> Drawing:
    """The scores of every head."""
    names = list(report.scores)
    table = np.stack([report.scores[name] for name in names], axis=-1)
    layers, heads = table.shape[:2]
    places = [(layer, head) for layer in range(layers) for head in range(heads)]
    picture = plots.titled(
        "Roles of heads on repeated random tokens", f"Named from {report.threshold:.2f} on.  " + ", ".join(names)
    )
    rows = [f"{layer}.{head}" for layer, head in places]
    values = table.reshape(-1, len(names))
    notes = [report.role(*place) or "–" for place in places]
    plots.labelled(
        picture, plots.TOP, values, rows, notes, cell=30, numbers=".2f", columns=[name[:4] for name in names]
    )
    return picture


def induction(report: reports.InductionReport, focus: Focus) -> Drawing:
    """The scores of every head."""
    return roles(report.roles, focus)


def lens(report: reports.LensReport, focus: Focus) -> Drawing:
    """The best guess after each layer at every position, a row a layer."""
    rows, T = report.top.shape[:2]
    picture = plots.titled(
        f"{report.passage.model}: {report.kind} lens",
        "The best guess after each layer, in percent.",
    )
    width, height, per_line = 92, 24, 12
    shown = range(T) if focus.position is None else [focus.position]
    for number, t in enumerate(shown):
        line, column = divmod(number, per_line)
        x, y = plots.LEFT + 84 + column * width, plots.TOP + line * (rows + 3) * height
        if column == 0:
            for row, name in enumerate([*layer_names(rows), "then"]):
                picture.words(plots.LEFT, y + (row + 1.5) * height, name, 11, FAINT)
        picture.words(x, y + height / 2, numbered(report.passage.pieces)[t][:12], 11)
        for row in range(rows):
            probability = float(report.top_probability[row, t, 0])
            colour, token = shade(probability), report.pieces[int(report.top[row, t, 0])]
            top = y + (row + 1) * height
            picture.box(x, top, width - 2, height - 2, colour)
            picture.words(x + 3, top + height / 2, token[:9], 11, ink(colour))
            picture.words(x + width - 5, top + height / 2, f"{probability * 100:.0f}", 10, ink(colour), "end")
        picture.words(x + 3, y + (rows + 1.5) * height, report.pieces[int(report.target[t])][:11], 11)
    return picture


def tokens(report: reports.TokensReport, focus: Focus) -> Drawing:
    """The text, each token coloured by its surprisal, with the number under it."""
    title = f"{report.passage.model}: {report.loss:.3f} nats a token, perplexity {np.exp(report.loss):.1f}"
    picture = plots.titled(title, "Under each token its surprisal in nats.")
    x, y, high = float(plots.LEFT), float(plots.TOP), min(max(float(np.nanmax(report.surprisal)), 1e-9), 10.0)
    for piece, value in zip(report.passage.pieces, report.surprisal.tolist(), strict=True):
        width = max(len(piece), 4) * 8.6 + 6
        if x + width > 860:
            x, y = float(plots.LEFT), y + 46
        colour = shade(value / high) if value == value else PAPER
        picture.box(x, y, width - 2, 24, colour)
        picture.words(x + 4, y + 12, piece, 14, ink(colour))
        picture.words(x + 4, y + 33, "–" if value != value else f"{value:.2f}", 10, FAINT)
        x += width
    plots.legend(picture, plots.LEFT, y + 52, 0.0, high)
    return picture


def attribution(report: reports.AttributionReport, focus: Focus) -> Drawing:
    """All parts, the loudest first."""
    rather = "" if report.against is None else f" rather than “{report.pieces[report.against]}”"
    title = f"What speaks for “{report.pieces[report.token]}”{rather} after “{report.passage.pieces[report.position]}”"
    measured = f"the logit{_difference(report)} is {report.logit:.4f}"
    picture = plots.titled(title, f"The parts add up to {report.shares.sum():.4f}; {measured}.")
    order = np.argsort(-np.abs(report.shares))
    values = [float(report.shares[i]) for i in order]
    plots.bars(picture, plots.TOP, [report.parts[i].name for i in order], values, [f"{value:+.3f}" for value in values])
    return picture


def _difference(report: reports.AttributionReport | reports.PatchReport) -> str:
    other = "" if report.against is None else f" minus that of “{report.pieces[report.against]}”"
    return f" of “{report.pieces[report.token]}”{other}"


def patch(report: reports.PatchReport, focus: Focus) -> Drawing:
    """Layers by heads or positions."""
    delta = report.delta
    most = max(float(np.abs(delta).max()), 1e-9)
    title = f"Δ logit{_difference(report)} at position {report.position}: {report.point}, {report.kind}"
    note = f"unchanged {report.corrupted:.3f}" + ("" if report.corrupt is None else f", clean {report.clean:.3f}")
    picture = plots.titled(title, note)
    rows = [f"layer {layer}" for layer in range(len(delta))]
    notes = [f"{row[int(np.abs(row).argmax())]:+.2f} at {int(np.abs(row).argmax())}" for row in delta]
    cell = min(max(760 / delta.shape[1], 8), 46)
    plots.labelled(
        picture, plots.TOP, delta, rows, notes, low=-most, high=most, cell=cell, numbers="+.1f" if cell > 24 else ""
    )
    if report.columns == "positions":
        picture.words(
            plots.LEFT,
            picture.height,
            " ".join(f"{i}:{p.strip()}" for i, p in enumerate(report.passage.pieces)),
            11,
            FAINT,
        )
    return picture


def silence(report: SilenceReport, focus: Focus) -> Drawing:
    """How far each of the likeliest tokens moved."""
    picture = plots.titled(
        f"{report.passage.model}: without {report.names}", f"After position {report.position}; before → after."
    )
    texts = [f"{old:.1%} → {new:.1%}" for old, new in zip(report.before, report.after, strict=True)]
    labels = [report.pieces[int(token)] for token in report.tokens]
    plots.bars(picture, plots.TOP, labels, report.delta.tolist(), texts)
    return picture


def tensors(report: reports.TensorsReport, focus: Focus) -> Drawing:
    """A histogram for each tensor."""
    picture = plots.titled(
        f"{report.model}: {report.kind}", "Square roots of histogram counts; mean ± σ, least … most."
    )
    chosen = [t for t in report.tensors if focus.layer is None or t.name.startswith(f"blocks.{focus.layer}.")]
    for number, tensor in enumerate(chosen):
        row, column = divmod(number, 4)
        x, y = plots.LEFT + column * 268, plots.TOP + row * 104
        picture.words(x, y + 8, tensor.name, 10)
        highest = float(tensor.counts.max()) ** 0.5 or 1.0
        for i, count in enumerate(tensor.counts.tolist()):
            height = count**0.5 / highest * 52
            picture.box(x + i * 10, y + 70 - height, 9, height, shade(0.55))
        text = f"{tensor.mean:.2g} ± {tensor.sd:.2g}, {tensor.least:.2g} … {tensor.most:.2g}"
        bad = f"  {tensor.nans} NaN {tensor.infinities} Inf" if tensor.nans or tensor.infinities else ""
        picture.words(x, y + 80, text + bad, 9, FAINT)
    return picture


def memory(report: reports.MemoryReport, focus: Focus) -> Drawing:
    """Measured bytes as bars, those reckoned beside them."""
    picture = plots.titled(
        f"{report.model}: memory for {report.tokens} tokens in {report.dtype}", "measured (reckoned)"
    )
    names = list(report.measured)
    texts = [f"{size(report.measured[name])} ({size(report.predicted[name])})" for name in names]
    end = plots.bars(picture, plots.TOP, names, [report.measured[name] for name in names], texts)
    picture.words(plots.LEFT, end + 14, "the weights by part", 11, FAINT)
    parts = report.by_part
    plots.bars(picture, end + 26, list(parts), list(parts.values()), [size(n) for n in parts.values()])
    return picture


def embeddings(report: reports.EmbeddingsReport, focus: Focus) -> Drawing:
    """The plane of most variance, and the similarities."""
    first, second = report.explained
    picture = plots.titled(f"{report.model}: embeddings", f"Variance: {first:.0%} across, {second:.0%} up.")
    side = 420
    picture.box(plots.LEFT, plots.TOP, side, side, (22, 26, 46))
    low, high = report.plane.min(axis=0), report.plane.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    for word, point in zip(report.words, report.plane, strict=True):
        across, up = (point - low) / span
        x, y = plots.LEFT + 20 + float(across) * (side - 110), plots.TOP + side - 20 - float(up) * (side - 40)
        picture.box(x - 3, y - 3, 6, 6, (255, 214, 102))
        picture.words(x + 8, y, word, 12)
    others = report.similarity - 2 * np.eye(len(report.words))
    notes = [f"nearest {row.max():.2f} {report.words[int(row.argmax())]}" if len(row) > 1 else "" for row in others]
    plots.labelled(
        picture,
        plots.TOP + side + 10,
        report.similarity,
        numbered(report.words),
        notes,
        low=-1.0,
        cell=34,
        numbers=".2f",
    )
    return picture


PICTURES: dict[type, Callable[[Any, Focus], Drawing]] = {
    reports.AttentionReport: attention,
    reports.RolloutReport: rollout,
    reports.RoleReport: roles,
    reports.InductionReport: induction,
    rwkv_reports.EffectiveAttentionReport: recurrent_pictures.attention,
    rwkv_reports.StateReport: recurrent_pictures.state,
    rwkv_reports.DecayReport: recurrent_pictures.decay,
    rwkv_reports.ShiftReport: recurrent_pictures.shift,
    reports.LensReport: lens,
    reports.TokensReport: tokens,
    reports.AttributionReport: attribution,
    reports.PatchReport: patch,
    SilenceReport: silence,
    reports.TensorsReport: tensors,
    reports.MemoryReport: memory,
    reports.EmbeddingsReport: embeddings,
}
