"""The live panel in three lines, for a narrow terminal: what comes next, whom the newest token looked at, how fast."""

from rich.cells import cell_len

from mlxgpt.display.bars import bar
from mlxgpt.display.progress import size
from mlxgpt.display.words import shown
from tui.widgets.lines import Line, between, cells_of, clipped, cut, filled, fit_most, quoted
from tui.widgets.live_state import LiveState, shown_head
from tui.widgets.live_view import rates, spark


def strip(state: LiveState, width: int, height: int) -> list[Line]:
    """`height` lines of `width` columns at most; those of less use come last."""
    lines = (_next(state, width), _looked(state, width), _figures(state, width))
    return filled([clipped(line, width) for line in lines], height)


def _next(state: LiveState, width: int) -> Line:
    step = state.step
    assert step is not None
    line: Line = [("next ", "title")]
    last = [] if width < 60 else state.surprisals[-min(24, width // 4) :]
    right: Line = [(f" H {step.entropy:.2f} ", "dim")]
    right += [(spark(last), "bar")] if last else []
    room = width - cells_of(right)
    for token, share in zip(step.likely.tolist(), step.likely_probability.tolist(), strict=True):
        drawn = token == step.drawn
        part: Line = [
            ("▸" if drawn else "", "mark"),
            (fit_most(shown(step.pieces[token])), "mark" if drawn else ""),
            (f" {share:.0%} ", "number"),
            (bar(share, 6).rstrip() + " ", "bar"),
        ]
        if cells_of(line) + cells_of(part) > room:
            break
        line += part
    return between(line, right, width)


def _looked(state: LiveState, width: int) -> Line:
    step = state.step
    assert step is not None
    head = shown_head(state)
    line: Line = [(f"L{step.layer}H{head} ", "title"), (quoted(step.passage.pieces[-1]), ""), (" ⟵ ", "dim")]
    if step.kind == "state":
        line += [(f"state {step.norms[head]:.1f} Δ{step.changes[head]:.0%}", "number")]
    else:
        row = step.weights[head].tolist()
        for i in sorted(range(len(row)), key=lambda i: -abs(row[i]))[:3]:
            line += [(f"{fit_most(shown(step.passage.pieces[i]))} ", ""), (f"{row[i]:.2f} ", "number")]
    line.append(("│ lens ", "dim"))
    guesses = [
        f"{fit_most(shown(step.pieces[token]))} {share:.0%}"
        for token, share in zip(step.top.tolist(), step.top_probability.tolist(), strict=True)
    ]
    text = " → ".join(guesses)
    while len(guesses) > 1 and cells_of(line) + cell_len(text) > width:
        guesses = guesses[1:]
        text = "… → " + " → ".join(guesses)
    return [*line, (text, "")]


def _figures(state: LiveState, width: int) -> Line:
    step = state.step
    assert step is not None
    tokens = len(step.passage)
    of = f"/{step.context}" if step.context else ""
    word = "KV" if step.context else "state"
    parts = [rates(state), f"{word} {size(step.used.context)} {tokens}{of}", f"memory {size(step.used.active)}"]
    if step.again:
        parts.insert(0, "read again")
    while len(parts) > 1 and cell_len(" · ".join(filter(None, parts))) > width:
        parts.pop()
    return [(cut(" · ".join(filter(None, parts)), width), "dim")]
