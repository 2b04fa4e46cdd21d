"""Models asked tasks, as a job: figures with their bounds, and two models compared item by item."""

import dataclasses
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlxgpt.data.documents import Document, read_documents
from mlxgpt.errors import DataError
from mlxgpt.evaluation import asking
from mlxgpt.evaluation.measures import Measure
from mlxgpt.evaluation.tasks import Task, read_task
from mlxgpt.events import Event, Noted, TaskProgressed, TaskStarted
from mlxgpt.generation.config import GenerateConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer

DIVERSITY = "diversity"
BEGINNINGS = ("Era uma vez", "O gato", "A menina", "No verão", "Quando", "Um dia", "O rio", "Minha avó")
_PROGRESS_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """A model that is asked."""

    name: str
    model: GPT
    tokenizer: Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What models are asked: a task, texts, or to write `samples` texts of their own."""

    name: str
    task: Task | None = None
    documents: tuple[Document, ...] = ()
    samples: int = 0

    @property
    def kind(self) -> str:
        return self.task.kind if self.task else "texts" if self.documents else DIVERSITY

    def __len__(self) -> int:
        return len(self.task.items) if self.task else len(self.documents) or self.samples


def read(word: str, limit: int = 0, samples: int = 64) -> Asked:
    """What a word of the command line stands for; `limit` keeps the first items only."""
    if word == DIVERSITY:
        return Asked(name=DIVERSITY, samples=samples)
    path = Path(word)
    if not path.exists():
        raise DataError(f"There is no {word}.", hint=f"Give a file, a folder of texts, or the word {DIVERSITY!r}.")
    if task := read_task(path):
        items = task.items[: limit or None]
        if not items:
            raise DataError(f"{word} has no items.")
        return Asked(name=task.name, task=dataclasses.replace(task, items=items))
    return Asked(name=path.stem or path.name, documents=tuple(read_documents(path))[: limit or None])


def evaluate(
    asked: Sequence[Asked],
    contestants: Sequence[Contestant],
    config: GenerateConfig,
    *,
    stop: threading.Event | None = None,
) -> Iterator[Event]:
    """Ask every model everything; with two models, each figure is compared by a paired test.

    `config` is how texts are written where diversity is measured.
    """
    for each in asked:
        found: list[list[Measure]] = []
        for who in contestants:
            began = told = time.monotonic()
            yield TaskStarted(task=each.name, kind=each.kind, model=who.name, items=len(each))
            steps = _ask(each, who, config)
            while True:
                try:
                    done = next(steps)
                except StopIteration as end:
                    measures: list[Measure] = end.value
                    break
                if stop is not None and stop.is_set():
                    yield Noted(text=f"Stopped while {who.name} was asked {each.name}.")
                    return
                if (now := time.monotonic()) - told > _PROGRESS_SECONDS:
                    told = now
                    left = (now - began) / max(1, done) * (len(each) - done)
                    yield TaskProgressed(
                        task=each.name, model=who.name, done=done, items=len(each), seconds_left=left
                    )  # fmt: skip
            found.append(measures)
            for measure in measures:
                yield from measure.measured(each.name, who.name, time.monotonic() - began)
        if len(found) == 2:
            names = (contestants[0].name, contestants[1].name)
            for a, b in zip(*found, strict=True):
                if not a.exponential:  # perplexity is of tokens, and says no more than bits per byte
                    yield a.compared(b, each.name, names)


def _ask(asked: Asked, who: Contestant, config: GenerateConfig) -> asking.Asking:
    if asked.task:
        return asking.ask(who.model, who.tokenizer, asked.task)
    if asked.documents:
        return asking.read_texts(who.model, who.tokenizer, asked.documents)
    prompts = [BEGINNINGS[i % len(BEGINNINGS)] for i in range(asked.samples)]
    return asking.write_texts(who.model, who.tokenizer, prompts, config)
