"""The ids of texts of any length, as fast as can be.

Byte-level BPE goes through the scanner's table.  For other tokenizers there is `encode_batch`, which works on many texts in
parallel but on one text alone, so a book is cut into pieces first, at newlines where cutting changes no id.
"""

import re
from collections.abc import Iterable, Iterator

import numpy as np

from mlxgpt.tokenizer.base import Ids, Tokenizer
from mlxgpt.tokenizer.scanner import scanner_for

PIECE_CHARACTERS = 1 << 16
SCAN_CHARACTERS = 1 << 18  # short texts are scanned together
BATCH_CHARACTERS = 1 << 21  # bounds the memory that the tokenizer's own results take

# A newline between a word or punctuation and a letter: every pre-tokenizer of ours ends a pre-token behind it.
_SAFE = re.compile(r"(?<=[\w.,;:!?])\n(?=[^\W\d_])")
_PROBE = 200  # characters on each side of a cut that are encoded both ways


def encode_texts(texts: Iterable[str], tokenizer: Tokenizer) -> Iterator[Ids]:
    """The ids of each text, in order; exactly `tokenizer.encode(text)` for each."""
    scanner = scanner_for(tokenizer)
    if scanner.kind == "words":
        for texts_of_batch in _batches(texts):
            yield from scanner.encode_batch(texts_of_batch)
        return
    batch: list[str] = []
    pieces: list[int] = []  # of each text in the batch
    size = 0
    for text in texts:
        parts = _pieces(text, tokenizer)
        batch += parts
        pieces.append(len(parts))
        size += len(text)
        if size >= BATCH_CHARACTERS:
            yield from _joined(tokenizer.encode_batch(batch), pieces)
            batch, pieces, size = [], [], 0
    yield from _joined(tokenizer.encode_batch(batch), pieces)


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    """Texts that have `SCAN_CHARACTERS` together."""
    batch: list[str] = []
    size = 0
    for text in texts:
        batch.append(text)
        size += len(text)
        if size >= SCAN_CHARACTERS:
            yield batch
            batch, size = [], 0
    yield batch


def _joined(ids: list[Ids], pieces: list[int]) -> Iterator[Ids]:
    start = 0
    for count in pieces:
        yield ids[start] if count == 1 else np.concatenate(ids[start : start + count])
        start += count


def _pieces(text: str, tokenizer: Tokenizer) -> list[str]:
    """`text` in pieces whose ids, joined, are its ids; one piece when the tokenizer looks across the cuts."""
    cuts = [0]
    while len(text) - cuts[-1] > PIECE_CHARACTERS:
        found = _SAFE.search(text, cuts[-1] + PIECE_CHARACTERS)
        if found is None:
            break
        cuts.append(found.end())
    inner = cuts[1:]
    # A foreign tokenizer may put a space before each text or merge across newlines: a few cuts show it.
    if not all(_cuts_cleanly(text, at, tokenizer) for at in (*inner[:4], *inner[-4:])):
        return [text]
    return [text[start:end] for start, end in zip(cuts, [*inner, len(text)], strict=True)]


def _cuts_cleanly(text: str, at: int, tokenizer: Tokenizer) -> bool:
    left, right = text[max(0, at - _PROBE) : at], text[at : at + _PROBE]
    return tokenizer.encode(left + right) == tokenizer.encode(left) + tokenizer.encode(right)
