"""What is true of a report: which sentences of the catalogue apply, and the figures they name.

A claim is made only where its score carries it; "no clear role" and "nothing to recover" are facts too.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mlxgpt.inspection import live_facts, reports, rwkv_facts
from mlxgpt.inspection.close_reports import SilenceReport
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.sources import Asked, Fact, Figure, Named, Place, Token, Word, figure

# ---- attention -------------------------------------------------------------------------------------------------------


def attention(report: reports.AttentionReport, focus: Focus) -> Iterator[Fact]:
    """Where one head looks from one token, how widely, and what it is known to do."""
    layer, head = _telling_head(report.roles, focus)
    t = len(report.passage) - 1 if focus.position is None else focus.position
    row, pieces, path = report.pattern[layer, head, t], report.passage.pieces, f"blocks.{layer}.attn.pattern"
    s = int(row.argmax())
    where: Named = {
        "layer": Place(number=layer),
        "head": Place(number=head),
        "position": Place(number=t),
        "token": Token(text=pieces[t]),
    }
    most: Named = {"at": Place(number=s), "seen": Token(text=pieces[s])}
    weight = figure(row[s], "value", path, (0, head, t, s), kind="share")
    yield ("attention.itself" if s == t else "attention.most"), {**where, **most, "weight": weight}
    entropy = report.entropy[layer, head, t]
    spread: Named = {
        "entropy": figure(entropy, "entropy", path, (0, head, t)),
        "places": figure(np.exp(entropy), "places", path, (0, head, t)),
    }
    yield "attention.spread", {**where, **spread}
    yield from _role(report.roles, layer, head)
    others = np.where(np.arange(len(pieces)) == t, -1.0, report.rollout[-1, t])
    if t:
        source = int(others.argmax())
        reached = figure(others[source], "rollout", "blocks.*.attn.pattern", (t, source), kind="share")
        yield "attention.rollout", {**where, "seen": Token(text=pieces[source]), "reached": reached}


def _telling_head(roles: reports.RoleReport, focus: Focus) -> tuple[int, int]:
    """The head asked about; where that is open, the one with the clearest role."""
    best = np.stack(list(roles.scores.values())).max(axis=0)  # (L, H)
    allowed = np.zeros_like(best, dtype=bool)
    allowed[slice(None) if focus.layer is None else focus.layer, slice(None) if focus.head is None else focus.head] = (
        True
    )
    layer, head = np.unravel_index(np.where(allowed, best, -1.0).argmax(), best.shape)
    return int(layer), int(head)


def _role(roles: reports.RoleReport, layer: int, head: int) -> Iterator[Fact]:
    role = roles.role(layer, head)
    best = role or max(roles.scores, key=lambda name: float(roles.scores[name][layer, head]))
    named: Named = {
        "layer": Place(number=layer),
        "head": Place(number=head),
        "role": Word(key=best),
        "does": Word(key=f"{best}.does"),
        "score": figure(roles.scores[best][layer, head], "role", best, (layer, head), kind="share"),
        "chance": figure(roles.chance[best], "chance", best, kind="share"),
        "threshold": figure(roles.threshold, "constant", "roles.THRESHOLD", kind="share"),
    }
    yield ("role.clear" if role else "role.none"), named


def roles(report: reports.RoleReport, focus: Focus) -> Iterator[Fact]:
    """The role of the head asked about, or of the clearest one."""
    yield from _role(report, *_telling_head(report, focus))


def induction(report: reports.InductionReport, focus: Focus) -> Iterator[Fact]:
    """How well repetition is predicted, and which head it hangs on."""
    yield from roles(report.roles, focus)
    accuracy = figure(report.accuracy, "accuracy", "probe", kind="share")
    first = figure(report.first_accuracy, "first_accuracy", "probe", kind="share")
    yield "induction.accuracy", {"accuracy": accuracy, "first": first}
    layers, heads = report.without.shape
    found = [
        (layer, head)
        for layer in range(layers)
        for head in range(heads)
        if report.roles.role(layer, head) == "induction"
    ]
    if not found:
        yield "induction.none", {}
        return
    layer, head = max(found, key=lambda place: float(report.roles.scores["induction"][place]))
    without = figure(report.without[layer, head], "accuracy_without", "probe", (layer, head), kind="share")
    yield (
        "induction.without",
        {"layer": Place(number=layer), "head": Place(number=head), "without": without, "accuracy": accuracy},
    )


# ---- predictions -----------------------------------------------------------------------------------------------------


def lens(report: reports.LensReport, focus: Focus) -> Iterator[Fact]:
    """How the prediction at one position comes about, layer by layer."""
    t = len(report.passage) - 1 if focus.position is None else focus.position
    last = len(report.top) - 1
    final, target = int(report.top[-1, t, 0]), int(report.target[t])
    where: Named = {"position": Place(number=t), "token": Token(text=report.passage.pieces[t])}

    def at(row: int, value: Any, measure: str, *arguments: int, kind: str = "number") -> Figure:
        path = "embed" if row == 0 else f"blocks.{row - 1}.resid_post"
        return figure(value, measure, path, (0, t), *arguments, kind=kind)

    probability = at(last, report.top_probability[-1, t, 0], "lens_probability", final, kind="share")
    yield "lens.final", {**where, "guess": Token(text=report.pieces[final]), "probability": probability}
    settled = last
    while settled and int(report.top[settled - 1, t, 0]) == final:
        settled -= 1
    guess: Named = {"guess": Token(text=report.pieces[final]), "layer": Place(number=settled - 1)}
    if settled:
        share = at(settled, report.top_probability[settled, t, 0], "lens_probability", final, kind="share")
        yield "lens.late" if settled == last else "lens.settled", {**where, **guess, "probability": share}
    entropies: Named = {
        "early": at(min(1, last), report.entropy[min(1, last), t], "lens_entropy"),
        "late": at(last, report.entropy[last, t], "lens_entropy"),
    }
    yield "lens.entropy", {**where, **entropies, "layer": Place(number=0)}
    if t < len(report.passage) - 1:
        named: Named = {
            "target": Token(text=report.pieces[target]),
            "probability": at(last, report.probability[-1, t], "lens_probability", target, kind="share"),
            "rank": at(last, report.rank[-1, t], "lens_rank", target, kind="count"),
        }
        yield "lens.target", {**where, **named}


def tokens(report: reports.TokensReport, focus: Focus) -> Iterator[Fact]:
    """How well the text was foreseen, and the token asked about, or the most surprising."""
    loss = figure(report.loss, "mean_surprisal", "logits")
    choices = figure(np.exp(report.loss), "perplexity", "logits")
    yield "tokens.mean", {"loss": loss, "choices": choices}
    t = focus.position
    if t is None:
        t = report.first + int(report.surprisal[report.first :].argmax())
    where: Named = {"position": Place(number=t), "token": Token(text=report.passage.pieces[t])}
    if t == 0:
        yield "tokens.first", where
        return
    token, best = report.passage.ids[t], int(report.top[t, 0])
    named: Named = {
        "surprisal": figure(report.surprisal[t], "surprisal", "logits", (0, t - 1), token),
        "probability": figure(np.exp(-report.surprisal[t]), "probability", "logits", (0, t - 1), token, kind="share"),
        "rank": figure(report.rank[t], "rank", "logits", (0, t - 1), token, kind="count"),
        "entropy": figure(report.entropy[t], "uncertainty", "logits", (0, t - 1)),
    }
    yield ("tokens.guessed" if best == token else "tokens.token"), {**where, **named}
    if best != token:
        share = figure(report.top_probability[t, 0], "probability", "logits", (0, t - 1), best, kind="share")
        yield "tokens.rather", {**where, "guess": Token(text=report.pieces[best]), "probability": share}


# ---- causes ----------------------------------------------------------------------------------------------------------


def attribution(report: reports.AttributionReport, focus: Focus) -> Iterator[Fact]:
    """Which part speaks loudest for the token (rather than for another), and which against it."""
    asked = (report.position, report.token, report.against)
    named: Named = {
        "asked": _asked(report),
        "here": Token(text=report.passage.pieces[report.position]),
        "row": Word(key="row" if report.against is None else "rows"),
    }
    yield "attribution.sum", {**named, "logit": figure(report.logit, "logit", "logits", (), *asked)}
    for key, i in (("for", int(report.shares.argmax())), ("against", int(report.shares.argmin()))):
        part, share = report.parts[i], float(report.shares[i])
        if (share > 0) == (key == "for") and share:
            spoken = figure(share, "share", part.name, (), *asked, kind="signed")
            yield (
                f"attribution.{key}",
                {**named, "part": Word(key=part.kind, layer=part.layer, head=part.head), "share": spoken},
            )


def patch(report: reports.PatchReport, focus: Focus) -> Iterator[Fact]:
    """The change that matters most."""
    delta = report.delta
    layer, column = (int(i) for i in np.unravel_index(np.abs(delta).argmax(), delta.shape))
    asked = (report.position, report.token, report.against)
    path = f"blocks.{layer}.{report.point}"
    named: Named = {
        "asked": _asked(report),
        "layer": Place(number=layer),
        "column": Place(number=column),
        "what": Word(key=report.columns),
        "one": Word(key=f"{report.columns}.one"),
        "point": Token(text=report.point),
        "before": figure(report.corrupted, "unchanged", "logits", (), *asked),
        "after": figure(report.values[layer, column], "changed", path, (column,), report.kind, *asked),
        "delta": figure(delta[layer, column], "delta", path, (column,), report.kind, *asked, kind="signed"),
    }
    yield f"patch.{report.kind}", named
    if report.corrupt is None:
        return
    if report.clean == report.corrupted:
        yield "patch.nothing", named
        return
    recovered = figure(report.recovered[layer, column], "recovered", path, (column,), *asked, kind="share")
    yield "patch.recovered", {**named, "recovered": recovered}


def silence(report: SilenceReport, focus: Focus) -> Iterator[Fact]:
    """The token that silencing moved most, and whether the best guess is another."""
    t, token = report.position, int(report.tokens[0])

    def after(which: int) -> Figure:
        at = report.tokens.tolist().index(which)
        return figure(report.after[at], "silenced", "logits", (0, t), which, report.kind, report.names, kind="share")

    named: Named = {
        "heads": Token(text=report.names),
        "here": Token(text=report.passage.pieces[t]),
        "token": Token(text=report.pieces[token]),
        "before": figure(report.before[0], "probability", "logits", (0, t), token, kind="share"),
        "after": after(token),
    }
    yield f"silence.{report.kind}", named
    guesses: Named = {
        "guess": Token(text=report.pieces[report.guess]),
        "now": Token(text=report.pieces[report.guess_after]),
        "share": after(report.guess_after),
    }
    yield ("silence.stays" if report.guess == report.guess_after else "silence.turns"), guesses


def _asked(report: reports.AttributionReport | reports.PatchReport) -> Asked:
    other = None if report.against is None else Token(text=report.pieces[report.against])
    return Asked(token=Token(text=report.pieces[report.token]), against=other)


# ---- numbers ---------------------------------------------------------------------------------------------------------


def tensors(report: reports.TensorsReport, focus: Focus) -> Iterator[Fact]:
    """The longest tensor, and whether all is finite."""
    longest = max(report.tensors, key=lambda tensor: tensor.norm)
    named: Named = {"kind": Word(key=report.kind), "tensor": Token(text=longest.name)}
    norm = figure(longest.norm, "norm", longest.name, (), report.kind)
    yield "tensors.longest", {**named, "norm": norm}
    bad = sum(tensor.nans + tensor.infinities for tensor in report.tensors)
    yield (
        ("tensors.bad" if bad else "tensors.finite"),
        {**named, "bad": figure(bad, "not_finite", "*", (), report.kind, kind="count")},
    )


def memory(report: reports.MemoryReport, focus: Focus) -> Iterator[Fact]:
    """What the weights take, and what each token adds, or the state."""
    yield "memory.weights", {"weights": figure(report.measured["weights"], "bytes", "weights", kind="bytes")}
    count = figure(report.tokens, "length", "tokens", kind="count")
    if "state" in report.measured:
        yield (
            "memory.state",
            {"state": figure(report.measured["state"], "bytes", "state", kind="bytes"), "tokens": count},
        )
        return
    cache = figure(report.measured["KV cache, used"], "bytes", "KV cache, used", kind="bytes")
    each = figure(report.cache_bytes_per_token, "cache_bytes_per_token", "attn.k, attn.v", kind="bytes")
    yield "memory.cache", {"cache": cache, "tokens": count, "each": each}


def embeddings(report: reports.EmbeddingsReport, focus: Focus) -> Iterator[Fact]:
    """The nearest token of each word, and the two words most alike."""
    for found in report.neighbours:
        cosine = figure(found.cosines[0], "cosine", "embedding.weight", (), found.word, int(found.near[0]))
        yield (
            "embeddings.nearest",
            {"word": Token(text=found.word), "near": Token(text=found.pieces[0]), "cosine": cosine},
        )
    if len(report.words) > 1:
        alike = report.similarity - 2 * np.eye(len(report.words))
        i, j = sorted(int(k) for k in np.unravel_index(alike.argmax(), alike.shape))
        cosine = figure(report.similarity[i, j], "similarity", "embedding.weight", (), report.words[i], report.words[j])
        yield (
            "embeddings.alike",
            {"word": Token(text=report.words[i]), "near": Token(text=report.words[j]), "cosine": cosine},
        )


FACTS: dict[type, Callable[[Any, Focus], Iterator[Fact]]] = {
    reports.AttentionReport: attention,
    reports.RoleReport: roles,
    reports.InductionReport: induction,
    **rwkv_facts.FACTS,
    **live_facts.FACTS,
    reports.LensReport: lens,
    reports.TokensReport: tokens,
    reports.AttributionReport: attribution,
    reports.PatchReport: patch,
    SilenceReport: silence,
    reports.TensorsReport: tensors,
    reports.MemoryReport: memory,
    reports.EmbeddingsReport: embeddings,
}
