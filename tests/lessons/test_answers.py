"""What counts as the right answer."""

import pytest

from mlxgpt.events import ExerciseAsked
from mlxgpt.lessons.answers import choice, is_right, readings


def exercise(answer, *, tolerance=0.0, choices=()):
    return ExerciseAsked(
        lesson="x", key="ask.x", source="", seconds=0.0, number=1, question="?", hint="", why="",
        answer=answer, tolerance=tolerance, choices=choices, numbers={},
    )  # fmt: skip


@pytest.mark.parametrize("typed", ["0,5", "0.5", " .5", "+0,50", "50 %", "50%", "1/2", "5e-1", "é 0,5"])
def test_a_half_may_be_written_in_many_ways(typed):
    assert is_right(exercise(0.5, tolerance=0.001), typed)


@pytest.mark.parametrize("typed", ["2.754.944", "2,754,944", "2754944", "2 754 944"])
def test_large_numbers_may_be_grouped_either_way(typed):
    assert is_right(exercise(2_754_944), typed)


def test_one_point_two_three_four_may_be_either():
    assert readings("1.234") == {1.234, 1234.0}
    assert readings("1.234,5") == {1234.5}
    assert readings("1,234.5") == {1234.5}


def test_minus_may_be_the_mathematical_one():
    assert is_right(exercise(-0.25, tolerance=0.001), "−0,25")


@pytest.mark.parametrize("typed", ["", "não sei", "0.6", "-0.5", "1/0", "5", "%"])
def test_what_is_wrong_is_wrong(typed):
    assert not is_right(exercise(0.5, tolerance=0.001), typed)


def test_whole_numbers_are_exact():
    assert is_right(exercise(91), "91")
    assert not is_right(exercise(91), "90")


def test_a_choice_is_its_letter_its_number_or_its_words():
    choices = ("subir", "descer", "não faz diferença")
    assert [choice(choices, typed) for typed in ("a", "B)", "3", "Descer.", "nao faz", "d", "", "zz")] == [
        0, 1, 2, 1, 2, None, None, None,
    ]  # fmt: skip


def test_the_words_of_a_choice_come_before_letters():
    assert choice(("b", "a"), "a") == 1
