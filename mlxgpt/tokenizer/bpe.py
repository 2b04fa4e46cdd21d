r"""Byte-level BPE step by step, to be read and watched.  `fast` gives the same merges and the same ids.

Training starts with every byte as a token of its own.  Again and again the pair of neighbours that occurs most often in
the corpus becomes one new token.  Encoding a text replays those merges on it, earliest first.  On "aaabdaaabac":

    a a a b d a a a b a c      the pair (a, a) occurs 4 times (overlaps count):   X = aa
    X a b d X a b a c          (X, a) and (a, b) occur twice, the lower ids win:  Y = ab
    X Y d X Y a c              (X, Y) occurs twice:                               Z = XY
    Z d Z a c

Merges never cross a word; text is first split into words by GPT-2's pattern, where a word keeps the space before it:

    's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+

Sources: Sennrich et al. 2016 (arXiv:1508.07909); Radford et al. 2019 (GPT-2); karpathy/minbpe.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tokenizers import pre_tokenizers

from mlxgpt.errors import TokenizerError
from mlxgpt.events import MergeLearned
from mlxgpt.tokenizer.base import SPECIALS, require_unicode
from mlxgpt.tokenizer.fast import FastTokenizer
from mlxgpt.tokenizer.symbols import BYTES, SYMBOLS

Pair = tuple[int, int]

# The ids of single bytes follow the specials, in the order of the symbols that stand for them ("!" first, space is Ġ).
BYTE_IDS = tuple(len(SPECIALS) + sorted(SYMBOLS).index(symbol) for symbol in SYMBOLS)

# The same splitter `fast` uses: it knows \p{L} and \p{N}, which Python's `re` does not.
_words = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)


def train(texts: Iterable[str], vocab_size: int, min_frequency: int = 2) -> Iterator[MergeLearned]:
    """The merges, one event each, until there are `vocab_size` entries or no pair occurs `min_frequency` times.

    The most frequent pair wins; among equals the one with the lower ids, left before right.
    """
    corpus = Counter(word for text in texts for word in split(text))
    words = [[BYTE_IDS[byte] for byte in word] for word in corpus]
    times = list(corpus.values())
    entries = {token_id: bytes([byte]) for byte, token_id in enumerate(BYTE_IDS)}

    counts = Counter[Pair]()
    where = defaultdict[Pair, set[int]](set)  # the words a pair occurs in: only they change when it is merged
    for index, word in enumerate(words):
        for pair in pairwise(word):
            counts[pair] += times[index]
            where[pair].add(index)

    for rank, new_id in enumerate(range(len(SPECIALS) + 256, vocab_size)):
        best = min(counts, key=lambda pair: (-counts[pair], pair), default=None)
        if best is None or counts[best] < max(1, min_frequency):
            return
        left, right = best
        entries[new_id] = entries[left] + entries[right]
        yield MergeLearned(
            rank=rank,
            left=left,
            right=right,
            new_id=new_id,
            left_text=_readable(entries[left]),
            right_text=_readable(entries[right]),
            text=_readable(entries[new_id]),
            count=counts[best],
        )
        for index in where.pop(best):
            for pair in pairwise(words[index]):
                counts[pair] -= times[index]
            words[index] = merge(words[index], best, new_id)
            for pair in pairwise(words[index]):
                counts[pair] += times[index]
                where[pair].add(index)
        del counts[best]


def split(text: str) -> list[bytes]:
    r"""The words of `text` as bytes; nothing is lost, so joined they are the text again.

    >>> split("Olá, it's 25  cm")
    [b'Ol\xc3\xa1', b',', b' it', b"'s", b' 25', b' ', b' cm']
    """
    require_unicode(text)
    return [bytes(BYTES[symbol] for symbol in word) for word, _ in _words.pre_tokenize_str(text)]


def merge(ids: Sequence[int], pair: Pair, new_id: int) -> list[int]:
    """`ids` with each `pair`, from left to right, replaced by `new_id`.

    >>> merge([1, 1, 1, 2], (1, 1), 9)
    [9, 1, 2]
    """
    merged: list[int] = []
    at = 0
    while at < len(ids):
        if tuple(ids[at : at + 2]) == pair:
            merged.append(new_id)
            at += 2
        else:
            merged.append(ids[at])
            at += 1
    return merged


@dataclass(frozen=True, slots=True, kw_only=True)
class Merges:
    """What encoding needs: the id of each byte, and the new id of each pair.  A lower new id was learned earlier."""

    byte_ids: tuple[int, ...]
    new_ids: dict[Pair, int]

    @classmethod
    def learned(cls, events: Iterable[MergeLearned]) -> "Merges":
        """From the events of `train`."""
        return cls(byte_ids=BYTE_IDS, new_ids={(event.left, event.right): event.new_id for event in events})

    @classmethod
    def of(cls, tokenizer: FastTokenizer) -> "Merges":
        """From a byte-level tokenizer that was trained elsewhere, to watch it at work."""
        byte_ids = [tokenizer.id_of(symbol) for symbol in SYMBOLS]
        if None in byte_ids:
            raise TokenizerError(
                "This tokenizer does not begin with the 256 bytes, so its merges cannot be shown step by step.",
                hint="Use a tokenizer trained with the algorithm bpe or byte.",
            )
        return cls(byte_ids=tuple(token_id for token_id in byte_ids if token_id is not None), new_ids=tokenizer.merges)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergeApplied:
    """One step of encoding: in word number `word`, `pair` became `new_id`, which leaves `ids`."""

    word: int
    pair: Pair
    new_id: int
    ids: list[int]


def steps(text: str, merges: Merges) -> Iterator[MergeApplied]:
    """Each merge that encoding applies, word by word, the earliest learned first."""
    for index, word in enumerate(split(text)):
        yield from word_steps(word, merges, index)


def word_steps(word: bytes, merges: Merges, index: int = 0) -> Iterator[MergeApplied]:
    """Each merge in one word, which is number `index` of its text."""
    ids = [merges.byte_ids[byte] for byte in word]
    while known := [pair for pair in pairwise(ids) if pair in merges.new_ids]:
        pair = min(known, key=lambda pair: merges.new_ids[pair])
        ids = merge(ids, pair, merges.new_ids[pair])
        yield MergeApplied(word=index, pair=pair, new_id=merges.new_ids[pair], ids=ids)


def encode(text: str, merges: Merges) -> list[int]:
    """The ids of `text`: its bytes, and every step applied."""
    words = [[merges.byte_ids[byte] for byte in word] for word in split(text)]
    for step in steps(text, merges):
        words[step.word] = step.ids
    return [token_id for word in words for token_id in word]


def _readable(entry: bytes) -> str:
    return entry.decode("utf-8", errors="backslashreplace")
