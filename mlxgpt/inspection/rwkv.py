"""Looking into a model without attention: what each token takes of which, how fast it forgets, how full its state is.

L layers · H heads · N head size · T time · C channels · P parts
"""

from typing import Any

import mlx.core as mx
import numpy as np
from mlx.utils import tree_flatten

from mlxgpt.errors import DataError
from mlxgpt.inspection.reports import Numbers, Passage
from mlxgpt.inspection.rwkv_reports import DecayReport, EffectiveAttentionReport, ShiftReport, StateReport
from mlxgpt.inspection.trace import Trace, patterns
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT

MOST_TOKENS = 1024  # of the maps and courses, which grow with the text, as the model itself does not
TINY = 1e-30


def effective_attention(model: GPT, passage: Passage) -> EffectiveAttentionReport:
    """Who takes what of whom in a text: exact, by the same operator that computes the logits."""
    require_state(model.config)
    pattern = patterns(model, np.array([passage.ids]))[:, 0]  # (L, H, T, T)
    return EffectiveAttentionReport(passage=passage, pattern=pattern, own=own(pattern), reach=reach(pattern))


def own(pattern: Numbers) -> Numbers:
    """The share, by size, of the diagonal of maps (…, T, T)."""
    size = np.abs(pattern)
    total = np.maximum(size.sum(axis=(-2, -1)), TINY)
    return np.asarray(np.trace(size, axis1=-2, axis2=-1) / total, dtype=np.float32)


def reach(pattern: Numbers) -> Numbers:
    """How far from the diagonal, by size, the rest of maps (…, T, T) lies on average, in tokens."""
    place = np.arange(pattern.shape[-1])
    distance = np.abs(place[:, None] - place)
    earlier = np.abs(pattern) * (distance > 0)
    total = np.maximum(earlier.sum(axis=(-2, -1)), TINY)
    return np.asarray((earlier * distance).sum(axis=(-2, -1)) / total, dtype=np.float32)


def decay(model: GPT, passage: Passage) -> DecayReport:
    """How long each channel remembers while it reads a text."""
    require_state(model.config)
    lives = half_lives(_layers(model, passage, "attn.w")[:, 0], model.config.block)  # (L, H, T, N)
    return DecayReport(
        passage=passage,
        usual=np.median(lives, axis=-2).astype(np.float32),
        shortest=lives.min(axis=-2).astype(np.float32),
        longest=lives.max(axis=-2).astype(np.float32),
    )


def half_lives(w: np.ndarray, block: str) -> np.ndarray:
    """ln 2 / -ln(decay) in tokens, of the decays as blocks have them: -exp(w) is the logarithm in RWKV-6, w in RWKV-7."""
    w = w.astype(np.float64)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(2) / (np.exp(w) if block == "rwkv6" else 0.0 - w))  # -w would make -0.0 of 0


def state(model: GPT, passage: Passage) -> StateReport:
    """The state after each token of a text, read one by one."""
    require_state(model.config)
    tokens, cache = mx.array([passage.ids]), model.make_cache()
    norms, ranks = [], []
    for t in range(len(passage)):
        model(tokens[:, t : t + 1], cache)
        mx.eval([layer.state for layer in cache])
        states: Any = cache  # Any: `require_state` has made sure that they are recurrent states
        norm, rank = fullness(np.stack([np.array(layer.wkv[0]) for layer in states]))  # (L, H)
        norms.append(norm)
        ranks.append(rank)
    return StateReport(
        passage=passage,
        norm=np.stack(norms, axis=-1),
        rank=np.stack(ranks, axis=-1),
        head_size=model.config.head_width,
        nbytes=sum(layer.nbytes for layer in states),
    )


def fullness(states: np.ndarray) -> tuple[Numbers, Numbers]:
    """The norm and the effective rank of states (…, N, N)."""
    singular = np.linalg.svd(states, compute_uv=False)  # (…, N)
    total = singular.sum(axis=-1)
    shares = singular / np.maximum(total, TINY)[..., None]
    entropy = -(shares * np.log(np.maximum(shares, TINY))).sum(axis=-1)
    norm = np.sqrt((singular * singular).sum(axis=-1))
    return norm.astype(np.float32), np.where(total > 0, np.exp(entropy), 0.0).astype(np.float32)


# What mixes in the token before, and where in a block its share stands.
SHIFTED = {
    "rwkv6": dict.fromkeys(("decay", "key", "value", "receptance", "gate"), "attn.mix"),
    "rwkv7": {
        "receptance": "att.x_r",
        "decay": "att.x_w",
        "key": "att.x_k",
        "value": "att.x_v",
        "rate": "att.x_a",
        "gate": "att.x_g",
    },
}


def shift(model: GPT, passage: Passage) -> ShiftReport:
    """How much of the token before each part of time mixing sees; in RWKV-6 that depends on the text."""
    require_state(model.config)
    paths = SHIFTED[model.config.block]
    if model.config.block == "rwkv6":
        share = _layers(model, passage, "attn.mix")[:, :, 0].mean(axis=2)  # (L, 5, T, C) -> (L, 5, C)
    else:
        weights = dict(tree_flatten(model.parameters()))
        layers = range(model.config.n_layer)
        share = np.array(
            [[weights[f"blocks.{i}.{path}"].astype(mx.float32) for path in paths.values()] for i in layers]
        )
    return ShiftReport(passage=passage, parts=tuple(paths), paths=tuple(paths.values()), share=share)


def _layers(model: GPT, passage: Passage, point: str) -> Numbers:
    """The values of a point in all blocks, (L, …)."""
    trace = Trace(f"blocks.*.{point}")
    trace.run(model, passage.ids)
    return np.stack([trace.numpy(f"blocks.{layer}.{point}") for layer in range(model.config.n_layer)])


def require_state(config: ModelConfig) -> None:
    """Raise `DataError` for a model whose blocks have no state."""
    if not config.recurrent:
        raise DataError(
            f"The blocks of {config.name} have attention, not a state to look at.",
            hint="Look at `mlxgpt inspect attention`, or give a recurrent model with --model.",
        )
