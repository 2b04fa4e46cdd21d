"""The tree that the chunks of a document grow on: document → parts, chapters, sections → paragraphs.

It follows from the levels of the cuts alone: a paragraph begins behind a blank line, a section where a heading does.
"""

from dataclasses import dataclass

from mlxgpt.chunking.levels import Level

KINDS = {Level.SECTION: "section", Level.CHAPTER: "chapter", Level.PART: "part"}


@dataclass(slots=True, kw_only=True)
class Node:
    """A part of the document that holds chunks or other nodes; `n_tokens` is the sum of its chunks' tokens."""

    id: int
    kind: str  # document, part, chapter, section or paragraph
    parent: int | None
    start: int
    end: int
    n_tokens: int = 0


class Outline:
    """The nodes of a document, opened and closed as its chunks come."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._open: list[tuple[Level, Node]] = []
        self._border = Level.PART  # what the last chunk ended at

    def follow(self, start: int, end: int, n_tokens: int, level: Level) -> int:
        """Open the nodes that begin with a chunk, the next of its document, count it to all of its nodes; its parent's id."""
        if not self.nodes:
            self._begin("document", Level.PART, start)
            self._begin("paragraph", Level.PARAGRAPH, start)
        elif self._border >= Level.PARAGRAPH:
            while len(self._open) > 1 and self._open[-1][0] <= self._border:
                self._open.pop()
            if self._border > Level.PARAGRAPH:
                self._begin(KINDS[self._border], self._border, start)
            self._begin("paragraph", Level.PARAGRAPH, start)
        for _, node in self._open:
            node.end = end
            node.n_tokens += n_tokens
        self._border = level
        return self._open[-1][1].id

    def _begin(self, kind: str, level: Level, start: int) -> None:
        parent = self._open[-1][1].id if self._open else None
        self.nodes.append(Node(id=len(self.nodes), kind=kind, parent=parent, start=start, end=start))
        self._open.append((level, self.nodes[-1]))
