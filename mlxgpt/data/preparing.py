"""What a worker does to documents: clean them, mark them for the search for duplicates, and make ids of them.

Each document is looked at by itself, so the results do not depend on how they are grouped or on the number of workers.
Duplicates are found afterwards, in order, by their marks; their ids were made in vain, which is cheaper than a second trip.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.base import Chunker
from mlxgpt.data.cleaning.cleaner import Cleaner, Dropped
from mlxgpt.data.dedup import Marker
from mlxgpt.data.documents import Document
from mlxgpt.data.packing import encode_documents
from mlxgpt.tokenizer.base import Ids, Tokenizer

EXCERPT = 160  # characters of a dropped document that are kept to be shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of one document.

    With a `rule` it was dropped, and `reason` and `excerpt` are to be shown; else it has `tokens` of the batch's ids and
    stands for `text_bytes`.  `draw` is a number in 0 … 1 that its text alone decides; `marks` tell it from duplicates.
    """

    rule: str = ""
    reason: str = ""
    excerpt: str = ""
    changed: tuple[str, ...] = ()
    characters: int = 0
    tokens: int = 0
    text_bytes: int = 0
    chat: bool = False
    draw: float = 0.0
    marks: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Prepared:
    """The fates of a batch of documents, in order, and the ids of all that stay, one after the other."""

    fates: tuple[Fate, ...]
    ids: Ids
    mask: npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparer:
    """All a worker needs to know."""

    tokenizer: Tokenizer
    chunker: Chunker | None = None
    cleaner: Cleaner | None = None
    markers: tuple[Marker, ...] = ()
    seed: int = 0

    def __call__(self, documents: Sequence[Document]) -> Prepared:
        """The ids of a batch, and what became of each document."""
        outcomes = [self._clean(document) for document in documents]
        kept = [document for document, fate in outcomes if not fate.rule]
        encoded = iter(list(encode_documents(kept, self.tokenizer, self.chunker)))
        fates, ids, masks = [], [np.zeros(0, np.uint32)], [np.zeros(0, np.uint8)]
        for document, fate in outcomes:
            if fate.rule:
                fates.append(fate)
                continue
            own, mask, text_bytes = next(encoded)
            ids.append(own)
            masks.append(mask)
            text = content(document)
            fates.append(
                Fate(
                    changed=fate.changed, characters=sum(map(len, document.texts)), tokens=len(own), text_bytes=text_bytes,
                    chat=bool(document.messages), draw=draw(text, self.seed), excerpt=excerpt(document),
                    marks=tuple(marker.mark("\n".join(document.texts)) for marker in self.markers),
                )
            )  # fmt: skip
        return Prepared(fates=tuple(fates), ids=np.concatenate(ids), mask=np.concatenate(masks))

    def _clean(self, document: Document) -> tuple[Document, Fate]:
        if self.cleaner is None:
            return document, Fate()
        outcome = self.cleaner.clean(document)
        if isinstance(outcome, Dropped):
            return document, Fate(rule=outcome.rule, reason=outcome.reason, excerpt=excerpt(document))
        return outcome.document, Fate(changed=outcome.changed)


@dataclass(frozen=True, slots=True)
class Mender:
    """What a worker does in the first reading, which counts the lines that many documents share."""

    cleaner: Cleaner

    def __call__(self, documents: Sequence[Document]) -> list[str]:
        """The texts of a batch, mended; chats have no such lines."""
        return [self.cleaner.mend(document).document.text for document in documents if not document.messages]


def content(document: Document) -> str:
    """A document as one string: of a chat, its messages as JSON."""
    return json.dumps(document.messages, ensure_ascii=False) if document.messages else document.text


def draw(text: str, seed: int) -> float:
    """A number in 0 … 1 that the text and the seed decide: the same text always falls on the same side of a split."""
    digest = hashlib.blake2b(text.encode(), digest_size=8, key=(seed % 2**64).to_bytes(8, "little")).digest()
    return int.from_bytes(digest, "little") / 2**64


def excerpt(document: Document) -> str:
    """The beginning of a document on one line."""
    return " ".join(" / ".join(text[: 2 * EXCERPT] for text in document.texts)[: 4 * EXCERPT].split())[:EXCERPT]
