"""Wrapping as it grows equals wrapping at once, and every cell knows its token."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tui.wrapping import Wrapped

TEXTS = st.lists(
    st.text(alphabet=st.sampled_from("ab é ção\n\t漢字👩‍👍🏽e\u0301\u200d\x1b\u202e🇧🇷"), max_size=12), max_size=20
)


def lines(wrapped):
    return ["".join(run.text for run in wrapped.runs(number)) for number in range(len(wrapped.lines))]


def wrap(text, width, token=-1):
    wrapped = Wrapped(width)
    wrapped.append(text, token)
    return wrapped


def test_words_go_whole_to_the_next_line_and_long_ones_are_cut():
    assert lines(wrap("era uma vez um", 8)) == ["era uma ", "vez um"]
    assert lines(wrap("inconstitucional", 8)) == ["inconsti", "tucional"]


def test_newlines_of_a_token_are_shown_those_of_a_person_are_not():
    assert lines(wrap("a\n\nb", 8, token=0)) == ["a⏎", "⏎", "b"]
    assert lines(wrap("a\nb", 8)) == ["a", "b"]


def test_an_accent_that_comes_later_joins_the_letter_of_the_token_before():
    wrapped = Wrapped(8)
    wrapped.append("cafe", 0)
    wrapped.append("\u0301 bom", 1)
    assert lines(wrapped) == ["café bom".replace("é", "e\u0301")]
    assert [run.token for run in wrapped.runs(0)] == [0, 1]


@settings(derandomize=True, max_examples=200, deadline=None)
@given(texts=TEXTS, width=st.integers(4, 20))
def test_text_that_grows_wraps_as_text_that_is_there_and_nothing_is_lost(texts, width):
    grown = Wrapped(width)
    for number, text in enumerate(texts):
        grown.append(text, number)
    at_once = wrap("".join(texts), width, token=0)
    assert lines(grown) == lines(at_once)
    for number, line in enumerate(grown.lines):
        while line and line[-1].text == " ":  # spaces may hang over
            line.pop()
        assert sum(cluster.width for cluster in line) <= grown.width
        assert all(token >= 0 for _, _, token in line), number


@settings(derandomize=True, max_examples=100, deadline=None)
@given(text=st.text(max_size=40), width=st.integers(4, 20))
def test_nothing_that_steers_a_terminal_is_left(text, width):
    shown = "".join(lines(wrap(text, width, token=0)))
    assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in shown)
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def test_every_cell_leads_to_its_token_and_back():
    wrapped = Wrapped(9)
    for number, text in enumerate(["era", " uma", " vez", "\n", "um", " rei"]):
        wrapped.append(text, number)
    for token in range(6):
        line, column = wrapped.place_of(token)
        assert wrapped.token_at(line, column) == token
    assert wrapped.token_at(0, 8) is None or wrapped.token_at(0, 8) >= 0
    assert wrapped.token_at(len(wrapped.lines) - 1, 8) is None
