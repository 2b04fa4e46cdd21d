import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxgpt.generation.stops import StopFinder, TextStream


def whole(text, stops):
    """The text before the stop text that is complete first, the longest of those that end together."""
    for end in range(1, len(text) + 1):
        if hits := [end - len(stop) for stop in stops if text[:end].endswith(stop)]:
            return text[: min(hits)], True
    return text, False


@given(
    st.text("ab", max_size=30),
    st.lists(st.text("ab", min_size=1, max_size=4), max_size=3),
    st.lists(st.integers(0, 30), max_size=8),
)
def test_any_way_of_cutting_the_text_finds_the_same_stop(text, stops, cuts):
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    finder = StopFinder(stops)
    shown = [finder.push(text[start:end]) for start, end in itertools.pairwise(edges)]
    expected, found = whole(text, stops)
    for i in range(len(shown)):  # at no moment was a part of the stop text shown
        assert expected.startswith("".join(shown[: i + 1]))
    assert ("".join(shown) + finder.flush(), finder.found) == (expected, found)


@pytest.mark.parametrize("text", ["maçã 🍎 e 中文", "👩‍👩‍👧 família", "naïve"])
def test_text_never_shows_half_a_character(tokenizer, text):
    stream = TextStream(tokenizer)
    pieces = [stream.push(token) for token in tokenizer.encode(text)]
    assert "".join(pieces) + stream.flush() == stream.text == text
    assert "\ufffd" not in stream.text
    assert all(piece == "" or text.find(piece) >= 0 for piece in pieces)


def test_a_stop_text_made_of_several_bytes_is_found(tokenizer):
    stream = TextStream(tokenizer, ["ção"])
    shown = [stream.push(token) for token in tokenizer.encode("canção nova")]
    assert "".join(shown) == stream.text == "can"
    assert stream.stopped
    assert stream.flush() == ""
