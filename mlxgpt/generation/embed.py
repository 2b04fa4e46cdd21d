"""Texts as vectors, from the model's own states: the mean of the last hidden states, of length one.

A language model was not trained for this; its vectors tell texts of different kinds apart, and are no match for a model that
was.  B texts · T tokens · C channels
"""

from collections.abc import Sequence

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from mlxgpt.convert.architectures import READERS
from mlxgpt.convert.foreign import ForeignModel, lacking
from mlxgpt.errors import DataError
from mlxgpt.generation.generate import checked
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer


def embed(
    model: GPT, tokenizer: Tokenizer, rows: Sequence[Sequence[int]], batch_size: int = 16
) -> npt.NDArray[np.float32]:
    """One vector a text, (B, C); `DataError` for a text that is longer than the context."""
    if isinstance(model, ForeignModel):
        raise lacking(model.config.block, "embeddings", f"Models that have: {', '.join(READERS)}.")
    known = [checked(row, model, tokenizer) for row in rows]
    context = model.config.context_length
    if (longest := max(map(len, known))) > context:
        raise DataError(f"A text has {longest:,} tokens, and the model sees {context:,}.", hint="Cut it into chunks.")
    vectors = np.zeros((len(known), model.config.n_embd), np.float32)
    order = sorted(range(len(known)), key=lambda i: len(known[i]))
    for low in range(0, len(order), batch_size):
        batch = order[low : low + batch_size]
        length = max(len(known[i]) for i in batch)
        tokens = mx.array([known[i] + [0] * (length - len(known[i])) for i in batch], mx.int32)
        real = mx.arange(length) < mx.array(
            [[len(known[i])] for i in batch]
        )  # (B, T); padding on the right changes nothing
        states = model.hidden(tokens).astype(mx.float32) * real[..., None]  # (B, T, C)
        mean = states.sum(axis=1) / real.sum(axis=1, keepdims=True)
        vectors[batch] = np.array(mean / mx.maximum(mx.linalg.norm(mean, axis=1, keepdims=True), 1e-12))
    return vectors
