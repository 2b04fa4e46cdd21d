"""A text of any length as blocks of about a million characters, each of which is chunked by itself.

Where blocks end depends on the text alone and never on how it arrives, so a file that is streamed gives the chunks of the
file read whole, memory stays that of a block, and blocks can be chunked in parallel.  They end at blank lines where
there are any, so a chunk border there is one that a strategy would have chosen too.
"""

from collections.abc import Iterable, Iterator

from mlxgpt.chunking.boundaries import cut_before

BLOCK_CHARACTERS = 1 << 20
_CONTEXT = 1 << 10  # characters behind a block that decide whether its end splits a character


def split_blocks(pieces: Iterable[str]) -> Iterator[str]:
    """The text that `pieces` make together, as blocks.

    >>> "".join(split_blocks(["Um te", "xto."]))
    'Um texto.'
    """
    waiting: list[str] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= BLOCK_CHARACTERS + _CONTEXT:
            text = "".join(waiting)
            start = 0
            while len(text) - start >= BLOCK_CHARACTERS + _CONTEXT:
                end = _block_end(text, start)
                yield text[start:end]
                start = end
            waiting, size = [text[start:]], len(text) - start
    if text := "".join(waiting):
        yield text


def _block_end(text: str, start: int) -> int:
    """The last blank line in the second half of the block, else line, else space, else character."""
    half, end = start + BLOCK_CHARACTERS // 2, start + BLOCK_CHARACTERS
    for separator in ("\n\n", "\n"):
        found = text.rfind(separator, half, end)
        if found >= 0:
            after = found + len(separator)
            while after < end and text[after] in "\r\n":
                after += 1
            if after < end and text[after - 1] != "\r":
                return after
    found = text.rfind(" ", half, end)  # a space opens the next piece, as in the pre-tokens of GPT-2
    return found if found > half else cut_before(text, end, start + 1)
