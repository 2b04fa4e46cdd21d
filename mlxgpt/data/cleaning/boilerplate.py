"""Lines that many documents share: a first reading counts them in bounded memory, a second one leaves them out.

A line is boilerplate when `boilerplate_documents` *different* documents have it once, among their first or last lines, and
these are more than `boilerplate_share` of all.  Two copies of a document share all their lines, and are no evidence: documents
count as different when their middle lines are, and the longest between their first and last lines too.  Short lines and speech
("— Sim, senhor.") are never boilerplate.

When the table is full, lines seen once are forgotten, the oldest first; a line that is everywhere comes again (lossy counting,
Manku and Motwani 2002).  The count is made in the order of the documents, so it does not depend on the number of workers.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from mlxgpt.data.cleaning.config import CleaningConfig

MOST_LINES = 1 << 20  # about 250 bytes each
_EDGE = 6  # lines at each end
_SHORTEST, _LONGEST = 25, 400
_SPEECH = "—–-\"“«'"
_ENOUGH = 8  # different documents that a line remembers; from there on each one counts


def without_lines(text: str, lines: frozenset[int]) -> str:
    """`text` without the lines that are boilerplate."""
    if not lines:
        return text
    parts = text.split("\n")
    gone = {at for at in _edges(parts) if line_key(parts[at]) in lines}
    if not gone:
        return text
    return "\n".join(_without_gaps(line for at, line in enumerate(parts) if at not in gone)).strip("\n")


def line_key(line: str) -> int:
    """A line as a number: the first 8 bytes of its BLAKE2b, case and spaces aside."""
    return int.from_bytes(hashlib.blake2b(" ".join(line.lower().split()).encode(), digest_size=8).digest())


class Survey:
    """Counts the lines of documents; `observe` each, then ask for `lines`.  Its state is plain and can be pickled."""

    def __init__(self, most_lines: int = MOST_LINES) -> None:
        self.documents = 0
        self._most = most_lines
        self._seen: dict[int, tuple[int, ...] | int] = {}  # two lines of each document, or how many documents

    def observe(self, text: str) -> None:
        """Count the lines of a mended document."""
        self.documents += 1
        lines = text.split("\n")
        own = _own_lines(lines)
        for key in dict.fromkeys(line_key(lines[at]) for at in _edges(lines)):
            seen = self._seen.get(key, ())
            if isinstance(seen, int):
                self._seen[key] = seen + 1
            elif not set(own) & set(seen):
                self._seen[key] = (*seen, *own) if _times(seen) < _ENOUGH - 1 else _ENOUGH
        if len(self._seen) > self._most:
            self._forget()

    def lines(self, config: CleaningConfig) -> frozenset[int]:
        """The keys of the lines that are boilerplate."""
        if not config.boilerplate_documents:
            return frozenset()
        least = max(config.boilerplate_documents, self.documents * config.boilerplate_share)
        return frozenset(key for key, seen in self._seen.items() if _times(seen) >= least)

    def _forget(self) -> None:
        """Halve the table: first what was seen once, then twice, and so on; among equals what came first."""
        rarest = sorted(self._seen, key=lambda key: _times(self._seen[key]))
        for key in rarest[: len(rarest) - self._most // 2]:
            del self._seen[key]


def _times(seen: tuple[int, ...] | int) -> int:
    return seen if isinstance(seen, int) else len(seen) // 2


def _own_lines(lines: Sequence[str]) -> tuple[int, int]:
    """What a document is known by: its middle line, and the longest that is neither among the first nor the last."""
    full = [line for line in lines if line.strip()]
    middle = full[len(full) // 2] if full else ""
    return line_key(middle), line_key(max(full[_EDGE:-_EDGE], key=len, default=middle))


def _edges(lines: Sequence[str]) -> list[int]:
    """Where lines stand that may be boilerplate: among the first and the last that are not blank."""
    full = [at for at, line in enumerate(lines) if line.strip()]
    edge = dict.fromkeys([*full[:_EDGE], *full[-_EDGE:]])
    return [at for at in edge if _may_be(lines[at]) and lines.count(lines[at]) == 1]


def _may_be(line: str) -> bool:
    bare = line.strip()
    return _SHORTEST <= len(bare) <= _LONGEST and bare[0] not in _SPEECH


def _without_gaps(lines: Iterable[str]) -> Iterator[str]:
    """`lines` with at most one blank one between two others."""
    before = ""
    for line in lines:
        if line or before:
            yield line
        before = line
