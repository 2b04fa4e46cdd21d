"""Lessons on a terminal: each event as a block of text, a table, a picture or code."""

import os
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from mlxgpt.display import lesson_pictures as pictures
from mlxgpt.events import (
    BarsDrawn,
    CodeShown,
    CurvesDrawn,
    Event,
    ExerciseAsked,
    HeatmapDrawn,
    IdeaTold,
    LessonFinished,
    LessonStarted,
    LessonStep,
    Noted,
    PointsDrawn,
    SurfaceDrawn,
    TableShown,
    TensorShown,
)
from mlxgpt.lessons.language import Catalogue, number
from mlxgpt.text import visible


class LessonView:
    """Prints the events of lessons.  `answers` gives the solution with each exercise; `logs` says where each step came from."""

    def __init__(self, page: Console, lang: str, *, logs: bool = False, answers: bool = True) -> None:
        self.page, self.lang = page, lang
        self.words = Catalogue("path", lang)
        self.logs, self.answers = logs, answers

    def show(self, event: Event) -> None:
        """Take in one event."""
        if (block := self.block(event)) is not None:
            self.page.print(Padding(block, (0, 0, 1, 0)))
        if self.logs and isinstance(event, LessonStep):
            self.page.print(Text(log_line(event), style="dim"))
            self.page.print()

    def block(self, event: Event) -> RenderableType | None:
        """What an event looks like; None for one that is none of ours."""
        match event:
            case LessonStarted():
                return self._opening(event)
            case IdeaTold():
                lines = [Text(visible(event.heading), style="bold bright_blue")] if event.heading else []
                return Group(*lines, Text(visible(event.text)))
            case TensorShown():
                return self._tensor(event)
            case TableShown():
                return _titled(event.title, self._table(event))
            case BarsDrawn():
                return _titled(event.title, pictures.bars(event, self._write))
            case CurvesDrawn():
                return _titled(event.title, pictures.curves(event, self.page.width, self._write))
            case HeatmapDrawn():
                return _titled(event.title, pictures.Heat(event, self._write))
            case PointsDrawn():
                return _titled(event.title, pictures.points(event))
            case SurfaceDrawn():
                return _titled(event.title, pictures.surface(event, self.page.width, self._write))
            case CodeShown():
                where = f"{event.path}:{event.first_line}  {event.name}"
                code = Syntax(
                    event.code,
                    "python",
                    background_color="default",
                    start_line=event.first_line,
                    line_numbers=True,
                    word_wrap=True,
                )
                return Panel(
                    code,
                    title=Text(visible(event.title)),
                    title_align="left",
                    subtitle=Text(where),
                    subtitle_align="right",
                    border_style="dim",
                )
            case ExerciseAsked():
                return self._exercise(event)
            case LessonFinished():
                return self._ending(event)
            case Noted():
                return Text(visible(event.text), style="dim")
            case _:
                return None

    def _opening(self, event: LessonStarted) -> RenderableType:
        place = self.words.write("lesson", number=event.number, lessons=event.lessons)
        level = self.words.write(f"levels.{event.level}")
        title = Text(f"{place} · {level} · {event.lesson}\n", style="dim")
        title.append(visible(event.title), style="bold").append(f"\n{visible(event.about)}\n")
        title.append(self.words.write("welcome", model=event.model), style="dim")
        return Panel(title, border_style="bright_blue")

    def _ending(self, event: LessonFinished) -> RenderableType:
        line = self.words.write("finished", seconds=event.seconds)
        if event.following:
            command = os.environ.get("MLXGPT_COMMAND", "mlxgpt")
            line += "  " + self.words.write("following", lesson=event.following, command=command)
        return Group(Text(line, style="dim"), Rule(style="dim"))

    def _table(self, event: TableShown) -> Table:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for column, spec in zip(event.columns, event.formats, strict=True):
            table.add_column(Text(visible(column)), justify="right" if spec else "left", overflow="fold")
        for row in event.rows:
            cells = (
                visible(cell) if isinstance(cell, str) else number(cell, spec or ",", self.lang)
                for cell, spec in zip(row, event.formats, strict=True)
            )
            table.add_row(*map(Text, cells))
        return table

    def _tensor(self, event: TensorShown) -> RenderableType:
        key = "shape_integers" if "int" in event.dtype else "shape"
        figures = {name: getattr(event, name) for name in ("name", "dtype", "mean", "deviation", "smallest", "largest")}
        line = self.words.write(key, shape=" × ".join(map(str, event.shape)), **figures)
        table = Table(box=None, pad_edge=False, show_header=bool(event.column_labels))
        columns = len(event.values[0]) if event.values else 0
        cut = columns < event.shape[-1]
        names = event.column_labels or ("",) * columns
        for name in ("", *names, *([""] if cut else [])):
            table.add_column(Text(visible(name)), justify="right")
        large = max(abs(event.smallest), abs(event.largest)) >= 100
        spec = ".0f" if "int" in event.dtype else ".1f" if large else ".3f"
        for i, row in enumerate(event.values):
            label = event.row_labels[i] if i < len(event.row_labels) else ""
            cells = [visible(label), *(number(value, spec, self.lang) for value in row), *(["…"] if cut else [])]
            table.add_row(*map(Text, cells))
        if len(event.shape) > 1 and len(event.values) < event.shape[-2]:
            table.add_row("…")
        return Group(Text(line, style="dim"), Padding(table, (0, 0, 0, 2)))

    def _exercise(self, event: ExerciseAsked) -> RenderableType:
        text = Text(visible(event.question))
        for letter, choice in zip("abcdefghijklmnopqrstuvwxyz", event.choices, strict=False):
            text.append(f"\n  {letter}) {visible(choice)}")
        if self.answers:
            text.append("\n\n" + self.words.write("answer", answer=self._answer(event)), style="bold")
            text.append("  " + visible(event.why), style="dim")
        title = self.words.write("exercise", number=event.number)
        return Panel(text, title=Text(title), title_align="left", border_style="bright_yellow")

    def _answer(self, event: ExerciseAsked) -> str:
        if event.choices:
            return f"{'abcdefghijklmnopqrstuvwxyz'[int(event.answer)]}) {visible(event.choices[int(event.answer)])}"
        spec = ".2%" if event.percent else ",.0f" if event.answer.is_integer() else ".5g"
        return number(event.answer, spec, self.lang)

    # ---- what is said to an answer -----------------------------------------------------------------------------------

    def right(self, event: ExerciseAsked) -> None:
        """The answer was right."""
        self._say(self.words.write("right"), "bold bright_green", event.why)

    def wrong(self, event: ExerciseAsked, *, understood: bool) -> None:
        """The answer was wrong, or could not be understood."""
        if understood:
            self._say(self.words.write("wrong"), "bold bright_red", self.words.write("hint", hint=event.hint))
        else:
            how = self.words.write("how_choice" if event.choices else "how_number")
            self._say(self.words.write("unread", how=how), "bright_yellow", "")

    def hint(self, event: ExerciseAsked) -> None:
        """The learner asked for help."""
        self._say(self.words.write("hint", hint=event.hint), "bright_yellow", "")

    def solution(self, event: ExerciseAsked) -> None:
        """The learner gave up."""
        self._say(self.words.write("answer", answer=self._answer(event)), "bold", event.why)

    def score(self, right: int, exercises: int) -> None:
        """The end of a lesson with exercises."""
        self._say(self.words.write("score", right=right, exercises=exercises), "bold", "")

    def _say(self, first: str, style: str, rest: str) -> None:
        self.page.print(
            Padding(Text(visible(first), style=style).append(f"  {visible(rest)}", style="default"), (0, 0, 1, 0))
        )

    def _write(self, value: float, spec: str) -> str:
        return number(value, spec, self.lang)


def path_view(entries: Iterable[Mapping[str, Any]], lang: str) -> RenderableType:
    """The learning path and what was done of it."""
    words = Catalogue("path", lang)
    title, _, columns = words.write("list").partition("\n")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns.split("|"):
        table.add_column(column.strip())
    for place, entry in enumerate(entries, start=1):
        done = words.write(standing(entry), **entry)
        level = words.write(f"levels.{entry['level']}")
        table.add_row(str(place), level, entry["modules"][0], entry["title"], done)
    return _titled(title, table)


def standing(entry: Mapping[str, Any]) -> str:
    """The word for what was done of a lesson: done, shown to the end, begun, or not yet."""
    return "read" if entry["read"] else "seen" if entry["seen"] else "begun" if entry["right"] else "not_read"


def log_line(event: LessonStep) -> str:
    """Where a step came from: its time, the line that computed it, and its numbers as they are."""
    numbers = getattr(event, "numbers", {})
    exact = "  ".join(f"{name}={value!r}" for name, value in numbers.items())
    return visible(f"[{event.seconds:8.3f} s] {event.source}  {type(event).__name__} {event.key}  {exact}".rstrip())


def _titled(title: str, body: RenderableType) -> RenderableType:
    return Group(Text(visible(title), style="bold"), body)
