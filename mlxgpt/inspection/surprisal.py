"""How much each token of a text surprises the model, and what it would rather have read.

T time · V vocab · k alternatives
"""

from collections.abc import Callable

import mlx.core as mx
import numpy as np

from mlxgpt.inspection.lens import describe, log_softmax
from mlxgpt.inspection.reports import Passage, TokensReport
from mlxgpt.model.gpt import GPT


def surprisal(model: GPT, passage: Passage, piece: Callable[[int], str], *, top: int = 5) -> TokensReport:
    """Surprisal, entropy, rank and alternatives for each token; `piece` says how a token looks."""
    log_p = log_softmax(model(mx.array([passage.ids]))[0, :-1])  # (T-1, V); row t predicts token t + 1
    target = np.array(passage.ids[1:])
    best, probability, _, rank, spread, _ = describe(log_p, log_p, target, min(top, model.config.vocab_size))
    surprise = -np.take_along_axis(log_p, target[:, None], axis=-1)[:, 0]
    return TokensReport(
        passage=passage,
        surprisal=_after_nothing(surprise, np.nan),
        entropy=_after_nothing(spread, np.nan),
        rank=_after_nothing(rank, 0),
        top=_after_nothing(best, -1),
        top_probability=_after_nothing(probability, np.nan),
        pieces={int(token): piece(int(token)) for token in np.unique(best)},
        text_bytes=len(passage.text.encode()),
    )


def _after_nothing(rows: np.ndarray, value: float) -> np.ndarray:
    """`rows` after one for the first token, which nothing predicts."""
    return np.concatenate([np.full((1, *rows.shape[1:]), value, dtype=rows.dtype), rows])
