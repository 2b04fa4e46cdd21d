"""Duplicates: the same words are exact ones, most 5-grams in common near ones; the first stays whatever the order of work."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxgpt.data.dedup import Duplicates, Match, NearIndex, NearMarker, grams_of, words_of
from mlxgpt.errors import ConfigError

chance = random.Random(3)
VOCABULARY = [f"palavra{number}" for number in range(4000)]


def document(words: int = 300) -> list[str]:
    return [chance.choice(VOCABULARY) for _ in range(words)]


def changed(words: list[str], count: int) -> list[str]:
    """`words` with some exchanged, far apart: each one breaks five 5-grams."""
    copy = list(words)
    for at in range(count):
        copy[10 + at * (len(words) // (count + 1))] = f"outra{at}"
    return copy


def similarity(a: list[str], b: list[str]) -> float:
    one, other = set(grams_of(a).tolist()), set(grams_of(b).tolist())
    return len(one & other) / len(one | other)


def found(texts: list[str], *kinds: str, **settings: float) -> list[Match | None]:
    search = Duplicates(kinds, **settings)
    return [search.check(search.mark(text)) for text in texts]


def test_spaces_capitals_and_punctuation_make_no_difference() -> None:
    copies = ["A casa, o rio: e o mar.", "a  CASA o Rio e\no mar", "A casa — o rio — e o mar!"]
    assert found(copies, "exact") == [None, *[Match(kind="exact", document=0, similarity=1.0)] * 2]
    assert found(["a casa", "a cása"], "exact") == [None, None]


def test_texts_without_words_are_compared_as_they_are() -> None:
    assert found(["...", "...", "!!!", ""], "exact", "near")[1:] == [
        Match(kind="exact", document=0, similarity=1.0),
        None,
        None,
    ]


def test_near_duplicates_are_those_above_the_similarity() -> None:
    original = document()
    for count in range(1, 20):
        copy = changed(original, count)
        true = similarity(original, copy)
        (_, match) = found([" ".join(original), " ".join(copy)], "near", similarity=0.7)
        if true > 0.8:
            assert match is not None
            assert abs(match.similarity - true) < 0.1
        elif true < 0.6:
            assert match is None


def test_estimates_are_true_on_average() -> None:
    errors = []
    for _ in range(60):
        original = document(120)
        copy = changed(original, 3)
        search = Duplicates(["near"], 0.5)
        search.check(search.mark(" ".join(original)))
        match = search.check(search.mark(" ".join(copy)))
        assert match is not None
        errors.append(match.similarity - similarity(original, copy))
    assert abs(sum(errors) / len(errors)) < 0.015
    assert max(map(abs, errors)) < 0.12


def test_the_most_similar_document_is_named() -> None:
    original = document()
    texts = [changed(original, 6), document(), changed(original, 1), original]
    match = found([" ".join(text) for text in texts], "near", similarity=0.95)[-1]
    assert match is not None
    assert match.document == 2


def test_short_texts_are_near_only_when_they_are_the_same() -> None:
    assert found(["a casa é azul", "a casa é azul", "a casa é verde"], "near") == [
        *(None, Match(kind="near", document=0, similarity=1.0), None),
    ]


def test_the_index_grows_and_forgets_nothing() -> None:
    index = NearIndex(0.9)
    marks = [NearMarker().mark(" ".join(document(30))) for _ in range(2500)]
    for number, mark in enumerate(marks):
        assert index.find(mark) is None
        index.add(mark, number)
    assert [index.find(mark) for mark in marks] == [(number, 1.0) for number in range(2500)]
    assert index.memory_bytes < 2500 * 3000


def test_an_index_at_its_limit_forgets_the_oldest() -> None:
    index = NearIndex(0.9, most_bytes=1)
    marks = [NearMarker().mark(" ".join(document(30))) for _ in range(1500)]
    before = index.memory_bytes
    for number, mark in enumerate(marks):
        index.add(mark, number)
    assert index.memory_bytes == before
    assert index.find(marks[0]) is None
    assert index.find(marks[-1]) == (1499, 1.0)


def test_replaying_the_new_marks_restores_the_search() -> None:
    texts = [" ".join(document(60)) for _ in range(20)]
    texts += [" ".join(changed(text.split(), 1)) for text in texts]
    whole = Duplicates(["exact", "near"], 0.7)
    marks = [whole.mark(text) for text in texts]
    results = [whole.check(mark) for mark in marks]
    resumed = Duplicates(["exact", "near"], 0.7)
    for mark, result in zip(marks[:25], results[:25], strict=True):
        if result is None:
            resumed.remember(mark)
    assert [resumed.check(mark) for mark in marks[25:]] == results[25:]
    assert whole.pairs == {"exact": 0, "near": 20}


@settings(max_examples=50, deadline=None)
@given(st.text())
def test_every_text_has_a_mark_that_finds_it(text: str) -> None:
    first, second = found([text, text], "exact", "near")
    assert first is None
    assert second is not None
    assert second.kind == "exact"
    if words_of(text):
        assert found([text, text], "near")[1] == Match(kind="near", document=0, similarity=1.0)


def test_wrong_settings_say_what_is_right() -> None:
    with pytest.raises(ConfigError, match="no kind of duplicates named 'neer'") as caught:
        Duplicates(["neer"])
    assert caught.value.hint == "Did you mean 'near'?"
    with pytest.raises(ConfigError, match=r"similarity = 0\.2"):
        Duplicates(["near"], 0.2)
