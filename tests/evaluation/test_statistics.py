"""Intervals and tests against published values and against simulation."""

import numpy as np
import pytest

from mlxgpt.evaluation.statistics import bootstrap, mcnemar, paired_bootstrap, wilson


@pytest.mark.parametrize(
    ("right", "total", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(right, total, low, high):  # Newcombe 1998, table I, method 3
    assert wilson(right, total) == pytest.approx((low, high), abs=6e-5)


def test_wilson_of_nothing_says_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


def test_mcnemar_counts_only_what_they_disagree_about():
    a, b = np.array([1.0] * 15 + [0.0] * 5 + [1.0] * 40), np.array([0.0] * 15 + [1.0] * 5 + [1.0] * 40)
    assert mcnemar(a, b) == pytest.approx(0.04138947)  # binomial, 5 of 20, both tails
    assert mcnemar(a, b) == mcnemar(b, a)
    assert mcnemar(a, a) == 1.0


def test_mcnemar_of_thousands_of_questions():
    a, b = np.array([1.0] * 3000 + [0.0] * 2800), np.array([0.0] * 3000 + [1.0] * 2800)
    assert 0.005 < mcnemar(a, b) < 0.02


def test_the_bootstrap_covers_the_truth_as_often_as_it_says():
    generator = np.random.default_rng(3)
    covered = 0
    for trial in range(60):
        sizes = generator.integers(50, 150, 80).astype(float)
        low, high = bootstrap(sizes * generator.normal(2.0, 0.5, 80), sizes, seed=trial)
        covered += low <= 2.0 <= high
    assert 51 <= covered <= 60


def test_the_paired_bootstrap_sees_a_difference_that_separate_intervals_do_not():
    generator = np.random.default_rng(1)
    hard = generator.normal(5.0, 2.0, 100)  # texts differ much more than the models
    ones = np.ones(100)
    a, b = hard, hard + generator.normal(0.1, 0.1, 100)
    assert bootstrap(a, ones).high > bootstrap(b, ones).low
    interval, p = paired_bootstrap((a, ones), (b, ones))
    assert interval.high < 0
    assert p < 0.01
    assert paired_bootstrap((a, ones), (a, ones))[1] == 1.0
