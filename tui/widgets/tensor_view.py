"""The tensors of one block, a line each, and the selected one as a picture with the numbers of one row."""

import numpy as np
from rich.style import Style
from rich.text import Text
from textual import events

from mlxgpt.display.bars import spark
from mlxgpt.display.heatmap import half_blocks
from mlxgpt.display.labels import fitted, fitting
from mlxgpt.inspection.close_reports import ValuesReport
from mlxgpt.inspection.reports import TensorSummary
from tui.widgets.picture import Picture, window

KINDS = ("activations", "weights", "gradients")
CLIPPED = 99.5  # percent of the values lie inside the colours; a single outlier would make all others dark


class TensorView(Picture):
    """`chosen` is the line of the cursor; the page keeps the layer, the head and the position."""

    HELP = "A block step by step.  ↑↓ a tensor, ←→ another layer, , and . another head, m weights or gradients."
    chosen = 0
    kind = "activations"
    block: int | None = 0  # None is what lies outside the blocks

    def paint(self, width: int, height: int) -> list[Text]:
        """A heading, the list, the picture of the chosen tensor."""
        report = self.look.walk
        place = "outside the blocks" if self.block is None else f"layer {self.block}"
        heading = Text(f" {self.kind} · {place}", self.themed("text-accent", bold=True), no_wrap=True)
        if report is None:
            return [heading, *self.waiting("being computed …", width)]
        tensors = report.tensors
        self.chosen = min(max(self.chosen, 0), max(len(tensors) - 1, 0))
        room = max(min(len(tensors), height - 2 - min(height // 3, 12)), 1)
        self._seen = window(self.chosen, room, len(tensors))
        loss = f" · of a loss of {report.loss:.3f} nats" if report.loss == report.loss else ""
        heading.append(f" · {len(tensors)} tensors{loss}", "dim")
        label = min(max((len(self._short_name(tensor)) for tensor in tensors), default=0), 24, max(width // 4, 8))
        lines = [heading, *(self._line(tensors[i], i == self.chosen, label, width) for i in self._seen)]
        values = self.look.values
        if tensors and values is not None and values.name == tensors[self.chosen].name and values.kind == self.kind:
            lines += tensor_picture(
                values, tensors[self.chosen], width, height - len(lines), self.colour, self.themed("text-accent")
            )
        return lines[:height]

    def _short_name(self, tensor: TensorSummary) -> str:
        return tensor.name.removeprefix(f"blocks.{self.block}.")

    def _line(self, tensor: TensorSummary, here: bool, label: int, width: int) -> Text:
        shape = "×".join(map(str, tensor.shape))
        bad = f" {tensor.nans} NaN {tensor.infinities} Inf" if tensor.nans or tensor.infinities else ""
        figures = f"{tensor.mean:+.2g} ±{tensor.sd:.2g} [{tensor.least:.3g}, {tensor.most:.3g}]{bad}"
        name, dtype = fitted(self._short_name(tensor), label), short_dtype(tensor)
        line = Text(
            f"{'▸' if here else ' '}{name} {fitted(shape, 13)} {dtype:<4} {figures}",
            Style(bold=True, reverse=True) if here else self.themed("error") if bad else "",
            no_wrap=True,
        )
        line.truncate(width, overflow="ellipsis")
        return line

    def on_click(self, event: events.Click) -> None:
        """The tensor under the pointer."""
        if self.look.walk is not None and 0 <= event.y - 1 < len(self._seen):
            self.chosen = self._seen[event.y - 1]
            self.post_message(self.Picked())


def short_dtype(tensor: TensorSummary) -> str:
    """The kind of its numbers in three or four letters."""
    names = {"float32": "f32", "bfloat16": "bf16", "float16": "f16", "uint32": "u32"}
    return names.get(tensor.dtype, tensor.dtype)


def tensor_picture(
    values: ValuesReport, summary: TensorSummary, width: int, height: int, colour: bool, ink: Style
) -> list[Text]:
    """A histogram, the table in half-blocks around the row that is marked, and the numbers of that row."""
    if height < 3:
        return []
    where = [] if values.head is None else [f"head {values.head}"]
    of = [] if values.each == (1, 1) else [f"a pixel: max of {values.each[0]}×{values.each[1]}"]
    title = Text(f" {summary.least:.3g} ", "dim", no_wrap=True).append(spark(summary.counts.tolist()), ink)
    title.append(fitting([f" {summary.most:.3g}", *where, *of], width - title.cell_len, " · "), "dim")
    title.truncate(width, overflow="ellipsis")
    table = values.table[:, : width - 1]
    here, rows = values.at // values.each[0], 2 * (height - 2)
    start = window(here, rows, len(table)).start // 2 * 2
    most = scale(table)
    lines = [
        Text("▸" if start + 2 * i <= here < start + 2 * i + 2 else " ", "bold", no_wrap=True).append(line)
        for i, line in enumerate(half_blocks(table[start : start + rows], colour, -most, most))
    ]
    numbers = [f"{value:.3g}" for value in values.row[: width // 2]]
    return [title, *lines, Text(fitting([f" row {values.at}:", *numbers], width, " "), no_wrap=True)]


def scale(table: np.ndarray) -> float:
    """The size that is brightest: CLIPPED percent of what is finite lies below."""
    finite = np.abs(table[np.isfinite(table)])
    return max(float(np.percentile(finite, CLIPPED)), 1e-12) if finite.size else 1.0
