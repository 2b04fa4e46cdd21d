"""The blackboard: what a lesson shows, written down as events.

A lesson computes and hands the results over; the board puts them into words (`language`), plain values and a frozen event,
together with the line of the lesson that did so.  It never computes a figure of its own, but for those that describe a
whole tensor.
"""

import inspect
import math
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import mlx.core as mx
import numpy as np

from mlxgpt.events import (
    BarsDrawn,
    CodeShown,
    CurvesDrawn,
    ExerciseAsked,
    HeatmapDrawn,
    IdeaTold,
    PointsDrawn,
    SurfaceDrawn,
    TableShown,
    TensorShown,
)
from mlxgpt.lessons.language import Catalogue
from mlxgpt.text import visible

Array: TypeAlias = mx.array | np.ndarray
_ROOT = Path(__file__).resolve().parent.parent.parent
_ROWS, _COLUMNS = 8, 8  # of a tensor's beginning


class Board:
    """Makes the events of one lesson, in one language."""

    def __init__(self, lesson: str, lang: str) -> None:
        self.lesson, self.lang = lesson, lang
        self.texts = Catalogue(lesson, lang)
        self.exercises = 0
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Since the lesson began."""
        return time.perf_counter() - self._began

    def word(self, key: str, **values: Any) -> str:
        """A text of the lesson, filled."""
        return self.texts.write(key, **values)

    def tell(self, key: str, **numbers: Any) -> IdeaTold:
        """A paragraph; a first line that begins with "# " becomes its heading."""
        numbers = plain(numbers)
        text = self.word(key, **numbers)
        heading = ""
        if text.startswith("# "):
            heading, _, text = text[2:].partition("\n")
        return IdeaTold(**self._step(key), heading=heading, text=paragraphs(text), numbers=numbers)

    def tensor(self, name: str, values: Array, rows: Sequence[str] = (), columns: Sequence[str] = ()) -> TensorShown:
        """The beginning of a tensor: its last two axes, of the first of all others."""
        dtype = str(values.dtype).removeprefix("mlx.core.")
        whole = numpy(values)
        flat = whole.reshape(-1, whole.shape[-1]) if whole.ndim > 1 else whole.reshape(1, -1)
        last = whole.shape[-2] if whole.ndim > 1 else 1
        corner = flat[: min(last, _ROWS), :_COLUMNS]
        return TensorShown(
            **self._step(name), name=name, shape=tuple(whole.shape), dtype=dtype, values=matrix(corner),
            row_labels=labels(rows[: len(corner)]), column_labels=labels(columns[: corner.shape[1]]),
            mean=float(whole.mean()), deviation=float(whole.std()),
            smallest=float(whole.min()), largest=float(whole.max()),
        )  # fmt: skip

    def table(self, key: str, rows: Iterable[Sequence[Any]], formats: Sequence[str] = (), **numbers: Any) -> TableShown:
        """Rows under the columns that the text names: a title, and in its second line the columns between "|"."""
        title, _, columns = self.word(key, **plain(numbers)).partition("\n")
        names = tuple(name.strip() for name in columns.split("|"))
        filled = tuple(tuple(_cell(cell) for cell in row) for row in rows)
        return TableShown(
            **self._step(key), title=title, columns=names, rows=filled, formats=tuple(formats) or ("",) * len(names)
        )

    def bars(
        self, key: str, of: Sequence[str], values: Iterable[float], spec: str = ".3f", **numbers: Any
    ) -> BarsDrawn:
        """One bar for each of `of`."""
        return BarsDrawn(
            **self._step(key), title=self.word(key, **plain(numbers)), labels=labels(of),
            values=tuple(float(value) for value in values), format=spec,
        )  # fmt: skip

    def curves(
        self, key: str, curves: Mapping[str, tuple[Iterable[float], Iterable[float]]], **numbers: Any
    ) -> CurvesDrawn:
        """Curves by name, (xs, ys) each; the text is a title and, in its second line, "x label | y label"."""
        title, x_label, y_label = self._framed(key, numbers)
        return CurvesDrawn(
            **self._step(key), title=title, x_label=x_label, y_label=y_label, names=labels(curves),
            xs=matrix([xs for xs, _ in curves.values()]), ys=matrix([ys for _, ys in curves.values()]),
        )  # fmt: skip

    def heatmap(
        self, key: str, values: Array, rows: Sequence[str], columns: Sequence[str], **numbers: Any
    ) -> HeatmapDrawn:
        """A matrix as colours and numbers."""
        return HeatmapDrawn(
            **self._step(key), title=self.word(key, **plain(numbers)), row_labels=labels(rows),
            column_labels=labels(columns), values=matrix(numpy(values)),
        )  # fmt: skip

    def points(
        self, key: str, names: Sequence[str], xs: Iterable[float], ys: Iterable[float], **numbers: Any
    ) -> PointsDrawn:
        """Names at places; the text is as for `curves`."""
        title, x_label, y_label = self._framed(key, numbers)
        return PointsDrawn(
            **self._step(key), title=title, x_label=x_label, y_label=y_label, names=labels(names),
            xs=tuple(map(float, xs)), ys=tuple(map(float, ys)),
        )  # fmt: skip

    def surface(
        self,
        key: str,
        xs: Iterable[float],
        ys: Iterable[float],
        heights: Array,
        paths: Mapping[str, Sequence[tuple[float, float]]],
        **numbers: Any,
    ) -> SurfaceDrawn:
        """A landscape and the paths over it; the text is as for `curves`."""
        title, x_label, y_label = self._framed(key, numbers)
        walked = tuple(tuple((float(x), float(y)) for x, y in path) for path in paths.values())
        return SurfaceDrawn(
            **self._step(key), title=title, x_label=x_label, y_label=y_label, xs=tuple(map(float, xs)),
            ys=tuple(map(float, ys)), heights=matrix(numpy(heights)), names=labels(paths), paths=walked,
        )  # fmt: skip

    def code(self, key: str, of: Callable[..., Any] | type) -> CodeShown:
        """The source of a function, method or class of ours, as it stands in the file."""
        lines, first = inspect.getsourcelines(of)
        path = Path(inspect.getsourcefile(of) or "").resolve().relative_to(_ROOT).as_posix()
        indent = len(lines[0]) - len(lines[0].lstrip())
        code = "".join(line[indent:] if line.strip() else line for line in lines).rstrip()
        return CodeShown(
            **self._step(key), title=self.word(key), name=of.__qualname__, path=path, first_line=first, code=code
        )

    def ask(
        self,
        key: str,
        answer: float,
        *,
        tolerance: float = 0.0,
        choices: Sequence[str] = (),
        percent: bool = False,
        **numbers: Any,
    ) -> ExerciseAsked:
        """A question (text `ask.KEY`, with `hint` and `why`); `answer` is a number, or the index of one of `choices`.

        A `tolerance` is absolute; by default it is 2 % of the answer, and 0 for whole numbers.  With `percent` the answer, a
        share of one, is asked for as a percentage.
        """
        self.exercises += 1
        if not choices and not tolerance and not float(answer).is_integer():
            tolerance = abs(answer) * 0.02
        numbers = plain({**numbers, "answer": answer})
        chosen = {"chosen": choices[int(answer)]} if choices else {}
        return ExerciseAsked(
            **self._step(f"ask.{key}"), number=self.exercises,
            question=paragraphs(self.word(f"ask.{key}", **numbers)),
            hint=paragraphs(self.word(f"ask.{key}.hint", **numbers)),
            why=paragraphs(self.word(f"ask.{key}.why", **numbers, **chosen)),
            answer=float(answer), tolerance=tolerance, choices=labels(choices), percent=percent, numbers=numbers,
        )  # fmt: skip

    def _framed(self, key: str, numbers: Mapping[str, Any]) -> tuple[str, str, str]:
        title, _, axes = self.word(key, **plain(numbers)).partition("\n")
        x_label, _, y_label = axes.partition("|")
        return title, x_label.strip(), y_label.strip()

    def _step(self, key: str) -> dict[str, Any]:
        """What every step carries: the lesson's line that asked for it is two frames up."""
        caller = sys._getframe(2)
        source = Path(caller.f_code.co_filename)
        place = source.relative_to(_ROOT).as_posix() if source.is_relative_to(_ROOT) else source.name
        return {
            "lesson": self.lesson,
            "key": key,
            "source": f"{place}:{caller.f_lineno}",
            "seconds": round(self.seconds, 4),
        }


def numpy(values: Array) -> np.ndarray:
    """An array that may leave the thread of MLX, in float32 (or its own integers)."""
    if isinstance(values, mx.array):
        values = np.array(values.astype(mx.float32) if mx.issubdtype(values.dtype, mx.floating) else values)
    return values


def matrix(rows: Iterable[Iterable[float]]) -> tuple[tuple[float, ...], ...]:
    """Rows of plain numbers."""
    return tuple(tuple(float(value) for value in row) for row in rows)


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as plain Python numbers and words; what is no number in mathematics is refused."""
    result: dict[str, Any] = {}
    for name, value in values.items():
        value = value.item() if isinstance(value, (mx.array, np.generic, np.ndarray)) else value
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{name} = {value} is not a number to teach with")
        result[name] = value
    return result


def paragraphs(text: str) -> str:
    """Lines of a paragraph joined, paragraphs kept apart by an empty line; lines that begin with two spaces stay."""
    joined = []
    for part in text.strip("\n").split("\n\n"):
        lines = part.split("\n")
        keeps = any(line.startswith("  ") for line in lines)
        joined.append(part if keeps else " ".join(line.strip() for line in lines))
    return "\n\n".join(joined)


def labels(words: Iterable[str]) -> tuple[str, ...]:
    """Words that are safe in one line of a terminal."""
    return tuple(visible(word).replace("\n", "↵").replace("\t", "⇥") for word in words)


def _cell(value: Any) -> str | int | float:
    value = value.item() if isinstance(value, (mx.array, np.generic)) else value
    return value if isinstance(value, (int, float)) else labels([str(value)])[0]
