r"""A text as its tokens, each with its place in it: what a screen of tokens shows.

`FastTokenizer` says which characters a token came from; a token of half a character has the whole one.  Bytes are exact where
the bytes of the tokens are those of the text, which `exact` says; else, as after <UNK>, they follow the characters.

T tokens · N characters
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mlxgpt.errors import TokenizerError
from mlxgpt.tokenizer import bpe
from mlxgpt.tokenizer.base import Ids
from mlxgpt.tokenizer.fast import FastTokenizer
from mlxgpt.tokenizer.report import TokenizerReport

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)  # no slots: what is asked for later is computed then
class Spans:
    """The tokens of a text.  `starts` and `ends` are characters, `byte_ends` bytes of UTF-8.

    `exact` is false when the bytes of the tokens are not those of the text; `returns` when decoding gives the text again.
    """

    tokenizer: FastTokenizer
    text: str
    ids: Ids  # (T,)
    starts: Places  # (T,)
    ends: Places  # (T,)
    byte_ends: Places  # (T,)
    exact: bool
    returns: bool

    @cached_property
    def report(self) -> TokenizerReport:
        """The counts and what follows from them; entries that the text does not use are not looked for."""
        unknown = self.tokenizer.unk_id
        return TokenizerReport(
            vocab_size=self.tokenizer.vocab_size, tokens=len(self.ids), bytes=len(self.text.encode()),
            words=len(self.text.split()), unknown=0 if unknown is None else int((self.ids == unknown).sum()), unused=(),
        )  # fmt: skip

    @cached_property
    def counts(self) -> Places:
        """How often each entry of the vocabulary occurs.  (V,)"""
        return np.bincount(self.ids, minlength=self.tokenizer.vocab_size)

    @property
    def packed(self) -> float:
        """The bits of the ids, each written with as few as the vocabulary needs, as a share of the bits of the text."""
        size = 8 * self.report.bytes
        return len(self.ids) * max(1, (self.tokenizer.vocab_size - 1).bit_length()) / size if size else 0.0

    @cached_property
    def _words(self) -> list[tuple[int, int]]:
        return self.tokenizer.words(self.text)

    def word_at(self, position: int) -> tuple[int, int]:
        """Where the word (pre-token) of a token starts and ends, in characters; merges never cross it."""
        character = int(self.starts[position])
        at = bisect_right(self._words, character, key=lambda word: word[0]) - 1
        return self._words[at] if at >= 0 else (0, len(self.text))

    def tokens_in(self, start: int, end: int) -> range:
        """The tokens of the characters from `start` to `end`."""
        return range(int(np.searchsorted(self.starts, start)), int(np.searchsorted(self.starts, end)))

    def differing(self, other: "Spans") -> npt.NDArray[np.bool_]:
        """Whether each token ends where none of the other tokenizer's does.  (T,)"""
        return ~np.isin(self.byte_ends, other.byte_ends)


def spans(tokenizer: FastTokenizer, text: str, *, specials: bool = False) -> Spans:
    """The tokens of `text`; with `specials`, the text "<EOS>" is the token <EOS>.

    >>> from mlxgpt.tokenizer.simple import byte_tokenizer
    >>> found = spans(byte_tokenizer(), "né")
    >>> found.starts.tolist(), found.ends.tolist(), found.byte_ends.tolist()
    ([0, 1, 1], [1, 2, 2], [1, 2, 3])
    """
    ids, offsets = tokenizer.encode_spans(text, specials=specials)
    places = np.array(offsets, dtype=np.int64).reshape(-1, 2)  # (T, 2)
    array = np.array(ids, dtype=np.uint32)
    kinds, inverse = np.unique(array, return_inverse=True)
    sizes = np.array([len(spelled(tokenizer, int(kind))) for kind in kinds], dtype=np.int64)
    byte_ends = np.cumsum(sizes[inverse])
    data = np.frombuffer(text.encode(), dtype=np.uint8)
    exact = (int(byte_ends[-1]) if len(ids) else 0) == len(data)
    if not exact:
        character_ends = np.append(np.flatnonzero((data & 0xC0) != 0x80), len(data))  # (N + 1,) bytes before each
        byte_ends = character_ends[np.minimum(places[:, 1], len(text))]
    return Spans(
        tokenizer=tokenizer, text=text, ids=array, starts=places[:, 0], ends=places[:, 1], byte_ends=byte_ends,
        exact=exact, returns=tokenizer.decode(ids, skip_specials=False) == text,
    )  # fmt: skip


def spelled(tokenizer: FastTokenizer, token_id: int) -> bytes:
    """The bytes of an entry; of a special, those of its name."""
    return tokenizer.token_bytes(token_id) or (tokenizer.token_text(token_id).encode())


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The merge that made an entry: the `rank`-th that was learned, from 0, of the entries `left` and `right`."""

    rank: int
    left: int
    right: int


class Merging:
    """How a BPE tokenizer makes its entries, to be watched; `none` says why there is nothing to watch, "" otherwise."""

    def __init__(self, tokenizer: FastTokenizer) -> None:
        self.tokenizer = tokenizer
        self.none = ""
        self._merges: bpe.Merges | None = None
        self._origins: dict[int, Origin] = {}
        merges = tokenizer.merges
        for rank, ((left, right), new_id) in enumerate(merges.items()):
            self._origins.setdefault(new_id, Origin(rank=rank, left=left, right=right))
        if not merges:
            self.none = "This tokenizer merges nothing: an entry is a byte, a character or a word of a list."
            return
        try:
            self._merges = bpe.Merges.of(tokenizer)
        except TokenizerError as error:
            self.none = f"{error.message} {error.hint}"

    def origin(self, token_id: int) -> Origin | None:
        """The merge that made an entry; None for a byte, a special, and all entries of tokenizers that do not merge."""
        return self._origins.get(token_id)

    def steps(self, word: str) -> "Steps":
        """The merges that make the tokens of one word, the earliest learned first."""
        if self._merges is None:
            return Steps(word=word, stages=(), merged=(), problem=self.none)
        data = word.encode()
        stages = [[self._merges.byte_ids[byte] for byte in data]]
        merged = []
        for step in bpe.word_steps(data, self._merges):
            merged.append(step)
            stages.append(step.ids)
        problem = ""
        if stages[-1] != self.tokenizer.encode(word):
            problem = (
                "The tokenizer itself ends elsewhere: it prepares words or orders merges in another way than GPT-2."
            )
        return Steps(word=word, stages=tuple(map(tuple, stages)), merged=tuple(merged), problem=problem)


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """A word through its merges: `stages[0]` are its bytes as ids, `stages[i + 1]` what `merged[i]` left."""

    word: str
    stages: tuple[tuple[int, ...], ...]
    merged: tuple[bpe.MergeApplied, ...]
    problem: str

    def joined(self, stage: int) -> Iterator[tuple[int, bool, bool]]:
        """The ids of a stage; whether each is merged with the next one in the next step, and whether the last step made it."""
        ids = self.stages[stage]
        pair = self.merged[stage].pair if stage < len(self.merged) else None
        made = self.merged[stage - 1].new_id if stage else None
        taken = _merged_at(ids, pair) if pair else set()
        for at, token_id in enumerate(ids):
            yield token_id, at in taken or at - 1 in taken, token_id == made


def _merged_at(ids: Sequence[int], pair: bpe.Pair) -> set[int]:
    """Where a pair begins that is merged, from left to right."""
    found, at = set(), 0
    while at + 1 < len(ids):
        if (ids[at], ids[at + 1]) == pair:
            found.add(at)
            at += 1
        at += 1
    return found
