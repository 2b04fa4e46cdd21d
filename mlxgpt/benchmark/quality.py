"""How good chunks are, by one measure for every library: limits kept, and what the cuts go through.

A cut is where a chunk ends, the last chunk aside.  It is inside a word when both its neighbours are letters or digits, and
inside a sentence when the text before it, white space aside, ends neither in one of `ENDS` nor before a blank line.  That is
crude, and the same for all; `chunking.levels` knows better, but would judge itself.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ENDS = frozenset(".!?…:;\"”»)'")
_BLANK_LINE = re.compile(r"\n[^\S\n]*\r?\n")
_LOOKED_AHEAD = 1 << 10  # characters that a library may have left out between two chunks

Span = tuple[int, int]  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """What chunks are like; sizes are tokens of each chunk encoded alone, shares are in [0, 1]."""

    chunks: int
    mean_size: float
    largest: int
    fill: float  # mean size / limit
    over_limit: int
    mid_sentence: float
    mid_word: float
    altered: int  # chunks whose text is not in the document, at its turn


def judge(text: str, spans: Sequence[Span | None], sizes: Sequence[int], max_size: int) -> Quality:
    """The quality of chunks with their places, None for an altered one, and their sizes."""
    cuts = [span[1] for span in spans[:-1] if span is not None]
    mean = float(np.mean(sizes)) if sizes else 0.0
    return Quality(
        chunks=len(spans),
        mean_size=mean,
        largest=max(sizes, default=0),
        fill=mean / max_size,
        over_limit=sum(size > max_size for size in sizes),
        mid_sentence=sum(inside_sentence(text, cut) for cut in cuts) / max(1, len(cuts)),
        mid_word=sum(inside_word(text, cut) for cut in cuts) / max(1, len(cuts)),
        altered=sum(span is None for span in spans),
    )


def locate(text: str, pieces: Sequence[str]) -> list[Span | None]:
    """Where pieces that were given without offsets are: each the nearest after the one before, None if it is not there.

    >>> locate("Um. Dois.", ["Um.", "Dois."])
    [(0, 3), (4, 9)]
    """
    spans: list[Span | None] = []
    done = altered = 0  # where the last one that was found ends, and the characters of those since
    for piece in pieces:
        at = text.find(piece, done, done + 2 * (altered + len(piece)) + _LOOKED_AHEAD)
        if at < 0:
            spans.append(None)
            altered += len(piece)
        else:
            done, altered = at + len(piece), 0
            spans.append((at, done))
    return spans


def inside_word(text: str, cut: int) -> bool:
    """Whether letters or digits are on both sides."""
    return text[cut - 1 : cut].isalnum() and text[cut : cut + 1].isalnum()


def inside_sentence(text: str, cut: int) -> bool:
    """Whether the text before the cut goes on.

    >>> [inside_sentence("Um.  Dois três", cut) for cut in (3, 5, 9)]
    [False, False, True]
    """
    before = cut
    while before > 0 and text[before - 1].isspace():
        before -= 1
    if before == 0 or text[before - 1] in ENDS:
        return False
    after = cut
    while after < len(text) and text[after].isspace():
        after += 1
    return _BLANK_LINE.search(text, before, after) is None
