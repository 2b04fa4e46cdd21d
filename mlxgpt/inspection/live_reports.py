"""What is seen of one step of writing: whom the token just read looked at, and how the next one came about.  No MLX here.

L layers · H heads · T tokens the model sees · k alternatives
"""

from dataclasses import dataclass

from mlxgpt.inspection.reports import Ids, Numbers, Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """Memory, in bytes: of the context, and what MLX has in use, had at most, and keeps for reuse."""

    context: int
    active: int
    peak: int
    kept: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LiveStep:
    """The step that read the last token of `passage`, and the token `drawn` from it.

    `kind` says what `weights` are: attention; effective, what a recurrent model takes of each token's value (may be
    negative, does not add up to one); or state, which is not about tokens: `norms` says how much each head holds, and
    `changes` by how much of that this token changed it.
    """

    passage: Passage  # what the model sees of the text, the token just read last
    earlier: int  # tokens of the text before those: attention no longer sees them, a state may hold something of them
    written: int  # tokens drawn since the text began, the one drawn here included
    layer: int  # of `weights`, `norms`, `changes`
    kind: str  # attention | effective | state
    weights: Numbers  # (H, T); (H, 0) for a state
    spread: Numbers  # (H,) the entropy of attention, in nats, else (0,)
    norms: Numbers  # (H,) of a state, else (0,)
    changes: Numbers  # (H,) 0 … 2, of a state, else (0,)
    top: Ids  # (L+1,) the lens's best guess: of the embedding, then after each layer
    top_probability: Numbers  # (L+1,)
    final_probability: Numbers  # (L+1,) what each gives to the last one's best
    likely: Ids  # (k,) the best next tokens, the best first
    likely_probability: Numbers  # (k,)
    entropy: float  # of the next token, in nats
    drawn: int | None  # None where nothing was drawn: the end of what was read again
    probability: float  # of the token drawn, in the model's own distribution; NaN for None
    rank: int  # of it, from 1; 0 for None
    pieces: dict[int, str]  # the tokens in `top`, `likely` and `drawn` to look at
    context: int  # most tokens that the model sees; 0 where there is no limit
    vocabulary: int  # tokens to choose from
    used: Used
    seconds: float  # since the text began; 0 where the step was computed again
    first_seconds: float  # from there to the first token
    given: bool = False  # the token `drawn` was not: somebody typed or chose it

    @property
    def again(self) -> bool:
        """Whether this was computed by reading the text once more, so that the last digits may differ."""
        return not self.seconds

    @property
    def tokens_per_second(self) -> float:
        """Of the tokens after the first; 0 while there is one only."""
        since = self.seconds - self.first_seconds
        return (self.written - 1) / since if self.written > 1 and since > 0 else 0.0
