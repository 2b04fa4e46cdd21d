"""Places become chunks: text, offsets and exact counts, overlap, and the rare piece that no good place cuts."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator

from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.levels import LEVELS, Level
from mlxgpt.chunking.measured import Block
from mlxgpt.chunking.windows import token_windows
from mlxgpt.tokenizer.base import Tokenizer

Span = tuple[int, int]  # two places of a block


def spans_of(ends: Iterable[int]) -> Iterator[Span]:
    """Chunks side by side from the places where they end."""
    start = 0
    for end in ends:
        yield start, end
        start = end


def with_overlap(block: Block, ends: Iterable[int], overlap: int, max_size: int, sentences: bool) -> Iterator[Span]:
    """Chunks that begin with up to `overlap` tokens of what is before them: whole sentences if any fit, else less."""
    latest = -1
    for start, end in spans_of(ends):
        begin = start
        if start > 0 and overlap > 0:
            levels = (
                (Level.SENTENCE, Level.CLAUSE, Level.WORD, Level.INSIDE) if sentences else (Level.WORD, Level.INSIDE)
            )
            for level in levels:
                begin = _earliest(block, level, start, overlap)
                if begin < start:
                    break
            begin = max(begin, latest + 1)
            while begin < start and not block.fits(begin, end, max_size):
                begin += 1
        latest = begin
        yield begin, end


def _earliest(block: Block, level: Level, start: int, tokens: int) -> int:
    """The first place of `level` that is at most so many tokens before `start`; `start` if there is none."""
    places, _ = block.at_least(level)
    stop = bisect_left(places, start)
    least = int(block.totals[start]) - tokens
    first = bisect_left(places, least, 0, stop, key=lambda place: int(block.totals[place]))
    return int(places[first]) if first < stop else start


def emit(block: Block, spans: Iterable[Span], tokenizer: Tokenizer, max_size: int) -> Iterator[Chunk]:
    """The chunks of a block, in order; a span that no place could cut small enough is cut at its tokens."""
    done = 0
    for low, high in spans:
        start, end = block.positions.item(low), block.positions.item(high)
        n_tokens = block.cost(low, high)
        level = LEVELS[block.levels.item(high)]
        text = block.text[start:end]
        if n_tokens <= max_size:
            yield Chunk(
                text=text,
                start=block.offset + start,
                end=block.offset + end,
                n_tokens=n_tokens,
                level=level,
                overlap=done - start if done > start else 0,
            )
        else:
            for piece in token_windows(text, tokenizer, max_size, 0):
                last = start + piece.end == end
                yield Chunk(
                    text=piece.text,
                    start=block.offset + start + piece.start,
                    end=block.offset + start + piece.end,
                    n_tokens=piece.n_tokens,
                    level=level if last else Level.INSIDE,
                )
        done = end
