"""How large the chunks are, whether they keep the limit, and whether they are the text: facts, no opinions."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.analysis.view import ChunkView

PERCENTILES = (5, 25, 50, 75, 95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Tokens in a chunk, n_i, each chunk encoded alone.

    `sd` is the standard deviation of the population, `variation` = sd / mean; `fill` = mean / max_size, `waste` =
    Σ (max_size - n_i) tokens; `below_min` is the share of chunks with fewer tokens than min_size.  The last three are
    None where no limit is known.
    """

    chunks: int
    tokens: int
    mean: float
    sd: float
    variation: float
    percentiles: tuple[float, ...]  # at `PERCENTILES`
    smallest: int
    largest: int
    fill: float | None
    waste: int | None
    below_min: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Whether the chunks are the document, and how often they say it.

    `over_limit` counts chunks with more than max_size tokens, encoded alone (None: no limit known); `miscounted` those
    whose count in the file is not what the tokenizer says now (None: not counted again).  `mismatched` counts chunks
    whose text is not document[start:end].  `lost` are characters in no chunk, `lost_solid` those that are no white space.
    `duplication` = Σ characters of chunks / characters of the documents (1 = none); `repeated` counts chunks whose text
    another chunk has too; `overlap` is the mean over the chunks of the tokens they share with the one before.
    """

    documents: int
    characters: int
    over_limit: int | None
    miscounted: int | None
    mismatched: int
    lost: int
    lost_solid: int
    duplication: float
    repeated: int
    overlap: float


class SizesTally:
    """Adds up `Sizes` and `Coverage`."""

    def __init__(self, max_size: int | None, min_size: int | None) -> None:
        self._max, self._min = max_size, min_size
        self._sizes: list[npt.NDArray[np.int64]] = []
        self._documents = self._characters = self._held = self._mismatched = self._lost = self._lost_solid = 0
        self._overlap = 0.0
        self._miscounted: int | None = None
        self._seen: dict[int, int] = {}

    def add(self, view: ChunkView, counted: npt.NDArray[np.int64] | None) -> None:
        """Add a document; `counted` are the tokens of its chunks, if they were counted again."""
        text, solid = view.document.text, view.document.solid
        self._sizes.append(view.n_tokens if counted is None else counted)
        if counted is not None:
            self._miscounted = (self._miscounted or 0) + int(np.count_nonzero(counted != view.n_tokens))
        self._documents += 1
        self._characters += len(text)
        self._held += int((view.ends - view.starts).sum())
        self._mismatched += sum(text[chunk.start : chunk.end] != chunk.text for chunk in view.chunks)
        befores = np.concatenate([[0], np.maximum.accumulate(view.ends)])
        afters = np.maximum(np.append(view.starts, len(text)), befores)
        self._lost += int((afters - befores).sum())
        self._lost_solid += int((solid[afters] - solid[befores]).sum())
        self._overlap += float(view.overlap_tokens.sum())
        for chunk in view.chunks:
            key = hash(chunk.text)
            self._seen[key] = self._seen.get(key, 0) + 1

    def sizes(self) -> Sizes:
        """The sizes of all chunks so far."""
        sizes = np.concatenate(self._sizes) if self._sizes else np.zeros(0, dtype=np.int64)
        if len(sizes) == 0:
            nothing = (0.0,) * len(PERCENTILES)
            return Sizes(chunks=0, tokens=0, mean=0.0, sd=0.0, variation=0.0, percentiles=nothing, smallest=0, largest=0,
                         fill=None, waste=None, below_min=None)  # fmt: skip
        mean, sd = float(sizes.mean()), float(sizes.std())
        return Sizes(
            chunks=len(sizes),
            tokens=int(sizes.sum()),
            mean=mean,
            sd=sd,
            variation=sd / mean if mean else 0.0,
            percentiles=tuple(np.percentile(sizes, PERCENTILES).tolist()),
            smallest=int(sizes.min()),
            largest=int(sizes.max()),
            fill=mean / self._max if self._max else None,
            waste=int((self._max - sizes).sum()) if self._max else None,
            below_min=float(np.mean(sizes < self._min)) if self._min else None,
        )

    def coverage(self) -> Coverage:
        """The coverage of all documents so far."""
        sizes = np.concatenate(self._sizes) if self._sizes else np.zeros(0, dtype=np.int64)
        return Coverage(
            documents=self._documents,
            characters=self._characters,
            over_limit=int(np.count_nonzero(sizes > self._max)) if self._max else None,
            miscounted=self._miscounted,
            mismatched=self._mismatched,
            lost=self._lost,
            lost_solid=self._lost_solid,
            duplication=self._held / max(1, self._characters),
            repeated=sum(count for count in self._seen.values() if count > 1),
            overlap=self._overlap / max(1, len(sizes)),
        )
