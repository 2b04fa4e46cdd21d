"""Characters as a reader sees them stay whole."""

import pytest

from mlxgpt.chunking.boundaries import cut_after, cut_before, is_whole

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
