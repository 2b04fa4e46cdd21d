"""BPE step by step equals the `tokenizers` library: same merges, same order, same ids."""

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxgpt.errors import TokenizerError
from mlxgpt.events import MergeLearned, from_json
from mlxgpt.tokenizer import bpe
from mlxgpt.tokenizer.fast import FastTokenizer, train_bpe
from mlxgpt.tokenizer.simple import byte_tokenizer, train_characters


def merges_of(events: list[MergeLearned]) -> list[tuple[int, int, int]]:
    return [(event.left, event.right, event.new_id) for event in events]


def fast_merges(tokenizer: FastTokenizer) -> list[tuple[int, int, int]]:
    return [(left, right, new_id) for (left, right), new_id in tokenizer.merges.items()]


def supported_size(texts: list[str], min_frequency: int) -> int:
    """How many entries the library gets out of `texts`, which its refusal to do more says."""
    try:
        return train_bpe(texts, 5000, min_frequency).vocab_size
    except TokenizerError as error:
        return int(error.hint.split()[5])


def test_training_equals_the_library(corpus: str) -> None:
    lines = corpus.splitlines(keepends=True)
    size = supported_size(lines, 2)  # to the last merge, where ties are the rule
    assert size > 600
    assert merges_of(list(bpe.train(lines, 10_000))) == fast_merges(train_bpe(lines, size))


@settings(max_examples=60, deadline=None)
@given(
    texts=st.lists(st.text(alphabet=st.sampled_from("aab bc\n'sé1ж🙂"), max_size=60), max_size=6),
    min_frequency=st.integers(0, 3),
)
def test_training_equals_the_library_on_any_corpus(texts: list[str], min_frequency: int) -> None:
    size = supported_size(texts, min_frequency)
    assert merges_of(list(bpe.train(texts, 10_000, min_frequency))) == fast_merges(
        train_bpe(texts, size, min_frequency)
    )


def test_encoding_equals_the_library(corpus: str, trained: FastTokenizer) -> None:
    lines = corpus.splitlines(keepends=True)
    learned = bpe.Merges.learned(bpe.train(lines, trained.vocab_size))
    assert learned == bpe.Merges.of(trained)
    for line in lines[::7]:
        assert bpe.encode(line, learned) == trained.encode(line)


@settings(max_examples=150, deadline=None)
@given(text=st.text())
def test_encoding_equals_the_library_on_any_text(text: str, trained: FastTokenizer) -> None:
    assert bpe.encode(text, bpe.Merges.of(trained)) == trained.encode(text)


def test_the_example_of_the_module() -> None:
    events = list(islice(bpe.train(["aaabdaaabac"], 400), 3))
    assert [event.text for event in events] == ["aa", "ab", "aaab"]
    assert [event.count for event in events] == [4, 2, 2]
    assert [event.rank for event in events] == [0, 1, 2]
    assert [event.new_id for event in events] == [265, 266, 267]


def test_events_survive_json_and_show_parts_of_characters_as_escapes() -> None:
    event = next(bpe.train(["éé éé"], 400))
    assert (event.left_text, event.right_text, event.text) == ("\\xc3", "\\xa9", "é")
    assert from_json(event.to_json()) == event


def test_each_step_of_encoding_is_shown() -> None:
    merges = bpe.Merges.learned(bpe.train(["aaabdaaabac"], 268))
    a, b = merges.byte_ids[ord("a")], merges.byte_ids[ord("b")]
    assert [step.ids for step in bpe.steps("aaab", merges)] == [[265, a, b], [265, 266], [267]]
    assert [step.pair for step in bpe.steps("aaab", merges)] == [(a, a), (a, b), (265, 266)]
    assert [step.word for step in bpe.steps("aa aa", merges)] == [0, 1]


@given(text=st.text())
def test_splitting_loses_nothing(text: str) -> None:
    assert b"".join(bpe.split(text)) == text.encode("utf-8")


def test_a_tokenizer_without_bytes_is_refused() -> None:
    with pytest.raises(TokenizerError, match="does not begin with the 256 bytes"):
        bpe.Merges.of(train_characters(["abc"]))


def test_the_byte_tokenizer_has_no_merges() -> None:
    merges = bpe.Merges.of(byte_tokenizer())
    assert merges.new_ids == {}
    assert list(bpe.steps("abc", merges)) == []


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(TokenizerError, match="U\\+D800"):
        bpe.split("a\ud800")
