"""Held-out documents: whole, drawn by the seed, about the share that was asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxgpt.data.documents import Document
from mlxgpt.data.split import split
from mlxgpt.errors import DataError
from mlxgpt.tokenizer.chat import Message

SOURCE = "a.txt"


def documents(*sizes: int) -> list[Document]:
    return [Document(text="x" * size, source=SOURCE, index=index) for index, size in enumerate(sizes)]


@given(
    sizes=st.lists(st.integers(1, 500), min_size=2, max_size=40),
    share=st.floats(0.01, 0.9),
    seed=st.integers(-(2**70), 2**70),
)
def test_each_document_is_on_one_side_and_both_sides_have_one(sizes: list[int], share: float, seed: int) -> None:
    corpus = documents(*sizes)
    sides = split(corpus, share=share, seed=seed)
    assert sides.train
    assert sides.validation
    assert sorted(d.index for d in [*sides.train, *sides.validation]) == list(range(len(sizes)))
    held_out = sum(len(d.text) for d in sides.validation)
    assert held_out <= share * sum(sizes) + 1e-6 or held_out == min(sizes)
    assert split(iter(corpus), share=share, seed=seed) == sides


def test_the_share_is_of_the_text_not_of_the_number_of_documents() -> None:
    sides = split(documents(100_000, *[100] * 1000), share=0.1)
    assert sum(len(d.text) for d in sides.validation) == 20_000
    assert sides.note == "Held out: 200 of 1,001 documents, 10.0% of the text."


def test_another_seed_holds_out_other_documents_and_train_keeps_its_order() -> None:
    corpus = documents(*[10] * 100)
    first, second = split(corpus, seed=1), split(corpus, seed=2)
    assert {d.index for d in first.validation} != {d.index for d in second.validation}
    indices = [d.index for d in first.train]
    assert indices == sorted(indices)


def test_nothing_is_held_out_for_a_share_of_zero() -> None:
    corpus = documents(3, 4)
    assert split(corpus, share=0.0).train == corpus
    assert split(corpus, share=0.0).validation == []


@pytest.mark.parametrize(("between", "place"), [("\n\n", "a paragraph"), ("\n", "a line"), (" ", "a word")])
def test_a_lone_document_is_cut_at_the_best_boundary_near_its_end(between: str, place: str) -> None:
    text = between.join(["palavra"] * 100)
    sides = split([Document(text=text, source=SOURCE)])
    (train,), (validation,) = sides.train, sides.validation
    assert train.text.strip() + between + validation.text == text
    assert 0.05 < len(validation.text) / len(text) < 0.15
    assert sides.note.endswith(f"of the only document, from the beginning of {place}.")


def test_a_lone_document_without_any_space_is_cut_all_the_same() -> None:
    sides = split(documents(100))
    assert (len(sides.train[0].text), len(sides.validation[0].text)) == (90, 10)


def test_a_lone_document_too_short_to_cut_is_refused() -> None:
    with pytest.raises(DataError, match="too short"):
        split(documents(1))


def test_a_lone_chat_is_refused() -> None:
    chat = Document(messages=(Message(role="assistant", content="Oi!"),), source=SOURCE)
    with pytest.raises(DataError, match="single chat") as caught:
        split([chat])
    assert "validation_share = 0" in caught.value.hint
