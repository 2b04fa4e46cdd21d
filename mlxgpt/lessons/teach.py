"""Lessons as a job: events of what was just computed, which a front end shows, pauses at and asks about."""

import importlib
import threading
import time
from collections.abc import Iterator

from mlxgpt.errors import DataError
from mlxgpt.events import Event, LessonFinished, LessonStarted, Noted
from mlxgpt.lessons import path
from mlxgpt.lessons.board import Board
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.subject import Subject


def teach(config: LessonConfig, *, device: str = "auto", stop: threading.Event | None = None) -> Iterator[Event]:
    """The lessons that `config` names, on the model that it names.

    Raises `ConfigError` for an unknown lesson, `CheckpointError` for an unknown model and `DataError` for a lesson that does
    not suit the model, before anything is shown.
    """
    stations = path.choose(config.modules)
    subject = Subject.load(config.model, device)
    if config.benchmarks and config.modules:
        stations = tuple(dict.fromkeys((*stations, path.MODULES["benchmarks"])))
    block = subject.model.config.block
    if config.modules:
        for station in stations:
            if not station.suits(block):
                raise DataError(
                    f"The lesson {station.name} looks at attention, and {config.model} has {block} blocks.",
                    hint="Give a transformer with --model, or see `mlxgpt inspect attention`, `state` and `decay`.",
                )
    for station in stations:
        if not station.suits(block):
            yield Noted(
                text=f"{station.name} is left out: it looks at attention, and {config.model} has {block} blocks."
            )
    if not all(station.suits(block) for station in stations):
        yield Noted(text="What this model has in its place: `mlxgpt inspect attention`, `state`, `decay` and `shift`.")
    stations = tuple(station for station in stations if station.suits(block))
    for number, station in enumerate(stations, start=1):
        module = importlib.import_module(f"mlxgpt.lessons.{station.name}")  # a lesson is imported when it is given
        board = Board(station.name, config.lang)
        began = time.perf_counter()
        yield LessonStarted(
            lesson=station.name, number=number, lessons=len(stations), level=station.level,
            title=board.word("title"), about=board.word("about"), model=subject.name, lang=config.lang,
        )  # fmt: skip
        for step in module.lesson(board, subject, config):
            yield step
            if stop is not None and stop.is_set():
                return
        yield LessonFinished(
            lesson=station.name, exercises=board.exercises, seconds=time.perf_counter() - began,
            following=path.after(station.name, block),
        )  # fmt: skip
