"""Conversations to be tuned on: `messages` in JSON lines become ids and a mask of what the assistant said.

Where `packing` makes one long stream of everything, here each conversation stays by itself, as fine-tuning wants it: padded
to the longest of its batch, or cut to `most_tokens`, from the front, at whole turns, so that an answer never loses its question
by half.

Legend: B batch · T the longest conversation of the batch
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mlxgpt.data.documents import Document
from mlxgpt.data.loader import Batch
from mlxgpt.data.shuffle import shuffled
from mlxgpt.data.sources import read
from mlxgpt.errors import DataError
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.chat import Message, chat_example


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conversation:
    """Ids, a mask that is 1 where the assistant should have written them, and where it came from."""

    ids: npt.NDArray[np.int32]  # (T,)
    mask: npt.NDArray[np.uint8]  # (T,)
    where: str
    dropped_turns: int = 0

    @property
    def learned(self) -> int:
        """How many tokens are to be predicted."""
        return int(self.mask[1:].sum())


def read_conversations(
    paths: Sequence[str | Path], tokenizer: Tokenizer, *, most_tokens: int = 0
) -> Iterator[Conversation]:
    """The conversations in files, one at a time.

    Raises `DataError` for a document that is no conversation, and for one whose last question and answer alone are longer than
    `most_tokens` (0: no limit).
    """
    return (conversation(document, tokenizer, most_tokens=most_tokens) for document in read(paths))


def conversation(document: Document, tokenizer: Tokenizer, *, most_tokens: int = 0) -> Conversation:
    """One conversation; turns at its beginning are left out until it fits, but not what the system said."""
    if not document.messages:
        raise DataError(
            f"{document.where} is a text, not a conversation.",
            hint='Write each line as {"messages": [{"role": "user", "content": "…"}, …]}.',
        )
    messages = list(document.messages)
    system = [message for message in messages[:1] if message["role"] == "system"]
    turns = messages[len(system) :]
    dropped = 0
    example = chat_example(tokenizer, messages)
    while most_tokens and len(example.ids) > most_tokens:
        following = _next_question(turns)
        if following is None:
            raise DataError(
                f"{document.where} has {len(example.ids):,} tokens in its last question and answer; {most_tokens:,} fit.",
                hint="Raise the limit, or leave it out.",
            )
        turns, dropped = turns[following:], dropped + following
        example = chat_example(tokenizer, [*system, *turns])
    return Conversation(
        ids=np.array(example.ids, dtype=np.int32),
        mask=np.array(example.mask, dtype=np.uint8),
        where=document.where,
        dropped_turns=dropped,
    )


def _next_question(turns: Sequence[Message]) -> int | None:
    """Where the second question begins that an answer follows; None when there is none."""
    for at in range(1, len(turns)):
        if turns[at]["role"] == "user" and any(turn["role"] == "assistant" for turn in turns[at:]):
            return at
    return None


def batches(
    conversations: Sequence[Conversation], batch_size: int, seed: int = 0, *, multiple: int = 8
) -> Iterator[Batch]:
    """Batches without end, each epoch in an order of its own; rows are padded to a `multiple` of tokens.

    Batch i of epoch e is the same for the same seed, so `itertools.islice` goes on where a run stopped.
    """
    if not conversations:
        raise DataError("There are no conversations to learn from.", hint="Give a file with `messages`.")
    epoch = 0
    while True:
        order = shuffled(np.arange(len(conversations)), len(conversations), seed, epoch)
        for first in range(0, len(order), batch_size):
            rows = [conversations[at] for at in order[first : first + batch_size].tolist()]
            yield padded(rows, multiple=multiple, epoch=epoch + min(1.0, (first + batch_size) / len(order)))
        epoch += 1


def padded(rows: Iterable[Conversation], *, multiple: int = 8, epoch: float = 0.0) -> Batch:
    """Conversations as one batch; padding has the id 0 and weighs nothing."""
    rows = list(rows)
    longest = max(len(row.ids) for row in rows) - 1
    length = max(1, -(-longest // multiple) * multiple)  # few different shapes: each is compiled once
    shape = len(rows), length
    inputs, targets = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    weights = np.zeros(shape, np.float32)
    for at, row in enumerate(rows):
        size = len(row.ids) - 1
        inputs[at, :size], targets[at, :size], weights[at, :size] = row.ids[:-1], row.ids[1:], row.mask[1:]
    return Batch(inputs=inputs, targets=targets, weights=weights, epoch=epoch)
