"""A thread that cuts a document, and what it has said; a newer start is never answered by an older thread."""

import threading
import time
from collections import deque

from mlxgpt import jobs
from mlxgpt.chunking.watching import Part
from mlxgpt.tokenizer.base import Tokenizer
from tui.chunk_layout import Layout
from tui.chunk_settings import Options

Said = Part | Exception | None  # None: it is all cut


class Cutter:
    """`start` it as often as a setting changes, and `take` what came since the last time."""

    def __init__(self) -> None:
        self.busy = False
        self.stopped = False  # before the end of the document
        self.seconds = 0.0  # that the last document took
        self._run = 0  # the number of the last start
        self._stop = threading.Event()
        self._one_at_a_time = threading.Lock()
        self._feed: deque[tuple[int, Said]] = deque()
        self._began = 0.0

    def start(self, layout: Layout, tokenizer: Tokenizer, strategy: str, options: Options) -> None:
        """Cut the text of a layout, and lay out its lines too; whatever runs is stopped, and not heard any more."""
        self._stop.set()
        self._stop, self._run = threading.Event(), self._run + 1
        self.busy, self.stopped, self._began = True, False, time.monotonic()
        arguments = (self._run, self._stop, layout, tokenizer, strategy, options)
        threading.Thread(target=self._cut, args=arguments, name="cutter", daemon=True).start()

    def stop(self) -> None:
        """End before the next chunk; nothing that is still said is heard."""
        self._stop.set()
        self.stopped, self.busy, self._run = self.busy, False, self._run + 1

    def take(self) -> list[Said]:
        """What the last start has said since the last time."""
        news = [self._feed.popleft() for _ in range(len(self._feed))]
        said = [entry for run, entry in news if run == self._run]
        if any(not isinstance(entry, Part) for entry in said):
            self.busy, self.seconds = False, time.monotonic() - self._began
        return said

    def _cut(
        self, run: int, stop: threading.Event, layout: Layout, tokenizer: Tokenizer, strategy: str, options: Options
    ) -> None:
        with self._one_at_a_time:  # who waited here may be stopped already, and cuts nothing
            try:
                for part in jobs.watch_chunking(layout.text, tokenizer, strategy, options, stop=stop):
                    layout.add([entry.chunk for entry in part.chunks])
                    self._feed.append((run, part))
            except Exception as error:  # shown, whatever it is
                self._feed.append((run, error))
            else:
                self._feed.append((run, None))
