"""Looking into a model without attention: what each token takes of which, how fast it forgets, how full its state is.

Pure functions of a model and some ids; each returns a report of numpy arrays.

L layers · H heads · N head size · T time · C channels
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy as np
import numpy.typing as npt

from mlxgpt.errors import ConfigError, DataError
from mlxgpt.model.gpt import GPT

Numbers = npt.NDArray[np.float32]

MOST_TOKENS = 1024  # of the maps and courses, which grow with the text, as the model itself does not


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EffectiveAttention:
    """What each token takes of the values of the tokens up to itself: y_t = sum over i of pattern[t, i] v_i.

    Unlike attention's, the weights may be negative and do not add up to one.  `own` is the share, by size, that a token
    takes of its own value, and `reach` how many tokens back, on average, the rest comes from.
    """

    pattern: Numbers  # (L, H, T, T), zero above the diagonal
    own: Numbers  # (L, H)
    reach: Numbers  # (L, H), in tokens


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HalfLives:
    """After how many tokens half of what was written is left, by channel; inf where nothing fades."""

    usual: Numbers  # (L, H, N), the median over the tokens of the text
    shortest: Numbers  # (L, H, N)
    longest: Numbers  # (L, H, N)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StateCourse:
    """The state while a text is read: how much is in it, and in how many directions.

    `rank` is the effective rank, e to the entropy of the shares of the singular values (Roy & Vetterli 2007): 1 when one
    direction holds all, N when all hold the same.
    """

    norm: Numbers  # (L, H, T)
    rank: Numbers  # (L, H, T)
    head_size: int
    nbytes: int  # of the whole state, at every token


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokenShift:
    """How much of the token before goes into what each part looks at: 0 its own token only, 1 the one before only."""

    parts: tuple[str, ...]  # P names
    share: Numbers  # (L, P, C), the mean over the tokens where it depends on them


class _Kept:
    """A tap that keeps some values."""

    def __init__(self, *names: str) -> None:
        self.names, self.values = names, dict[str, mx.array]()

    def __call__(self, name: str, value: mx.array) -> mx.array:
        if name.endswith(self.names):
            self.values[name] = value
        return value

    def wants(self, name: str) -> bool:
        return name.endswith(self.names)

    def layers(self, name: str) -> Numbers:
        """The values called `name` of all blocks, (L, …)."""
        found = [value for key, value in self.values.items() if key.endswith(name)]
        return np.stack([np.array(value.astype(mx.float32)) for value in found])


def effective_attention(model: GPT, ids: Sequence[int]) -> EffectiveAttention:
    """Who takes what of whom in a text: exact, by the same operator that computes the logits."""
    kept = _Kept(".attn.pattern")
    mx.eval(model(_tokens(model, ids), tap=kept))
    pattern = kept.layers(".attn.pattern")[:, 0]  # (L, H, T, T)
    size = np.abs(pattern)
    total = np.maximum(size.sum(axis=(2, 3)), 1e-30)
    own = np.trace(size, axis1=2, axis2=3) / total
    T = pattern.shape[-1]
    distance = np.abs(np.arange(T)[:, None] - np.arange(T)[None])
    earlier = size * (distance > 0)
    reach = (earlier * distance).sum(axis=(2, 3)) / np.maximum(earlier.sum(axis=(2, 3)), 1e-30)
    return EffectiveAttention(pattern=pattern, own=own.astype(np.float32), reach=reach.astype(np.float32))


def half_lives(model: GPT, ids: Sequence[int]) -> HalfLives:
    """How long each channel remembers, while it reads a text: ln 2 / -ln(decay)."""
    kept = _Kept(".attn.w")
    mx.eval(model(_tokens(model, ids), tap=kept))
    w = kept.layers(".attn.w")[:, 0].astype(np.float64)  # (L, H, T, N)
    fading = np.exp(w) if model.config.block == "rwkv6" else -w  # -ln(decay)
    with np.errstate(divide="ignore"):
        lives = np.log(2) / fading
    usual, shortest, longest = np.median(lives, axis=2), lives.min(axis=2), lives.max(axis=2)
    return HalfLives(
        usual=usual.astype(np.float32), shortest=shortest.astype(np.float32), longest=longest.astype(np.float32)
    )


def state_course(model: GPT, ids: Sequence[int]) -> StateCourse:
    """The state after each token of a text, read one by one."""
    tokens, cache = _tokens(model, ids), model.make_cache()
    norms, ranks = [], []
    for t in range(tokens.shape[1]):
        model(tokens[:, t : t + 1], cache)
        mx.eval([layer.state for layer in cache])
        states: Any = cache  # Any: `_tokens` has made sure that they are recurrent states
        singular = np.linalg.svd(np.stack([np.array(state.wkv[0]) for state in states]), compute_uv=False)  # (L, H, N)
        shares = singular / np.maximum(singular.sum(axis=-1, keepdims=True), 1e-30)
        entropy = -(shares * np.log(np.maximum(shares, 1e-30))).sum(axis=-1)
        norms.append(np.sqrt((singular * singular).sum(axis=-1)))
        ranks.append(np.exp(entropy))
    return StateCourse(
        norm=np.stack(norms, axis=-1).astype(np.float32),
        rank=np.stack(ranks, axis=-1).astype(np.float32),
        head_size=model.config.head_width,
        nbytes=sum(layer.nbytes for layer in cache),
    )


PARTS = {
    "rwkv6": ("decay", "key", "value", "receptance", "gate"),
    "rwkv7": ("receptance", "decay", "key", "value", "rate", "gate"),
}


def token_shift(model: GPT, ids: Sequence[int]) -> TokenShift:
    """How much of the token before each part of each block sees; in RWKV-6 that depends on the text."""
    tokens, block = _tokens(model, ids), model.config.block
    if block == "rwkv6":
        kept = _Kept(".attn.mix")
        mx.eval(model(tokens, tap=kept))
        share = kept.layers(".attn.mix")[:, :, 0].mean(axis=2)  # (L, 5, T, C) -> (L, 5, C)
    else:
        share = np.stack(
            [[np.array(layer.att[f"x_{x}"].astype(mx.float32)) for x in "rwkvag"] for layer in model.layers]
        )
    return TokenShift(parts=PARTS[block], share=share)


def _tokens(model: GPT, ids: Sequence[int]) -> mx.array:
    """The ids as a batch of one, or an error that says what is wrong with them."""
    if not model.config.recurrent:
        raise ConfigError(
            f"Block {model.config.block!r} has attention, not a state.", hint="Look at its attention instead."
        )
    if not 0 < len(ids) <= MOST_TOKENS:
        raise DataError(f"The text has {len(ids)} tokens; from 1 to {MOST_TOKENS} can be looked at.")
    if not all(0 <= token < model.config.vocab_size for token in ids):
        raise DataError(f"The model knows the ids from 0 to {model.config.vocab_size - 1}.")
    return mx.array([list(ids)])
