"""Causes, not correlations: change one value inside the model and see what a logit becomes.

Ablation takes something away (zero, or its mean over the text); activation patching puts something from another run in
(Vig et al. 2020; Meng et al. 2022; Wang et al. 2022).  The metric is a logit at one position, or the difference of two.

T time · L layers · H heads
"""

from collections.abc import Callable, Iterator

import mlx.core as mx
import numpy as np

from mlxgpt.errors import ConfigError, DataError, nearest
from mlxgpt.inspection.reports import PATCH_POINTS as POINTS
from mlxgpt.inspection.reports import Numbers, Passage, PatchReport
from mlxgpt.inspection.trace import Edit, Trace, averaged, replaced, zeroed
from mlxgpt.model.gpt import GPT

ABLATIONS: dict[str, Callable[..., Edit]] = {"zero": zeroed, "mean": averaged}


def ablate(
    model: GPT, passage: Passage, *, point: str = "attn.z", kind: str = "zero", position: int,
    token: int | None = None, against: int | None = None, piece: Callable[[int], str],
) -> PatchReport:  # fmt: skip
    """The logit of `token` at `position` (the best guess there unless given) without each head, or each position's value."""
    return _last(
        ablate_live(
            model, passage, point=point, kind=kind, position=position, token=token, against=against, piece=piece
        )
    )


def ablate_live(
    model: GPT, passage: Passage, *, point: str = "attn.z", kind: str = "zero", position: int,
    token: int | None = None, against: int | None = None, piece: Callable[[int], str],
) -> Iterator[PatchReport]:  # fmt: skip
    """The report of `ablate` after each layer; the layers to come are NaN."""
    if kind not in ABLATIONS:
        raise ConfigError(f"There is no ablation {kind!r}.", hint=nearest(kind, ABLATIONS))
    columns = _columns(model, point, len(passage))
    before = model(mx.array([passage.ids]))[0, position]
    token = int(before.argmax().item()) if token is None else token
    metric = _metric(position, token, against)
    clean = metric(before)
    rows = (
        [metric(_edited(model, passage, f"blocks.{layer}.{point}", ABLATIONS[kind](**place))) for place in columns]
        for layer in range(model.config.n_layer)
    )
    for values in _growing(rows, model.config.n_layer, len(columns)):
        yield PatchReport(
            passage=passage, corrupt=None, kind=kind, point=point, columns=POINTS[point], position=position,
            token=token, against=against, pieces={i: piece(i) for i in (token, against) if i is not None},
            clean=clean, corrupted=clean, values=values,
        )  # fmt: skip


def patch(
    model: GPT, passage: Passage, corrupt: Passage, *, point: str = "resid_pre", position: int,
    token: int | None = None, against: int | None = None, piece: Callable[[int], str],
) -> PatchReport:  # fmt: skip
    """The logit in the run of `corrupt`, with single values of the run of `passage` put in.

    Unless given, `token` is the best guess of the clean run and `against` that of the corrupt one, if it is another.
    Raises `DataError` for texts of different lengths: then no position corresponds to another.
    """
    return _last(
        patch_live(model, passage, corrupt, point=point, position=position, token=token, against=against, piece=piece)
    )


def patch_live(
    model: GPT, passage: Passage, corrupt: Passage, *, point: str = "resid_pre", position: int,
    token: int | None = None, against: int | None = None, piece: Callable[[int], str],
) -> Iterator[PatchReport]:  # fmt: skip
    """The report of `patch` after each layer; the layers to come are NaN."""
    if len(passage) != len(corrupt):
        raise DataError(
            f"The texts have {len(passage)} and {len(corrupt)} tokens; patching needs as many in both.",
            hint="Change a word for one of as many tokens: page 3 of the app and `mlxgpt tokenizer encode TEXT` show them.",
        )
    columns = _columns(model, point, len(passage))
    source = Trace(f"blocks.*.{point}")
    clean_logits = source.run(model, passage.ids)[0, position]
    before = model(mx.array([corrupt.ids]))[0, position]
    if token is None:
        token, other = int(clean_logits.argmax().item()), int(before.argmax().item())
        against = other if against is None and other != token else against
    metric = _metric(position, token, against)
    rows = (
        [metric(_edited(model, corrupt, name, replaced(source[name], **place))) for place in columns]
        for name in (f"blocks.{layer}.{point}" for layer in range(model.config.n_layer))
    )
    for values in _growing(rows, model.config.n_layer, len(columns)):
        yield PatchReport(
            passage=passage, corrupt=corrupt, kind="patch", point=point, columns=POINTS[point], position=position,
            token=token, against=against, pieces={i: piece(i) for i in (token, against) if i is not None},
            clean=metric(clean_logits), corrupted=metric(before), values=values,
        )  # fmt: skip


def _growing(rows: Iterator[list[float]], layers: int, columns: int) -> Iterator[Numbers]:
    """A table (layers, columns) after each row, NaN where none has come."""
    values = np.full((layers, columns), np.nan, dtype=np.float32)
    for layer, row in enumerate(rows):
        values[layer] = row
        yield values.copy()


def _last(reports: Iterator[PatchReport]) -> PatchReport:
    """The whole report."""
    *_, report = reports
    return report


def _columns(model: GPT, point: str, positions: int) -> list[dict[str, int]]:
    """The places that are changed, one after the other, as arguments of an edit."""
    if point not in POINTS:
        raise ConfigError(f"{point!r} cannot be patched.", hint=nearest(point, POINTS))
    if POINTS[point] == "heads":
        return [{"head": head} for head in range(model.config.n_head)]
    return [{"position": position} for position in range(positions)]


def _edited(model: GPT, passage: Passage, name: str, edit: Edit) -> mx.array:
    """The logits (T, V) of a text with one edit."""
    return Trace(edits={name: edit}).run(model, passage.ids)[0]


def _metric(position: int, token: int, against: int | None) -> Callable[[mx.array], float]:
    def metric(logits: mx.array) -> float:
        """Of logits (T, V), or those at the position (V,)."""
        at = logits[position] if logits.ndim == 2 else logits
        value = at[token] - (0.0 if against is None else at[against])
        return float(value.item())

    return metric
