"""Attention, lens and token reports against PyTorch's numbers and against their definitions."""

import math

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt.errors import DataError
from mlxgpt.inspection import attention, lens, roles, surprisal
from mlxgpt.inspection.reports import plain
from mlxgpt.model import initialize
from mlxgpt.model.config import ModelConfig
from mlxgpt.training.losses import next_token_loss

TEXT = "Era uma vez um gato chamado Tico, que vivia num sítio. Tico era muito curioso."


def test_attention_is_that_of_pytorch(case):
    report = attention.attention(case.model, case.passage(), roles.find_roles(case.model, roles.probe(case.model)))
    assert np.abs(report.pattern - case.expected["attentions"][:, 0]).max() <= 1e-5
    assert np.allclose(report.pattern.sum(-1), 1.0, atol=1e-5)
    assert np.allclose(report.rollout.sum(-1), 1.0, atol=1e-5)
    assert np.all(report.rollout >= 0) and np.all(np.triu(report.rollout[-1], 1) == 0)


def test_entropy_is_zero_for_one_place_and_log_n_for_n_alike():
    assert attention.entropy(np.array([[0.0, 1.0, 0.0], [0.5, 0.5, 0.0]])).tolist() == pytest.approx([0.0, math.log(2)])


def test_rollout_of_heads_that_look_at_themselves_is_the_identity():
    pattern = np.broadcast_to(np.eye(4, dtype=np.float32), (3, 2, 4, 4))
    assert np.array_equal(attention.rollout(pattern), np.broadcast_to(np.eye(4), (3, 4, 4)))


def test_the_lens_after_the_last_block_is_the_model(case):
    report = lens.lens(case.model, case.passage(), str, top=3)
    logits = case.expected["logits"][0].astype(np.float64)
    p = np.exp(logits - logits.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    assert np.array_equal(report.top[-1, :, 0], p.argmax(-1))
    assert report.divergence[-1].max() <= 1e-6
    ids = np.array(case.passage().ids)
    assert np.array_equal(report.target[:-1], ids[1:])
    assert np.abs(report.probability[-1, :-1] - p[np.arange(len(ids) - 1), ids[1:]]).max() <= 1e-5
    assert np.array_equal(report.rank[-1], 1 + (p > p[np.arange(len(ids)), report.target][:, None]).sum(-1))
    assert np.abs(report.entropy[-1] + (p * np.log(p)).sum(-1)).max() <= 1e-4


def test_each_row_of_the_lens_is_the_head_on_that_layer(case):
    report = lens.lens(case.model, case.passage(), str)
    hidden = mx.array(case.expected["hidden_states"][1, 0])  # after the first block
    log_p = lens.log_softmax(lens.decode(case.model, hidden))
    assert np.abs(report.top_probability[1] - np.sort(np.exp(np.array(log_p)))[:, ::-1][:, :5]).max() <= 1e-5


def test_surprisal_is_the_loss_of_pytorch(case):
    report = surprisal.surprisal(case.model, case.passage(), str)
    assert np.isnan(report.surprisal[0]) and report.rank[0] == 0
    assert np.abs(report.surprisal[1:] - case.expected["per_token_loss"][0]).max() <= 1e-5
    best = report.rank == 1
    assert np.array_equal(report.top[best, 0], np.array(case.passage().ids)[best])
    assert np.allclose(np.exp(-report.surprisal[best]), report.top_probability[best, 0], atol=1e-5)


def test_a_text_is_read_after_the_token_that_texts_begin_after(nano):
    report = nano.tokens(TEXT)
    assert report.passage.pieces[0] == "<EOS>"
    assert "".join(report.passage.pieces[1:]) == TEXT
    assert report.predicted == len(report.passage.ids) - 1
    assert 0.1 < report.loss < 8


def test_the_loss_of_a_text_is_that_of_evaluation(nano):
    report = nano.tokens(TEXT)
    ids = mx.array([report.passage.ids])
    loss = next_token_loss(nano.model, ids[:, :-1], ids[:, 1:]).item()
    assert report.loss == pytest.approx(loss, abs=1e-4)  # training adds in float32 all the way


def test_text_that_is_too_long_can_be_cut(nano):
    with pytest.raises(DataError, match="256 at a time") as refused:
        nano.tokens(TEXT * 40)
    assert "--cut" in refused.value.hint
    assert len(nano.passage(TEXT * 40, cut=True)) == 256


def test_empty_text_is_refused(nano):
    with pytest.raises(DataError, match="no text"):
        nano.attention("")


def test_reports_become_json_without_nan(nano):
    value = plain(nano.tokens(TEXT))
    assert value["surprisal"][0] is None
    assert value["passage"]["pieces"][1] == "Era"


# ---- roles -----------------------------------------------------------------------------------------------------------


def only(places):
    """Attention that goes, in equal parts, to the places of a role, and to the token itself where there are none."""
    places = np.where(places.any(-1, keepdims=True), places, np.eye(len(places), dtype=bool)).astype(np.float32)
    return places / places.sum(-1, keepdims=True)


@pytest.mark.parametrize("role", roles.ROLES)
def test_a_head_that_does_only_this_scores_one_and_has_the_role(role):
    ids = np.array([[9, 1, 2, 3, 4, 5, 1, 2, 3, 4, 5]])
    pattern = only(roles.ROLES[role](ids[0]))[None, None, None]  # (L, B, H, T, T)
    scores = roles.role_scores(pattern, ids)
    assert scores[role].tolist() == [[1.0]]
    assert all(score[0, 0] <= 0.6 for name, score in scores.items() if name != role)
    report = roles.RoleReport(scores=scores, chance={}, threshold=roles.THRESHOLD, probe=ids)
    assert report.role(0, 0) == role


def test_induction_looks_at_what_followed_the_same_token():
    assert np.argwhere(roles.induction(np.array([7, 8, 9, 7, 8]))).tolist() == [[3, 1], [4, 2]]


def test_a_head_that_looks_everywhere_has_no_role(nano):
    chance = nano.roles.chance
    uniform = {role: np.array([[value]]) for role, value in chance.items()}
    assert all(value < 0.1 for value in chance.values())
    report = roles.RoleReport(scores=uniform, chance=chance, threshold=roles.THRESHOLD, probe=nano.roles.probe)
    assert report.role(0, 0) == ""


def test_a_text_without_repetition_gives_no_score_for_repetition():
    ids = np.array([[1, 2, 3, 4]])
    scores = roles.role_scores(np.broadcast_to(np.eye(4), (1, 1, 1, 4, 4)), ids)
    assert np.isnan(scores["induction"]).all() and scores["self"].tolist() == [[1.0]]


def test_a_model_that_sees_too_little_to_repeat_anything_is_told_so():
    model = initialize.build(ModelConfig(vocab_size=8, context_length=4, n_layer=1, n_embd=8, n_head=1), 0)
    with pytest.raises(DataError, match="too few to repeat"):
        roles.probe(model)


def test_the_probe_repeats_tokens_that_are_all_different(nano):
    for row in nano.roles.probe:
        half = row[1 : 1 + (len(row) - 1) // 2]
        assert len(set(half.tolist())) == len(half) and min(half) >= 9
        assert np.array_equal(row[1 + len(half) :], half)
