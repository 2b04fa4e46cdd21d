"""What the live panel knows, as a fold of what happens in the conversation.

No Textual and no MLX, so that it is tested alone.
"""

import math
from dataclasses import dataclass, field
from textwrap import wrap
from typing import TYPE_CHECKING

from mlxgpt.events import TokenGenerated

if TYPE_CHECKING:
    from mlxgpt.chunking.analysis.subject import Findings
    from mlxgpt.inspection.live_reports import LiveStep

TOLD_SECONDS = 0.7  # how long a sentence stands at least while a text is written, so that it can be read
LEVELS = ("plain", "maths", "code")


@dataclass(slots=True, kw_only=True)
class LiveState:
    """The step that is shown, and what was heard of the text around it."""

    step: "LiveStep | None" = None
    told: "LiveStep | None" = None  # the step that the words are about, which may be a moment old
    writing: bool = False
    loading: bool = False  # a step is being read again
    head: int | None = None  # None is the head that gives most to one token
    level: str = "plain"
    surprisals: list[float] = field(default_factory=list)  # nats, of the tokens of the message that is shown
    speed: float = 0.0  # tokens per second
    first_seconds: float = 0.0
    chunks: "Findings | None" = None
    whole: bool = False  # no conversation is cut: the chunks only show how one would be
    problem: str = ""  # why there is nothing to show

    def heard(self, token: TokenGenerated) -> None:
        """A token was written."""
        if token.probability:
            self.surprisals.append(-math.log(token.probability))

    def saw(self, step: "LiveStep") -> None:
        """A step was looked at."""
        self.step, self.problem, self.loading = step, "", False
        if not self.writing or self.told is None or not 0 <= step.seconds - self.told.seconds < TOLD_SECONDS:
            self.told = step
        if step.seconds:
            self.speed = step.tokens_per_second or self.speed

    def forgot(self, problem: str) -> None:
        """There is nothing to show, and why."""
        self.step, self.told, self.problem, self.loading, self.surprisals = None, None, problem, False, []

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
        return None if self.step is None else (shown_head(self) + by) % heads_of(self.step)


def shown_head(state: LiveState) -> int:
    """The head whose numbers are shown."""
    assert state.step is not None
    return head_of(state.step, state.head)


def head_of(step: "LiveStep", chosen: int | None) -> int:
    """The head of a step that was chosen, or the one that says most."""
    from mlxgpt.inspection.live_facts import telling_head  # numpy: not before the first picture

    return telling_head(step) if chosen is None else min(chosen, heads_of(step) - 1)


def heads_of(step: "LiveStep") -> int:
    """How many heads a step has to choose from."""
    return len(step.weights) if step.kind != "state" else len(step.norms)


def empty(state: LiveState, width: int) -> list[str]:
    """What stands where there is no step to show."""
    text = state.problem or (
        "reading…"
        if state.writing or state.loading
        else "Write something: what the model sees of each token appears here."
    )
    return wrap(text, max(width, 10))
