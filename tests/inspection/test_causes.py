"""Attribution adds up, ablation and patching do what they say, and the induction head is what repetition hangs on."""

from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt.convert import huggingface
from mlxgpt.data.loader import Batch
from mlxgpt.errors import ConfigError, DataError
from mlxgpt.inspection import roles
from mlxgpt.inspection.attribution import attribution
from mlxgpt.inspection.explain import explain
from mlxgpt.inspection.inspector import Inspector
from mlxgpt.inspection.patching import ablate, patch
from mlxgpt.inspection.recompute import Again
from mlxgpt.inspection.reports import PATCH_POINTS as POINTS
from mlxgpt.inspection.reports import InductionReport, Passage
from mlxgpt.model import initialize
from mlxgpt.model.config import PLACEMENTS, WORDS, ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.training import optimizers
from mlxgpt.training.config import TrainConfig
from mlxgpt.training.step import Stepper

GOLDEN = Path(__file__).parents[1] / "golden"
TEXT = "Era uma vez um gato chamado Tico, que vivia num sítio. Tico era muito curioso."

FOREIGN = sorted(path.parent for path in (GOLDEN / "architectures").glob("*/config.json"))


def sums(model, position, against=None):
    """Attribution at a position of some ids, and the logit as the model itself gives it."""
    ids = tuple(np.random.default_rng(0).integers(5, model.config.vocab_size, 12).tolist())
    passage = Passage(model="", text="", ids=ids, pieces=tuple(map(str, ids)))
    report = attribution(model, passage, position, None, against, str)
    logits = np.array(model(mx.array([ids]))[0, position]).astype(np.float64)
    if cap := model.config.logit_softcap:
        logits = np.arctanh(logits / cap) * cap
    return report, logits[logits.argmax()] - (0 if against is None else logits[against])


@pytest.mark.parametrize("position", [0, 7, 11])
@pytest.mark.parametrize("against", [None, 6])
def test_the_shares_of_golden_models_add_up_to_the_logit(case, position, against):
    report, logit = sums(case.model, position, against)
    assert report.shares.sum() == pytest.approx(logit, abs=1e-5)
    assert report.logit == pytest.approx(logit, abs=1e-5)


@pytest.mark.parametrize("directory", FOREIGN, ids=lambda path: path.name)
def test_the_shares_of_imported_models_add_up_to_the_logit(directory):
    report, logit = sums(huggingface.load(directory), 9)
    assert report.shares.sum() == pytest.approx(logit, abs=1e-5)


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("norm", WORDS["norm"])
@pytest.mark.parametrize("position", WORDS["position"])
def test_the_shares_of_every_kind_of_model_add_up_to_the_logit(placement, norm, position):
    config = ModelConfig(
        vocab_size=32, n_layer=2, n_embd=16, n_head=2, norm_placement=placement, norm=norm, position=position
    )
    report, logit = sums(initialize.build(config, 1), 11)
    assert report.shares.sum() == pytest.approx(logit, abs=1e-5)


def test_a_share_is_what_the_logit_loses_without_the_part_when_the_norm_is_held(case):
    """One head of the last layer, of a model whose norms stand before the branches: checked against plain algebra."""
    model = case.model
    if model.config.norm_placement != "pre":
        return
    report, _ = sums(model, 11)
    last, head = model.config.n_layer - 1, 1
    part = next(i for i, part in enumerate(report.parts) if (part.layer, part.head) == (last, head))
    from mlxgpt.inspection.trace import Trace

    trace = Trace("*.attn.z", "*.resid_post")
    trace.run(model, report.passage.ids)
    z = trace.numpy(f"blocks.{last}.attn.z")[0, head, 11].astype(np.float64)
    x = trace.numpy(f"blocks.{last}.resid_post")[0, 11].astype(np.float64)
    D = model.config.head_width
    out = np.array(model.blocks[last].attn.o_proj.weight)[:, head * D : (head + 1) * D] @ z
    layernorm = model.config.norm == "layernorm"
    centre = (lambda v: v - v.mean()) if layernorm else (lambda v: v)
    scale = np.array(model.final_norm.weight) / np.sqrt(np.square(centre(x)).mean() + model.config.norm_eps)
    head_row = np.array((model.embedding if model.config.tie_embeddings else model.head).weight)[report.token]
    assert report.shares[part] == pytest.approx(float(centre(out) * scale @ head_row), abs=1e-5)


# ---- ablation and patching -------------------------------------------------------------------------------------------


def test_ablating_the_last_position_of_the_last_layer_is_seen_and_of_the_future_is_not(case):
    passage = case.passage()
    report = ablate(case.model, passage, point="ffn_out", kind="zero", position=10, piece=str)
    assert report.values.shape == (case.model.config.n_layer, len(passage))
    assert np.abs(report.delta[:, 11:]).max() == 0.0
    assert np.abs(report.delta[-1, 10]) > 0.0
    assert np.abs(report.delta[-1, :10]).max() == 0.0  # what the last block does elsewhere reaches nobody


def test_patching_the_embedding_stream_everywhere_recovers_all_and_nowhere_nothing(case):
    clean, corrupt = case.passage(0), case.passage(1)
    same = patch(case.model, clean, clean, position=10, token=7, against=9, piece=str)
    assert np.abs(same.delta).max() == 0.0
    assert np.isnan(same.recovered).all()
    last = len(clean) - 1
    report = patch(case.model, clean, corrupt, position=last, token=7, against=9, piece=str)
    assert report.clean == pytest.approx(
        float(case.expected["logits"][0, last, 7] - case.expected["logits"][0, last, 9]), abs=1e-4
    )
    assert report.corrupted == pytest.approx(
        float(case.expected["logits"][1, last, 7] - case.expected["logits"][1, last, 9]), abs=1e-4
    )
    assert report.values.shape == (case.model.config.n_layer, len(clean))


def test_a_text_of_one_other_word_is_recovered_at_that_word_first_and_at_the_end_last(nano):
    report = nano.patch(
        "A menina abriu a porta. Ela", "O menino abriu a porta. Ela", token=" viu", against=" abriu", position=-1
    )
    changed = [i for i, (a, b) in enumerate(zip(report.passage.ids, report.corrupt.ids, strict=True)) if a != b]
    assert report.recovered[0, changed].sum() == pytest.approx(1.0, abs=0.15)
    assert np.abs(np.delete(report.recovered[0], changed)).max() < 1e-3
    assert report.recovered[-1, -1] > 0.5


def test_texts_of_different_lengths_cannot_be_patched(nano):
    with pytest.raises(DataError, match="as many in both"):
        nano.patch("um gato", "um gato muito curioso")


@pytest.mark.parametrize(("words", "match"), [({"point": "attn.q"}, "attn.q"), ({"kind": "mad"}, "mad")])
def test_unknown_points_and_kinds_are_named(nano, words, match):
    with pytest.raises(ConfigError, match=match):
        nano.ablation(TEXT, **words)


@pytest.mark.parametrize("point", POINTS)
def test_every_point_can_be_ablated_and_patched(nano, point):
    assert np.isfinite(nano.ablation("um gato", point=point).values).all()
    assert np.isfinite(nano.patch("um gato", "um menino", point=point).values).all()


def test_positions_and_tokens_that_do_not_exist_say_the_range(nano):
    with pytest.raises(ConfigError, match="no position 99") as refused:
        nano.attribution("um gato", position=99)
    assert "0 to 2" in refused.value.hint
    with pytest.raises(ConfigError, match="tokens") as refused:
        nano.attribution("um gato", token=" paralelepípedo")


# ---- induction -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def repeating() -> GPT:
    """A tiny model that learned to repeat: random tokens in random periods, the repetition alone to be predicted."""
    V, T, B = 24, 24, 16
    config = ModelConfig(
        vocab_size=V, context_length=T + 1, n_layer=3, n_embd=32, n_head=2, d_ffn=32, position="rope", norm="rmsnorm",
        bias="none", ffn="relu2", init="modern", tie_embeddings=False,
    )  # fmt: skip
    settings = TrainConfig(optimizer="muon", data="x", preset="x")
    stepper = Stepper(initialize.build(config, 0), optimizers.from_config(settings), compiled=False)
    random = np.random.default_rng(0)
    for _ in range(251):
        periods = random.integers(T // 4, T // 2 + 1, B)
        rows = np.stack([np.resize(random.permutation(V - 1)[:period] + 1, T) for period in periods]).astype(np.int32)
        ids = np.concatenate([np.zeros((B, 1), np.int32), rows], axis=1)
        weights = (np.arange(T)[None] > periods[:, None]).astype(np.float32)
        stepper.evaluate(*stepper.step([Batch(inputs=ids[:, :-1], targets=rows, weights=weights, epoch=0)], 0.01, 0.02))
    return stepper.write_back()


@pytest.fixture(scope="module")
def induction(repeating) -> InductionReport:
    probe = roles.probe(repeating, begin=0, reserved=1, seed=5)
    return roles.find_induction(repeating, roles.find_roles(repeating, probe))


def test_a_model_that_repeats_has_previous_token_heads_below_induction_heads(induction):
    assert induction.accuracy > 0.9 and induction.first_accuracy < 0.2
    named = {(layer, head): induction.roles.role(layer, head) for layer in range(3) for head in range(2)}
    found = {role: {layer for (layer, _), name in named.items() if name == role} for role in ("previous", "induction")}
    assert found["previous"] and found["induction"]
    assert min(found["previous"]) < min(found["induction"])


def test_without_its_induction_head_it_repeats_worse_than_without_a_random_other(induction):
    scores = induction.roles.scores["induction"]
    strongest = np.unravel_index(scores.argmax(), scores.shape)
    assert induction.roles.role(*strongest) == "induction"
    others = np.delete(induction.without.ravel(), np.ravel_multi_index(strongest, scores.shape))
    assert induction.without[strongest] < others.mean() - 0.05


def test_the_shipped_model_has_no_induction_head_and_says_so(nano):
    assert not any(nano.roles.role(layer, head) == "induction" for layer in range(5) for head in range(6))
    assert roles.repeat_accuracy(nano.model, nano.roles.probe[:1]) < 0.05


def test_every_number_said_of_an_induction_head_is_found_again(repeating, induction):
    again = Again(Inspector(repeating, None, "repeating"), induction)
    figures = [figure for line in explain(induction) for figure in line.figures]
    assert {"accuracy", "first_accuracy", "accuracy_without"} <= {figure.source.measure for figure in figures}
    for figure in figures:
        assert figure.value == pytest.approx(again.value(figure.source), abs=1e-6)
