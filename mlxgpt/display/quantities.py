"""Tensors, memory, embeddings and training signals on a terminal."""

import numpy as np

from mlxgpt.display.bars import Bars, spark
from mlxgpt.display.heatmap import Heatmap
from mlxgpt.display.labels import fitted
from mlxgpt.display.plane import Plane
from mlxgpt.display.progress import size
from mlxgpt.display.table import Ledger
from mlxgpt.display.words import Drawn, hanging, layer_names, line, numbered, shown
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.reports import (
    AnalogyReport,
    EmbeddingsReport,
    MemoryReport,
    Spike,
    TensorsReport,
    TrainingReport,
)
from mlxgpt.text import visible


def tensors(report: TensorsReport, focus: Focus) -> Drawn:
    """A line for each tensor; for activations, how the residual stream grows."""
    chosen = [t for t in report.tensors if focus.layer is None or t.name.startswith(f"blocks.{focus.layer}.")]
    bad = [f"{t.nans} NaN, {t.infinities} Inf" if t.nans or t.infinities else "–" for t in chosen]
    rows = [
        [t.name, "×".join(map(str, t.shape)), t.dtype,
         *(f"{value:.3g}" for value in (t.mean, t.sd, t.least, t.most, t.norm)), wrong, spark(t.counts.tolist())]
        for t, wrong in zip(chosen, bad, strict=True)
    ]  # fmt: skip
    header = ["", "shape", "type", "mean", "σ", "min", "max", "norm", "not finite", "√histogram"]
    fine = all(wrong == "–" for wrong in bad)
    yield Ledger(
        header=header,
        rows=rows,
        expendable=[*(["not finite"] if fine else []), "type", "mean", "min", "max", "σ", "shape"],
    )
    if fine:
        yield line("All values are finite.")
    if report.kind == "gradients":
        yield line(f"Gradients of the mean surprisal of the text, {report.loss:.4f} nats.")
    if len(report.stream_norms):
        means = report.stream_norms.mean(axis=-1)
        yield line("Length of the residual stream, the mean over positions:")
        yield Bars(labels=layer_names(len(means)), values=means.tolist(), texts=[f"{value:.2f}" for value in means])


def memory(report: MemoryReport, focus: Focus) -> Drawn:
    """Reckoned beside measured."""
    state = report.predicted.get("state")
    each = f"the KV cache takes {size(report.cache_bytes_per_token)} a token."
    kept = each if state is None else f"the state takes {size(state)}, however many there are."
    yield line(f"{report.tokens} tokens in {report.dtype}; {kept}")
    names = list(report.predicted)
    texts = [f"{size(report.predicted[name])} reckoned, {size(report.measured[name])} measured" for name in names]
    yield Bars(labels=names, values=[report.measured[name] for name in names], texts=texts)
    yield line("The weights by part:")
    yield Bars(
        labels=list(report.by_part),
        values=list(report.by_part.values()),
        texts=[size(n) for n in report.by_part.values()],
    )


def embeddings(report: EmbeddingsReport, focus: Focus) -> Drawn:
    """Neighbours, similarities and the map."""
    yield line("Nearest tokens by cosine:")
    for found in report.neighbours:
        near = "  ".join(
            f"{shown(piece)} {cosine:.2f}" for piece, cosine in zip(found.pieces, found.cosines, strict=True)
        )
        several = f" (mean of {len(found.tokens)} tokens)" if len(found.tokens) > 1 else ""
        yield hanging(fitted(found.word, 12), f"{near}{several}")
    if len(report.words) > 1:
        yield line("Similarity (cosine):")
        others = report.similarity - 2 * np.eye(len(report.words))
        notes = [f"{others[i, j]:.2f} to {j} {visible(report.words[j])}" for i, j in enumerate(others.argmax(axis=-1))]
        yield Heatmap(values=report.similarity, rows=numbered(report.words), notes=notes, low=-1.0, header=True)
        first, second = report.explained
        yield line(
            f"The plane of most variance: {first:.0%} across, {second:.0%} up, of all there is between these words."
        )
        yield Plane(points=report.plane, labels=report.words)


def analogies(report: AnalogyReport, focus: Focus) -> Drawn:
    """How many came out right, by section."""
    for name, (total, asked, right) in report.sections.items():
        share = f"{right / asked:6.1%}" if asked else "     –"
        yield line(f"{visible(name):<24} {share}  {right} of {asked} asked; {total} in the file")
    yield line(f"In all {report.right} of {report.asked}.  Only questions of words that are one token each are asked.")
    for a, b, c, expected, answer in report.examples:
        yield line(
            f"  {a} : {b} = {c} : {visible(answer)}"
            + ("" if answer == expected else f"   (expected {visible(expected)})")
        )


def training(report: TrainingReport, focus: Focus) -> Drawn:
    """The next step in each layer, and the spikes with what was read."""
    now = report.now
    yield line(
        f"{visible(report.run)}: what the step after {now.step} does in each layer; gradient norm, and update / weights."
    )
    texts = [f"{norm:.3g}  {ratio:.1e}" for norm, ratio in zip(now.gradient_norms, now.update_ratios, strict=True)]
    yield Bars(labels=now.layers, values=now.gradient_norms, texts=texts)
    if not report.spikes:
        yield line(f"No loss of its {len(report.steps):,} steps lies far above the twenty before it.")
    for spike in report.spikes:
        yield line(
            f"Spike at step {spike.step}: loss {spike.loss:.3f} after {spike.usual:.3f}, gradient {spike.gradient_norm:.2f}; "
            f"batch {', '.join(map(str, spike.batches))}:"
        )
        yield from _read(spike)
    if (step := report.newest) is not None:
        batches = ", ".join(map(str, step.batches))
        yield line(
            f"Step {step.step}, the last: loss {step.loss:.3f}, gradient {step.gradient_norm:.2f}; batch {batches}:"
        )
        yield from _read(step)


def _read(step: Spike) -> Drawn:
    return (line(f"    {visible(text)[:160]!r}") for text in step.texts[:4])
