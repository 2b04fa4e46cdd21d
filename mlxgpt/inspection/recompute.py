"""Every number of an explanation, found again from the model: what `Source` promises.

    Again(inspector, report).value(figure.source) == figure.value

MEASURES says what each measure does with a tensor.  Nothing is taken from the report but the text and what was asked.
"""

import functools
from collections.abc import Callable
from functools import cached_property
from typing import Any

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten

from mlxgpt.inspection import reports, roles, rwkv, tensors
from mlxgpt.inspection.attention import entropy, rollout
from mlxgpt.inspection.attribution import stream_parts, unembedding
from mlxgpt.inspection.embeddings import Space
from mlxgpt.inspection.inspector import Inspector
from mlxgpt.inspection.lens import decode
from mlxgpt.inspection.patching import ABLATIONS
from mlxgpt.inspection.reports import Passage
from mlxgpt.inspection.silence import edits
from mlxgpt.inspection.sources import Source
from mlxgpt.inspection.trace import Edit, Trace, patterns, point_names, replaced, zeroed


class Again:
    """A model and the text of a report, run anew."""

    def __init__(self, inspector: Inspector, report: Any) -> None:  # Any: one of `inspection.reports`
        self.inspector, self.model, self.report = inspector, inspector.model, report

    def value(self, source: Source) -> float:
        """The number that a source stands for, from the model."""
        return float(MEASURES[source.measure](self, source))

    @property
    def passage(self) -> Passage:
        """The text; of a memory report, only its length is known."""
        if isinstance(self.report, reports.MemoryReport):
            ids = tuple([0] * self.report.tokens)
            return Passage(model="", text="", ids=ids, pieces=tuple(map(str, ids)))
        return self.report.passage

    @cached_property
    def trace(self) -> Trace:
        """All points of the run but the attention weights, which would need the other kernel."""
        trace = Trace(*(name for name in point_names(self.model.config) if not name.endswith(".attn.pattern")))
        trace.run(self.model, self.passage.ids)
        return trace

    @cached_property
    def parameters(self) -> dict[str, mx.array]:
        """The weights by name."""
        return dict(tree_flatten(self.model.parameters()))

    @cached_property
    def patterns(self) -> np.ndarray:
        """The attention weights of all layers, (L, H, T, T), or what a recurrent model has for them."""
        return patterns(self.model, np.array([self.passage.ids]))[:, 0]

    def tensor(self, source: Source) -> np.ndarray:
        """The tensor that a source names, at its index, in float64."""
        if source.path.endswith(".attn.pattern"):
            value = self.patterns[int(source.path.split(".")[1])][None]
        elif source.path in self.parameters:
            value = np.array(self.parameters[source.path].astype(mx.float32))
        else:
            value = self.trace.numpy(source.path)
        return np.asarray(value[source.index], dtype=np.float64)

    def log_p(self, source: Source) -> np.ndarray:
        """log p of the row of logits that a source names, (V,)."""
        return _log_p(self.tensor(source))

    def lens_log_p(self, source: Source) -> np.ndarray:
        """log p of the lens on the residual stream that a source names, (V,)."""
        return _log_p(np.array(decode(self.model, mx.array(self.tensor(source), mx.float32)), dtype=np.float64))

    @cached_property
    def surprisals(self) -> np.ndarray:
        """Of each token but the first, in nats."""
        logits = self.trace.numpy("logits")[0, :-1].astype(np.float64)
        return np.array([-_log_p(row)[token] for row, token in zip(logits, self.passage.ids[1:], strict=True)])

    @property
    def probe(self) -> np.ndarray:
        """The repeated random tokens of the report."""
        found = self.report.roles if hasattr(self.report, "roles") else self.report
        return np.asarray(found.probe)

    @cached_property
    def roles(self) -> reports.RoleReport:
        """The scores of all heads on those tokens."""
        return roles.find_roles(self.model, self.probe)

    @cached_property
    def shares(self) -> dict[str, float]:
        """The shares of the parts in the logit that the report is about."""
        report: reports.AttributionReport = self.report
        direction = unembedding(self.model, report.token)
        direction = direction - (0.0 if report.against is None else unembedding(self.model, report.against))
        parts = stream_parts(self.model, self.trace, self.passage.ids[report.position], report.position)
        return {part.name: float((value @ direction).item()) for part, value in parts.items()}

    def asked(
        self, ids: tuple[int, ...], position: int, token: int, against: int | None, edits: dict[str, Edit]
    ) -> float:
        """A logit, or the difference of two, with edits; before the cap for attribution."""
        logits = np.array(Trace(edits=edits).run(self.model, ids)[0, position], dtype=np.float64)
        cap = self.model.config.logit_softcap
        if cap and isinstance(self.report, reports.AttributionReport):
            logits = np.arctanh(logits / cap) * cap
        return float(logits[token] - (0.0 if against is None else logits[against]))

    def changed(self, source: Source) -> float:
        """The logit with the one change that a source describes."""
        report: reports.PatchReport = self.report
        kind, position, token, against = source.arguments
        place = {report.columns.removesuffix("s"): source.index[0]}
        makes = ABLATIONS.get(str(kind)) or functools.partial(replaced, self.trace[source.path])
        ids = (report.corrupt or report.passage).ids
        return self.asked(ids, position, token, against, {source.path: makes(**place)})  # type: ignore[arg-type]

    def unchanged(self) -> float:
        """The logit of the text that is changed, as it is."""
        report: reports.PatchReport = self.report
        return self.asked((report.corrupt or report.passage).ids, report.position, report.token, report.against, {})

    def clean(self) -> float:
        """The logit of the text of the report."""
        report: reports.PatchReport | reports.AttributionReport = self.report
        return self.asked(report.passage.ids, report.position, report.token, report.against, {})

    def tensors(self, kind: str) -> dict[str, reports.TensorSummary]:
        """The tensors of a kind, in numbers, by name."""
        if kind == "weights":
            found = tensors.weights(self.model, "")
        else:
            found = (tensors.activations if kind == "activations" else tensors.gradients)(self.model, self.passage)
        return {summary.name: summary for summary in found.tensors}

    @cached_property
    def space(self) -> Space:
        """The embeddings."""
        return Space(self.model, self.inspector.tokenizer)

    def bytes(self, part: str) -> int:
        """The bytes of the weights, of the states after the text, or of its keys and values."""
        if part == "weights":
            return sum(array.nbytes for array in self.parameters.values())
        if part == "state":
            return sum(layer.nbytes for layer in self.remembered(len(self.passage)))
        names = [name for name in self.trace.names if name.endswith((".attn.k", ".attn.v"))]
        return sum(self.trace[name].nbytes for name in names)

    def remembered(self, tokens: int) -> Any:  # Any: RecurrentState, as only recurrent models are asked for it
        """The states after so many tokens of the text, which are read at once."""
        cache = self.model.make_cache()
        mx.eval(self.model(mx.array([self.passage.ids[:tokens]]), cache))
        return cache

    def fullness(self, source: Source) -> tuple[float, float]:
        """Norm and effective rank of the state that a source names, after the token at its argument."""
        (t,) = source.arguments
        cache = self.remembered(int(str(t)) + 1)
        norm, rank = rwkv.fullness(np.array(cache[int(source.path.split(".")[1])].wkv)[source.index])
        return float(norm), float(rank)

    def half_lives(self, source: Source) -> np.ndarray:
        """Of the channels of the head that a source names, (N,), the median over the text."""
        return np.median(rwkv.half_lives(self.tensor(source), self.model.config.block), axis=0)


def _log_p(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max()
    return np.asarray(shifted - np.log(np.exp(shifted).sum()))


def _entropy(log_p: np.ndarray) -> float:
    return float(-(np.exp(log_p) * log_p).sum())


def _rank(log_p: np.ndarray, token: Any) -> int:
    return 1 + int((log_p > log_p[token]).sum())


def _cosine(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def _without(again: Again, source: Source) -> float:
    layer, head = source.index
    return roles.repeat_accuracy(again.model, again.probe, Trace(edits={f"blocks.{layer}.attn.z": zeroed(head=head)}))


def _silenced(again: Again, source: Source) -> float:
    token, kind, names = source.arguments
    heads = [tuple(map(int, name.split("."))) for name in str(names).split()]
    logits = Trace(edits=edits(again.model, heads, str(kind))).run(again.model, again.passage.ids)  # type: ignore[arg-type]
    return float(np.exp(_log_p(np.array(logits[source.index], dtype=np.float64))[token]))


def _recovered(again: Again, source: Source) -> float:
    described = Source(measure="", path=source.path, index=source.index, arguments=("patch", *source.arguments))
    return (again.changed(described) - again.unchanged()) / (again.clean() - again.unchanged())


MEASURES: dict[str, Callable[[Again, Source], Any]] = {
    "value": lambda again, s: again.tensor(s),
    "entropy": lambda again, s: entropy(again.tensor(s)),
    "places": lambda again, s: np.exp(entropy(again.tensor(s)).astype(np.float64)),
    "rollout": lambda again, s: rollout(again.patterns)[-1][s.index],
    "role": lambda again, s: again.roles.scores[s.path][s.index],
    "chance": lambda again, s: again.roles.chance[s.path],
    "constant": lambda again, s: getattr(roles, s.path.removeprefix("roles.")),
    "accuracy": lambda again, s: roles.repeat_accuracy(again.model, again.probe),
    "first_accuracy": lambda again, s: roles.repeat_accuracy(again.model, again.probe, second=False),
    "accuracy_without": _without,
    "lens_probability": lambda again, s: np.exp(again.lens_log_p(s)[s.arguments[0]]),
    "lens_rank": lambda again, s: _rank(again.lens_log_p(s), s.arguments[0]),
    "lens_entropy": lambda again, s: _entropy(again.lens_log_p(s)),
    "probability": lambda again, s: np.exp(again.log_p(s)[s.arguments[0]]),
    "surprisal": lambda again, s: -again.log_p(s)[s.arguments[0]],
    "rank": lambda again, s: _rank(again.log_p(s), s.arguments[0]),
    "uncertainty": lambda again, s: _entropy(again.log_p(s)),
    "mean_surprisal": lambda again, s: again.surprisals[again.report.first - 1 :].mean(),
    "perplexity": lambda again, s: np.exp(again.surprisals[again.report.first - 1 :].mean()),
    "share": lambda again, s: again.shares[s.path],
    "logit": lambda again, s: again.clean(),
    "changed": lambda again, s: again.changed(s),
    "unchanged": lambda again, s: again.unchanged(),
    "delta": lambda again, s: again.changed(s) - again.unchanged(),
    "recovered": _recovered,
    "silenced": _silenced,
    "norm": lambda again, s: again.tensors(str(s.arguments[0]))[s.path].norm,
    "not_finite": lambda again, s: sum(t.nans + t.infinities for t in again.tensors(str(s.arguments[0])).values()),
    "bytes": lambda again, s: again.bytes(s.path),
    "cache_bytes_per_token": lambda again, s: again.bytes("cache") / len(again.passage),
    "length": lambda again, s: len(again.passage),
    "own": lambda again, s: rwkv.own(again.tensor(s)),
    "reach": lambda again, s: rwkv.reach(again.tensor(s)),
    "state_norm": lambda again, s: again.fullness(s)[0],
    "state_rank": lambda again, s: again.fullness(s)[1],
    "config": lambda again, s: getattr(again.model.config, s.path),
    "half_life": lambda again, s: np.median(again.half_lives(s)),
    "longest_half_life": lambda again, s: again.half_lives(s).max(),
    "shortest_half_life": lambda again, s: again.half_lives(s).min(),
    "mean": lambda again, s: again.tensor(s).mean(),
    "cosine": lambda again, s: _cosine(
        again.space.vector(str(s.arguments[0])), again.space.vectors[int(str(s.arguments[1]))]
    ),
    "similarity": lambda again, s: _cosine(*(again.space.vector(str(word)) for word in s.arguments)),
}
