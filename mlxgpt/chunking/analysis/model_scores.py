"""What a trained model says about the cuts, and whether it is worth saying; `evaluation.boundaries` measures it."""

from dataclasses import asdict, dataclass
from typing import Any

from mlxgpt.chunking.analysis.chance import Compared

FEWEST_HEADINGS = 5  # below, an area under the curve says nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Does the model find the author's headings better than counting words does?

    Headings are taken out of the text; each AUC is the chance that a place where one stood scores higher than another gap
    between paragraphs: `clarity_auc` by boundary clarity, `lexical_auc` by -g, see `cohesion.Cohesion`.
    """

    headings: int
    clarity_auc: float | None  # None: fewer than 5 headings, or nothing beside them
    lexical_auc: float | None

    @property
    def passed(self) -> bool:
        """The model's scores are worth showing."""
        return self.clarity_auc is not None and self.lexical_auc is not None and self.clarity_auc > self.lexical_auc


@dataclass(frozen=True, slots=True, kw_only=True)
class Stickiness:
    """Chunk stickiness (MoC, 2503.09600): CS = -Σ (h_i / 2m) log₂ (h_i / 2m) over the degrees h_i of a graph with m edges.

    Chunks i < j at most `window` apart are joined when Edge = (ppl(q) - ppl(q|p)) / ppl(q) > `threshold`, p the last 192
    tokens of i and q the first 64 of j.  Lower is better; log₂ of the chunks is the most.  `bits` is None without edges:
    no chunk leans on another that much.
    """

    bits: float | None
    chunks: int
    edges: int
    pairs: int
    window: int
    threshold: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelScores:
    """Scores that need a model.

    `clarity` is the mean of BC(q, d) = ppl(q|d) / ppl(q) over cuts, ppl = exp(mean nats), q the first 64 tokens behind the
    cut, d the last 192 before (MoC, 2503.09600; perplexities, where its code divides mean nats).  1: what follows owes
    nothing to what was before; low: cut in the middle of something.  Beside it, random sentence gaps.

    `nats_per_token` is the mean over all tokens of the chunks that were read, each chunk alone; `chunk_nats` its 5th, 50th and
    95th percentile over chunks; `bits_per_character` the same in bits for a character (Genzel and Charniak 2002).
    """

    gate: Gate
    clarity: Compared | None
    stickiness: Stickiness | None
    nats_per_token: float
    chunk_nats: tuple[float, ...]
    bits_per_character: float
    chunks_read: int
    ungated: bool = False

    @property
    def shown(self) -> bool:
        """Whether clarity and stickiness are to be shown."""
        return self.ungated or self.gate.passed

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Plain values; what the gate holds back is left out."""
        value = asdict(self) | {"shown": self.shown}
        return value if self.shown else value | {"clarity": None, "stickiness": None}
