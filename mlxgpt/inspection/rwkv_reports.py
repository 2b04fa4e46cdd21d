"""What inspection returns of a model with a state in place of attention; the other reports are in `reports`.  No MLX here.

L layers · H heads · N head size · T time · C channels · P parts
"""

from dataclasses import dataclass

from mlxgpt.inspection.reports import Numbers, Passage


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EffectiveAttentionReport:
    """What each token takes of the values of the tokens up to itself: y_t = sum over i of pattern[t, i] v_i.

    Unlike attention's, the weights may be negative and do not add up to one; a norm and a gate come after them.  What a
    learned initial state adds is not among them.
    """

    passage: Passage
    pattern: Numbers  # (L, H, T, T), zero above the diagonal
    own: Numbers  # (L, H), the share, by size, that tokens take of their own value
    reach: Numbers  # (L, H), how many tokens back, on average and by size, the rest comes from; 0 where there is none


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DecayReport:
    """After how many tokens half of what was written is left, by channel; inf where nothing fades."""

    passage: Passage
    usual: Numbers  # (L, H, N), the median over the tokens of the text
    shortest: Numbers  # (L, H, N)
    longest: Numbers  # (L, H, N)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StateReport:
    """The state while a text is read: how much is in it, and in how many directions.

    `rank` is the effective rank, e to the entropy of the shares of the singular values (Roy & Vetterli 2007): 1 when one
    direction holds all, N when all hold the same, 0 for an empty state.
    """

    passage: Passage
    norm: Numbers  # (L, H, T), the root of the sum of squares
    rank: Numbers  # (L, H, T)
    head_size: int
    nbytes: int  # of all that is remembered, the same after every token


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShiftReport:
    """How much of the token before goes into what each part looks at: 0 its own token only, 1 the one before only."""

    passage: Passage
    parts: tuple[str, ...]  # P names
    paths: tuple[str, ...]  # where in a block each share stands: the point "attn.mix", or a parameter
    share: Numbers  # (L, P, C), the mean over the tokens where it depends on them
