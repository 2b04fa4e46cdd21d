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

from mlxgpt.events import SignalsMeasured

Numbers = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A conversation as a chat reads and writes it: the ids of its layout, and from `answer` on those of the last answer."""

    ids: tuple[int, ...]
    answer: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Passage:
    """What a model reads: a document, whose first token is the one that texts begin after, or a conversation.

    Of a text that is too long, the beginning of a document is read, and the end of a conversation.
    """

    model: str
    text: str  # as far as it is read; of a conversation, the answer that it ends with
    ids: tuple[int, ...]
    pieces: tuple[str, ...]  # each id to look at
    left_out: int = 0  # tokens that were not read
    answer: int | None = None  # where the answer begins that a conversation ends with; None for a document

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
class RolloutReport:
    """How much of each token has reached each position after every layer, if attention alone moved it."""

    passage: Passage
    rollout: Numbers  # (L, T, T), rows sum to one


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
        """How many tokens were predicted: all but the first, or those of the answer."""
        return len(self.passage) - self.first

    @property
    def first(self) -> int:
        """The position of the first of them."""
        return max(self.passage.answer or 0, 1)

    @property
    def loss(self) -> float:
        """The mean surprisal of them in nats."""
        return float(self.surprisal[self.first :].astype(np.float64).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the model that writes to the residual stream: token, position, head, ffn or channel mixing, or a bias."""

    kind: str
    layer: int | None = None
    head: int | None = None

    @property
    def name(self) -> str:
        """Such as "2.head 4", "2.ffn", "token"."""
        where = "" if self.layer is None else f"{self.layer}."
        return f"{where}{self.kind}" + ("" if self.head is None else f" {self.head}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AttributionReport:
    """What each part adds to a logit, or to the difference of two; the shares add up to it."""

    passage: Passage
    position: int
    token: int
    against: int | None
    pieces: dict[int, str]
    parts: tuple[Part, ...]
    shares: Numbers  # (P,)
    logit: float  # before the cap, where the model has one
    capped: bool


# What patching may change, and what the columns of the table then are.
PATCH_POINTS = {
    "attn.z": "heads",
    "resid_pre": "positions",
    "resid_mid": "positions",
    "attn_out": "positions",
    "ffn_out": "positions",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PatchReport:
    """What a logit, or the difference of two, becomes when one thing is changed: each row a layer.

    `kind` is zero or mean (ablation), or patch: then `corrupt` is the text that was run, with single values from the run
    of `passage` put in; `recovered` is 0 where that changes nothing and 1 where it restores the clean value.
    """

    passage: Passage
    corrupt: Passage | None
    kind: str
    point: str  # such as "attn.z"
    columns: str  # heads | positions | all
    position: int
    token: int
    against: int | None
    pieces: dict[int, str]
    clean: float
    corrupted: float  # what is measured without any change; for ablation, `clean` itself
    values: Numbers  # (L, columns)

    @property
    def delta(self) -> Numbers:
        """How far each change moved the value, (L, columns)."""
        return np.asarray(self.values - self.corrupted, dtype=np.float32)

    @property
    def recovered(self) -> Numbers:
        """The share of the gap between both runs that each change closed, (L, columns); NaN where there is no gap."""
        gap = self.clean - self.corrupted
        return np.asarray(self.delta / gap if gap else np.full_like(self.values, np.nan), dtype=np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TensorSummary:
    """One tensor in numbers; those that are not finite are counted and left out of the rest."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    mean: float
    sd: float
    least: float
    most: float
    norm: float  # L2
    nans: int
    infinities: int
    counts: Ids  # (bins,) of the histogram
    edges: Numbers  # (bins + 1,)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TensorsReport:
    """The weights of a model, its activations on a text, or the gradients of that text's loss."""

    model: str
    kind: str  # weights | activations | gradients
    passage: Passage | None
    tensors: tuple[TensorSummary, ...]
    stream_norms: Numbers  # (L+1, T), the length of the residual stream; empty but for activations
    loss: float  # NaN but for gradients


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MemoryReport:
    """Bytes by part, reckoned from the config and measured on this machine; measured 0 where it was not asked for."""

    model: str
    tokens: int
    dtype: str
    predicted: dict[str, int]
    measured: dict[str, int]
    cache_bytes_per_token: int  # 0 for a recurrent model, which has a "state" instead
    by_part: dict[str, int]  # weights: embedding, attention …


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neighbours:
    """The tokens nearest to a word by the cosine of their embeddings."""

    word: str
    tokens: tuple[int, ...]  # what the word is made of; several are averaged
    near: Ids  # (k,)
    pieces: tuple[str, ...]
    cosines: Numbers  # (k,)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmbeddingsReport:
    """Words as vectors: neighbours, similarities, and a map in two dimensions."""

    model: str
    words: tuple[str, ...]
    neighbours: tuple[Neighbours, ...]
    similarity: Numbers  # (W, W), cosines
    plane: Numbers  # (W, 2), principal components
    explained: Numbers  # (2,), share of the variance that each component holds


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnalogyReport:
    """a is to b as c is to …: questions whose words are single tokens, answered by the token nearest to b - a + c."""

    model: str
    sections: dict[str, tuple[int, int, int]]  # name -> questions in the file, asked, right
    examples: tuple[tuple[str, str, str, str, str], ...]  # a, b, c, expected, answer; the first of each section

    @property
    def asked(self) -> int:
        return sum(asked for _, asked, _ in self.sections.values())

    @property
    def right(self) -> int:
        return sum(right for _, _, right in self.sections.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Spike:
    """A step whose loss was far above what was usual, and the rows that it read."""

    step: int
    loss: float
    usual: float
    gradient_norm: float
    batches: tuple[int, ...]
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """A run looked into: what its next step does in each layer, and what went wrong on the way.

    `newest` is its last step with what it read, like a spike whose usual loss is its own; None before there is one.
    """

    run: str
    now: SignalsMeasured
    steps: tuple[int, ...]
    losses: tuple[float, ...]
    gradient_norms: tuple[float, ...]
    spikes: tuple[Spike, ...]
    newest: Spike | None = None


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
