"""Lessons and exercises: the path on the left, the lesson on the right, every number computed by the open model.

The lesson is played to its end on the engine's thread while one reads; `tui.course` cuts it into steps and grades answers,
`display.lessons` draws them.  What was done is remembered where `mlxgpt demo` remembers it.
"""

from dataclasses import replace
from typing import Any, ClassVar

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from mlxgpt import jobs
from mlxgpt.display.lessons import LessonView, log_line
from mlxgpt.events import CodeShown, Event, ExerciseAsked, LessonFinished, LessonStarted, LessonStep
from mlxgpt.lessons import progress
from mlxgpt.lessons.config import LANGUAGES, LessonConfig
from mlxgpt.text import visible
from tui.bridge import Feed
from tui.course import RIGHT, SHOWN, Course
from tui.page import Page, Request

WIDEST = 100  # columns of text that are good to read


class Sheet:
    """Takes what a `LessonView` prints, for a page so wide."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.blocks: list[RenderableType] = []

    def print(self, block: RenderableType = "") -> None:
        """Keep it."""
        self.blocks.append(block)


class LearnPage(Page):
    """Lessons and exercises."""

    NAME = "learn"
    ALLOW_SELECT = False  # Textual 8 fails when what is clicked to select was just taken away, as a footer's key
    HELP = "Lessons computed by the open model.  Enter opens one; space goes on, b back; an exercise takes its answer below."
    DEFAULT_CSS = """
    LearnPage #path { width: 38; height: 1fr; border: round $border-blurred; background: $background; }
    LearnPage #path:focus { border: round $accent; }
    LearnPage #right { width: 1fr; }
    LearnPage #sheet { height: 1fr; border: round $border-blurred; padding: 0 1; }
    LearnPage #sheet:focus { border: round $accent; }
    LearnPage #blocks { height: auto; }
    LearnPage #answer { display: none; border: round $warning; height: 3; }
    LearnPage.-asked #answer { display: block; }
    LearnPage.-narrow #path { width: 1fr; }
    LearnPage.-narrow #right { display: none; }
    LearnPage.-narrow.-reading #path { display: none; }
    LearnPage.-narrow.-reading #right { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,n", "next", "Next", id="learn.next"),
        Binding("b", "back", "Back", id="learn.back"),
        Binding("x", "exercise", "Answer", id="learn.exercise"),
        Binding("c", "code", "Code", id="learn.code"),
        Binding("t", "tensors", "Tensors", id="learn.tensors"),
        Binding("g", "language", "pt/en", id="learn.language"),
        Binding("r", "again", "Again", id="learn.again"),
        Binding("escape", "leave", "Lessons", id="learn.leave"),
        Binding("j,down", "scroll(1)", "Down", id="learn.down", show=False),
        Binding("k,up", "scroll(-1)", "Up", id="learn.up", show=False),
    ]

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

    def receive(self, request: Request) -> None:
        """Another page asks for a lesson."""
        if request.word:
            self.begin(request.word)

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

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open a lesson."""
        self.begin(self._names[event.option_index])

    def begin(self, lesson: str, *, anew: bool = False) -> None:
        """Go on with a lesson where it was left; from its first step when it is new, was read to its end, or `anew`."""
        if self.bridge.opened is None:
            self.say(f"{self.bridge.missing}  A lesson is computed by it.")
            return
        self._stop()
        self.course = Course(lesson=lesson)
        done = progress.load().lessons.get(lesson)
        if done is not None and not anew:
            self.course.take_up(done)
        self._counted.discard(lesson)
        config = LessonConfig(
            modules=(lesson,), lang=self.lang, model=self.bridge.opened.word, show_tensors=self.tensors
        )
        self._feed = self.bridge.play(lambda stop: jobs.teach(config, device=self.bridge.device, stop=stop))
        self._timer = self.set_interval(1 / 30, self._drain)
        self.add_class("-reading")
        if lesson in self._names:
            self.query_one("#path", OptionList).highlighted = self._names.index(lesson)
        self._show()
        self.query_one("#sheet").focus()

    def _stop(self) -> None:
        if self._feed is not None:
            self._feed.close()
        if self._timer is not None:
            self._timer.stop()
        self._feed = self._timer = None

    def _drain(self) -> None:
        """Take what was computed since the last time."""
        feed, course = self._feed, self.course
        if feed is None or course is None:
            return
        over, before = feed.over, (course.whole, bool(course.step))
        for event in feed.take():
            if isinstance(event, LessonStarted) and course.lesson in self._names:  # its place in the list
                event = replace(event, number=self._names.index(course.lesson) + 1, lessons=len(self._names))
            course.add(event)
        if over:
            self._stop()
            if feed.error is not None:
                self.course = None
                self.remove_class("-reading")
                self.show_problem(feed.error)
        if over and course.over:
            self._keep_place(course)
        if over or before != (course.whole, bool(course.step)):
            self._show(keep=before[1])

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

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Grade an answer."""
        course = self.course
        if course is None or (exercise := course.exercise) is None:
            return
        verdict = course.answer(event.value)
        event.input.value = ""
        done = progress.load()
        course.record(done, verdict, exercise)
        if course.lesson in done.lessons:  # "2/6" in the list
            done.lessons[course.lesson].exercises = max(done.lessons[course.lesson].exercises, len(course.asked))
        self._save(done)
        if verdict in (RIGHT, SHOWN):
            self.query_one("#sheet").focus()
        self._show(keep=True)
        self.query_one("#sheet", VerticalScroll).scroll_end(animate=False)

    def _save(self, done: progress.Progress) -> None:
        try:
            done.save()
        except OSError as error:
            self.show_problem(error)
        self._list()

    # ---- keys --------------------------------------------------------------------------------------------------------

    def action_next(self) -> None:
        """What is below; then the answer where an exercise waits, else the next step; after the last, the next lesson."""
        course, sheet = self.course, self.query_one("#sheet", VerticalScroll)
        if course is None:
            return
        if sheet.scroll_offset.y < sheet.max_scroll_y:
            sheet.scroll_page_down(animate=False)
        elif course.exercise is not None:
            self.action_exercise()
        elif course.move(1):
            self._finished(course)
            self._keep_place(course)
            self._show()
        elif course.over and course.at == len(course.steps) - 1 and course.following:
            self.begin(course.following)

    def _finished(self, course: Course) -> None:
        """Remember a lesson whose end is reached."""
        if any(isinstance(event, LessonFinished) for event in course.step) and course.lesson not in self._counted:
            self._counted.add(course.lesson)
            done = progress.load()
            done.finished(course.lesson, len(course.asked))
            self._save(done)

    def _keep_place(self, course: Course) -> None:
        """Remember the step that is read, and how many exercises there are, of a lesson that was begun."""
        done = progress.load()
        if not course.at and course.lesson not in done.lessons:
            return
        mine = done.lessons.setdefault(course.lesson, progress.Done())
        at_end = course.over and course.at == len(course.steps) - 1
        mine.step = 0 if at_end else course.at
        mine.exercises = max(mine.exercises, len(course.asked))
        self._save(done)

    def action_back(self) -> None:
        """The step before."""
        if self.course is not None and self.course.move(-1):
            self._keep_place(self.course)
            self._show()

    def action_exercise(self) -> None:
        """Answer."""
        if self.course is not None and self.course.exercise is not None:
            self.query_one("#answer").focus()

    def action_code(self) -> None:
        """Show the code that computed it, and where each number came from; or hide it."""
        self.code = not self.code
        self._show(keep=True)

    def action_tensors(self) -> None:
        """The lesson again, with the tensors behind each step; or without."""
        self.tensors = not self.tensors
        self.action_again()

    def action_language(self) -> None:
        """The other language; the lesson begins anew in it."""
        self.lang = LANGUAGES[(LANGUAGES.index(self.lang) + 1) % len(LANGUAGES)]
        done = progress.load()
        done.lang = self.lang
        self._save(done)
        if self.course is None:
            self._show()
        else:
            self.begin(self.course.lesson)

    def action_again(self) -> None:
        """The lesson from its beginning."""
        if self.course is not None:
            self.begin(self.course.lesson, anew=True)

    def action_leave(self) -> None:
        """From the answer to the lesson, from the lesson to the path."""
        if isinstance(self.focused, Input):
            self.query_one("#sheet").focus()
        else:
            self.remove_class("-reading")
            self.query_one("#path").focus()
        self.refresh_bindings()

    def action_scroll(self, rows: int) -> None:
        """A line further."""
        path = self.query_one("#path", OptionList)
        if path.has_focus:
            path.action_cursor_down() if rows > 0 else path.action_cursor_up()
        else:
            self.query_one("#sheet", VerticalScroll).scroll_relative(y=rows, animate=False)

    def on_descendant_focus(self) -> None:
        """Other keys are valid now."""
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key does something now."""
        if not self.is_mounted:
            return True
        match action:
            case "next" | "back" | "again" | "tensors" | "code":
                return self.course is not None
            case "exercise":
                return self.course is not None and self.course.exercise is not None
            case "leave":
                return not self.query_one("#path").has_focus
        return True

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
