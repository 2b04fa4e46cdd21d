"""What can be said about chunks in numbers that are defined: one `Report`, added up document by document.

Each family of figures is a file beside this one, and states its formulas and sources.  There is no single score: nothing
defensible adds a cosine to a share of sentences.
"""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlxgpt.chunking.analysis.boundaries import Boundaries, BoundariesTally, Structure
from mlxgpt.chunking.analysis.cohesion import Cohesion, CohesionTally, GapScores
from mlxgpt.chunking.analysis.context import LANGUAGES, SPANS, Context, ContextTally, Dangling, DanglingTally
from mlxgpt.chunking.analysis.density import Density, DensityTally
from mlxgpt.chunking.analysis.sizes import Coverage, Sizes, SizesTally
from mlxgpt.chunking.analysis.view import ChunkView, DocumentView
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.levels import Level
from mlxgpt.errors import ConfigError, nearest
from mlxgpt.tokenizer.base import Ids, Tokenizer


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything measured on the chunks of some documents; each part has its own docstring.

    `structure` is None when no document has headings.
    """

    sizes: Sizes
    coverage: Coverage
    boundaries: Boundaries
    structure: Structure | None
    density: Density
    cohesion: Cohesion
    context: Context
    dangling: Dangling

    def to_json(self) -> dict[str, Any]:  # Any: JSON
        """Plain values, with the names of what the tuples count."""
        value = dataclasses.asdict(self)
        value["boundaries"]["counts"] = {
            level.name.lower(): self.boundaries.counts[level] for level in reversed(Level)
        }  # fmt: skip
        value["boundaries"]["mid_sentence"] = self.boundaries.mid_sentence
        value["context"]["spans_whole"] = {
            str(length): share for length, share in zip(SPANS, self.context.spans_whole, strict=True)
        }
        value["cohesion"]["drop"], value["cohesion"]["drop_z"] = self.cohesion.drop, self.cohesion.drop_z
        value["dangling"]["share"] = self.dangling.share
        assert all(map(math.isfinite, _numbers(value)))
        return value


class Analysis:
    """Adds documents and their chunks, and reports on all of them at any time; the time is linear in the text.

    `max_size` and `min_size` are the limits the chunks were made with, in tokens.  With a tokenizer every chunk is encoded
    alone and counted again.  `quick` leaves out what a search over options does not look at.
    """

    def __init__(
        self,
        *,
        max_size: int | None = None,
        min_size: int | None = None,
        tokenizer: Tokenizer | None = None,
        lang: str = "auto",
        quick: bool = False,
    ) -> None:
        if lang not in LANGUAGES:
            raise ConfigError(f"There are no lists of words for the language {lang!r}.", hint=nearest(lang, LANGUAGES))
        self._tokenizer, self._quick = tokenizer, quick
        self._sizes = SizesTally(max_size, min_size)
        self._boundaries = BoundariesTally(with_structure=not quick)
        self._density = DensityTally(None if tokenizer is None else tokenizer.vocab_size)
        self._cohesion = CohesionTally(with_compression=not quick)
        self._context = ContextTally()
        self._dangling = DanglingTally(lang)

    def add(self, document: str, chunks: Sequence[Chunk]) -> None:
        """Add a document and its chunks, in order."""
        view = DocumentView(document)
        self.add_view(ChunkView(view, chunks), GapScores(view, with_compression=not self._quick))

    def add_view(self, view: ChunkView, gaps: GapScores) -> None:
        """Add a document whose text was looked at already."""
        ids: list[Ids] | None = None
        if self._tokenizer is not None:
            ids = self._tokenizer.encode_batch([chunk.text for chunk in view.chunks])
        self._sizes.add(view, None if ids is None else np.array(list(map(len, ids)), dtype=np.int64))
        self._cohesion.add(view, gaps)
        self._context.add(view)
        self._boundaries.add(view)
        if not self._quick:
            self._density.add(view, ids)
            self._dangling.add(view)

    def headings_found(self) -> float:
        """The share of headings that begin a chunk, also when quick; 1 when there are none."""
        return self._boundaries.headings_found()

    def report(self) -> Report:
        """The figures of all that was added so far."""
        return Report(
            sizes=self._sizes.sizes(),
            coverage=self._sizes.coverage(),
            boundaries=self._boundaries.boundaries(),
            structure=self._boundaries.structure(),
            density=self._density.result(),
            cohesion=self._cohesion.result(),
            context=self._context.result(),
            dangling=self._dangling.result(),
        )


def _numbers(value: Any) -> list[float]:  # Any: JSON
    if isinstance(value, dict):
        return [number for entry in value.values() for number in _numbers(entry)]
    if isinstance(value, (list, tuple)):
        return [number for entry in value for number in _numbers(entry)]
    return [value] if isinstance(value, (int, float)) else []
