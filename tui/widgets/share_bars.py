"""Who speaks for a token: the shares of all parts in its logit as bars, the strongest first, and the sum that checks them."""

import numpy as np
from rich.style import Style
from rich.text import Text
from textual import events

from mlxgpt.display.bars import bar, bar_colour
from mlxgpt.display.words import shown
from mlxgpt.inspection.reports import Part
from tui.widgets.picture import Picture, window


class ShareBars(Picture):
    """`chosen` is the line of the cursor; Enter on a head opens it."""

    HELP = (
        "What each part of the model adds to the logit of its best guess.  v asks about the difference to the second."
    )
    chosen = 0

    def paint(self, width: int, height: int) -> list[Text]:
        """A heading, the bars around the cursor, the sum."""
        report = self.look.attribution
        if report is None:
            return self.waiting("the shares are being computed …", width)
        asked = f"«{shown(report.pieces[report.token])}»"
        if report.against is not None:
            asked += f" rather than «{shown(report.pieces[report.against])}»"
        after = f"after {report.position} «{shown(report.passage.pieces[report.position])}»"
        self._order = np.argsort(-np.abs(report.shares), kind="stable")
        self.chosen = min(max(self.chosen, 0), len(self._order) - 1)
        self._seen = window(self.chosen, max(height - 3, 1), len(self._order))
        largest = float(np.abs(report.shares).max()) or 1.0
        room = max(min(width - 30, 60), 5)
        lines = [
            Text(
                f" who speaks for {asked} {after}",
                self.themed("text-accent", bold=True),
                no_wrap=True,
                overflow="ellipsis",
            )
        ]
        for i in self._seen:
            share = float(report.shares[self._order[i]])
            here = i == self.chosen
            name = report.parts[self._order[i]].name
            line = Text(no_wrap=True, overflow="crop")
            line.append(f"{'▸' if here else ' '}{name:<18} {share:+8.3f} ", Style(bold=here, reverse=here))
            line.append(bar(share / largest, room, signed=True), self._ink(share / largest))
            lines.append(line)
        what = "the logit" if report.against is None else "the difference of the logits"
        capped = " before the cap" if report.capped else ""
        total = float(report.shares.astype(np.float64).sum())
        check = f" Σ of {len(report.parts)} parts {total:.4f}; {what}{capped} {report.logit:.4f}"
        off = abs(total - report.logit)
        check += " ✓" if off <= 1e-3 * max(1.0, abs(report.logit)) else f"  they differ by {off:.1e}"
        return [*lines, Text(check, "bold", no_wrap=True, overflow="ellipsis"), self._likely()][:height]

    def _ink(self, share: float) -> Style:
        return Style.parse("rgb({},{},{})".format(*bar_colour(share, True))) if self.colour else Style()

    def _likely(self) -> Text:
        lens, t = self.look.lens, self.look.at
        if lens is None:
            return Text()
        likely = "  ".join(
            f"«{shown(lens.pieces[int(i)])}» {p:.1%}"
            for i, p in zip(lens.top[-1, t], lens.top_probability[-1, t], strict=True)
        )
        return Text(f" likeliest: {likely}", no_wrap=True, overflow="ellipsis")

    @property
    def part(self) -> Part | None:
        """The part at the cursor."""
        report = self.look.attribution
        return report.parts[self._order[self.chosen]] if report is not None and self._painted else None

    def on_click(self, event: events.Click) -> None:
        """The part under the pointer; twice opens it."""
        if self.look.attribution is not None and 0 <= event.y - 1 < len(self._seen):
            self.chosen = self._seen[event.y - 1]
            self.post_message(self.Picked(enter=event.chain >= 2))
