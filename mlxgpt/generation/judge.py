"""What a model gave each token of a text: its probability, and the likeliest others.

T tokens · V vocabulary
"""

from collections.abc import Sequence

import mlx.core as mx

from mlxgpt.events import TokenGenerated
from mlxgpt.generation.generate import checked
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import StreamDecoder, Tokenizer

_FIRST: tuple[float | None, tuple[tuple[int, float], ...]] = (None, ())  # nothing stands before it
_AT_ONCE = 256  # tokens; the logits of a whole text with a large vocabulary would fill the memory


def judge(model: GPT, tokenizer: Tokenizer, ids: Sequence[int], alternatives: int = 0) -> list[TokenGenerated]:
    """Each token of `ids` with its probability after those before it; the first has none.

    Raises `DataError` for ids that the model does not know.
    """
    ids = checked(ids, model, tokenizer)
    cache, known = model.make_cache(), [_FIRST]
    for low in range(0, len(ids) - 1, _AT_ONCE):
        read, targets = ids[low : low + _AT_ONCE], ids[low + 1 : low + _AT_ONCE + 1]
        logits = model(mx.array([read], mx.int32), cache)[0, : len(targets)].astype(mx.float32)  # (T, V)
        odds = mx.softmax(logits, axis=-1, precise=True)
        own = mx.take_along_axis(odds, mx.array(targets)[:, None], axis=-1)[:, 0]
        best = mx.argsort(-odds, axis=-1)[:, :alternatives]
        chances = mx.take_along_axis(odds, best, axis=-1)
        for probability, tokens, shares in zip(own.tolist(), best.tolist(), chances.tolist(), strict=True):
            known.append((probability, tuple(zip(tokens, shares, strict=True))))
    decoder = StreamDecoder(tokenizer)
    return [
        TokenGenerated(
            id=token, text=decoder.push(token), token=tokenizer.token_text(token), probability=probability,
            alternatives=others,
        )
        for token, (probability, others) in zip(ids, known, strict=True)
    ]  # fmt: skip
