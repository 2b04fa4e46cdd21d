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

# What to do where a lesson does not suit the model.
OTHERS = {
    "attention": "Give a transformer with --model, or see `mlxgpt inspect attention`, `state` and `decay`.",
    "state": "Train a recurrent model, `mlxgpt train --preset rwkv-nano --minutes 5`, and give it with --model best.",
}


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
    unsuited = [station for station in stations if not station.suits(block)]
    for station in unsuited:
        looks = f"looks at {'a state' if station.looks_at == 'state' else 'attention'}, and {config.model} has {block} blocks"
        if config.modules:
            raise DataError(f"The lesson {station.name} {looks}.", hint=OTHERS[station.looks_at])
        if station.looks_at == "attention":  # of what transformers lack, nobody need be told
            yield Noted(text=f"{station.name} is left out: it {looks}.")
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
