"""Lessons and exercises: the path on the left, the lesson on the right, every number computed by the open model.

The lesson is played to its end on the engine's thread while one reads; `tui.course` cuts it into steps and grades answers,
`learn_view` draws them.  What was done is remembered where `mlxgpt demo` remembers it.
"""

from dataclasses import replace
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, OptionList

from mlxgpt import jobs
from mlxgpt.events import LessonFinished, LessonStarted
from mlxgpt.lessons import progress
from mlxgpt.lessons.config import LANGUAGES, LessonConfig
from tui.course import RIGHT, SHOWN, Course
from tui.page import Request
from tui.screens.learn_view import LearnView


class LearnPage(LearnView):
    """Lessons and exercises."""

    NAME = "learn"
    ALLOW_SELECT = False  # Textual 8 fails when what is clicked to select was just taken away, as a footer's key
    HELP = "Lessons computed by the open model.  Enter opens one; space goes on, b back; an exercise takes its answer below."
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

    def receive(self, request: Request) -> None:
        """Another page asks for a lesson."""
        if request.word:
            self.begin(request.word)

    # ---- a lesson ----------------------------------------------------------------------------------------------------

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
