"""The filters against Hugging Face's, the draw against the probabilities it is to follow."""

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt.generation import sampling
from mlxgpt.generation.config import SamplingConfig

GOLDEN = mx.load(str(Path(__file__).parent.parent / "golden" / "nn" / "sampling.safetensors"))
OFF = {"temperature": 1.0, "top_p": 1.0}


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("probs", {}),
        ("temperature_0.7", {"temperature": 0.7}),
        ("top_k_5", {"top_k": 5}),
        ("top_p_0.8", {"top_p": 0.8}),
        ("min_p_0.1", {"min_p": 0.1}),
        ("repetition_penalty_1.3", {"repetition_penalty": 1.3}),
        ("temperature_0.7_then_top_k_5_then_top_p_0.8", {"temperature": 0.7, "top_k": 5, "top_p": 0.8}),
    ],
)
def test_filters_equal_the_golden_vectors(name, chosen):
    config = SamplingConfig(**(OFF | chosen))
    filtered = sampling.apply_filters(GOLDEN["logits"], config, GOLDEN["history"])
    assert np.abs(np.array(mx.softmax(filtered, axis=-1) - GOLDEN[name])).max() < 1e-5


def test_top_k_of_the_vocabulary_and_beyond_rules_nothing_out():
    logits = GOLDEN["logits"]
    for k in (20, 21, 10_000):
        assert mx.array_equal(sampling.top_k(logits, k), logits)
    assert (mx.softmax(sampling.top_k(logits, 19), axis=-1) > 0).sum(axis=-1).tolist() == [19] * 4


@pytest.mark.parametrize("chosen", [{"top_k": 1}, {"top_p": 1e-6}, {"min_p": 1.0}, {"temperature": 1e-6}])
def test_the_narrowest_setting_of_each_filter_is_greedy(chosen):
    config = SamplingConfig(**(OFF | chosen))
    drawn = sampling.sample(GOLDEN["logits"], config, sampling.key_for(3, 1))
    assert drawn.token[:, 0].tolist() == GOLDEN["logits"].argmax(axis=-1).tolist()


def test_filters_work_on_one_distribution_and_on_many():
    config = SamplingConfig(temperature=0.7, top_k=9, top_p=0.8, min_p=0.05, repetition_penalty=1.3)
    together = sampling.apply_filters(GOLDEN["logits"], config, GOLDEN["history"])
    for row in range(4):
        alone = sampling.apply_filters(GOLDEN["logits"][row], config, GOLDEN["history"][row])
        assert mx.array_equal(alone, together[row])


def test_draws_follow_the_probabilities():
    logits = mx.log(mx.array([[0.5, 0.3, 0.15, 0.05, 0.0]]))
    drawn = np.array([sampling.draw(logits, sampling.key_for(7, i))[0].item() for i in range(4000)])
    share = np.bincount(drawn, minlength=5) / len(drawn)
    assert np.abs(share - [0.5, 0.3, 0.15, 0.05, 0.0]).max() < 0.025  # three standard deviations
    assert share[4] == 0


def test_a_token_that_was_ruled_out_is_never_drawn():
    logits = mx.where(mx.arange(1000) % 7 == 3, 0.0, -mx.inf)[None]
    for i in range(300):
        assert sampling.draw(logits, sampling.key_for(0, i))[0].item() % 7 == 3


def test_the_key_of_a_token_depends_on_seed_and_place_only():
    logits = GOLDEN["logits"]
    draws = [[sampling.draw(logits, sampling.key_for(seed, i))[0].tolist() for i in range(20)] for seed in (1, 2, 1)]
    assert draws[0] == draws[2] != draws[1]
    assert len({str(draw) for draw in draws[0]}) > 1


def test_probability_and_rank_are_those_of_the_unmodified_distribution():
    config = SamplingConfig(temperature=2.0, top_k=3, repetition_penalty=1.5)
    drawn = sampling.sample(GOLDEN["logits"], config, sampling.key_for(1, 1), GOLDEN["history"], judge=True)
    probabilities = np.array(GOLDEN["probs"])
    for row, fact in enumerate(drawn.facts()):
        assert fact.token == drawn.token[row, 0].item()
        assert fact.probability == pytest.approx(probabilities[row, fact.token], abs=1e-6)
        assert fact.rank == 1 + (probabilities[row] > probabilities[row, fact.token]).sum()


def test_half_precision_logits_are_sampled_in_float32():
    drawn = sampling.sample(GOLDEN["logits"].astype(mx.bfloat16), SamplingConfig(), sampling.key_for(1, 1), judge=True)
    assert drawn.logits.dtype == drawn.dart.ends.dtype == mx.float32


def test_the_number_shown_is_the_number_used():
    config = SamplingConfig(temperature=0.7, top_k=9, top_p=0.9)
    chances = np.array(mx.softmax(sampling.apply_filters(GOLDEN["logits"], config), axis=-1))
    for i in range(40):
        drawn = sampling.sample(GOLDEN["logits"], config, sampling.key_for(5, i), judge=True)
        for row, fact in enumerate(drawn.facts(20)):
            low, high = fact.slice
            assert low - 1e-6 <= fact.draw <= high + 1e-6
            assert high - low == pytest.approx(chances[row, fact.token], abs=1e-5)
            ends = {token: span for (token, _), span in zip(fact.alternatives, fact.slices, strict=True)}
            assert ends[fact.token] == fact.slice
            for token, (start, end) in ends.items():  # in the order of the ids, one after another, from 0 to 1
                assert start == pytest.approx(chances[row, :token].sum(), abs=1e-5)
                assert end - start == pytest.approx(chances[row, token], abs=1e-5)
                assert (end > start) == (chances[row, token] > 0)


def test_entropy_is_that_of_the_unmodified_distribution_and_greedy_draws_no_number():
    drawn = sampling.sample(GOLDEN["logits"], SamplingConfig(temperature=0.0), sampling.key_for(1, 1), judge=True)
    probabilities = np.array(GOLDEN["probs"], np.float64)
    for row, fact in enumerate(drawn.facts()):
        assert fact.entropy == pytest.approx(-(probabilities[row] * np.log(probabilities[row])).sum(), abs=1e-5)
        assert (fact.draw, fact.slice, fact.slices) == (None, None, ())


def test_a_forced_token_is_judged_like_a_drawn_one():
    forced = mx.array([[3], [0], [19], [7]])
    drawn = sampling.sample(GOLDEN["logits"], SamplingConfig(), sampling.key_for(1, 1), judge=True, forced=forced)
    for row, fact in enumerate(drawn.facts(2)):
        assert fact.token == forced[row, 0].item()
        assert fact.probability == pytest.approx(GOLDEN["probs"][row, fact.token].item(), abs=1e-6)
        assert fact.draw is None


def test_rivals_come_the_likeliest_first_and_equal_ones_in_the_order_of_the_vocabulary():
    logits = mx.array([[1.0, 3.0, -mx.inf, 3.0, 2.0]])
    (fact,) = sampling.sample(logits, SamplingConfig(), sampling.key_for(1, 1), judge=True).facts(9)
    assert [token for token, _ in fact.alternatives] == [1, 3, 4, 0, 2]
    assert sum(chance for _, chance in fact.alternatives) == pytest.approx(1.0)
    assert fact.alternatives[-1][1] == 0.0 and fact.entropy > 0
