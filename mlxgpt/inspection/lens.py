"""The logit lens: what the model would predict if it stopped here (nostalgebraist 2020, "interpreting GPT").

The residual stream after each layer goes through the final norm and the head as if it were the last.  A tuned lens first
moves it by a learned affine map for each layer (see `tuned_lens`).

T time · C channels · L layers · V vocab · k alternatives
"""

from collections.abc import Callable

import mlx.core as mx
import numpy as np

from mlxgpt.inspection.reports import Ids, LensReport, Numbers, Passage
from mlxgpt.inspection.trace import Trace
from mlxgpt.model.gpt import GPT

Translate = Callable[[int, mx.array], mx.array]  # a row of the lens but the last, and its residual stream


def lens(
    model: GPT, passage: Passage, piece: Callable[[int], str], *, top: int = 5, translate: Translate | None = None
) -> LensReport:
    """The predictions after the embedding and after each block; `piece` says how a token looks."""
    trace = Trace("embed", "blocks.*.resid_post")
    logits = trace.run(model, passage.ids)[0]
    streams = [trace[name][0] for name in stream_names(model.config.n_layer)]  # (T, C) each
    if translate is not None:
        streams = [*(translate(row, stream) for row, stream in enumerate(streams[:-1])), streams[-1]]
    final = log_softmax(logits)
    target = np.array([*passage.ids[1:], int(final[-1].argmax())])  # (T,)
    k = min(top, model.config.vocab_size)
    rows = [describe(final if layer == len(streams) - 1 else log_softmax(decode(model, stream)), final, target, k)
            for layer, stream in enumerate(streams)]  # fmt: skip
    tops, top_probability, probability, rank, spread, divergence = (
        np.stack(column) for column in zip(*rows, strict=True)
    )
    seen = {int(token) for token in tops.ravel()} | {int(token) for token in target.tolist()}
    return LensReport(
        passage=passage,
        kind="logit" if translate is None else "tuned",
        top=tops,
        pieces={token: piece(token) for token in sorted(seen)},
        top_probability=top_probability,
        target=target,
        probability=probability,
        rank=rank,
        entropy=spread,
        divergence=divergence,
    )


def stream_names(n_layer: int) -> list[str]:
    """The points where the residual stream is read: before the first block and after each."""
    return ["embed", *(f"blocks.{layer}.resid_post" for layer in range(n_layer))]


def decode(model: GPT, x: mx.array) -> mx.array:
    """Logits (…, V) of a residual stream (…, C), as if it were the last."""
    return model.unembed(model.final_norm(x) if "final_norm" in model else x).astype(mx.float32)


def log_softmax(logits: mx.array) -> Numbers:
    """log p for each token, (T, V).  In numpy, because MLX adds thousands of small terms one after the other in float32 on
    a CPU, which is wrong by 4e-5."""
    shifted = np.array(logits.astype(mx.float32))
    shifted -= shifted.max(axis=-1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=-1, keepdims=True, dtype=np.float64)).astype(np.float32)
    return shifted


def describe(log_p: Numbers, final: Numbers, target: Ids, k: int) -> tuple[np.ndarray, ...]:
    """Top ids and probabilities (T, k); probability and rank of the target, entropy, KL(final ‖ this) (T,)."""
    order = np.argsort(-log_p, axis=-1, kind="stable")[:, :k]
    picked = np.take_along_axis(log_p, target[:, None], axis=-1)  # (T, 1)
    p = np.exp(log_p)
    found = (
        order,
        np.take_along_axis(p, order, axis=-1),
        np.exp(picked[:, 0]),
        1 + (log_p > picked).sum(axis=-1),
        -_sum(p * log_p),
        np.maximum(_sum(np.exp(final) * (final - log_p)), 0.0),  # rounding may fall below zero
    )
    return tuple(array.astype(np.int64 if array.dtype.kind == "i" else np.float32) for array in found)


def _sum(terms: Numbers) -> np.ndarray:
    return np.asarray(terms.sum(axis=-1, dtype=np.float64))
