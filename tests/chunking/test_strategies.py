"""What every strategy promises, over every entry of the table."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mlxgpt.chunking.base import Chunk, Chunker
from mlxgpt.chunking.boundaries import is_whole
from mlxgpt.chunking.registry import CHUNKERS, create
from mlxgpt.chunking.strategies.overlapping import Overlapping
from mlxgpt.errors import ConfigError
from mlxgpt.tokenizer.base import Ids, Tokenizer
from mlxgpt.tokenizer.fast import FastTokenizer
from mlxgpt.tokenizer.simple import byte_tokenizer

FAMILY = "👨\u200d👩\u200d👧\u200d👦"
PORTUGUESE = "O rio subiu três metros. — E agora? — perguntou Zé. Ninguém soube dizer; a água, sim.\n\n" * 40
HOSTILE = {
    "one word": "a" * 3000,
    "spaces": " " * 3000,
    "dots": "." * 2000,
    "newlines": "\n" * 2000,
    "CRLF": "\r\n" * 1000,
    "marks on one letter": "e" + "\u0301" * 1500,
    "families": FAMILY * 150,
    "flags": "🇧🇷" * 400,
    "Chinese": "漢字の文章" * 300,
    "NUL": "\0" * 500,
    "Portuguese": PORTUGUESE,
}

# Text made of what trips chunkers: marks, joiners, flags, CRLF, wide scripts, runs of spaces.
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            ["e\u0301", FAMILY, "\r\n", "\n\n", "   ", "🇧🇷", "👍🏽", "日本語", "palavra ", "São ", "aaaaaa", "…"]
        ),
        st.characters(exclude_categories=["Cs"]),
    ),
    max_size=60,
).map("".join)
LARGEST_CHARACTER = 4  # bytes, so no limit below it can be kept for every text


def check_promises(document: str, chunks: list[Chunk], tokenizer: Tokenizer, max_size: int) -> None:
    covered, latest = 0, -1
    for chunk in chunks:
        assert document[chunk.start : chunk.end] == chunk.text != ""
        assert chunk.n_tokens == len(tokenizer.encode(chunk.text)) <= max_size
        assert latest < chunk.start <= covered < chunk.end  # in order, no gap, something new in each
        covered, latest = chunk.end, chunk.start
    assert covered == len(document)


@pytest.mark.parametrize("strategy", CHUNKERS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=TEXTS, max_size=st.integers(LARGEST_CHARACTER, 40))
@example(document="", max_size=4)
@example(document="x", max_size=4)
@example(document=FAMILY * 3, max_size=8)
def test_a_strategy_keeps_its_promises(strategy: str, document: str, max_size: int, tokenizer: Tokenizer) -> None:
    chunks = list(create(strategy, max_size=max_size).split(document, tokenizer))
    check_promises(document, chunks, tokenizer, max_size)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=TEXTS, max_size=st.integers(LARGEST_CHARACTER, 40), ratio=st.floats(0, 0.99))
@example(document=("e\u0301" + FAMILY + "\r\n") * 4, max_size=8, ratio=0.9)
def test_any_overlap_keeps_the_promises_and_is_no_more_than_asked(
    document: str, max_size: int, ratio: float, tokenizer: Tokenizer
) -> None:
    chunker = Overlapping(max_size=max_size, overlap_ratio=ratio)
    chunks = list(chunker.split(document, tokenizer))
    check_promises(document, chunks, tokenizer, max_size)
    if len(tokenizer.encode(document)) == len(document.encode()):  # one token a byte: shared tokens can be counted
        for left, right in itertools.pairwise(chunks):
            assert len(document[right.start : left.end].encode()) <= chunker.overlap


@pytest.mark.parametrize("strategy", CHUNKERS)
@pytest.mark.parametrize("document", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_texts_keep_the_promises(strategy: str, document: str, tokenizer: Tokenizer) -> None:
    check_promises(document, list(create(strategy, max_size=64).split(document, tokenizer)), tokenizer, 64)


@pytest.mark.parametrize("strategy", CHUNKERS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(document=TEXTS)
def test_no_cut_falls_inside_a_character_sequence_that_fits(strategy: str, document: str, tokenizer: Tokenizer) -> None:
    size = 32
    whole = [0, *(at for at in range(1, len(document)) if is_whole(document, at)), len(document)]
    if any(len(tokenizer.encode(document[a:b])) > size for a, b in itertools.pairwise(whole)):
        return
    for chunk in create(strategy, max_size=size).split(document, tokenizer):
        assert is_whole(document, chunk.start)
        assert is_whole(document, chunk.end)


def test_fixed_chunks_are_full() -> None:
    chunks = list(create("fixed", max_size=10).split("abcdefghij" * 5 + "xyz", byte_tokenizer()))
    assert [chunk.n_tokens for chunk in chunks] == [10] * 5 + [3]


def test_fixed_chunks_of_prose_waste_little(tokenizer: Tokenizer) -> None:
    chunks = list(create("fixed", max_size=128).split(PORTUGUESE, tokenizer))
    assert sum(chunk.n_tokens for chunk in chunks[:-1]) > 0.95 * 128 * (len(chunks) - 1)


def test_neighbours_share_the_overlap_that_was_asked() -> None:
    chunks = list(Overlapping(max_size=10, overlap_ratio=0.3).split("abcdefghijklmnopqrstuvwxyz", byte_tokenizer()))
    assert [(chunk.start, chunk.end) for chunk in chunks] == [(0, 10), (7, 17), (14, 24), (21, 26)]


def test_without_overlap_overlapping_equals_fixed(tokenizer: Tokenizer) -> None:
    overlapping = Overlapping(max_size=50, overlap_ratio=0.0).split(PORTUGUESE, tokenizer)
    assert list(overlapping) == list(create("fixed", max_size=50).split(PORTUGUESE, tokenizer))


def test_a_limit_below_one_character_says_what_it_needs() -> None:
    with pytest.raises(ConfigError, match="max_size = 3 is less than the 4 tokens of the character '🐟'") as caught:
        list(create("fixed", max_size=3).split("a 🐟", byte_tokenizer()))
    assert "4 or more" in caught.value.hint


def test_an_unknown_strategy_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="overlaping") as caught:
        create("overlaping")
    assert caught.value.hint == "Did you mean 'overlapping'?"


def test_an_unknown_option_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="The chunk strategy fixed has no --max-sise") as caught:
        create("fixed", max_sise=3)
    assert caught.value.hint == "Did you mean 'max_size'?"


def test_an_option_of_others_names_them() -> None:
    with pytest.raises(ConfigError, match="The chunk strategy fixed has no --overlap") as caught:
        create("fixed", overlap_ratio=0.2)
    assert caught.value.hint.startswith("Strategies that have it: overlapping, sentence,")


@pytest.mark.parametrize("options", [{"max_size": 0}, {"overlap_ratio": 1.0}, {"overlap_ratio": -0.1}])
def test_impossible_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError):
        create("overlapping", **options)


def test_every_entry_is_a_chunker() -> None:
    chunkers: list[Chunker] = [create(name) for name in CHUNKERS]
    assert all(list(chunker.split("", byte_tokenizer())) == [] for chunker in chunkers)


class DearBeginnings(FastTokenizer):
    """Bytes, but a text that begins with "b" costs six more: cut text can cost more than its share of the whole."""

    def encode(self, text: str, *, specials: bool = False) -> list[int]:
        return [1] * (6 if text.startswith("b") else 0) + super().encode(text, specials=specials)

    def encode_batch(self, texts: Sequence[str]) -> list[Ids]:
        return [np.array(self.encode(text), dtype=np.uint32) for text in texts]


@pytest.mark.parametrize("ratio", [0.0, 0.2, 0.5, 0.9])
def test_windows_that_cost_more_alone_keep_the_promises(ratio: float) -> None:
    plain = byte_tokenizer()
    tokenizer = DearBeginnings(plain._backend, plain.settings)
    document = "abbbbbcbbab" * 20
    chunks = list(Overlapping(max_size=12, overlap_ratio=ratio).split(document, tokenizer))
    check_promises(document, chunks, tokenizer, 12)


def test_adaptive_cuts_no_sentence_that_fits_however_dense_it_is() -> None:
    thin, dense = "E o rio e o mar e o rio e o mar. ", "Xk7 qz9 wv3 jp5 hb8 gf4 dm6 rt2 yl1 sn0 cu7 ae3 io5. "
    document = thin * 40 + dense * 20
    chunks = list(create("adaptive", max_size=len(dense) + 10, min_size=16).split(document, byte_tokenizer()))
    assert all(chunk.text.endswith(".") or chunk is chunks[-1] for chunk in chunks)
