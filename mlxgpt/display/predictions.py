"""Predictions on a terminal: the lens, and a text coloured by surprisal."""

import numpy as np

from mlxgpt.display.bars import Bars
from mlxgpt.display.labels import fitted
from mlxgpt.display.strip import Strip
from mlxgpt.display.table import Cells
from mlxgpt.display.words import Drawn, hanging, layer_names, line, numbered, shown
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.reports import LensReport, TokensReport

MOST_SURPRISES = 5


def lens(report: LensReport, focus: Focus) -> Drawn:
    """The best guess after each layer at every position, or all about one position."""
    names = layer_names(len(report.top))
    if focus.position is None:
        cells = [[(report.pieces[int(i)], float(p)) for i, p in zip(top[:, 0], share[:, 0], strict=True)]
                 for top, share in zip(report.top, report.top_probability, strict=True)]  # fmt: skip
        yield line(
            f"The best guess after each layer and its probability in percent ({report.kind} lens).  Last row: what follows."
        )
        yield Cells(
            columns=numbered(report.passage.pieces),
            rows=names,
            cells=cells,
            footer=[report.pieces[int(i)] for i in report.target],
        )
        return
    t = focus.position
    target = shown(report.pieces[int(report.target[t])])
    after = " ".join(shown(piece) for piece in report.passage.pieces[: t + 1][-8:])
    yield line(
        f"After “{after}” (position {t}).  Probability of {target}, its rank, entropy, KL to the end; best guesses:"
    )
    for layer, name in enumerate(names):
        guesses = "  ".join(
            f"{shown(report.pieces[int(i)])} {p:.0%}"
            for i, p in zip(report.top[layer, t], report.top_probability[layer, t], strict=True)
        )
        yield hanging(
            f"{name:<9} {report.probability[layer, t]:7.2%}  #{report.rank[layer, t]:<5} H {report.entropy[layer, t]:5.2f}  "
            f"KL {report.divergence[layer, t]:6.2f} ",
            guesses,
        )
    yield Bars(
        labels=names, values=report.probability[:, t].tolist(), texts=[f"{p:.2%}" for p in report.probability[:, t]]
    )


def tokens(report: TokensReport, focus: Focus) -> Drawn:
    """The text coloured by surprisal, its loss, and what surprised most."""
    high = max(float(np.nanmax(report.surprisal)), 1e-9)
    yield Strip(pieces=report.passage.pieces, values=report.surprisal.tolist(), high=min(high, 10.0))
    nats = report.loss * report.predicted
    yield line(
        f"Surprisal in nats, under each token.  Mean {report.loss:.3f}, perplexity {np.exp(report.loss):.1f}, "
        f"{nats / np.log(2) / report.text_bytes:.3f} bits per byte ({report.predicted} tokens, {report.text_bytes} bytes)."
    )
    if focus.position is None:
        order = [int(t) for t in np.argsort(-np.nan_to_num(report.surprisal, nan=-1.0))[:MOST_SURPRISES]]
        yield line("The most surprising, and what the model would rather have read:")
    else:
        order = [focus.position]
    for t in order:
        if t == 0:
            yield line(f"   0 {shown(report.passage.pieces[0])}: nothing comes before it.")
            continue
        rather = "  ".join(
            f"{shown(report.pieces[int(i)])} {p:.0%}"
            for i, p in zip(report.top[t], report.top_probability[t], strict=True)
        )
        yield hanging(
            f"{t:>4} {fitted(report.passage.pieces[t], 12)} {report.surprisal[t]:6.2f} nats  #{report.rank[t]:<5} "
            f"H {report.entropy[t]:.2f} ",
            rather,
        )
