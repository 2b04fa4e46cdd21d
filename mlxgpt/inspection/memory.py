"""Memory by part, reckoned and measured: weights, KV cache or state, activations, gradients, optimizer.

Reckoned means arithmetic on the config (`model.report`, `model.shapes`); measured means bytes of the arrays themselves,
and for what comes and goes the peak that MLX counted.

L layers · K kv heads · D head dim · T tokens
"""

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

from mlxgpt.inspection.reports import MemoryReport, Passage
from mlxgpt.model.cache import KVCache
from mlxgpt.model.gpt import GPT
from mlxgpt.model.report import activations_per_token, by_part, cache_bytes_per_token, state_bytes
from mlxgpt.model.shapes import count, parameter_shapes
from mlxgpt.training.losses import next_token_loss
from mlxgpt.training.optimizers import AdamW, Optimizer


def memory(model: GPT, passage: Passage) -> MemoryReport:
    """Running a text with a cache, and one step of training on it."""
    config, T = model.config, len(passage)
    parameters = dict(tree_flatten(model.parameters()))
    size = max(array.itemsize for array in parameters.values())
    shapes = parameter_shapes(config)
    weights = size * count(shapes)
    per_token = 0 if config.recurrent else cache_bytes_per_token(config, size)
    rooms = -(-T // KVCache.step) * KVCache.step  # the cache grows in steps
    cache = {"KV cache, used": per_token * T, "KV cache, held": per_token * rooms}
    predicted = {
        "weights": weights,
        **({"state": state_bytes(config, size)} if config.recurrent else cache),
        "gradients": weights,
        "optimizer (AdamW)": 2 * 4 * count(shapes),
        "activations (training)": size * T * activations_per_token(config.with_(context_length=T)),
    }
    return MemoryReport(
        model=passage.model,
        tokens=T,
        dtype=str(next(iter(parameters.values())).dtype).removeprefix("mlx.core."),
        predicted=predicted,
        measured=_measured(model, parameters, mx.array([passage.ids])),
        cache_bytes_per_token=per_token,
        by_part={part: size * number for part, number in by_part(shapes).items()},
    )


def _measured(model: GPT, parameters: dict[str, mx.array], ids: mx.array) -> dict[str, int]:
    remembered = _remembered(model, ids)
    step = nn.value_and_grad(model, lambda model: next_token_loss(model, ids[:, :-1], ids[:, 1:]))
    gradients: list[Any] = []
    peak = _peak(lambda: gradients.append(step(model)[1]) or mx.eval(gradients))  # type: ignore[func-returns-value]
    made = sum(array.nbytes for _, array in tree_flatten(gradients[0]))
    state = Optimizer(adamw=AdamW()).start(parameters)
    return {
        "weights": sum(array.nbytes for array in parameters.values()),
        **remembered,
        "gradients": made,
        "optimizer (AdamW)": sum(array.nbytes for slots in state.values() for array in slots.values()),
        "activations (training)": max(0, peak - made),
    }


def _remembered(model: GPT, ids: mx.array) -> dict[str, int]:
    """What a model keeps of the tokens it has read: keys and values of each, or a state of fixed size."""
    cache = model.make_cache()
    mx.eval(model(ids, cache))
    held = sum(array.nbytes for layer in cache for array in layer.state)
    if model.config.recurrent:
        return {"state": held}
    used = sum(array[..., : layer.offset, :].nbytes for layer in cache for array in layer.state)
    return {"KV cache, used": used, "KV cache, held": held}


def _peak(work: Callable[[], object]) -> int:
    """The most memory that MLX held at once while something was computed, beyond what it held before."""
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    work()
    return int(mx.get_peak_memory() - before)
