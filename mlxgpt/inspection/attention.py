"""Attention maps, how sharp they are, and how they add up through the layers.

T time · L layers · H heads
"""

import numpy as np

from mlxgpt.inspection.reports import AttentionReport, Numbers, Passage, RoleReport
from mlxgpt.inspection.roles import role_scores
from mlxgpt.inspection.trace import patterns, require_attention
from mlxgpt.model.gpt import GPT


def attention(model: GPT, passage: Passage, roles: RoleReport) -> AttentionReport:
    """Who looks at whom in a text."""
    require_attention(model.config)
    pattern = patterns(model, np.array([passage.ids]))[:, 0]  # (L, H, T, T)
    return AttentionReport(
        passage=passage,
        pattern=pattern,
        entropy=entropy(pattern),
        rollout=rollout(pattern),
        scores=role_scores(pattern[:, None], np.array([passage.ids])),
        roles=roles,
    )


def entropy(weights: np.ndarray) -> Numbers:
    """-sum p log p over the last axis, in nats: 0 for one place, log n for n places alike."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(weights > 0, weights * np.log(weights), 0.0)
    return (0.0 - terms.sum(axis=-1)).astype(np.float32)


def rollout(pattern: Numbers) -> Numbers:
    """How much of each input token reaches each position after every layer, (L, T, T) (Abnar & Zuidema 2020, section 3).

    The residual stream counts as half: A = (mean over heads + I) / 2, and the layers are multiplied.
    """
    mixed = 0.5 * pattern.mean(axis=1) + 0.5 * np.eye(pattern.shape[-1], dtype=np.float32)  # (L, T, T)
    through = [mixed[0]]
    for layer in mixed[1:]:
        through.append(layer @ through[-1])
    return np.stack(through).astype(np.float32)
