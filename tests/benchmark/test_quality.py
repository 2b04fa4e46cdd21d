"""What a cut goes through, and where pieces without offsets are."""

import pytest

from mlxgpt.benchmark.quality import inside_sentence, inside_word, judge, locate

TEXT = "Era uma vez. Depois,\n\nOutro dia\nfoi"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        *(("Um gato.", " Dois", False), ("Um gato", " dorme", True), ("Um gato. ", "Dois", False)),
        *(("Disse ele:", " sim", False), ("“Vá.”", " E foi", False), ("Um,", " dois", True)),
        *(("Título\n\n", "Texto", False), ("Título", "\n\nTexto", False), ("Título\n", "\nTexto", False)),
        *(("Título \r\n\r", "\nTexto", False), ("linha\n", "outra", True), ("linha \n \n ", "outra", False)),
        (" \n", "Começo", False),
    ],
)
def test_a_cut_is_inside_a_sentence_unless_an_end_or_a_blank_line_is_before_it(before, after, expected):
    assert inside_sentence(before + after, len(before)) is expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("ca", "sa", True),
        ("12", "34", True),
        ("casa", " ", False),
        ("casa ", "azul", False),
        ("guarda", "-chuva", False),
    ],
)
def test_a_cut_is_inside_a_word_between_letters_or_digits(before, after, expected):
    assert inside_word(before + after, len(before)) is expected


def test_pieces_are_found_in_order_and_altered_ones_are_not():
    pieces = ["Era uma vez.", "Depois,", "outra coisa", "dia\nfoi"]
    assert locate(TEXT, pieces) == [(0, 12), (13, 20), None, (28, 35)]


def test_pieces_that_occur_twice_are_found_at_their_turn():
    assert locate("sim. sim. sim.", ["sim.", "sim.", "sim."]) == [(0, 4), (5, 9), (10, 14)]


def test_the_last_end_is_no_cut_and_sizes_count_against_the_limit():
    quality = judge(TEXT, [(0, 10), (10, 20), (20, 24), (24, 35)], [4, 6, 2, 4], 4)
    assert (quality.chunks, quality.largest, quality.over_limit, quality.altered) == (4, 6, 1, 0)
    assert (quality.mean_size, quality.fill) == (4.0, 1.0)
    assert quality.mid_word == 2 / 3  # "ve|z" and "Ou|tro"
    assert quality.mid_sentence == 2 / 3  # all but "Depois,|"
