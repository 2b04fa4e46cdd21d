"""The live panel and its strip as lines of text, from what is known: pure functions, drawn by `live`.

A line is a list of (text, role); roles are the component classes of the widget, and heat0 … heat6 from little to much.
Every section has a fixed height, so nothing moves while a text is written.
"""

from collections.abc import Callable
from textwrap import wrap

from mlxgpt.display.bars import bar
from mlxgpt.display.labels import fitting
from mlxgpt.display.progress import size
from mlxgpt.display.words import shown
from tui.widgets.lines import (
    BLOCKS,
    LONGEST,
    Line,
    between,
    clipped,
    cut,
    filled,
    first_lines,
    fit,
    fit_most,
    heat,
    last_lines,
    quoted,
    word,
)
from tui.widgets.live_state import LEVELS, LiveState, head_of, shown_head

Section = Callable[[LiveState, int, int], list[Line]]  # state, width, height


def panel(state: LiveState, width: int, height: int) -> list[Line]:
    """The panel: `height` lines of `width` columns at most."""
    lines: list[Line] = []
    for section, rows, gap in _plan(height):
        lines += filled(section(state, width, rows), rows) + [[] for _ in range(gap)]
    return filled([clipped(line, width) for line in lines], height)


def _plan(height: int) -> list[tuple[Section, int, int]]:
    """Sections, their heights and the blank lines behind them; those of less use are left out where there is no room."""
    rows = dict(LEAST)
    for section in GIVEN_UP:
        if sum(rows.values()) > height and section in rows:
            del rows[section]
    room = max(height - sum(rows.values()), 0)
    for section, more in GROWING:
        if section in rows:
            rows[section] += min(more, room)
            room -= min(more, room)
    gap = 1 if room >= len(rows) - 1 else 0
    last = list(rows)[-1]
    rows[last] += room - gap * (len(rows) - 1)
    return [(section, lines, gap if section is not last else 0) for section, lines in rows.items()]


# ---- sections --------------------------------------------------------------------------------------------------------


def header(state: LiveState, width: int, height: int) -> list[Line]:
    """Which step is shown."""
    step = state.step
    assert step is not None
    said = f"after {quoted(step.passage.pieces[-1])}"
    if step.drawn is not None:
        said += f" came {quoted(step.pieces[step.drawn])}"
    if state.loading:
        mode = "reading again…"
    elif step.again:
        mode = "read again"
    else:
        mode = "● writing" if state.writing else "last step"
    return [between([(said, "title")], [(mode, "mark" if state.writing and not step.again else "dim")], width)]


def distribution(state: LiveState, width: int, height: int) -> list[Line]:
    """The likeliest next tokens as bars, the one drawn marked, and the rest in one line."""
    step = state.step
    assert step is not None
    lines = [between([("next token", "title")], [(f"H {step.entropy:.2f} nats", "dim")], width)]
    rows = list(zip(step.likely.tolist(), step.likely_probability.tolist(), strict=True))
    best = rows[: height - 2]
    if step.drawn is not None and step.drawn not in [token for token, _ in best]:
        best = [*best[:-1], (step.drawn, step.probability)]  # it has a place, however unlikely it was
    label = min(LONGEST, max(width // 4, 6))
    room = max(width - label - 10, 1)
    for token, share in best:
        drawn = token == step.drawn
        lines.append(
            [
                ("▸ " if drawn else "  ", "mark"),
                (fit(shown(step.pieces[token]), label), "mark" if drawn else ""),
                (f"{share:7.1%} ", "number"),
                (bar(share, room), "bar"),
            ]
        )
    others = max(1.0 - sum(share for _, share in best), 0.0)
    count = f"other {vocabulary(state) - len(best):,}" if vocabulary(state) else "all others"
    return [*lines, [("  ", ""), (fit(count, label), "dim"), (f"{others:7.1%}", "dim")]]


def surprisal(state: LiveState, width: int, height: int) -> list[Line]:
    """-ln p of the last tokens, one a column, the highest as high as the line; and the mean of all."""
    last = state.surprisals[-width:]
    if not last:
        return [[("surprisal", "title")], [("no tokens yet", "dim")]]
    left = [("surprisal", "title"), (f" of the last {len(last)}", "dim")]
    head = between(left, [(f"mean {sum(state.surprisals) / len(state.surprisals):.2f} nats", "dim")], width)
    return [head, [(spark(last), "bar")]]


def looking(state: LiveState, width: int, height: int) -> list[Line]:
    """The text, each token with how much of it the newest one takes; of a state, how much each head holds."""
    step = state.step
    assert step is not None
    if step.kind == "state":
        return _held(state, width, height)
    head = shown_head(state)
    row = step.weights[head].tolist()
    names = {"attention": "attention", "effective": "effective attention"}
    left = f"{names[step.kind]} of {quoted(step.passage.pieces[-1])}"
    first = between([(left, "title")], _choice(state, f"L{step.layer} H{head}"), width)
    high = max(map(abs, row)) or 1.0
    cells: list[Line] = []
    for piece, weight in zip(step.passage.pieces, row, strict=True):
        share = abs(weight) / high
        sign = "-" if weight < 0 and share > 1 / 16 else ""
        cells.append([(word(piece), heat(share)), (sign + BLOCKS[round(share * 8)].strip(), "bar")])
    lines = last_lines(cells, width, max(height - 2, 1))
    best = sorted(range(len(row)), key=lambda i: -abs(row[i]))[:3]
    written = ".2f" if step.kind == "attention" else "+.2f"
    most = [f"{quoted(step.passage.pieces[i])} {row[i]:{written}}" for i in best]
    return [first, *filled(lines, max(height - 2, 1)), [("most ", "dim"), (fitting(most, width - 5, "  "), "number")]]


def _held(state: LiveState, width: int, height: int) -> list[Line]:
    """A state: how much each head of the layer holds, and how much of that the newest token changed."""
    step = state.step
    assert step is not None
    norms, changes = step.norms.tolist(), step.changes.tolist()
    left = f"state after {quoted(step.passage.pieces[-1])}"
    first = between([(left, "title")], _choice(state, f"L{step.layer}"), width)
    high = max(norms) or 1.0
    heads = [
        [
            (f"H{head} ", "dim"),
            (BLOCKS[round(norm / high * 8)], heat(norm / high)),
            (f" {norm:.1f} Δ{change:.0%}  ", "number"),
        ]
        for head, (norm, change) in enumerate(zip(norms, changes, strict=True))
    ]
    lines = first_lines(heads, width, max(height - 2, 1))
    note = fitting(["no attention: state length", "Δ share changed", "of each head"], width, ", ")
    return [first, *filled(lines, max(height - 2, 1)), [(note, "dim")]]


def trail(state: LiveState, width: int, height: int) -> list[Line]:
    """The best guess after the embedding and after each layer, with its probability."""
    step = state.step
    assert step is not None
    last = len(step.top) - 1
    first = between([("logit lens", "title")], [(f"embedding → layer {last - 1}", "dim")], width)
    best, cells = int(step.top[-1]), []
    for row, (token, share) in enumerate(zip(step.top.tolist(), step.top_probability.tolist(), strict=True)):
        role = "mark" if token == best else ""
        name = fit_most(shown(step.pieces[token]))
        cells.append([(name, role), (f" {share:.0%}", "number"), ("" if row == last else " → ", "dim")])
    return [first, *filled(last_lines(cells, width, height - 1), height - 1)]


def cache(state: LiveState, width: int, height: int) -> list[Line]:
    """How much of the context is used, and its bytes."""
    step = state.step
    assert step is not None
    tokens = len(step.passage) + (step.earlier if step.kind != "attention" else 0)
    held = size(step.used.context)
    if not step.context:
        head = between([("state", "title")], [(f"{held}, the same for any text", "number")], width)
        return [head, [(f"{tokens:,} tokens read", "dim")]]
    share = tokens / step.context
    gone = f", {step.earlier:,} forgotten" if step.earlier else ""
    head = between([("KV cache", "title")], [(f"{tokens:,} of {step.context:,} positions{gone}", "number")], width)
    right = f" {held} held · {share:.0%}"
    return [head, [(bar(share, max(width - len(right), 1)), "bar"), (right, "number")]]


def memory(state: LiveState, width: int, height: int) -> list[Line]:
    """What MLX holds."""
    step = state.step
    assert step is not None
    used = step.used
    text = f"{size(used.active)} · peak {size(used.peak)}"
    if len("memory  ") + len(more := f"{text} · cache {size(used.kept)}") <= width:
        text = more
    return [between([("memory", "title")], [(text, "number")], width)]


def speed(state: LiveState, width: int, height: int) -> list[Line]:
    """Tokens per second, and the time to the first."""
    return [between([("speed", "title")], [(rates(state) or "no figures yet", "number")], width)]


def chunks(state: LiveState, width: int, height: int) -> list[Line]:
    """The conversation as the chunk strategy of the session would cut it."""
    found = state.chunks
    if found is None:
        return [[("context as chunks", "title")], [("after the next turn", "dim")]]
    sizes = found.report.sizes
    limit = found.options.get("max_size", 0)
    head = between(
        [("context as chunks", "title")], [(f"{'off · ' * state.whole}{found.strategy}, at most {limit}", "dim")], width
    )
    cohesion = found.report.cohesion.lexical
    if sizes.chunks < 2:
        return [head, [(f"one chunk of {sizes.tokens} tokens", "number")]]
    said = [f"{sizes.chunks} chunks", f"{sizes.smallest}–{sizes.largest} tokens", f"mean {sizes.mean:.1f}"]
    if cohesion is not None:
        said.append(f"alike {cohesion.value:.2f}")
    return [head, [(fitting(said, width, ", "), "number")]]


def explanation(state: LiveState, width: int, height: int) -> list[Line]:
    """What the numbers say, in words for one of three readers."""
    step = state.told or state.step
    assert step is not None
    from mlxgpt.inspection.explain import explain
    from mlxgpt.inspection.focus import Focus

    words = [(f" {level} ", f"{'mark' if level == state.level else 'dim'}@level('{level}')") for level in LEVELS]
    lines: list[Line] = [between([("explain", "title")], words, width)]
    for said in explain(step, Focus(head=head_of(step, state.head)), state.level):
        lines += [[(text, "")] for text in wrap(said.text, width)]
    if len(lines) > height:
        lines[height - 1 :] = [[(cut(lines[height - 1][0][0] + " …", width), "")]]
    return lines


# ---- helpers ---------------------------------------------------------------------------------------------------------


LEAST: dict[Section, int] = {
    header: 1, distribution: 5, surprisal: 2, looking: 3, trail: 3, cache: 2, speed: 1, memory: 1, chunks: 2, explanation: 5,
}  # fmt: skip
GIVEN_UP = (
    chunks,
    explanation,
    memory,
    cache,
    speed,
    trail,
    looking,
    surprisal,
    distribution,
)  # where there is no room
GROWING = ((looking, 1), (explanation, 5), (distribution, 2), (explanation, 3), (looking, 2))  # where there is


def spark(values: list[float]) -> str:
    """Nats as a line of blocks; the highest of them, and at least one nat, is a full one."""
    high = max(*values, 1.0)
    return "".join(BLOCKS[1 + round(value / high * 7)] for value in values)


def _choice(state: LiveState, name: str) -> Line:
    action = "layer" if state.step is not None and state.step.kind == "state" else "head"
    return [("◂ ", f"mark@{action}(-1)"), (name, "number"), (" ▸", f"mark@{action}(1)")]


def vocabulary(state: LiveState) -> int:
    """How many tokens the model chooses from."""
    return state.step.vocabulary if state.step else 0


def rates(state: LiveState) -> str:
    """Speed in words; empty while there is none."""
    parts = []
    if state.speed:
        parts.append(f"{state.speed:,.0f} tok/s")
    if state.first_seconds:
        parts.append(f"first token {state.first_seconds * 1000:,.0f} ms")
    return " · ".join(parts)
