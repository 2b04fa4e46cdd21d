"""What counts as the right answer."""

import pytest

from mlxgpt.events import ExerciseAsked
from mlxgpt.lessons.answers import choice, is_right, readings


def exercise(answer, *, tolerance=0.0, choices=(), percent=False):
    return ExerciseAsked(
        lesson="x", key="ask.x", source="", seconds=0.0, number=1, question="?", hint="", why="",
        answer=answer, tolerance=tolerance, choices=choices, percent=percent, numbers={},
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


def test_a_choice_needs_no_dot_and_may_be_named_by_its_letter():
    choices = ("·menina", "·menino", "·homem")
    for typed in ("·menino", "menino", "b) menino", "B. menino", "letra b", "a letra b", "opção 2", "b"):
        assert choice(choices, typed) == 1, typed
    assert choice(choices, "b) homem") is None
    assert choice(choices, "men") is None


def test_a_letter_comes_before_a_word_that_lacks_its_dot():
    assert choice(("·o", "·a", "·e"), "a") == 0
    assert choice(("·o", "·a", "·e"), "·a") == 1


@pytest.mark.parametrize(
    ("typed", "meant"), [("0", 0), ("1", 1), ("camada 1", 1), ("opção 0", 0), ("2", None), ("a", 0), ("letra b", 1)]
)
def test_a_number_means_the_one_inside_the_choices(typed, meant):
    assert choice(("camada 0", "camada 1"), typed) == meant


@pytest.mark.parametrize("typed", ["26,31", "26", "0,2631", "26,31 %", "26,31 por cento"])
def test_a_percentage_needs_no_sign_where_one_is_asked_for(typed):
    assert is_right(exercise(0.2631, tolerance=0.01, percent=True), typed)
    assert is_right(exercise(0.2631, tolerance=0.01), typed) == (typed not in ("26,31", "26"))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("dez", 10), ("quatro bytes", 4), ("São quatro.", 4), ("é três", 3), ("Twenty", 20), ("menos dois", -2), ("duas", 2),
        ("1,5 mil", 1500), ("2 milhões", 2e6), ("2 million", 2e6), ("dois mil", 2000), ("mil", 1000), ("menos 0,16", -0.16),
        ("1,5 milissegundos", 1.5), ("10 e", 10),
    ],
)  # fmt: skip
def test_numbers_may_be_spelled(typed, meant):
    assert readings(typed) == {float(meant)}


@pytest.mark.parametrize("typed", ["vinte e um", "twenty-one", "duzentos e um", "umbigo", "muitos mil"])
def test_a_number_word_that_is_not_all_is_not_read(typed):
    assert readings(typed) == set()
