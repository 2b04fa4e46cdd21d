"""The memory plan of a model: weights and what it remembers, one step of training, and what was measured."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from mlxgpt.display.architecture import report_lines
from mlxgpt.display.bars import Bars
from mlxgpt.display.inspection import view as drawn
from mlxgpt.display.progress import size
from mlxgpt.inspection.focus import Focus
from mlxgpt.inspection.reports import MemoryReport
from mlxgpt.model.report import ModelReport

BYTES = {"bfloat16": 2, "float32": 4}


def plan(report: ModelReport, measured: MemoryReport | None) -> Iterator[RenderableType]:
    """Bars, then the architecture in lines, then what was measured, if it was."""
    yield Text(f"to run it, with all {report.context_length:,} tokens it sees", "bold")
    running: dict[str, int] = {}
    for word, total in report.running_bytes.items():
        weights = report.parameters * BYTES[word]
        running |= {
            f"weights, {word}": weights,
            f"{'state' if report.state_bytes else 'KV cache'}, {word}": total - weights,
        }
    yield _bars(running)
    yield Text(f"\none step of training on {report.batch_size} × {report.context_length:,} tokens, float32", "bold")
    yield _bars(report.training_bytes)
    if measured is None:
        yield Text("\nm measures a short text and a step of training on it", "dim")
    else:
        yield Text("\nmeasured", "bold")
        yield from drawn(measured, Focus())
    yield Text()
    for line in report_lines(report):
        yield Text(line, no_wrap=True, overflow="ellipsis")


def _bars(parts: dict[str, int]) -> Bars:
    return Bars(labels=list(parts), values=list(parts.values()), texts=[size(number) for number in parts.values()])
