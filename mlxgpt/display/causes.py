"""Causes on a terminal: what speaks for a token, and what a logit becomes when something is changed."""

import numpy as np

from mlxgpt.display.bars import Bars
from mlxgpt.display.heatmap import Heatmap
from mlxgpt.display.words import Drawn, line, shown
from mlxgpt.inspection.close_reports import SilenceReport
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.reports import AttributionReport, PatchReport

MOST_BARS = 16


def attribution(report: AttributionReport, focus: Focus) -> Drawn:
    """The parts that speak loudest, the sum of the others, and the logit."""
    order = np.argsort(-np.abs(report.shares))
    shown_parts, rest = order[:MOST_BARS], order[MOST_BARS:]
    labels = [report.parts[i].name for i in shown_parts]
    values = [float(report.shares[i]) for i in shown_parts]
    if len(rest):
        labels.append(f"{len(rest)} others")
        values.append(float(report.shares[rest].sum()))
    yield line(f"What speaks for {_asked(report)} after position {report.position} "
                f"{shown(report.passage.pieces[report.position])}:")  # fmt: skip
    yield Bars(labels=labels, values=values, texts=[f"{value:+.2f}" for value in values])
    before = " before the cap" if report.capped else ""
    measured = "the logit" if report.against is None else f"the difference of the logits of {_asked(report, ' and ')}"
    yield line(f"The parts add up to {report.shares.sum():.4f}; {measured}{before} is {report.logit:.4f}.")


def patch(report: PatchReport, focus: Focus) -> Drawn:
    """How far each change moved the logit."""
    delta, what = report.delta, report.columns.removesuffix("s")
    most = max(float(np.abs(delta).max()), 1e-9)
    strongest = np.abs(delta).argmax(axis=-1)
    columns = report.passage.pieces if report.columns == "positions" else None
    notes = [
        f"{row[i]:+.2f} {what} {i}" + (f" {shown(columns[i])}" if columns else "")
        for row, i in zip(delta, strongest, strict=True)
    ]
    done = {"zero": "set to zero", "mean": "set to its mean", "patch": "taken from the clean text"}[report.kind]
    measured = "Δ of the " + ("logit of " if report.against is None else "difference of the logits of ")
    yield line(
        f"{measured}{_asked(report, ' and ')} at position {report.position} when {report.point} of one {what} is {done}:"
    )
    yield Heatmap(
        values=delta,
        rows=[f"layer {layer}" for layer in range(len(delta))],
        notes=notes,
        low=-most,
        high=most,
        header=True,
    )
    if columns:
        yield line(" ".join(f"{i}:{shown(piece)}" for i, piece in enumerate(columns)))
    if report.corrupt is None:
        yield line(f"Unchanged it is {report.clean:.4f}.")
    else:
        yield line(
            f"Clean {report.clean:.4f}, corrupt {report.corrupted:.4f}: the largest change recovers "
            f"{np.nanmax(report.recovered):.0%} of the gap." if report.clean != report.corrupted
            else f"Both texts give {report.clean:.4f}: there is nothing to recover."
        )  # fmt: skip


def silence(report: SilenceReport, focus: Focus) -> Drawn:
    """The likeliest tokens before and after, the most changed first."""
    done = {"zero": "silenced", "mean": "at their mean"}[report.kind]
    after = shown(report.passage.pieces[report.position])
    yield line(
        f"What comes after position {report.position} {after} with {report.names or 'no head'} {done}, and the change:"
    )
    texts = [f"{old:.1%} → {new:.1%}  {new - old:+.1%}" for old, new in zip(report.before, report.after, strict=True)]
    labels = [shown(report.pieces[int(token)]) for token in report.tokens]
    yield Bars(labels=labels, values=report.delta.tolist(), texts=texts)
    old, new = report.surprisal[1:].mean(), report.surprisal_after[1:].mean()
    yield line(f"KL {report.divergence:.3f} nats here; mean surprisal of the text {old:.3f} → {new:.3f} nats.")


def _asked(report: AttributionReport | PatchReport, between: str = " rather than ") -> str:
    rather = "" if report.against is None else f"{between}{shown(report.pieces[report.against])}"
    return f"{shown(report.pieces[report.token])}{rather}"
