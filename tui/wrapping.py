"""Text made of tokens, wrapped to a width as it grows.  No Textual: plain lines of plain runs.

What a token shows is the text that became certain with it.  A token whose text is empty yet (the first byte of a letter)
owns nothing on the screen; what completes it stands for both.  Characters that belong together (an accent, a joined emoji)
stay in the token that began them.
"""

import re
from typing import NamedTuple

from rich.cells import cell_len, split_graphemes

from mlxgpt.text import visible

NEWLINE = "⏎"
TAB = "⇥   "
MOST_MARKS = 8  # code points in one cell; more of them would be drawn over the neighbours


class Cluster(NamedTuple):
    """What fills a cell or two, and the token it belongs to; -1 for text that no token wrote."""

    text: str
    width: int
    token: int


class Run(NamedTuple):
    """A stretch of one line that belongs to one token."""

    text: str
    width: int
    token: int


class Wrapped:
    """Lines of runs, each at most `width` cells but for a space that hangs over; `append` says from which line on they
    changed."""

    def __init__(self, width: int) -> None:
        self.width = max(4, width)
        self.lines: list[list[Cluster]] = [[]]
        self._filled = 0  # cells of the last line

    def append(self, text: str, token: int = -1) -> int:
        """Add the text of a token, and return the first line that is not as it was."""
        first = len(self.lines) - 1
        for part in re.split("([\n\t])", visible(text)):
            if part == "\n":
                if token >= 0:
                    self._place(Cluster(NEWLINE, 1, token))
                self.lines.append([])
                self._filled = 0
            elif part == "\t":
                self._place(Cluster(TAB, 4, token))
            else:
                for cluster in self._clusters(part, token):
                    self._place(cluster)
        return first

    def runs(self, number: int) -> list[Run]:
        """A line as the longest stretches of one token."""
        runs: list[Run] = []
        for text, width, token in self.lines[number]:
            if runs and runs[-1].token == token:
                runs[-1] = Run(runs[-1].text + text, runs[-1].width + width, token)
            else:
                runs.append(Run(text, width, token))
        return runs

    def token_at(self, number: int, column: int) -> int | None:
        """The token under a cell, or None."""
        for _, width, token in self.lines[number]:
            if column < width:
                return token if token >= 0 else None
            column -= width
        return None

    def place_of(self, token: int) -> tuple[int, int] | None:
        """The line and column where what a token shows begins, blanks passed over; None when it shows nothing."""
        found = None
        for number, line in enumerate(self.lines):
            column = 0
            for text, width, owner in line:
                if owner == token:
                    if text != " ":
                        return number, column
                    found = found or (number, column)
                column += width
        return found

    def _clusters(self, text: str, token: int) -> list[Cluster]:
        """What a text is made of; a mark at its beginning joins the cluster before it."""
        before = self.lines[-1][-1] if self.lines[-1] else None
        if text.isascii() and (before is None or not before.text.endswith("\u200d")):  # which joins what comes next
            return [Cluster(each, 1, token) for each in text]
        if before is None or before.text in (TAB, NEWLINE):
            return [_cell(text[start:end], token) for start, end, _ in split_graphemes(text)[0]]
        whole = before.text + text
        clusters, length = [], len(before.text)
        for start, end, _ in split_graphemes(whole)[0]:
            if end > length:
                clusters.append(_cell(whole[start:end], token if start >= length else before.token))
                if start < length:  # it belongs together: what is there already gives way
                    self.lines[-1].pop()
                    self._filled -= before.width
        return clusters

    def _place(self, cluster: Cluster) -> None:
        """Put a cluster at the end of the last line, or begin another with the word that it is part of."""
        line = self.lines[-1]
        if self._filled + cluster.width > self.width and cluster.text != " ":
            space = next((i for i in range(len(line) - 1, -1, -1) if line[i].text == " "), -1)
            word = line[space + 1 :]
            if space < 0 or sum(each.width for each in word) + cluster.width > self.width:
                word = []
            else:
                del line[space + 1 :]
            self.lines.append(word)
            self._filled = sum(each.width for each in word)
            line = self.lines[-1]
        line.append(cluster)
        self._filled += cluster.width


def _cell(text: str, token: int) -> Cluster:
    """A grapheme as what is drawn: marks without a letter get one, too many of them are left out."""
    text = text[: MOST_MARKS + 1]
    width = cell_len(text)
    return Cluster(text, width, token) if width else Cluster("◌" + text, 1, token)
