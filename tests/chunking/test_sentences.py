"""Sentences end where a reader would say they do.

The golden lists have a case a line: | where one sentence ends and the next begins, \\n for a line break.
"""

from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxgpt.chunking.abbreviations import _ABBREVIATIONS, keys_after, keys_before, open_sentences, word_key
from mlxgpt.chunking.characters import codes_of, kinds_of
from mlxgpt.chunking.sentences import sentences

GOLDEN = Path(__file__).parents[1] / "golden" / "sentences"
CASES = [
    line.replace("\\n", "\n")
    for name in ("pt", "en")
    for line in (GOLDEN / f"{name}.txt").read_text("utf-8").splitlines()
]


def ends(pieces: list[str]) -> list[int]:
    """The inner ends, counted in characters that are not white space."""
    return list(accumulate(len("".join(piece.split())) for piece in pieces))[:-1]


@pytest.mark.parametrize("case", CASES)
def test_the_golden_texts_are_cut_where_they_say(case: str) -> None:
    text = case.replace("| ", "").replace("|", "")
    found = [text[start:end] for start, end in sentences(text)]
    assert ends(found) == ends(case.split("|")), found


def test_there_are_enough_golden_texts_of_each_language() -> None:
    assert all(
        len((GOLDEN / f"{name}.txt").read_text("utf-8").splitlines()) >= n for name, n in (("pt", 60), ("en", 30))
    )


@given(st.text(alphabet="Aa.b !?\n\t“”—,1…。\u0301\r", max_size=60))
def test_sentences_tile_the_text(text: str) -> None:
    spans = sentences(text)
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(end == start for (_, end), (start, _) in pairwise(spans))
    assert all(start < end for start, end in spans)


@pytest.mark.parametrize("text", ["", " ", "\n\n", "a", ".", "...", "。", "\u0301"])
def test_texts_with_nothing_to_cut_are_one_sentence_or_none(text: str) -> None:
    assert sentences(text) == ([(0, len(text))] if text else [])


def test_chinese_and_japanese_sentences_need_no_spaces() -> None:
    assert sentences("吾輩は猫である。名前はまだ無い。「はい。」次！") == [(0, 8), (8, 16), (16, 21), (21, 23)]


def test_an_abbreviation_has_one_rule() -> None:
    words = [word_key(word) for words in _ABBREVIATIONS.values() for word in words.split()]
    assert len(words) == len(set(words)) and 0 not in words


@given(st.text(alphabet="abçÃzZ .1\u0301ñß", min_size=1, max_size=30))
def test_words_are_read_as_a_loop_would(text: str) -> None:
    codes, places = codes_of(text), np.arange(len(text) + 1)
    kinds = kinds_of(codes)
    before, starts = keys_before(codes, kinds, places)
    after, ends = keys_after(codes, kinds, places)
    for at in range(len(text) + 1):
        start = next((s for s in range(at, 0, -1) if not text[s - 1].isalpha()), 0)
        end = next((e for e in range(at, len(text)) if not text[e].isalpha()), len(text))
        assert before[at] == (word_key(text[start:at]) if at - start <= 6 else 0)
        assert after[at] == word_key(text[at:end])
        assert start == starts[at] or before[at] == 0
        assert end == ends[at] or after[at] == 0


def test_words_that_open_sentences_are_known_in_any_case() -> None:
    keys = np.array([word_key(word) for word in ("Ele", "ELE", "também", "The", "Paulista", "Xavier", "")])
    assert open_sentences(keys).tolist() == [True] * 4 + [False] * 3
