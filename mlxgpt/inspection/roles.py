"""What heads do, by published definitions: each role is a set of places, its score the attention that goes there.

The score of a role is the mean, over the positions that have such a place, of the attention given to it.  Scores are taken
on random tokens that are repeated, as Olsson et al. do it: there a head cannot hide behind what the text means, and nothing
but the repetition can be predicted.  A head has a role only if its score passes THRESHOLD and beats its other scores.

B batch · T time · L layers · H heads
"""

from collections.abc import Callable

import mlx.core as mx
import numpy as np

from mlxgpt.errors import DataError
from mlxgpt.inspection.reports import InductionReport, Numbers, RoleReport
from mlxgpt.inspection.trace import Trace, patterns, require_attention, zeroed
from mlxgpt.model.gpt import GPT

THRESHOLD = 0.4  # of all attention; ours: the papers look at scores, and call those near one clear
PROBES, LONGEST_HALF = 4, 50  # sequences, and tokens before the repetition

Places = np.ndarray  # (T, T) booleans: query, key


def previous(ids: np.ndarray) -> Places:
    """The token before.  (Elhage et al. 2021, "A mathematical framework for transformer circuits")"""
    return _rows_from(2, np.eye(len(ids), k=-1, dtype=bool))  # to token 1 this is the sink too


def itself(ids: np.ndarray) -> Places:
    """The token itself."""
    return _rows_from(1, np.eye(len(ids), dtype=bool))


def sink(ids: np.ndarray) -> Places:
    """The first token, where attention goes that has nowhere to go.  (Xiao et al. 2023, "attention sinks")"""
    places = np.zeros((len(ids), len(ids)), dtype=bool)
    places[:, 0] = True
    return _rows_from(2, places)


def duplicate(ids: np.ndarray) -> Places:
    """Earlier places of the same token.  (Wang et al. 2022, "Interpretability in the wild")"""
    same: Places = np.array(ids[:, None] == ids[None, :])
    return np.tril(same, k=-1)


def induction(ids: np.ndarray) -> Places:
    """What followed earlier places of the same token: prefix matching.  (Olsson et al. 2022, "In-context learning and
    induction heads")"""
    after = np.zeros((len(ids), len(ids)), dtype=bool)
    after[:, 1:] = duplicate(ids)[:, :-1]
    return np.tril(after, k=-1)  # what followed the token just before is the token itself


ROLES: dict[str, Callable[[np.ndarray], Places]] = {
    "previous": previous,
    "self": itself,
    "sink": sink,
    "duplicate": duplicate,
    "induction": induction,
}


def role_scores(pattern: Numbers, ids: np.ndarray) -> dict[str, Numbers]:
    """role -> (L, H), from attention weights (L, B, H, T, T) on ids (B, T); NaN for a role without occasion."""
    scores = {}
    for role, places_of in ROLES.items():
        places = np.stack([places_of(row) for row in ids])  # (B, T, T)
        given = (pattern * places[None, :, None]).sum(axis=-1)  # (L, B, H, T)
        occasions: Places = np.array(places.any(axis=-1))  # (B, T)
        total = np.where(occasions[None, :, None], given, 0.0).sum(axis=(1, 3))
        scores[role] = (total / occasions.sum() if occasions.any() else np.full_like(total, np.nan)).astype(np.float32)
    return scores


def find_roles(model: GPT, ids: np.ndarray | None = None) -> RoleReport:
    """The scores of all heads on repeated random tokens (B, T), those of `probe` unless given."""
    require_attention(model.config)
    ids = probe(model) if ids is None else ids
    T = ids.shape[1]
    alike = (np.tril(np.ones((T, T))) / np.arange(1, T + 1)[:, None]).astype(np.float32)
    uniform = np.broadcast_to(alike, (1, len(ids), 1, T, T))
    chance = {role: float(score[0, 0]) for role, score in role_scores(uniform, ids).items()}
    return RoleReport(scores=role_scores(patterns(model, ids), ids), chance=chance, threshold=THRESHOLD, probe=ids)


def probe(model: GPT, begin: int | None = None, reserved: int = 0, seed: int = 0) -> np.ndarray:
    """Sequences (B, T) of random tokens, all different, and then the same again; `begin` before them, if there is one.

    The ids below `reserved`, which stand for no text, are left out.
    """
    random = np.random.default_rng(seed)
    V, T = model.config.vocab_size, model.config.context_length
    reserved = min(reserved, V // 2)
    half = min(LONGEST_HALF, (T - 1) // 2, V - reserved)
    if half < 2:
        raise DataError(f"{model.config.name} sees {T} tokens at a time: too few to repeat any.")
    rows = [reserved + random.permutation(V - reserved)[:half] for _ in range(PROBES)]
    first = [] if begin is None else [begin]
    return np.array([[*first, *row, *row] for row in rows])


def _rows_from(first: int, places: Places) -> Places:
    return places & (np.arange(len(places)) >= first)[:, None]


# ---- what the heads are good for -------------------------------------------------------------------------------------


def find_induction(model: GPT, roles: RoleReport) -> InductionReport:
    """The accuracy on the repeated half of the probe, with everything and without each head."""
    config, ids = model.config, roles.probe
    without = [
        [repeat_accuracy(model, ids, Trace(edits={f"blocks.{layer}.attn.z": zeroed(head=head)})) for head in heads]
        for layer, heads in enumerate([range(config.n_head)] * config.n_layer)
    ]
    return InductionReport(
        roles=roles,
        accuracy=repeat_accuracy(model, ids),
        first_accuracy=repeat_accuracy(model, ids, second=False),
        without=np.array(without, dtype=np.float32),
    )


def repeat_accuracy(model: GPT, ids: np.ndarray, trace: Trace | None = None, *, second: bool = True) -> float:
    """The share of tokens of the repeated half, but its first, that the best guess is right about; or of the first half."""
    guesses = np.array((trace or Trace()).run(model, ids).argmax(axis=-1).astype(mx.int32))[:, :-1]
    right = guesses == ids[:, 1:]  # (B, T-1)
    half = ids.shape[1] // 2  # the begin token, if any, counts to the first half
    start = ids.shape[1] - half
    return float((right[:, start:] if second else right[:, : start - 1]).mean())
