"""What of a conversation the model reads when all of it does not fit the context.

Without a chunk strategy whole turns are left out, the oldest first.  With one, what is old is looked through instead:

1. The system message stays, and so do the last turns: as many as fit half of the room, the last message always.
2. Each older message is cut by the strategy.  A chunk is worth the words that it shares with the question, each weighed
   by how rare it is among the chunks: sum of ln(chunks / chunks that have it).  Of chunks worth the same, the later wins.
3. The best chunks that fit are kept, in their own order and in their own messages, with … where something is missing; a
   turn of which nothing was kept is left out.  A last message that is too long by itself is looked through in the same
   way: its last chunk stays, which usually asks.

Words are compared as they are written, so this finds names and things, not paraphrases.  No MLX here.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from mlxgpt.chunking import registry
from mlxgpt.chunking.chunk import Chunk
from mlxgpt.errors import ConfigError
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.chat import Message

OFF = "off"
GAP = " … "


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunking:
    """How a conversation that outgrew the context is cut: a strategy of `chunking.registry` or "off", and the most tokens
    of a chunk."""

    strategy: str = OFF
    size: int = 64

    @property
    def shown(self) -> str:
        """The strategy to look at chunks with: the one that was chosen, else sentences."""
        return "sentence" if self.strategy == OFF else self.strategy

    def __post_init__(self) -> None:
        if self.strategy != OFF:
            registry.create(self.strategy, max_size=self.size)
        elif self.size < 1:
            raise ConfigError(f"A chunk cannot have {self.size} tokens.", hint="Usual sizes here are 32 to 256.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """The messages to read, and the numbers of those that were left out or shortened."""

    messages: tuple[Message, ...]
    left_out: tuple[int, ...] = ()
    shortened: tuple[int, ...] = ()
    chunks: int = 0  # that were kept
    of_chunks: int = 0

    @property
    def note(self) -> str:
        """What there is to say of it; "" when everything fits."""
        if self.of_chunks:
            return (
                f"The conversation is longer than the context: of what is older, the model sees the {self.chunks} of "
                f"{self.of_chunks} chunks that share most with the question."
            )
        turns = sum(1 for number in self.left_out if number % 2 == 0)
        which = "the oldest turn" if turns == 1 else f"the {turns} oldest turns"
        return f"The conversation is longer than the context: the model no longer sees {which}." if turns else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A chunk of message `number`."""

    number: int
    chunk: Chunk
    worth: float = 0.0


def recall(
    messages: Sequence[Message],
    room: int,
    count: Callable[[Sequence[Message]], int],
    tokenizer: Tokenizer,
    chunking: Chunking,
) -> Recalled:
    """What of `messages` (without the system message, the last one the user's) to read, so that `count` says at most `room`.

    The last message may be more than that alone when there is no strategy; the window cuts it then.
    """
    if count(messages) <= room:
        return Recalled(messages=tuple(messages))
    starts = [number for number, message in enumerate(messages) if message["role"] == "user"]
    if chunking.strategy == OFF:
        first = next((start for start in starts[:-1] if count(messages[start:]) <= room), starts[-1])
        return Recalled(messages=tuple(messages[first:]), left_out=tuple(range(first)))
    first = next((start for start in starts[:-1] if count(messages[start:]) <= room // 2), starts[-1])
    if count(messages[first:]) > room:  # one message, too long by itself
        older, recent = list(messages), []
    else:
        older, recent = list(messages[:first]), list(messages[first:])
    pieces = _pieces(older, tokenizer, chunking)
    kept = list(_best(_weighed(pieces, messages[-1]["content"] if recent else pieces[-1].chunk.text)))
    if not recent:
        kept.sort(key=lambda piece: piece is not pieces[-1] and piece.chunk != pieces[-1].chunk)
    taken: list[Piece] = []
    for piece in kept:
        shown = _rebuilt(older, [*taken, piece])
        if count([*shown.messages, *recent]) <= room:
            taken.append(piece)
    result = _rebuilt(older, taken)
    return replace(result, messages=(*result.messages, *recent), chunks=len(taken), of_chunks=len(pieces))


def _pieces(messages: Sequence[Message], tokenizer: Tokenizer, chunking: Chunking) -> list[Piece]:
    cutter = registry.create(chunking.strategy, max_size=chunking.size)
    return [
        Piece(number=number, chunk=chunk)
        for number, message in enumerate(messages)
        for chunk in cutter.split(message["content"], tokenizer)
    ]


def _weighed(pieces: Sequence[Piece], question: str) -> list[Piece]:
    """The pieces with what each is worth for a question."""
    words = [_words(piece.chunk.text) for piece in pieces]
    found = Counter(word for each in words for word in each)
    asked = _words(question)
    return [
        replace(piece, worth=sum(math.log(len(pieces) / found[word]) for word in each & asked))
        for piece, each in zip(pieces, words, strict=True)
    ]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _best(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """The pieces by worth, the later one first among equals."""
    order = sorted(range(len(pieces)), key=lambda place: (pieces[place].worth, place), reverse=True)
    return (pieces[place] for place in order)


def _rebuilt(messages: Sequence[Message], pieces: Sequence[Piece]) -> Recalled:
    """The turns that `pieces` are of, reduced to them."""
    kept: list[Message] = []
    left_out: list[int] = []
    shortened: list[int] = []
    turn = -1
    turns = [turn := turn + (message["role"] == "user") for message in messages]
    alive = {turns[piece.number] for piece in pieces}
    for number, message in enumerate(messages):
        if turns[number] not in alive:
            left_out.append(number)
            continue
        content = _joined(message["content"], [piece.chunk for piece in pieces if piece.number == number])
        if content != message["content"]:
            shortened.append(number)
        kept.append(Message(role=message["role"], content=content))
    return Recalled(messages=tuple(kept), left_out=tuple(left_out), shortened=tuple(shortened))


def _joined(text: str, chunks: Sequence[Chunk]) -> str:
    """The stretches of a text that some of its chunks cover, with gaps marked."""
    stretches: list[list[int]] = []
    for chunk in sorted(chunks, key=lambda chunk: chunk.start):
        if stretches and chunk.start <= stretches[-1][1]:
            stretches[-1][1] = max(stretches[-1][1], chunk.end)
        else:
            stretches.append([chunk.start, chunk.end])
    if stretches == [[0, len(text)]] or not text:
        return text
    parts = [text[start:end].strip() for start, end in stretches]
    if not stretches or stretches[0][0]:
        parts.insert(0, "")
    if stretches and stretches[-1][1] < len(text):
        parts.append("")
    return GAP.join(parts).strip() or GAP.strip()
