"""How probable a model finds texts: the nats of the last tokens of rows, and of several continuations of one context.

B batch · T time · V vocab
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from mlxgpt.generation.window import prefill
from mlxgpt.model import functional
from mlxgpt.model.cache import KVCache
from mlxgpt.model.gpt import GPT

_BATCH = 1 << 25  # logits at once
_STEP = 32  # lengths are rounded up to multiples

Ids = list[int]
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Ids to read, of which the last `scored` are predicted."""

    ids: Ids
    scored: int


def mean_nats(model: GPT, rows: Sequence[Row]) -> Values:
    """The mean of -log p over the scored tokens of each row, in nats; 0 where none is scored.  (rows,)

    Rows are padded on the right, which changes nothing before the padding, and come in few lengths.
    """
    nats = np.zeros(len(rows))
    order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
    config = model.config
    most = max(1, _BATCH // (config.vocab_size * config.context_length))
    for low in range(0, len(order), most):
        batch = order[low : low + most]
        length = -(-max(len(rows[i].ids) for i in batch) // _STEP) * _STEP + 1
        ids = np.zeros((len(batch), min(length, config.context_length + 1)), dtype=np.int32)
        weights = np.zeros((len(batch), ids.shape[1] - 1), dtype=np.float32)
        for place, i in enumerate(batch):
            size, scored = len(rows[i].ids), rows[i].scored
            ids[place, :size] = rows[i].ids
            weights[place, max(0, size - 1 - scored) : max(0, size - 1)] = 1 / max(1, scored)
        tokens = mx.array(ids)
        losses = functional.cross_entropy(model(tokens[:, :-1]), tokens[:, 1:])  # (B, T)
        nats[batch] = np.array((losses * mx.array(weights)).sum(axis=1).astype(mx.float32))
    return nats


def continuation_nats(model: GPT, context: Ids, continuations: Sequence[Ids]) -> tuple[Values, npt.NDArray[np.bool_]]:
    """The nats of each continuation of `context`, and whether each is what the model would write: its best tokens all along.

    The context, which is not empty, is read once for all.  When a row is longer than what the model sees, the beginning of
    the context is cut.
    """
    longest = max(map(len, continuations))
    context = context[max(0, len(context) + longest - model.config.context_length) :]
    caches = model.make_cache()
    shared = all(isinstance(cache, KVCache) for cache in caches)
    if shared and len(context) > 1:
        prefill(model, mx.array([context[:-1]], mx.int32), caches)
    begin = context[-1:] if shared else context
    rows = mx.array(
        [begin + each + [0] * (longest - len(each)) for each in continuations], mx.int32
    )  # padded on the right
    for cache in caches if shared else ():
        if isinstance(cache, KVCache) and cache.keys is not None and cache.values is not None:
            cache.keys, cache.values = (mx.repeat(array, len(rows), axis=0) for array in (cache.keys, cache.values))
    logits = model(rows[:, :-1], caches)[:, len(begin) - 1 :]  # (B, longest, V)
    targets = rows[:, len(begin) :]
    real = mx.arange(longest) < mx.array([[len(each)] for each in continuations])
    nats = (functional.cross_entropy(logits, targets) * real).sum(axis=1)
    best = ((logits.argmax(axis=-1) == targets) | ~real).all(axis=1)
    return np.array(nats.astype(mx.float32), dtype=np.float64), np.array(best)
