"""What the Learn page shows: the path, and the step of a lesson that is read; `learn` plays lessons and hears the keys."""

from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from mlxgpt import jobs
from mlxgpt.display.lessons import LessonView, log_line
from mlxgpt.events import CodeShown, Event, ExerciseAsked, LessonFinished, LessonStep
from mlxgpt.lessons import progress
from mlxgpt.lessons.config import LANGUAGES
from mlxgpt.text import visible
from tui.bridge import Feed
from tui.course import Course
from tui.page import Page

WIDEST = 100  # columns of text that are good to read


class Sheet:
    """Takes what a `LessonView` prints, for a page so wide."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.blocks: list[RenderableType] = []

    def print(self, block: RenderableType = "") -> None:
        """Keep it."""
        self.blocks.append(block)


class LearnView(Page):
    """The path on the left, the lesson with a line for answers on the right."""

    DEFAULT_CSS = """
    LearnView #path { width: 38; height: 1fr; border: round $border-blurred; background: $background; }
    LearnView #path:focus { border: round $accent; }
    LearnView #right { width: 1fr; }
    LearnView #sheet { height: 1fr; border: round $border-blurred; padding: 0 1; }
    LearnView #sheet:focus { border: round $accent; }
    LearnView #blocks { height: auto; }
    LearnView #answer { display: none; border: round $warning; height: 3; }
    LearnView.-asked #answer { display: block; }
    LearnView.-narrow #path { width: 1fr; }
    LearnView.-narrow #right { display: none; }
    LearnView.-narrow.-reading #path { display: none; }
    LearnView.-narrow.-reading #right { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        known = progress.load().lang
        self.lang = known if known in LANGUAGES else LANGUAGES[0]
        self.course: Course | None = None
        self.code = self.tensors = False
        self._feed: Feed[Event] | None = None
        self._timer: Timer | None = None
        self._names: list[str] = []
        self._counted: set[str] = set()  # lessons whose end was reached since they were begun

    def body(self) -> ComposeResult:
        """The path, and the lesson with a line for answers."""
        with Horizontal():
            yield OptionList(id="path", markup=False)
            with Vertical(id="right"):
                with VerticalScroll(id="sheet"):
                    yield Static(id="blocks", markup=False)
                yield Input(id="answer")

    def on_mount(self) -> None:
        """The path, and what was done of it."""
        self._list()
        self._show()
        self.query_one("#path").focus()

    def model_opened(self) -> None:
        """Lessons can be computed now."""
        self._state()

    def model_missing(self) -> None:
        """No lesson can be computed."""
        self._state()

    def on_resize(self, event: events.Resize) -> None:
        """Pictures are drawn for a width."""
        self.call_after_refresh(self._show)

    # ---- the path ----------------------------------------------------------------------------------------------------

    def _list(self) -> None:
        entries = jobs.learning_path(self.lang)
        path = self.query_one("#path", OptionList)
        here = path.highlighted or 0
        self._names = [entry["lesson"] for entry in entries]
        path.clear_options()
        path.add_options([Option(station(number, entry)) for number, entry in enumerate(entries, 1)])
        path.highlighted = here
        path.border_title = self._words("list").partition("\n")[0]

    # ---- the lesson --------------------------------------------------------------------------------------------------

    def _show(self, *, keep: bool = False) -> None:
        """Draw the step that is read; `keep` stays where it was scrolled to."""
        sheet, course = self.query_one("#sheet", VerticalScroll), self.course
        width = min(WIDEST, max(20, sheet.size.width - 4))
        self.set_class(course is not None and course.exercise is not None, "-asked")
        answer = self.query_one("#answer", Input)
        answer.border_title = self._words("app_answer")
        if course is None:
            blocks: list[RenderableType] = [Text(self._words("app_choose"), style="dim")]
            sheet.border_title = ""
        else:
            blocks = self._blocks(course, width) or [Text(self._words("app_computing"), style="dim")]
            place = self._words("app_place", step=course.at + 1, steps=max(course.whole, course.at + 1))
            sheet.border_title = Content(f"{course.lesson} · {place}{'' if course.over else ' …'}")
        self.query_one("#blocks", Static).update(Group(*blocks))
        if not keep:
            sheet.scroll_home(animate=False)
        self._state()
        self.refresh_bindings()

    def _blocks(self, course: Course, width: int) -> list[RenderableType]:
        sheet = Sheet(width)
        view = LessonView(sheet, self.lang, answers=False)  # type: ignore[arg-type]  # of a console it asks width and print
        for event in course.shown:
            if isinstance(event, CodeShown) and not self.code:
                hint = self._words("app_code", path=event.path, line=event.first_line, name=event.name)
                sheet.print(Padding(Text(visible(hint), style="dim"), (0, 0, 1, 0)))
                continue
            view.show(event)
            if self.code and isinstance(event, LessonStep):
                sheet.print(Text(log_line(event), style="dim"))
            if isinstance(event, ExerciseAsked):
                for verdict in course.said.get(event.key, ()):
                    say_verdict(view, event, verdict)
            if isinstance(event, LessonFinished):
                view.score(course.solved, event.exercises)
                end = self._words("app_end", lesson=event.following) if event.following else self._words("app_last")
                sheet.print(Text(end))
        return sheet.blocks

    def _state(self) -> None:
        done = f"{self.course.solved}/{len(self.course.asked)} ✓ · " if self.course and self.course.asked else ""
        computing = f"{self._words('app_computing')} · " if self._feed is not None else ""
        word = self.bridge.opened.name if self.bridge.opened else self.bridge.missing
        self.say(f"{computing}{done}{self.lang} · {word}")

    def _words(self, key: str, **values: Any) -> str:  # Any: numbers and words
        return LessonView(Sheet(WIDEST), self.lang).words.write(key, **values)  # type: ignore[arg-type]  # as above


def station(number: int, entry: dict[str, Any]) -> Table:
    """A lesson in the list: its place, title, and what was done of it."""
    mark = "✓" if entry["read"] else "●" if entry["right"] or entry["seen"] else " "
    score = f"{entry['right']}/{entry['exercises']}" if entry["exercises"] else ""
    row = Table.grid(padding=(0, 1), expand=True)
    row.add_column(width=2, justify="right")
    row.add_column(ratio=1)
    row.add_column(justify="right")
    row.add_row(str(number), Text(visible(entry["title"])), f"{score} {mark}".strip())
    return row


def say_verdict(view: LessonView, exercise: ExerciseAsked, verdict: str) -> None:
    """What is said to an answer."""
    match verdict:
        case "right":
            view.right(exercise)
        case "hint":
            view.hint(exercise)
        case "shown":
            view.solution(exercise)
        case "wrong":
            view.wrong(exercise, understood=True)
        case _:
            view.wrong(exercise, understood=False)
