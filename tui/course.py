"""A lesson as it is read: its events fall into steps, its exercises are answered and graded.  No Textual, no MLX.

A step begins with an idea that has a heading; what comes behind an exercise is shown once that is answered.  Of a lesson
that is still being computed, only the steps that are whole are shown.
"""

from dataclasses import dataclass, field

from mlxgpt.events import Event, ExerciseAsked, IdeaTold, LessonFinished, LessonStarted
from mlxgpt.lessons.answers import is_right, is_understood
from mlxgpt.lessons.progress import Done, Progress

RIGHT, WRONG, UNREAD, HINT, SHOWN = "right", "wrong", "unread", "hint", "shown"


@dataclass(slots=True, kw_only=True)
class Course:
    """The steps of a lesson so far, the one that is read, and what was answered."""

    lesson: str
    steps: list[list[Event]] = field(default_factory=list)
    at: int = 0
    over: bool = False  # all of it is computed
    following: str = ""
    said: dict[str, list[str]] = field(default_factory=dict)  # by exercise: what was said to each answer
    asked: list[ExerciseAsked] = field(default_factory=list)

    def add(self, event: Event) -> None:
        """Take in what was computed next."""
        begins = isinstance(event, LessonStarted | LessonFinished)
        begins = begins or (isinstance(event, IdeaTold) and bool(event.heading) and not self._opening)
        if begins or not self.steps:
            self.steps.append([])
        self.steps[-1].append(event)
        match event:
            case ExerciseAsked():
                self.asked.append(event)
            case LessonFinished():
                self.over, self.following = True, event.following
                self.at = min(self.at, len(self.steps) - 1)  # it had more steps when it was left

    @property
    def _opening(self) -> bool:
        """Whether the last step is the opening alone: the first idea belongs to it."""
        return bool(self.steps) and len(self.steps[-1]) == 1 and isinstance(self.steps[-1][0], LessonStarted)

    @property
    def whole(self) -> int:
        """How many steps can be read to their end."""
        return len(self.steps) if self.over else max(0, len(self.steps) - 1)

    @property
    def step(self) -> list[Event]:
        """What is read now; empty while it is computed."""
        return self.steps[self.at] if self.at < self.whole else []

    @property
    def shown(self) -> list[Event]:
        """The step as far as the exercise that waits."""
        waiting, step = self.exercise, self.step
        return step if waiting is None else step[: step.index(waiting) + 1]

    @property
    def exercise(self) -> ExerciseAsked | None:
        """The exercise of this step that waits for an answer."""
        for event in self.step:
            if isinstance(event, ExerciseAsked) and not {RIGHT, SHOWN} & set(self.said.get(event.key, ())):
                return event
        return None

    def move(self, by: int) -> bool:
        """Go on or back; False at an end, or where an exercise waits."""
        if by > 0 and self.exercise is not None:
            return False
        place = self.at + by
        if not 0 <= place < (self.whole if self.over else self.whole + 1):
            return False
        self.at = place
        return True

    def answer(self, text: str) -> str:
        """What is to be said to an answer: one of the words above; it is remembered."""
        exercise = self.exercise
        assert exercise is not None
        text = text.strip()
        if not text:
            verdict = SHOWN
        elif text == "?":
            verdict = HINT
        elif is_right(exercise, text):
            verdict = RIGHT
        else:
            verdict = WRONG if is_understood(exercise, text) else UNREAD
        self.said.setdefault(exercise.key, []).append(verdict)
        return verdict

    @property
    def solved(self) -> int:
        """Exercises that were answered rightly."""
        return sum(RIGHT in said for said in self.said.values())

    def take_up(self, done: Done) -> None:
        """Go on where a learner was: at the step that was left, with what was answered rightly."""
        self.at = done.step
        self.said = {key: [RIGHT] for key, right in done.right.items() if right}

    def record(self, progress: Progress, verdict: str, exercise: ExerciseAsked) -> None:
        """Note an answer that counts."""
        if verdict in (RIGHT, WRONG, SHOWN):
            progress.answered(self.lesson, exercise.key, verdict == RIGHT)
