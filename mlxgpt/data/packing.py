"""Documents become one stream of tokens: `doc <EOS> doc <EOS> …`, long documents as `chunk <CHUNK> chunk <EOS>`.

Legend: N tokens of the stream · P documents
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mlxgpt.chunking.base import Chunker
from mlxgpt.chunking.encoding import encode_texts
from mlxgpt.data.documents import Document
from mlxgpt.errors import DataError, TokenizerError
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.chat import chat_example

TokenIds = npt.NDArray[np.uint16 | np.uint32]
Mask = npt.NDArray[np.uint8]


class Tokens(Protocol):
    """A long array of small numbers, in memory or in files (`mapped.Mapped`)."""

    def __len__(self) -> int: ...

    def __getitem__(self, span: slice, /) -> npt.NDArray[Any]: ...

    def take(self, places: Any, *, mode: Any) -> npt.NDArray[Any]:  # Any: as NumPy's own has it
        """What stands at `places`, on the ring with mode="wrap"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A stretch of a stream that came from one place, and how many times an epoch passes over it."""

    start: int
    stop: int
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """Tokens to learn from.

    `mask` is 1 where an id is to be predicted; None, which is all of them, unless there are chats.  `ends` and
    `byte_ends` count the tokens and the bytes of text up to the end of each document; of a chat only the answers count,
    and a chunk's overlap counts again, as its tokens do.  Streams of `pack` are arrays, those of `dataset` are mapped files.
    """

    ids: Tokens  # (N,)
    mask: Tokens | None  # (N,)
    ends: npt.NDArray[np.int64]  # (P,)
    byte_ends: npt.NDArray[np.int64]  # (P,)
    sources: tuple[Source, ...] = ()  # none: all of it is one

    @property
    def text_bytes(self) -> int:
        """Bytes of UTF-8 that the tokens to be predicted stand for: bits per byte = nats in all / ln 2 / this."""
        return int(self.byte_ends[-1]) if len(self.byte_ends) else 0

    def bytes_before(self, tokens: int) -> float:
        """Bytes of text in the first `tokens` tokens: exact at the end of a document, in proportion inside one."""
        return float(np.interp(tokens, np.append(0, self.ends), np.append(0, self.byte_ends)))


def pack(documents: Sequence[Document], tokenizer: Tokenizer, chunker: Chunker | None = None) -> Stream:
    """The stream of `documents`, each followed by <EOS> (if the tokenizer has one).

    With a `chunker`, texts are cut and the chunks joined by <CHUNK>; chats stay whole.

    >>> from pathlib import Path
    >>> from mlxgpt.tokenizer.simple import byte_tokenizer
    >>> [int(id) for id in pack([Document(text="ab", source=Path("a.txt"))], byte_tokenizer()).ids]  # a is 9 + 97
    [106, 107, 3]
    """
    require_chunk_token(tokenizer, chunker)
    parts: list[TokenIds] = []
    masks: list[Mask] = []
    sizes = np.zeros((len(documents), 2), dtype=np.int64)  # tokens, bytes of each document
    dtype: type[np.uint16 | np.uint32] = np.uint16 if tokenizer.vocab_size <= 1 << 16 else np.uint32
    for index, (ids, mask, text_bytes) in enumerate(encode_documents(documents, tokenizer, chunker)):
        parts.append(ids.astype(dtype))
        masks.append(mask)
        sizes[index] = len(ids), text_bytes
    ends, byte_ends = sizes.cumsum(axis=0).T
    return Stream(
        ids=np.concatenate(parts) if parts else np.zeros(0, dtype),
        mask=np.concatenate(masks) if any(document.messages for document in documents) else None,
        ends=ends,
        byte_ends=byte_ends,
    )


def require_chunk_token(tokenizer: Tokenizer, chunker: Chunker | None) -> None:
    """Raise `TokenizerError` when there is a chunker, and no token to put between its chunks."""
    if chunker is not None and tokenizer.chunk_id is None:
        raise TokenizerError(
            "The tokenizer has no <CHUNK> token, which stands between the chunks of a document.",
            hint="Leave --chunk-strategy out, or train a tokenizer of mlxgpt's own.",
        )


def require_context(tokens: int, context_length: int, part: str = "training") -> None:
    """Raise `DataError` when the `part` of the corpus, so many tokens long, does not fill one context."""
    needed = context_length + 1  # the last token of a context predicts one more
    if tokens >= needed:
        return
    longest = f"Lower --context-length to {tokens - 1} or less, or give" if tokens > 1 else "Give"
    raise DataError(
        f"The {part} text has {tokens:,} tokens; one context needs {needed:,} ({context_length:,} and the one after).",
        hint=f"{longest} more text.",
    )


def encode_documents(
    documents: Sequence[Document], tokenizer: Tokenizer, chunker: Chunker | None
) -> Iterator[tuple[npt.NDArray[np.uint32], Mask, int]]:
    """(ids with the closing <EOS>, mask, bytes of text to predict) of each document."""
    end = [] if tokenizer.eos_id is None else [tokenizer.eos_id]
    pieces = [_pieces(document, tokenizer, chunker) for document in documents]
    encoded = encode_texts((piece for document in pieces for piece in document), tokenizer)
    for document, texts in zip(documents, pieces, strict=True):
        if document.messages:
            chat = chat_example(tokenizer, document.messages)
            ids = np.array([*chat.ids, *end], dtype=np.uint32)
            mask = np.array([*chat.mask, *([0] * len(end))], dtype=np.uint8)  # the answer's own <END> is learned
            answers = [m["content"] for m in document.messages if m["role"] == "assistant"]
            yield ids, mask, sum(len(answer.encode()) for answer in answers)
        else:
            joined: list[npt.ArrayLike] = []
            for _ in texts:
                joined += [next(encoded), [tokenizer.chunk_id]]  # type: ignore[list-item]  # pack checked chunk_id
            ids = np.concatenate([*joined[:-1], end]).astype(np.uint32)
            yield ids, np.ones(len(ids), dtype=np.uint8), sum(len(text.encode()) for text in texts)


def _pieces(document: Document, tokenizer: Tokenizer, chunker: Chunker | None) -> list[str]:
    """The texts of a document that are encoded by themselves; none of a chat, which `chat_example` encodes."""
    if document.messages:
        return []
    if chunker is None:
        return [document.text]
    return [chunk.text for chunk in chunker.split(document.text, tokenizer)]
