"""How much each token of a text surprises the model, and what it would rather have read.

T time · V vocab · k alternatives
"""

from collections.abc import Callable

import mlx.core as mx
import numpy as np

from mlxgpt.inspection.lens import describe, log_softmax
from mlxgpt.inspection.reports import Passage, TokensReport
from mlxgpt.model import functional
from mlxgpt.model.gpt import GPT


def surprisal(model: GPT, passage: Passage, piece: Callable[[int], str], *, top: int = 5) -> TokensReport:
    """Surprisal, entropy, rank and alternatives for each token; `piece` says how a token looks."""
    ids = mx.array([passage.ids])
    logits = model(ids)[0, :-1].astype(mx.float32)  # (T-1, V); row t predicts token t + 1
    log_p = log_softmax(logits)
    k = min(top, model.config.vocab_size)
    best, probability, _, rank, spread, _ = describe(log_p, log_p, ids[0, 1:], k)
    surprise = np.array(functional.cross_entropy(logits, ids[0, 1:]))
    return TokensReport(
        passage=passage,
        surprisal=_after_nothing(surprise, np.nan),
        entropy=_after_nothing(spread, np.nan),
        rank=_after_nothing(rank.astype(np.int64), 0),
        top=_after_nothing(best.astype(np.int64), -1),
        top_probability=_after_nothing(probability, np.nan),
        pieces={int(token): piece(int(token)) for token in np.unique(best)},
        text_bytes=len(passage.text.encode()),
    )


def _after_nothing(rows: np.ndarray, value: float) -> np.ndarray:
    """`rows` after one for the first token, which nothing predicts."""
    return np.concatenate([np.full((1, *rows.shape[1:]), value, dtype=rows.dtype), rows])
