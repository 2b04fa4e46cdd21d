"""Other chunking libraries behind one small interface, and the floors below which no chunker can go.

Each gets the same tokenizer and the same limit, and no option that it does not have by default.  `begin` makes a chunker
that has seen nothing, before the clock starts: several remember the length of every piece of text they were shown, and
would look up a second run on the same text.
"""

import importlib.util
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Backend

from mlxgpt.errors import TokenizerError
from mlxgpt.tokenizer.fast import FastTokenizer

Run = Callable[[str], Sequence[Any]]  # Any: texts, or a library's own chunks
Begin = Callable[[], Run]

PIECE_CHARACTERS = 1 << 16
# What GPT-2 splits texts by (Radford et al. 2019), as `tokenizers` has it in ByteLevel.
_GPT2_PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_SAMPLE_CHARACTERS = 1 << 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A library: the packages it takes, the first of which gives the version, and how to begin with it."""

    packages: tuple[str, ...]  # as pip knows them
    modules: tuple[str, ...]
    begin: Callable[[FastTokenizer, int, str], Begin]  # tokenizer, limit, the text to check a tokenizer on

    @property
    def missing(self) -> tuple[str, ...]:
        """The packages that are not installed."""
        pairs = zip(self.packages, self.modules, strict=True)
        return tuple(package for package, module in pairs if importlib.util.find_spec(module) is None)


def encode_in_batches(tokenizer: FastTokenizer) -> Run:
    """The tokenizer alone, on pieces of 64k characters: a floor."""
    backend = tokenizer._backend

    def run(text: str) -> Sequence[Any]:
        pieces = [text[start : start + PIECE_CHARACTERS] for start in range(0, len(text), PIECE_CHARACTERS)]
        return backend.encode_batch_fast(pieces, add_special_tokens=False)

    return run


def _semchunk(tokenizer: FastTokenizer, max_size: int, _text: str) -> Begin:
    import semchunk

    return lambda: semchunk.chunkerify(tokenizer._backend, max_size)


def _semchunk_tiktoken(tokenizer: FastTokenizer, max_size: int, text: str) -> Begin:
    import semchunk

    encoding = tiktoken_of(tokenizer, text)
    return lambda: semchunk.chunkerify(encoding, max_size)


def _semantic_text_splitter(tokenizer: FastTokenizer, max_size: int, _text: str) -> Begin:
    from semantic_text_splitter import TextSplitter

    splitter = TextSplitter.from_huggingface_tokenizer(tokenizer._backend, max_size)
    return lambda: splitter.chunks


def _langchain(tokenizer: FastTokenizer, max_size: int, _text: str) -> Begin:
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    def length(text: str) -> int:
        return len(tokenizer._backend.encode(text, add_special_tokens=False).ids)

    splitter = RecursiveCharacterTextSplitter(chunk_size=max_size, chunk_overlap=0, length_function=length)
    return lambda: splitter.split_text


def _chonkie(tokenizer: FastTokenizer, max_size: int, _text: str) -> Begin:
    from chonkie import RecursiveChunker

    return lambda: RecursiveChunker(tokenizer._backend, chunk_size=max_size).chunk


def _chonkie_tokie(tokenizer: FastTokenizer, max_size: int, text: str) -> Begin:
    import tokie
    from chonkie import RecursiveChunker

    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(Path(folder))
        other = tokie.Tokenizer.from_json(str(Path(folder) / "tokenizer.json"))
    _check_counts(tokenizer._backend, other.count_tokens, text, "tokie")
    return lambda: RecursiveChunker(other, chunk_size=max_size).chunk


def tiktoken_of(tokenizer: FastTokenizer, text: str) -> Any:
    """The same vocabulary as a `tiktoken.Encoding`; `TokenizerError` when it gives other ids on the beginning of `text`.

    Ranks are ids, since byte-level BPE numbers its entries in the order in which they were merged.
    """
    import tiktoken

    ranks = {
        spelled: token_id for token_id in range(tokenizer.vocab_size) if (spelled := tokenizer.token_bytes(token_id))
    }
    if any(bytes([byte]) not in ranks for byte in range(256)):
        raise TokenizerError("tiktoken needs a tokenizer with an entry for each byte.")
    encoding = tiktoken.Encoding("same", pat_str=_GPT2_PATTERN, mergeable_ranks=ranks, special_tokens={})
    sample = text[:_SAMPLE_CHARACTERS]
    if encoding.encode(sample, disallowed_special=()) != tokenizer.encode(sample):
        raise TokenizerError("tiktoken gives other ids with this vocabulary.")
    return encoding


def _check_counts(backend: Backend, count: Callable[[str], int], text: str, name: str) -> None:
    """Raise `TokenizerError` unless `count` agrees on the beginning of a text."""
    sample = text[:_SAMPLE_CHARACTERS]
    if count(sample) != len(backend.encode(sample, add_special_tokens=False).ids):
        raise TokenizerError(f"{name} counts other tokens with this vocabulary.")


def texts_of(chunks: Sequence[Any]) -> list[str]:
    """The texts of a library's chunks."""
    return [chunk if isinstance(chunk, str) else chunk.text for chunk in chunks]


PEERS: Mapping[str, Peer] = {
    "semchunk": Peer(packages=("semchunk",), modules=("semchunk",), begin=_semchunk),
    "semchunk + tiktoken": Peer(
        packages=("semchunk", "tiktoken"), modules=("semchunk", "tiktoken"), begin=_semchunk_tiktoken
    ),
    "semantic-text-splitter": Peer(
        packages=("semantic-text-splitter",), modules=("semantic_text_splitter",), begin=_semantic_text_splitter
    ),
    "langchain recursive": Peer(
        packages=("langchain-text-splitters",), modules=("langchain_text_splitters",), begin=_langchain
    ),
    "chonkie recursive": Peer(packages=("chonkie",), modules=("chonkie",), begin=_chonkie),
    "chonkie + tokie": Peer(packages=("chonkie", "tokie"), modules=("chonkie", "tokie"), begin=_chonkie_tokie),
}
