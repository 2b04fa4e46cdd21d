"""What training lowers: the surprise at each next token.

B batch · T time · V vocab
"""

import mlx.core as mx

from mlxgpt.model import functional
from mlxgpt.model.gpt import GPT


def weighted_mean(values: mx.array, weights: mx.array | None) -> mx.array:
    """sum(values * weights) / sum(weights); the plain mean without weights."""
    if weights is None:
        return values.mean()
    return (values * weights).sum() / mx.maximum(weights.sum(), 1e-9)


def next_token_loss(
    model: GPT, inputs: mx.array, targets: mx.array, weights: mx.array | None = None, key: mx.array | None = None
) -> mx.array:
    """Mean cross-entropy, in nats, of `targets` (B, T) after `inputs` (B, T); a weight of 0 leaves a target out."""
    return weighted_mean(functional.cross_entropy(model(inputs, key=key), targets), weights)


def smoothed_cross_entropy(logits: mx.array, targets: mx.array, smoothing: float) -> mx.array:
    """Cross-entropy against (1 - s) the target and s the uniform distribution, for each position (Szegedy et al. 2016)."""
    uniform = mx.logsumexp(logits, axis=-1) - logits.mean(axis=-1)
    return (1 - smoothing) * functional.cross_entropy(logits, targets) + smoothing * uniform


def z_loss(logits: mx.array) -> mx.array:
    """Mean of log Z squared, which keeps logits from drifting (PaLM, Chowdhery et al. 2022); multiply by about 1e-4."""
    return mx.square(mx.logsumexp(logits.astype(mx.float32), axis=-1)).mean()
