"""A random order of any number of things, without a list of them: where position i goes is computed, so a corpus of billions
of windows costs no memory to shuffle, and a run continues anywhere.

The bits of a position are cut in two halves, and in each round one half is mixed with a random function of the other: a
Feistel network, which maps a power of four one to one onto itself.  A result outside the wanted range is sent through again
until it lies inside (cycle walking; Black and Rogaway 2002), at most four times on average.
"""

import numpy as np
import numpy.typing as npt

Indices = npt.NDArray[np.int64]

_ROUNDS = 8


def shuffled(positions: Indices, size: int, *key: int) -> Indices:
    """Where each of `positions`, all below `size`, goes in the order that belongs to `key`.

    >>> sorted(shuffled(np.arange(5), 5, 7).tolist())
    [0, 1, 2, 3, 4]
    """
    half = np.uint64(max(1, ((size - 1).bit_length() + 1) // 2))
    low = np.uint64((1 << int(half)) - 1)
    keys = np.random.SeedSequence([number % 2**64 for number in key]).generate_state(_ROUNDS, np.uint64)
    values = positions.astype(np.uint64)
    outside = np.arange(len(values))
    while len(outside):
        left, right = values[outside] >> half, values[outside] & low
        for round_key in keys:
            left, right = right, left ^ (_mixed(right + round_key) & low)
        values[outside] = left << half | right
        outside = outside[values[outside] >= np.uint64(size)]
    return values.astype(np.int64)


def _mixed(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Every bit of each value spread over all of them: the finalizer of SplitMix64 (Steele, Lea and Flood 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
