"""What a learner has done: one small JSON file in the learner's own folder."""

import json
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mlxgpt import whole
from mlxgpt.backend import places


@dataclass(slots=True, kw_only=True)
class Progress:
    """For each lesson: how often it was done or only shown, when last, and which exercises were answered rightly."""

    lessons: dict[str, "Done"] = field(default_factory=dict)
    lang: str = ""  # in which the lessons of the app were read last

    def finished(self, lesson: str, exercises: int) -> None:
        """A lesson with so many exercises was done to its end by somebody who was asked."""
        self.shown(lesson, exercises).read += 1

    def shown(self, lesson: str, exercises: int) -> "Done":
        """A lesson was shown to its end, whether or not anybody answered."""
        done = self.lessons.setdefault(lesson, Done())
        done.seen += 1
        done.exercises = exercises
        done.last = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        return done

    def answered(self, lesson: str, exercise: str, right: bool) -> None:
        """An exercise was answered; what was right once stays so."""
        done = self.lessons.setdefault(lesson, Done())
        done.right[exercise] = right or done.right.get(exercise, False)

    def save(self) -> None:
        """Write it where it lives."""
        path = places.progress()
        path.parent.mkdir(parents=True, exist_ok=True)
        whole.write_text(path, json.dumps(asdict(self), indent=1, ensure_ascii=False))


@dataclass(slots=True, kw_only=True)
class Done:
    """One lesson's part."""

    read: int = 0
    seen: int = 0
    last: str = ""
    exercises: int = 0
    right: dict[str, bool] = field(default_factory=dict)
    step: int = 0  # of the app's lesson that was left there, from 0

    @property
    def solved(self) -> int:
        """Exercises answered rightly."""
        return sum(self.right.values())


def load(path: Path | None = None) -> Progress:
    """What the file says; nothing yet when it is missing or damaged, for a lesson must never fail because of it."""
    try:
        content: Any = json.loads((path or places.progress()).read_text(encoding="utf-8"))
        lessons = {
            str(name): Done(
                read=int(done["read"]), seen=int(done.get("seen", done["read"])), last=str(done["last"]),
                exercises=int(done["exercises"]),
                right={str(key): bool(right) for key, right in done["right"].items()},
                step=max(0, int(done.get("step", 0))),
            )
            for name, done in content["lessons"].items()
        }  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Progress()
    return Progress(lessons=lessons, lang=str(content.get("lang", "")))
