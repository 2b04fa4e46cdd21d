"""What the Inspect page looks at, and what it has found out: a frozen value that keys and reports are folded into.

T time · L layers · H heads
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlxgpt.display.labels import fitting
from mlxgpt.display.words import shown
from mlxgpt.inspection.close_reports import SilenceReport, ValuesReport
from mlxgpt.inspection.explain import KINDS, explain
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.reports import (
    AttentionReport,
    AttributionReport,
    Heard,
    LensReport,
    Numbers,
    Passage,
    PatchReport,
    TensorsReport,
    TokensReport,
)
from mlxgpt.inspection.rwkv_reports import DecayReport, EffectiveAttentionReport, ShiftReport, StateReport
from mlxgpt.inspection.sources import Line

Head = tuple[int, int]  # layer, head


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one checkpoint says at one place; kept while another is looked at."""

    name: str
    loss: float
    probability: float  # of the token there; NaN for the first
    rank: int
    guess: str
    guess_probability: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Look:
    """A text, a place in it, the heads that are silenced, and the reports that have come so far."""

    text: str = ""
    heard: Heard | None = None  # what is read instead of the text as a document
    word: str = ""  # of the model; empty for the one that is open
    name: str = ""  # of the model, to be shown
    position: int | None = None  # None is the last
    layer: int = 0
    head: int = 0
    silenced: tuple[Head, ...] = ()
    tokens: TokensReport | None = None
    heads: AttentionReport | EffectiveAttentionReport | None = None
    lens: LensReport | None = None
    stream: Numbers | None = None  # (L+1, T), lengths of the residual stream
    attribution: AttributionReport | None = None
    silence: SilenceReport | None = None
    patch: PatchReport | None = None
    walk: TensorsReport | None = None
    values: ValuesReport | None = None
    state: StateReport | None = None
    decay: DecayReport | None = None
    shift: ShiftReport | None = None
    problem: str = ""  # why reports are missing
    before: Figures | None = None  # of the checkpoint that was looked at before this one

    def but(self, **changes: Any) -> "Look":  # Any: values of the fields
        """The same look with something changed."""
        return dataclasses.replace(self, **changes)

    def afresh(self, **changes: Any) -> "Look":  # Any: values of the fields
        """A look at another text or model: the place stays, the reports go."""
        kept = {"text", "heard", "word", "name", "position", "layer", "head", "silenced", "before"}
        return Look(**{name: getattr(self, name) for name in kept} | changes)

    # ---- where -------------------------------------------------------------------------------------------------------

    @property
    def reading(self) -> str | Heard:
        """What the model is given to read."""
        return self.text if self.heard is None else self.heard

    @property
    def passage(self) -> Passage | None:
        """The text as the model reads it, once it has."""
        return self.tokens.passage if self.tokens else None

    @property
    def length(self) -> int:
        """How many tokens the text has; 0 before it is read."""
        return len(self.passage) if self.passage else 0

    @property
    def at(self) -> int:
        """The position, counted from the beginning."""
        last = max(self.length - 1, 0)
        return last if self.position is None else min(max(self.position, 0), last)

    @property
    def shape(self) -> tuple[int, int]:
        """Layers and heads of the model; (0, 0) before it is known."""
        return (self.heads.pattern.shape[0], self.heads.pattern.shape[1]) if self.heads else (0, 0)

    @property
    def focus(self) -> Focus:
        """The place for pictures and explanations."""
        return Focus(layer=self.layer, head=self.head, position=self.at)

    @property
    def recurrent(self) -> bool:
        """Whether what stands for attention is that of a recurrent model."""
        return isinstance(self.heads, EffectiveAttentionReport)

    def moved(self, *, position: int = 0, layer: int = 0, head: int = 0) -> "Look":
        """The place so many steps further, as far as there is one."""
        layers, heads = self.shape
        changes: dict[str, Any] = {}
        if layers:  # before the heads have come nobody knows how many there are
            changes["layer"] = min(max(self.layer + layer, 0), layers - 1)
            changes["head"] = min(max(self.head + head, 0), heads - 1)
        if position and self.length:
            changes["position"] = min(max(self.at + position, 0), self.length - 1)
        return self.but(**changes)

    def switched(self, head: Head) -> "Look":
        """A head silenced, or heard again."""
        rest = tuple(other for other in self.silenced if other != head)
        return self.but(silenced=rest if head in self.silenced else tuple(sorted((*self.silenced, head))), silence=None)

    # ---- what is said ------------------------------------------------------------------------------------------------

    def role(self, layer: int, head: int) -> str:
        """The role of a head, if it has one."""
        return self.heads.roles.role(layer, head) if isinstance(self.heads, AttentionReport) else ""

    def with_role(self, word: str) -> Iterator[Head]:
        """The heads whose role begins with a word, those after the selected one first."""
        layers, heads = self.shape
        start = self.layer * heads + self.head + 1
        for i in range(layers * heads):
            layer, head = divmod((start + i) % (layers * heads), heads)
            if word and self.role(layer, head).startswith(word.lower()):
                yield layer, head

    @property
    def figures(self) -> Figures | None:
        """What to compare with another checkpoint."""
        if self.tokens is None or self.lens is None:
            return None
        t = self.at
        return Figures(
            name=self.name,
            loss=self.tokens.loss,
            probability=float(np.exp(-self.tokens.surprisal[t])),
            rank=int(self.tokens.rank[t]),
            guess=self.lens.pieces[int(self.lens.top[-1, t, 0])],
            guess_probability=float(self.lens.top_probability[-1, t, 0]),
        )


WIDE, ROOMY = 1000, 96  # columns: where all is wanted, and where a hint has a place, too


def token_line(look: Look, width: int = WIDE) -> str:
    """The token at the cursor in figures: those that fit."""
    report = look.tokens
    if report is None:
        return ""
    t, passage = look.at, report.passage
    parts = [f"{t}/{len(passage) - 1} «{shown(passage.pieces[t])}»", f"id {passage.ids[t]}"]
    if t == 0:
        parts.append("nothing comes before it")
    else:
        surprisal = float(report.surprisal[t])
        parts += [f"s {surprisal:.2f} nats", f"p {KINDS['share'](float(np.exp(-surprisal)))}", f"rank {report.rank[t]}"]
    if look.lens is not None:
        guess, p = int(look.lens.top[-1, t, 0]), float(look.lens.top_probability[-1, t, 0])
        parts.append(f"next «{shown(look.lens.pieces[guess])}» {p:.0%}")
    if look.stream is not None:
        parts.append("‖x‖ " + " → ".join(f"{norm:.1f}" for norm in look.stream[:, t]))
    return fitting(parts, width, " · ")


def head_line(look: Look) -> str:
    """Where the selected head looks from the cursor, and what it is."""
    return " · ".join(_head(look))


def note(look: Look, width: int) -> str:
    """Two lines about the selected head: what it does, and what silencing does; or, where there is little room, what it is."""
    parts = _head(look)
    if look.silenced or not parts:
        return f"{fitting(parts, width, ' · ')}\n{silence_line(look, width)}"
    if width < ROOMY:
        return f"{parts[0]}\n{fitting(parts[1:], width, ' · ')}"
    return f"{fitting(parts, width, ' · ')}\n{silence_line(look)}"


def _head(look: Look) -> list[str]:
    if look.heads is None:
        return []
    row, pieces = look.heads.pattern[look.layer, look.head, look.at], look.heads.passage.pieces
    order = np.argsort(-np.abs(row), kind="stable")[:3]
    verb, sign = ("takes of", "+") if look.recurrent else ("reads", "")
    seen = "  ".join(f"«{shown(pieces[s])}» {row[s]:{sign}.2f}" for s in order if s <= look.at and row[s])
    return [f"L{look.layer} H{look.head} {verb} {seen}", *_about(look)]


def _about(look: Look) -> list[str]:
    if isinstance(look.heads, EffectiveAttentionReport):
        own, back = look.heads.own[look.layer, look.head], look.heads.reach[look.layer, look.head]
        words = [f"itself {own:.0%}, ←{back:.1f} tokens"]
        if look.decay is not None:
            words.append(f"half-life {np.median(look.decay.usual[look.layer, look.head]):,.1f}")
        if look.state is not None:
            at = (look.layer, look.head, look.at)
            words.append(f"‖S‖ {look.state.norm[at]:.2f} rank {look.state.rank[at]:.1f}/{look.state.head_size}")
        return words
    assert look.heads is not None
    roles, place = look.heads.roles, (look.layer, look.head)
    best = max(roles.scores, key=lambda name: float(roles.scores[name][place]))
    score = f"{best} {roles.scores[best][place]:.0%}"
    return [f"role {score}" if look.role(*place) else f"no clear role (best {score})"]


def silence_line(look: Look, width: int = WIDE) -> str:
    """What silencing did, and to the likeliest tokens: those that fit."""
    if not look.silenced:
        return "x silences this head: what comes next is then computed without it"
    names = " ".join(f"{layer}.{head}" for layer, head in look.silenced)
    if look.silence is None:
        return f"without {names}: …"
    report = look.silence
    changes = [
        f"«{shown(report.pieces[int(token)])}» {old:.1%} → {new:.1%}"
        for token, old, new in zip(report.tokens[:4], report.before[:4], report.after[:4], strict=True)
    ]
    return fitting([f"without {names}: KL {report.divergence:.2f}", *changes], width)


def checkpoint_line(now: Figures, then: Figures) -> str:
    """How the figures of two checkpoints differ at one place."""
    parts = [f"{then.name} → {now.name}", f"loss {then.loss:.3f} → {now.loss:.3f}"]
    if now.rank:
        parts.append(f"p {then.probability:.3f} → {now.probability:.3f} (rank {then.rank} → {now.rank})")
    parts.append(
        f"next «{shown(then.guess)}» {then.guess_probability:.0%} → «{shown(now.guess)}» {now.guess_probability:.0%}"
    )
    return " · ".join(parts)


def told(look: Look, level: str, lang: str, view: str = "") -> list[tuple[str, list[Line]]]:
    """What the reports say about the place, under their titles; what the view is about comes first."""
    titles: dict[str, tuple[str, object | None]] = {
        "heads": ("the head", look.heads),
        "silence": ("without heads", look.silence),
        "lens": ("what comes next", look.lens),
        "tokens": ("this token", look.tokens),
        "attribution": ("who speaks for it", look.attribution),
        "patch": ("what carries it", look.patch if look.patch is not None and finished(look.patch) else None),
        "tensors": ("the tensors", look.walk),
        "decay": ("how it forgets", look.decay),
        "state": ("its state", look.state),
        "shift": ("the token before", look.shift),
    }
    order = sorted(titles, key=lambda name: name != view)
    return [
        (title, explain(report, look.focus, level, lang))
        for title, report in (titles[name] for name in order)
        if report is not None
    ]


def finished(report: PatchReport) -> bool:
    """Whether all its layers have come."""
    return not bool(np.isnan(report.values).any())
