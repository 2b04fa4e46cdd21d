"""From scores to a token: what is ruled out, and the draw.

The filters run in the order of Hugging Face's generate: repetition penalty, temperature, top-k, top-p, min-p.  The
penalty comes first because it speaks of the model's own scores; temperature before the rest, so that top-p and min-p
judge the distribution that is drawn from; top-k before top-p, whose share is then a share of what top-k left.  Each
filter gives logits in which a token that was ruled out has -inf, so any of them can be left out.

B batch · V vocab · R recent tokens
"""

import math

import mlx.core as mx

from mlxgpt.generation.config import SamplingConfig
from mlxgpt.generation.facts import Dart, Drawn


def sample(
    logits: mx.array,
    config: SamplingConfig,
    key: mx.array,
    recent: mx.array | None = None,
    *,
    judge: bool = False,
    forced: mx.array | None = None,
) -> Drawn:
    """The next tokens for `logits` (B, V); `recent` (B, R) are the tokens a repetition penalty looks at.

    `key` is one for all texts, or one for each, (B, 2).  With `judge` comes what the tokens are judged by: the model's own
    scores, before penalty, temperature and filters, and the dart.  `forced` (B, 1) are taken instead of a draw.
    """
    logits = logits.astype(mx.float32)  # bfloat16 has three digits: a cumulative sum needs more
    dart = None
    if forced is not None:
        token = forced
    elif config.temperature == 0:
        token = apply_filters(logits, config, recent).argmax(axis=-1, keepdims=True)
    else:
        token, dart = draw(apply_filters(logits, config, recent), key)
    return Drawn(token, logits, dart) if judge else Drawn(token)


def apply_filters(logits: mx.array, config: SamplingConfig, recent: mx.array | None = None) -> mx.array:
    """`logits` (…, V) after every filter that `config` asks for; the best token always stays."""
    if recent is not None and config.repetition_penalty != 1.0:
        logits = repetition_penalty(logits, recent, config.repetition_penalty)
    if config.temperature == 0:
        return logits  # greedy: the best token passes all that follows
    logits = logits * (1.0 / max(config.temperature, 1e-6))
    if config.top_k:
        logits = top_k(logits, config.top_k)
    if 0 < config.top_p < 1:
        logits = top_p(logits, config.top_p)
    if config.min_p:
        logits = min_p(logits, config.min_p)
    return logits


def repetition_penalty(logits: mx.array, recent: mx.array, penalty: float) -> mx.array:
    """Scores of the tokens `recent` (…, R) divided by `penalty` when positive, multiplied when negative.

    A token that occurs often is punished once (CTRL, Keskar et al. 2019, 4.1).
    """
    scores = mx.take_along_axis(logits, recent, axis=-1)
    return mx.put_along_axis(logits, recent, mx.where(scores > 0, scores / penalty, scores * penalty), axis=-1)


def top_k(logits: mx.array, k: int) -> mx.array:
    """The k best tokens, and those as good as the last of them; k >= V rules nothing out (Fan et al. 2018)."""
    V = logits.shape[-1]
    if k >= V:
        return logits
    threshold = mx.partition(logits, V - k, axis=-1)[..., V - k : V - k + 1]  # the k-th best
    return mx.where(logits < threshold, -mx.inf, logits)


def top_p(logits: mx.array, p: float) -> mx.array:
    """The smallest set of best tokens that holds a share p of the probability together (Holtzman et al. 2020).

    A token stays when those better than it hold less than p, so the best always does.
    """
    ordered = mx.sort(logits, axis=-1)
    better = mx.cumsum(mx.softmax(ordered, axis=-1), axis=-1, reverse=True, inclusive=False)
    threshold = mx.where(better < p, ordered, mx.inf).min(axis=-1, keepdims=True)
    return mx.where(logits < threshold, -mx.inf, logits)


def min_p(logits: mx.array, p: float) -> mx.array:
    """The tokens at least p times as likely as the best one (Nguyen et al. 2024)."""
    return mx.where(logits < logits.max(axis=-1, keepdims=True) + math.log(p), -mx.inf, logits)


def draw(logits: mx.array, key: mx.array) -> tuple[mx.array, Dart]:
    """A token (B, 1) from softmax(logits): each owns a slice of [0, 1) as wide as its probability, and a random number
    falls into one of them.

    One random number a token, where Gumbel noise needs V of them with two logarithms each; and it can be shown.  With a
    key for each text, (B, 2), each is drawn as if it were alone.
    """
    probabilities = mx.softmax(logits, axis=-1)
    ends = mx.cumsum(probabilities, axis=-1)  # of the slices; the last one is a rounding away from 1
    chance = _uniforms(key) if key.ndim == 2 else mx.random.uniform(shape=(*logits.shape[:-1], 1), key=key)
    beyond = (ends > chance * ends[..., -1:]) & (probabilities > 0)  # rounding never draws what was ruled out
    return mx.argmax(beyond, axis=-1, keepdims=True), Dart(chance, ends)  # the first slice that ends beyond the dart


_uniforms = mx.vmap(lambda key: mx.random.uniform(shape=(1,), key=key))  # (B, 2) -> (B, 1)


def key_for(seed: int, i: int) -> mx.array:
    """The random key of token i: the pair itself, as Threefry gives each key its own stream (Salmon et al. 2011).

    Nothing is carried from token to token, so text can be taken up again anywhere with the same result.
    """
    return mx.array([seed, i], mx.uint32)
