"""What explaining costs: the same text written plain and explained, in turns; and the events of a run told once more.

OPENBLAS_NUM_THREADS=1 python scripts/benchmarks/narration.py

Prints the least processor time of several turns, which other programs disturb least.  A narration of training does nothing
but read events, so its cost is what reading them again takes.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import mlx.core as mx

from mlxgpt import jobs
from mlxgpt.backend import places
from mlxgpt.events import Event
from mlxgpt.lessons.config import NarrationConfig
from mlxgpt.lessons.narration import narrate_training

TURNS = 10
WRITING = {"max_tokens": 120, "seed": 3}
TRAINING = {"data": places.corpus(), "preset": "modern-nano", "vocab_size": 384, "steps": 40, "batch_size": 8}
SHAPE = {"n_layer": 2, "n_embd": 64, "context_length": 64}


def seconds(events: Iterable[object]) -> float:
    """Processor time of a job from its first event on: loading and preparing are not what explaining slows down."""
    rest = iter(events)
    next(rest)
    began = time.process_time()
    for _ in rest:
        pass
    return time.process_time() - began


def write(explained: bool) -> Iterable[object]:
    """A text of nano-pt."""
    if explained:
        return jobs.generate_explained("nano-pt", "Era uma vez um menino", WRITING, NarrationConfig(), device="cpu")
    return jobs.generate("nano-pt", "Era uma vez um menino", WRITING, device="cpu")


def kept(job: Iterable[Event], events: list[Event]) -> Iterator[Event]:
    """The events of a job, written down."""
    for event in job:
        events.append(event)
        yield event


def trained() -> tuple[float, float]:
    """Processor seconds of a short run that is not compiled, and of telling it."""
    mx.disable_compile()
    with tempfile.TemporaryDirectory() as folder:
        config, _ = jobs.load_train_config(TRAINING | {"out": Path(folder) / "run"})
        events: list[Event] = []
        took = seconds(kept(jobs.train(config, SHAPE, device="cpu"), events))
    return took, min(seconds(narrate_training(iter(events), NarrationConfig())) for _ in range(TURNS))


if __name__ == "__main__":
    pairs = [(seconds(write(False)), seconds(write(True))) for _ in range(TURNS)]
    plain, explained = (min(column) for column in zip(*pairs, strict=True))
    print(f"writing   plain {plain:.3f} s   explained {explained:.3f} s   {explained / plain - 1:+.1%}")
    took, telling = trained()
    print(f"training  plain {took:.3f} s   telling {telling:.4f} s   {telling / took:+.2%}")
