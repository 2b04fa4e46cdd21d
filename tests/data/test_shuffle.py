"""The order is a permutation, different for every key, and nothing in it is where it was more often than by chance."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxgpt.data.shuffle import shuffled


@given(size=st.integers(1, 3000), key=st.lists(st.integers(-(2**70), 2**70), min_size=1, max_size=3))
@settings(deadline=None)
def test_every_position_goes_to_one_place(size: int, key: list[int]) -> None:
    order = shuffled(np.arange(size), size, *key)
    assert sorted(order.tolist()) == list(range(size))


def test_a_part_of_the_positions_goes_where_all_of_them_do() -> None:
    whole = shuffled(np.arange(1000), 1000, 5, 1)
    assert shuffled(np.array([7, 999, 0, 7]), 1000, 5, 1).tolist() == whole[[7, 999, 0, 7]].tolist()


def test_billions_of_positions_cost_nothing() -> None:
    order = shuffled(np.arange(1000) * 10**9, 10**12, 3)
    assert len(set(order.tolist())) == 1000
    assert order.max() < 10**12
    assert abs(order.mean() / 10**12 - 0.5) < 0.05


def test_places_are_as_often_as_chance_has_it() -> None:
    size, keys = 10, 4000
    seen = np.zeros((size, size))
    neighbours = 0
    for key in range(keys):
        order = shuffled(np.arange(size), size, key)
        seen[np.arange(size), order] += 1
        neighbours += int((np.diff(order) == 1).sum())
    expected = keys / size
    chi_square = ((seen - expected) ** 2 / expected).sum()
    assert chi_square < 140  # 81 degrees of freedom: more has a probability of about 1 in 20,000
    assert abs(neighbours / keys - 0.9) < 0.06  # nine neighbours, each with a probability of 1 / 10
