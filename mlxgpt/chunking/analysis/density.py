"""How much a text says for its length.  All of it depends on the text more than on the cuts; the spread over chunks does not.

T tokens · C chunks · W words
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.analysis.cohesion import deflated
from mlxgpt.chunking.analysis.view import ChunkView
from mlxgpt.tokenizer.base import Ids

WINDOW = 100  # words of the moving window of MATTR
PERCENTILES = (5, 50, 95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Density:
    """Figures of the whole text.

    `type_token_ratio` = different tokens / tokens; it falls with the length of any text, so compare texts of one length
    only.  `moving_ratio` is the mean over all windows of 100 words of different words / 100 (MATTR; Covington and McFall
    2010), which does not; texts shorter than the window count as one.  `compression_ratio` = bytes after raw deflate / bytes,
    each document alone.

    `bits_per_character` = -Σ log₂ p(token) / characters, p(token) = its share of the document's tokens: what the
    tokens cost when their order says nothing (Genzel and Charniak 2002 measure the same with a language model).
    `chunk_bits` are the 5th, 50th and 95th percentile over the chunks: dense and thin places of this text; the values mean
    nothing across texts or tokenizers.

    What needs token ids is None when there is no tokenizer.
    """

    type_token_ratio: float | None
    moving_ratio: float
    compression_ratio: float
    bits_per_character: float | None
    chunk_bits: tuple[float, ...] | None  # at `PERCENTILES`


class DensityTally:
    """Adds up `Density`."""

    def __init__(self, vocab_size: int | None) -> None:
        self._counts = None if vocab_size is None else np.zeros(vocab_size, dtype=np.int64)
        self._ratios, self._windows = 0.0, 0
        self._bytes = self._deflated = 0
        self._bits, self._characters = 0.0, 0
        self._chunk_bits: list[npt.NDArray[np.float64]] = []

    def add(self, view: ChunkView, ids: list[Ids] | None) -> None:
        """Add a document; `ids` are those of its chunks."""
        data = view.document.text.encode()
        self._bytes += len(data)
        self._deflated += deflated(data) if data else 0
        ratio_sum, windows = moving_ratio(view.document.words.ids)
        self._ratios += ratio_sum
        self._windows += windows
        if ids is None or self._counts is None or not ids:
            return
        together = np.concatenate(ids)
        counts = np.bincount(together, minlength=len(self._counts))
        self._counts = self._counts + counts
        bits = -np.log2(counts[together] / len(together))  # (T,)
        sums = np.add.reduceat(np.append(bits, 0.0), np.cumsum([0, *map(len, ids[:-1])]))
        sums[[len(chunk) == 0 for chunk in ids]] = 0.0  # where reduceat takes one element
        characters = view.ends - view.starts
        self._bits += float(bits.sum())
        self._characters += int(characters.sum())
        self._chunk_bits.append(sums / np.maximum(1, characters))

    def result(self) -> Density:
        """The density of all documents so far."""
        counted = self._counts is not None and int(self._counts.sum()) > 0
        chunk_bits = np.concatenate(self._chunk_bits) if self._chunk_bits else np.zeros(0)
        return Density(
            type_token_ratio=float(np.count_nonzero(self._counts) / self._counts.sum())
            if self._counts is not None and counted
            else None,
            moving_ratio=self._ratios / max(1, self._windows),
            compression_ratio=self._deflated / max(1, self._bytes),
            bits_per_character=self._bits / max(1, self._characters) if counted else None,
            chunk_bits=tuple(np.percentile(chunk_bits, PERCENTILES).tolist()) if len(chunk_bits) else None,
        )


def moving_ratio(ids: npt.NDArray[np.int64], window: int = WINDOW) -> tuple[float, int]:
    """The sum over all windows of different words / words, and the number of windows.

    A word is the first of its kind in the windows that begin behind the word's last occurrence: a range of windows a word.

    >>> moving_ratio(np.array([0, 1, 0, 2]), 2)
    (3.0, 3)
    """
    size = min(window, len(ids))
    if size == 0:
        return 0.0, 0
    order = np.argsort(ids, kind="stable")
    previous = np.full(len(ids), -1, dtype=np.int64)
    same = ids[order][1:] == ids[order][:-1]
    previous[order[1:][same]] = order[:-1][same]
    places = np.arange(len(ids))
    first = np.maximum(previous + 1, places - size + 1)  # the first window in which each word is new
    first, last = np.maximum(first, 0), np.minimum(places, len(ids) - size)
    return float(np.maximum(0, last - first + 1).sum() / size), len(ids) - size + 1
