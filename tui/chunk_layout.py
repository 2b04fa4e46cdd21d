"""A document as lines of a window, each belonging to a chunk, with a line for every cut; plain, and quick for megabytes."""

from array import array
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from mlxgpt.chunking.chunk import Chunk
from mlxgpt.text import visible


def drawn(text: str) -> str:
    r"""A piece of a line as it is drawn: one character for each of `text`, none that steers the terminal.

    >>> drawn("a\tb\x1b\r")
    'a⇥b␛ '
    """
    if text.isprintable():
        return text
    return visible(text.replace("\r", " ")).replace("\t", "⇥").replace("\n", " ")


def fold(text: str, start: int, end: int, width: int) -> Iterator[tuple[int, int]]:
    """Lines of at most `width` columns, broken at spaces where there are any; together they are `text[start:end]`.

    >>> list(fold("uma casa\\nazul", 0, 13, 6))
    [(0, 4), (4, 9), (9, 13)]
    """
    while start < end:
        stop = min(end, start + width)
        line_end = text.find("\n", start, stop + 1)
        if 0 <= line_end < end:
            stop = line_end + 1
        elif stop < end:
            space = text.rfind(" ", start, stop + 1)  # one at the end hangs over
            stop = space + 1 if space >= start else stop
        piece = text[start:stop]
        if not piece.isascii() and cell_len(drawn(piece.rstrip(" \n"))) > width:  # characters of two columns
            used, stop = 0, start
            while stop < end and (used := used + cell_len(drawn(text[stop]))) <= width:
                stop += 1
            stop = max(stop, start + 1)
        yield start, stop
        start = stop


class Layout:
    """The lines of the chunks so far.  Line i is `text[starts[i]:ends[i]]` of chunk `chunks[i]`; an empty one is its cut.

    What two chunks share is shown once, in the first of them.
    """

    def __init__(self, text: str, width: int) -> None:
        self.text, self.width = text, max(4, width)
        self.starts, self.ends, self.chunks = array("q"), array("q"), array("q")
        self.first = array("q")  # the first line of each chunk
        self._done = 0

    def __len__(self) -> int:
        return len(self.starts)

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Lines of further chunks."""
        for chunk in chunks:
            number = len(self.first)
            self.first.append(len(self.starts))
            for start, end in fold(self.text, max(chunk.start, self._done), chunk.end, self.width):
                self.starts.append(start)
                self.ends.append(end)
                self.chunks.append(number)
            self._done = max(self._done, chunk.end)
            self.starts.append(chunk.end)
            self.ends.append(chunk.end)
            self.chunks.append(number)

    def is_cut(self, line: int) -> bool:
        """Whether a line stands for a cut."""
        return self.starts[line] == self.ends[line]
