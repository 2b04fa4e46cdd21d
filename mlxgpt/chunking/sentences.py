"""The sentences of a text, by the rules of `endings`."""

from itertools import pairwise

from mlxgpt.chunking.characters import codes_of
from mlxgpt.chunking.levels import Level, find_cuts


def sentences(text: str) -> list[tuple[int, int]]:
    """Where each sentence starts and ends; together they are the whole text, the space between two with the second.

    >>> sentences("Sim, Sr. Silva. Até já!")
    [(0, 15), (15, 23)]
    """
    cuts = find_cuts(codes_of(text))
    inner = cuts.positions[cuts.levels >= Level.SENTENCE].tolist()
    edges = [0, *inner, len(text)] if text else [0]
    return list(pairwise(edges))
