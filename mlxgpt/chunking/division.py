"""Where a block is cut: at the strongest places first, and only as deep as the limit demands.

A part that fits is a chunk.  One that does not is cut at its strongest places, neighbours are put together again while
they fit, and only a piece that is too big alone is cut at weaker places.  So a chunk never holds the end of one section and
the beginning of the next when it could hold either whole, and no sentence is cut that fits.

Places and their numbers are those of `measured.Block`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from mlxgpt.chunking.levels import Level
from mlxgpt.chunking.measured import Block

EVERY_LEVEL = tuple(sorted(Level, reverse=True))


def levels_from(strongest: Level) -> tuple[Level, ...]:
    """That level and the weaker ones, strongest first."""
    return tuple(level for level in EVERY_LEVEL if level <= strongest)


def divide(block: Block, max_size: int, levels: tuple[Level, ...] = EVERY_LEVEL, low: int = 0) -> list[int]:
    """The places where the chunks of a block end, in order; `levels` are the kinds of place to cut at, strongest first.

    Only what lies between neighbouring places of the weakest level can still be longer than `max_size`.
    """
    ends: list[int] = []
    divide_part(block, low, block.last, max_size, levels, ends)
    return ends


def divide_part(block: Block, low: int, high: int, max_size: int, levels: tuple[Level, ...], ends: list[int]) -> None:
    """Append to `ends` those of the chunks between two places."""
    if block.fits(low, high, max_size):
        ends.append(high)
        return
    places: Sequence[int] = ()
    arrivals: Sequence[int] = ()
    first = stop = depth = 0
    for depth, level in enumerate(levels, start=1):  # noqa: B007  # the depth where it stops is used below
        places, arrivals = block.at_least(level)
        first, stop = bisect_right(places, low), bisect_left(places, high)
        if first < stop:
            break
    else:  # nothing to cut at
        ends.append(high)
        return
    run = [low]  # the borders of the chunks of this level since the last piece that was too big
    while not block.fits(run[-1], high, max_size):
        most = block.totals.item(run[-1]) + max_size
        fits = bisect_right(arrivals, most, first, stop) - 1
        while fits >= first and not block.fits(run[-1], places[fits], max_size):
            fits -= 1
        if fits >= first:
            run.append(int(places[fits]))
            first = fits + 1
        else:
            too_big = int(places[first]) if first < stop else high
            ends += _balanced(block, run, max_size, places, arrivals)
            divide_part(block, run[-1], too_big, max_size, levels[depth:], ends)
            run = [too_big]
            first += 1
    if run[-1] < high:
        run.append(high)
    ends += _balanced(block, run, max_size, places, arrivals)


def _balanced(block: Block, run: list[int], max_size: int, places: Sequence[int], arrivals: Sequence[int]) -> list[int]:
    """The ends of a run of chunks, the cut between its last two moved to their middle so that neither is a crumb."""
    if len(run) < 3:
        return run[1:]
    start, cut, end = run[-3:]
    first, stop = bisect_right(places, start), bisect_left(places, end)
    middle = (int(block.totals[start]) + int(block.arrivals[end])) / 2
    after = bisect_left(arrivals, middle, first, stop)
    near = [int(places[place]) for place in (after - 1, after) if first <= place < stop]
    near = [at for at in near if block.fits(start, at, max_size) and block.fits(at, end, max_size)]
    best = min(near, key=lambda at: abs(int(block.totals[at]) - middle), default=cut)
    return [*run[1:-2], best, end]


def join_small(block: Block, ends: list[int], min_size: int, max_size: int) -> list[int]:
    """`ends` with chunks below `min_size` joined to a neighbour where both fit, across the weaker of their two borders."""
    if min_size <= 0:
        return ends
    borders = [0]
    for number, end in enumerate(ends):
        borders.append(end)
        while len(borders) > 2 and _joins_left(block, borders, ends, number, min_size, max_size):
            del borders[-2]
    return borders[1:]


def _joins_left(block: Block, borders: list[int], ends: list[int], number: int, min_size: int, max_size: int) -> bool:
    """True when the last chunk or the one before it is small and the two belong together."""
    before, start, end = borders[-3:]
    left, right = block.cost(before, start), block.cost(start, end)
    if min(left, right) >= min_size or not block.fits(before, end, max_size):
        return False
    if left < min_size or number + 1 == len(ends):  # the one before had its chance with its own left neighbour
        return True
    following = ends[number + 1]
    weaker = block.levels[end] < block.levels[start]
    return not (weaker and block.fits(start, following, max_size))
