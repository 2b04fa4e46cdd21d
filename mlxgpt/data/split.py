"""Documents held out to measure what was learned: whole ones, drawn by a seed, so nothing of them is trained on."""

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mlxgpt.data.documents import Document
from mlxgpt.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """The two sides, and a sentence that says how they were made.

    `validation` is in the order of the draw, so its beginning is a fair sample of it; `train` keeps the corpus's order.
    """

    train: list[Document]
    validation: list[Document]
    note: str


def split(documents: Iterable[Document], *, share: float = 0.1, seed: int = 0) -> Split:
    """About `share` of the characters as validation, never the half of a document; 0 holds out nothing.

    Documents are drawn in random order, and each is held out that still fits; when none does, the smallest is, so both
    sides get one.  A corpus of a single document is cut at the paragraph nearest to its last `share`.
    """
    documents = list(documents)
    if not share:
        return Split(train=documents, validation=[], note="Nothing is held out.")
    if len(documents) == 1:
        return _cut(documents[0], share)
    sizes = [sum(map(len, document.texts)) for document in documents]
    held_out = _draw(sizes, share, seed)
    part = sum(sizes[index] for index in held_out) / max(1, sum(sizes))
    return Split(
        train=[document for index, document in enumerate(documents) if index not in held_out],
        validation=[documents[index] for index in held_out],
        note=f"Held out: {len(held_out):,} of {len(documents):,} documents, {part:.1%} of the text.",
    )


def _draw(sizes: Sequence[int], share: float, seed: int) -> dict[int, None]:
    """The indices held out, in the order drawn (a dict is an ordered set)."""
    room = share * sum(sizes)
    held_out: dict[int, None] = {}
    for index in np.random.default_rng(seed % 2**64).permutation(len(sizes)).tolist():
        if sizes[index] <= room and len(held_out) < len(sizes) - 1:
            held_out[index] = None
            room -= sizes[index]
    return held_out or {min(range(len(sizes)), key=lambda index: sizes[index]): None}


def _cut(document: Document, share: float) -> Split:
    """The beginning of a lone document as training text, its end as validation."""
    if document.messages:
        raise DataError(
            f"{document.source} holds a single chat, which cannot be cut into training and validation.",
            hint="Give at least two chats, or set validation_share = 0.",
        )
    text = document.text
    at, place = _cutting_place(text, share)
    sides = [dataclasses.replace(document, text=side.strip("\n")) for side in (text[:at], text[at:])]
    if not all(side.text for side in sides):
        raise DataError(
            f"{document.source} is too short ({len(text)} characters) to hold out a part of it.", hint="Give more text."
        )
    note = f"Held out: the last {1 - at / len(text):.1%} of the only document, from the beginning of {place}."
    return Split(train=[sides[0]], validation=[sides[1]], note=note)


def _cutting_place(text: str, share: float) -> tuple[int, str]:
    """Where to cut, and what begins there: the best kind of boundary that is near (within half of `share`)."""
    wanted = round(len(text) * (1 - share))
    reach = int(len(text) * min(share, 1 - share) / 2)
    for mark, place in (("\n\n", "a paragraph"), ("\n", "a line"), (" ", "a word")):
        before = text.rfind(mark, wanted - reach, wanted)
        after = text.find(mark, wanted, wanted + reach)
        found = [at + len(mark) for at in (before, after) if at >= 0]
        if found:
            return min(found, key=lambda at: abs(at - wanted)), place
    return wanted, "a character"
