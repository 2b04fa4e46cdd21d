"""What inspection returns: frozen dataclasses of numpy arrays and plain values.  No MLX here, so every front end can draw them.

All probabilities, entropies and surprisals are read from the model in float32; entropies and surprisals are in nats.
Layers, heads and positions are counted from 0.

T time · L layers · H heads · V vocab · k alternatives
"""

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Passage:
    """A text as a model reads it; where there is one, the token that texts begin after stands first."""

    model: str
    text: str
    ids: tuple[int, ...]
    pieces: tuple[str, ...]  # each id to look at

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AttentionReport:
    """Who looks at whom: `pattern[l, h, t, s]` is how much of its attention head h of layer l gives from t to s."""

    passage: Passage
    pattern: Numbers  # (L, H, T, T), rows sum to one
    entropy: Numbers  # (L, H, T), of each row
    rollout: Numbers  # (L, T, T), see `attention.rollout`
    scores: dict[str, Numbers]  # role -> (L, H), on this text; NaN where the text gives no occasion
    roles: "RoleReport"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoleReport:
    """What each head does on random tokens that are repeated, by the definitions in `roles`."""

    scores: dict[str, Numbers]  # role -> (L, H)
    chance: dict[str, float]  # what a head that looks at all it may see alike would score
    threshold: float
    probe: Ids  # (B, T), the ids that were read

    def role(self, layer: int, head: int) -> str:
        """The role whose score passes the threshold and beats all others; empty when there is none."""
        best, second = sorted(self.scores, key=lambda role: -float(self.scores[role][layer, head]))[:2]
        score = float(self.scores[best][layer, head])
        return best if score >= self.threshold and score > float(self.scores[second][layer, head]) else ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InductionReport:
    """How well repeated random tokens are predicted the second time, and without each head."""

    roles: RoleReport
    accuracy: float  # share of second-half tokens that the model's best guess is right about
    first_accuracy: float  # the same for the first half, where nobody can know
    without: Numbers  # (L, H), the accuracy with the head's output set to zero


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LensReport:
    """What the model would predict if it stopped after each layer; row 0 is the embedding, the last row the model itself."""

    passage: Passage
    kind: str  # logit | tuned
    top: Ids  # (L+1, T, k)
    pieces: dict[int, str]  # the tokens in `top` and the targets to look at
    top_probability: Numbers  # (L+1, T, k)
    target: Ids  # (T,), the token that follows; at the end the model's own best
    probability: Numbers  # (L+1, T), of the target
    rank: Ids  # (L+1, T), of the target, from 1
    entropy: Numbers  # (L+1, T)
    divergence: Numbers  # (L+1, T), KL from the final distribution to this one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TokensReport:
    """How much each token surprises the model.  What stands at t is about token t, predicted from those before it.

    Nothing predicts the first: its surprisal, entropy and alternatives' probabilities are NaN, its rank is 0.
    """

    passage: Passage
    surprisal: Numbers  # (T,), -log p(token)
    entropy: Numbers  # (T,), of the distribution it was drawn from
    rank: Ids  # (T,), from 1
    top: Ids  # (T, k), what was likelier, or as likely; the best first
    top_probability: Numbers  # (T, k)
    pieces: dict[int, str]
    text_bytes: int

    @property
    def predicted(self) -> int:
        """How many tokens were predicted."""
        return len(self.passage) - 1

    @property
    def loss(self) -> float:
        """The mean surprisal in nats."""
        return float(self.surprisal[1:].astype(np.float64).mean())


def plain(report: Any) -> Any:  # Any: a report, or whatever a field of one holds
    """A report as JSON knows it: dictionaries, lists, numbers; what is not a number becomes null."""
    if dataclasses.is_dataclass(report) and not isinstance(report, type):
        return {field.name: plain(getattr(report, field.name)) for field in dataclasses.fields(report)}
    if isinstance(report, dict):
        return {str(key): plain(value) for key, value in report.items()}
    if isinstance(report, list | tuple):
        return [plain(value) for value in report]
    if isinstance(report, np.ndarray):
        return plain(report.tolist())
    if isinstance(report, np.generic):
        return plain(report.item())
    if isinstance(report, float) and not np.isfinite(report):
        return None
    return report
