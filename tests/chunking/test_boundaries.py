"""Characters as a reader sees them stay whole."""

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxgpt.chunking.boundaries import cut_after, cut_before, is_whole, whole_mask

WHOLE = [
    "e\u0301",
    "\r\n",
    "👨\u200d👩\u200d👧",
    "👍🏽",
    "❤\ufe0f",
    "🇧🇷",
    "1\ufe0f\u20e3",
    "각",
    "कि",
    "🏴\U000e0067\U000e0062\U000e007f",
]


@pytest.mark.parametrize("cluster", WHOLE)
def test_a_cluster_has_no_place_to_cut_inside(cluster: str) -> None:
    text = f"a{cluster}b"
    assert [at for at in range(len(text) + 1) if is_whole(text, at)] == [0, 1, len(text) - 1, len(text)]
    assert cut_before(text, len(text) - 2, 0) == 1
    assert cut_after(text, 2, 1) == len(text) - 1


def test_flags_pair_from_the_left() -> None:
    assert [at for at in range(9) if is_whole("🇧🇷" * 4, at)] == [0, 2, 4, 6, 8]


def test_newlines_and_letters_are_places() -> None:
    assert all(is_whole("a\n\nb\r", at) for at in range(6))


@given(
    st.text(
        alphabet=st.one_of(st.sampled_from("a\r\n\u0301\u200d🇧🇷👍🏽각\u1161\U000e0067"), st.characters(codec="utf-8"))
    )
)
def test_the_mask_of_many_places_is_that_of_each(text: str) -> None:
    places = np.arange(len(text) + 1)
    codes = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32)
    assert whole_mask(codes, places).tolist() == [is_whole(text, at) for at in range(len(text) + 1)]


def test_the_mask_knows_every_mark() -> None:
    marks = [code for code in range(0x110000) if unicodedata.category(chr(code)) in ("Mn", "Mc", "Me")]
    codes = np.array([code for mark in marks for code in (ord("a"), mark)], dtype=np.uint32)
    assert not whole_mask(codes, np.arange(1, len(codes), 2)).any()
