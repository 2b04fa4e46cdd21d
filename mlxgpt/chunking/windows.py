"""A document in windows of so many tokens: the work behind `fixed` and `overlapping`.

The whole document is encoded once, cuts are placed at its token ends, and then every window is encoded alone, because
that is the count that must keep the limit: joined or cut text can cost more tokens than the sum says.  The few windows
that do are mended one by one.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.boundaries import cut_after, cut_before
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.chunking.encoding import encode_texts
from mlxgpt.errors import ConfigError
from mlxgpt.tokenizer.base import Ids, Tokenizer

Characters = npt.NDArray[np.int64]  # positions in the document


def token_windows(document: str, tokenizer: Tokenizer, max_size: int, overlap: int) -> Iterator[Chunk]:
    """Chunks of up to `max_size` tokens; each repeats the last `overlap` tokens of the one before, or fewer."""
    spans = list(_spans(document, tokenizer, max_size, overlap))
    latest, done = -1, 0  # where the last chunk starts and ends
    for (start, end), ids in zip(spans, encode_texts((document[s:e] for s, e in spans), tokenizer), strict=True):
        n_tokens = len(ids)
        while start < done and (n_tokens > max_size or start <= latest):  # give up some of the overlap
            start = min(done, cut_after(document, max(start, latest) + max(1, n_tokens - max_size), start))
            n_tokens = len(tokenizer.encode(document[start:end]))
        for chunk in _fitting(document, tokenizer, max_size, start, end, n_tokens):
            yield chunk
            latest, done = chunk.start, chunk.end


def _spans(document: str, tokenizer: Tokenizer, max_size: int, overlap: int) -> Iterator[tuple[int, int]]:
    """(start, end) of each window by the tokens of the whole document: no gap, and both move on each time."""
    if not document:
        return
    lower, upper = _token_ends(document, next(encode_texts([document], tokenizer)), tokenizer)
    start = done = 0
    while True:
        first = int(np.searchsorted(upper, start, side="right"))  # tokens that end before the window
        end = cut_before(document, int(lower[min(first + max_size, len(lower)) - 1]), done)
        if end <= done:  # one character of many tokens: take it whole, and less of what is before it
            end = cut_after(document, done + 1, done)
            start = min(done, _later(document, start, _first_of_last(max_size, end, lower, upper)))
        yield start, end
        if end == len(document):
            return
        wanted = max(start + 1, _first_of_last(overlap, end, lower, upper))
        start, done = min(end, _later(document, start, wanted)), end


def _first_of_last(tokens: int, end: int, lower: Characters, upper: Characters) -> int:
    """Where the last so many tokens up to `end` begin, rounded up."""
    first = (
        int(np.searchsorted(lower, end)) + 1 - tokens
    )  # tokens that end before `end`, the one that does, minus these
    return int(upper[first - 1]) if first > 0 else 0


def _later(document: str, start: int, wanted: int) -> int:
    """The first place from `wanted` on, but not before `start`, that splits no character."""
    return cut_after(document, wanted, start) if wanted > start else start


def _token_ends(document: str, ids: Ids, tokenizer: Tokenizer) -> tuple[Characters, Characters]:
    """The character where each token ends, rounded down and up when that is inside of one.  (T,), (T,)

    Evenly spread when the bytes of the tokens are not those of the text: only a guess, which the limit check mends.
    """
    data = np.frombuffer(document.encode("utf-8"), dtype=np.uint8)
    kinds, inverse = np.unique(ids, return_inverse=True)
    sizes = np.array([len(tokenizer.token_bytes(int(kind))) for kind in kinds], dtype=np.int64)
    byte_ends = np.cumsum(sizes[inverse])
    if len(byte_ends) == 0 or byte_ends[-1] != len(data):  # <UNK>, or a tokenizer that changes the text
        even = np.linspace(0, len(document), num=max(1, len(ids)) + 1).astype(np.int64)[1:]
        return even, even
    begins = (data & 0xC0) != 0x80  # the first byte of a character
    upper = np.concatenate([[0], np.cumsum(begins)])[byte_ends]  # characters begun before the end of the token
    inside = np.append(~begins, False)[byte_ends]
    return upper - inside, upper


def _fitting(
    document: str, tokenizer: Tokenizer, max_size: int, start: int, end: int, n_tokens: int
) -> Iterator[Chunk]:
    """The span as one chunk if it keeps the limit, else halved until all parts do."""
    if n_tokens <= max_size:
        yield Chunk(text=document[start:end], start=start, end=end, n_tokens=n_tokens)
        return
    if end - start == 1:
        raise ConfigError(
            f"chunking: max_size = {max_size} is less than the {n_tokens} tokens of the character {document[start]!r}.",
            hint=f"Set max_size to {n_tokens} or more; usual sizes are 128 to 1024.",
        )
    text = document[start:end]
    middle = (len(text) + 1) // 2
    cut = cut_before(text, middle, 0)
    if cut == 0:  # a long cluster up to here: end it behind the middle before splitting it
        cut = cut_after(text, middle, 0)
        cut = cut if cut < len(text) else middle
    for left, right in ((start, start + cut), (start + cut, end)):
        yield from _fitting(document, tokenizer, max_size, left, right, len(tokenizer.encode(document[left:right])))
