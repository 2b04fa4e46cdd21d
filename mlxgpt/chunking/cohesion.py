"""How much what comes before a gap between sentences has in common with what comes after it.

g = cos(a, b): a and b are the sums of the k sentences before and after the gap, as vectors of term counts weighted by
idf = ln(S / sentences with the term).  1: the same terms in the same shares; 0: none in common.  This is the block
comparison of TextTiling (Hearst 1997, "TextTiling: Segmenting Text into Multi-paragraph Subtopic Passages"), with idf.

All gaps at once, in time linear in the text: two sentences with a term in common add to the gaps between them that
see both, which is a run of gaps, so each pair is one entry of a difference array.

M terms · S sentences · gap i is before sentence i
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


def cohesion(terms: Ints, sentences: Ints, count: int, k: int) -> Floats:
    """g at the gap before each of `count` sentences, 0 where a side has no terms.  (S,)

    `terms` (M,) are ids of any kind, `sentences` (M,), not decreasing, say which sentence each is in.

    >>> cohesion(np.array([7, 8, 7, 8, 5, 6, 5, 6]), np.array([0, 0, 1, 1, 2, 2, 3, 3]), 4, k=2).round(2).tolist()
    [0.0, 1.0, 0.0, 1.0]
    """
    if len(terms) == 0:
        return np.zeros(count)
    term, place, weight = _entries(terms, sentences, count)
    common, own = np.zeros(count + k + 1), np.zeros(count + k + 1)  # difference arrays over gaps
    _add_runs(own, place + 1, place + k + 1, weight * weight)
    for lag in range(1, 2 * k):  # a term's lag-th next sentence is at least lag sentences on
        near = np.flatnonzero((term[lag:] == term[:-lag]) & (place[lag:] - place[:-lag] < 2 * k))
        if len(near) == 0:
            break
        left, right = place[near], place[near + lag]
        product = weight[near] * weight[near + lag]
        _add_runs(common, np.maximum(left + 1, right - k + 1), np.minimum(right, left + k) + 1, product)
        same = right - left < k  # both in the k sentences before a gap
        _add_runs(own, right[same] + 1, left[same] + k + 1, 2 * product[same])
    squares = np.cumsum(own)
    squares[squares < 1e-10 * squares.max(initial=0.0)] = 0.0  # what rounding left of nothing
    before, after = squares[:count], squares[k : count + k]
    norms = np.sqrt(before * after)
    none = norms == 0.0
    return np.where(none, 0.0, np.cumsum(common)[:count] / np.where(none, 1.0, norms)).clip(0.0, 1.0)


def _entries(terms: Ints, sentences: Ints, count: int) -> tuple[Ints, Ints, Floats]:
    """(term, sentence, frequency x idf) of each term of each sentence, sorted; terms of every sentence weigh nothing."""
    keys, frequency = np.unique(terms * count + sentences, return_counts=True)
    term = keys // count
    place = keys - term * count
    first = np.flatnonzero(np.diff(term, prepend=-1))  # the keys are sorted by term
    spread = np.diff(first, append=len(term))  # sentences with the term
    weight = frequency * np.repeat(np.log(count / spread), spread)
    kept = weight > 0
    return term[kept], place[kept], weight[kept]


def _add_runs(differences: Floats, first: Ints, stop: Ints, values: Floats) -> None:
    """Add each value to the entries from `first` up to `stop`, which may go beyond the last gap."""
    differences += np.bincount(first, values, minlength=len(differences))
    differences -= np.bincount(stop, values, minlength=len(differences))
