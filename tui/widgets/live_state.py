"""What the live panel knows, as a fold of what happens in the conversation; no Textual and no MLX, so that it is tested alone."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlxgpt.events import TokenGenerated

if TYPE_CHECKING:
    from mlxgpt.chunking.analysis.subject import Findings
    from mlxgpt.inspection.live_reports import LiveStep

REMEMBERED = 400  # surprisals, more than any line has columns
LEVELS = ("plain", "maths", "code")


@dataclass(slots=True, kw_only=True)
class LiveState:
    """The step that is shown, and what was heard of the text around it."""

    step: "LiveStep | None" = None
    writing: bool = False
    loading: bool = False  # a step is being read again
    head: int | None = None  # None is the head that gives most to one token
    level: str = "plain"
    surprisals: list[float] = field(default_factory=list)  # nats, of the tokens of the message that is shown
    speed: float = 0.0  # tokens per second
    first_seconds: float = 0.0
    chunks: "Findings | None" = None
    problem: str = ""  # why there is nothing to show

    def heard(self, token: TokenGenerated) -> None:
        """A token was written."""
        if token.probability:
            self.surprisals.append(-math.log(token.probability))
            del self.surprisals[:-REMEMBERED]

    def saw(self, step: "LiveStep") -> None:
        """A step was looked at."""
        self.step, self.problem, self.loading = step, "", False
        if step.seconds:
            self.speed, self.first_seconds = step.tokens_per_second or self.speed, step.first_seconds

    def restarted(self) -> None:
        """A message is about to be written."""
        self.writing, self.surprisals, self.speed, self.first_seconds = True, [], 0.0, 0.0

    def selected(self, tokens: list[TokenGenerated], index: int) -> None:
        """An earlier token is looked at: the surprisals are those up to it."""
        self.surprisals = []
        for token in tokens[: index + 1]:
            self.heard(token)

    def turned(self, by: int) -> int | None:
        """The head so many places on; from none chosen, beside the one that is shown."""
        if self.step is None:
            return None
        heads = len(self.step.weights) if self.step.kind != "state" else len(self.step.norms)
        return (shown_head(self) + by) % heads if heads else None


def shown_head(state: LiveState) -> int:
    """The head whose numbers are shown."""
    from mlxgpt.inspection.live_facts import telling_head  # numpy: not before the first picture

    assert state.step is not None
    heads = len(state.step.weights) if state.step.kind != "state" else len(state.step.norms)
    return telling_head(state.step) if state.head is None else min(state.head, heads - 1)
