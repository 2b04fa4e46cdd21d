"""Heads silenced together, and what the model then says: the question that `patching` asks of one head, asked of a set.

T time · V vocab · k tokens
"""

from collections.abc import Callable, Sequence

import mlx.core as mx
import numpy as np

from mlxgpt.errors import ConfigError, nearest
from mlxgpt.inspection.close_reports import SilenceReport
from mlxgpt.inspection.lens import log_softmax
from mlxgpt.inspection.patching import ABLATIONS
from mlxgpt.inspection.reports import Numbers, Passage
from mlxgpt.inspection.trace import Edit, Trace
from mlxgpt.model.gpt import GPT

Heads = Sequence[tuple[int, int]]  # (layer, head)


def silence(
    model: GPT, passage: Passage, heads: Heads, *, kind: str = "zero", position: int, top: int = 5,
    piece: Callable[[int], str],
) -> SilenceReport:  # fmt: skip
    """The `top` tokens at `position` with all of `heads` set to zero, or to their mean over the text, and without change."""
    before = log_softmax(model(mx.array([passage.ids]))[0])  # (T, V)
    after = log_softmax(Trace(edits=edits(model, heads, kind)).run(model, passage.ids)[0])
    old, new = before[position].astype(np.float64), after[position].astype(np.float64)
    likely = np.unique(np.concatenate([np.argsort(-row, kind="stable")[:top] for row in (old, new)]))
    order = likely[np.argsort(-np.abs(np.exp(new) - np.exp(old))[likely], kind="stable")]
    return SilenceReport(
        passage=passage, heads=tuple(heads), kind=kind, position=position, tokens=order.astype(np.int64),
        pieces={int(token): piece(int(token)) for token in order},
        before=np.exp(old[order]).astype(np.float32), after=np.exp(new[order]).astype(np.float32),
        guess=int(old.argmax()), guess_after=int(new.argmax()),
        divergence=max(float((np.exp(old) * (old - new)).sum()), 0.0),
        surprisal=_surprisal(before, passage), surprisal_after=_surprisal(after, passage),
    )  # fmt: skip


def edits(model: GPT, heads: Heads, kind: str) -> dict[str, Edit]:
    """What silences each of `heads`; `ConfigError` for a head or a kind that there is not."""
    config = model.config
    if kind not in ABLATIONS:
        raise ConfigError(f"There is no ablation {kind!r}.", hint=nearest(kind, ABLATIONS))
    for layer, head in heads:
        if not (0 <= layer < config.n_layer and 0 <= head < config.n_head):
            raise ConfigError(
                f"There is no head {layer}.{head}.",
                hint=f"Layers are 0 to {config.n_layer - 1}, heads 0 to {config.n_head - 1}.",
            )
    by_layer: dict[int, list[Edit]] = {}
    for layer, head in heads:
        by_layer.setdefault(layer, []).append(ABLATIONS[kind](head=head))
    return {f"blocks.{layer}.attn.z": _one_after_the_other(some) for layer, some in by_layer.items()}


def read_heads(words: str) -> list[tuple[int, int]]:
    """The heads in a word such as "2.3 4.1"; `ConfigError` for anything else."""
    heads = []
    for word in words.replace(",", " ").split():
        layer, _, head = word.partition(".")
        if not (layer.isdecimal() and head.isdecimal()):
            raise ConfigError(f"{word!r} is no head.", hint='Write layer.head, as in "2.3 4.1".')
        heads.append((int(layer), int(head)))
    return heads


def _one_after_the_other(some: Sequence[Edit]) -> Edit:
    def edit(value: mx.array) -> mx.array:
        for one in some:
            value = one(value)
        return value

    return edit


def _surprisal(log_p: Numbers, passage: Passage) -> Numbers:
    """-log p of each token of a text, (T,)."""
    ids = np.array(passage.ids[1:])
    return np.concatenate([[np.nan], -log_p[np.arange(len(ids)), ids]]).astype(np.float32)
