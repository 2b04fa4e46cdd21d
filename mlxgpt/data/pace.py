"""How fast a reading of the sources goes, and when to say so."""

import time

from mlxgpt.data.batches import Load
from mlxgpt.data.dataset import Json
from mlxgpt.events import BuildProgressed

_SECONDS = 0.5  # between two reports


class Pace:
    """Rates since it was made; `before` are the counts of an earlier build that goes on."""

    def __init__(self, before: Json) -> None:
        self._before = before
        self._began = self._told = time.monotonic()
        self._first_share: float | None = None if before["documents"] else 0.0  # where an interrupted build stood

    def due(self) -> bool:
        """Whether it is time for a report; then the next one is later."""
        now = time.monotonic()
        if now - self._told < _SECONDS:
            return False
        self._told = now
        return True

    def report(self, load: Load, counts: Json) -> BuildProgressed:
        """Where the reading stands behind a batch."""
        seconds = max(time.monotonic() - self._began, 1e-9)
        rates = {name: (counts[name] - self._before[name]) / seconds for name in ("documents", "bytes", "tokens")}
        if self._first_share is None:
            self._first_share = load.share
        gained = load.share - self._first_share
        return BuildProgressed(
            path=load.path, documents=counts["documents"], dropped=sum(counts["dropped"].values()),
            tokens=counts["tokens"], bytes=counts["bytes"], share=load.share,
            documents_per_second=rates["documents"], bytes_per_second=rates["bytes"],
            tokens_per_second=rates["tokens"],
            seconds_left=seconds * (1 - load.share) / gained if gained > 0 else 0.0,
        )  # fmt: skip
