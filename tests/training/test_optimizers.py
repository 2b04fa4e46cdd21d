"""Optimizers, clipping, schedules and losses against the golden vectors, and Muon's orthogonalisation against the SVD."""

import json
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt.training import losses
from mlxgpt.training.config import TrainConfig
from mlxgpt.training.optimizers import AdamW, Muon, Now, Optimizer, clip_by_norm, orthogonalize
from mlxgpt.training.schedules import learning_rate_share

NN = Path(__file__).parent.parent / "golden" / "nn"


def golden(name: str) -> dict[str, mx.array]:
    return mx.load(str(NN / f"{name}.safetensors"))


RUNS = {
    "adamw": (AdamW(beta1=0.9, beta2=0.95, decay=0.1), lambda step: 1e-2),
    "adamw_no_decay": (AdamW(beta1=0.9, beta2=0.95, decay=0.0), lambda step: 1e-2),
    "adamw_eps1e-2": (AdamW(beta1=0.9, beta2=0.99, eps=1e-2, decay=0.1), lambda step: 1e-2),
    "adamw_cosine": (
        AdamW(beta1=0.9, beta2=0.95, decay=0.1),
        lambda step: 1e-2 * learning_rate_share(step, 10, TrainConfig(warmup=0.3, final_learning_rate=0.1)),
    ),
}


@pytest.mark.parametrize("run", RUNS)
def test_adamw_follows_pytorch_for_twelve_steps(run):
    vectors = golden("optimizers")
    adamw, rate = RUNS[run]
    optimizer = Optimizer(adamw=adamw, clip=0.0, decays=lambda name, p: True)
    parameters = {"w": vectors["init.w"], "b": vectors["init.b"]}
    state = optimizer.start(parameters)
    for i in range(12):
        gradients = {"w": vectors["grad.w"][i], "b": vectors["grad.b"][i]}
        parameters, state = optimizer.update(
            parameters, gradients, state, Now.of(optimizer.scalars(i + 1, rate(i), 0.0))
        )
        for name in ("w", "b"):
            np.testing.assert_allclose(parameters[name], vectors[f"{run}.{name}"][i], rtol=1e-5, atol=1e-6)


def test_only_matrices_decay():
    optimizer = Optimizer(adamw=AdamW(decay=0.5), clip=0.0)
    names = ("att.key.weight", "att.time_maa_w1", "att.time_faaaa", "att.g2", "att.r_k")
    parameters = {name: mx.ones((2, 2)) for name in names} | {"norm.weight": mx.ones((2,)), "key.bias": mx.ones((2,))}
    zeros = {name: mx.zeros_like(p) for name, p in parameters.items()}
    after, _ = optimizer.update(parameters, zeros, optimizer.start(parameters), Now.of(optimizer.scalars(1, 0.1, 0.0)))
    assert after.pop("att.key.weight")[0, 0].item() == pytest.approx(0.95)
    assert all((value == 1.0).all().item() for value in after.values())


def test_decays_of_rwkv_learn_twice_as_fast():
    optimizer = Optimizer(adamw=AdamW(decay=0.0), clip=0.0)
    names = ("blocks.0.att.time_decay", "blocks.0.att.w0", "blocks.0.att.time_decay_w1", "blocks.0.att.a0")
    parameters = {name: mx.zeros((2,)) for name in names}
    ones = {name: mx.ones((2,)) for name in names}
    after, _ = optimizer.update(parameters, ones, optimizer.start(parameters), Now.of(optimizer.scalars(1, 0.1, 0.0)))
    moved = [round(-after[name][0].item(), 6) for name in names]
    assert moved == [0.2, 0.2, 0.1, 0.1]


@pytest.mark.parametrize("limit", [0.5, 1.0, 1000.0])
def test_clipping_matches_pytorch(limit):
    vectors = golden("clip_grad_norm")
    clipped, norm = clip_by_norm({"w": vectors["grad.w"], "b": vectors["grad.b"]}, limit)
    assert norm.item() == pytest.approx(vectors[f"total_norm_{limit}"].item(), rel=1e-6)
    for name, value in clipped.items():
        np.testing.assert_allclose(value, vectors[f"clipped_{limit}.{name}"], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("shape", [(16, 16), (8, 32), (32, 8)])
def test_orthogonalized_matrices_have_singular_values_near_one(shape):
    x = mx.random.normal((3, *shape), key=mx.random.key(0))
    singular = np.linalg.svd(np.array(orthogonalize(x)), compute_uv=False)
    assert singular.min() > 0.3 and singular.max() < 1.3
    # and it keeps the directions: U V' of the SVD has an inner product near its own norm
    u, _, vt = np.linalg.svd(np.array(x), full_matrices=False)
    cosine = (np.array(orthogonalize(x)) * (u @ vt)).sum((-2, -1)) / min(shape)
    assert (cosine > 0.8).all()


def test_muon_takes_block_matrices_and_adamw_the_rest():
    optimizer = Optimizer(adamw=AdamW(), muon=Muon())
    parameters = {
        "embedding.weight": mx.ones((4, 2)),
        "blocks.0.attn.q_proj.weight": mx.ones((2, 2)),
        "blocks.0.norm.weight": mx.ones((2,)),
    }
    state = optimizer.start(parameters)
    assert {name: set(slots) for name, slots in state.items()} == {
        "embedding.weight": {"m", "v"},
        "blocks.0.attn.q_proj.weight": {"m"},
        "blocks.0.norm.weight": {"m", "v"},
    }


def test_muon_updates_matrices_of_one_shape_together_as_it_would_alone():
    keys = mx.random.split(mx.random.key(1), 4)
    names = ["blocks.0.a.weight", "blocks.1.a.weight"]
    ps = {name: mx.random.normal((6, 4), key=keys[i]) for i, name in enumerate(names)}
    gs = {name: mx.random.normal((6, 4), key=keys[2 + i]) for i, name in enumerate(names)}
    optimizer = Optimizer(adamw=AdamW(), muon=Muon(), clip=0.0)

    def one_step(keep):
        p = {name: ps[name] for name in keep}
        g = {name: gs[name] for name in keep}
        return optimizer.update(p, g, optimizer.start(p), Now.of(optimizer.scalars(1, 0.0, 0.1)))[0]

    together = one_step(names)
    for name in names:
        np.testing.assert_allclose(together[name], one_step([name])[name], atol=1e-6)


SCHEDULE = json.loads((NN / "schedules.json").read_text())


def test_the_cosine_schedule_is_nanogpts():
    case = SCHEDULE["cosine_min"]
    config = TrainConfig(
        warmup=case["warmup_steps"] / case["decay_steps"], final_learning_rate=case["min_lr"] / case["max_lr"]
    )
    rates = [case["max_lr"] * learning_rate_share(i, case["decay_steps"], config) for i in range(len(case["lr"]))]
    np.testing.assert_allclose(rates, case["lr"], rtol=1e-9)


@pytest.mark.parametrize(("word", "name"), [("cosine", "cosine_to_zero_hf"), ("linear", "linear_to_zero_hf")])
def test_schedules_fall_like_transformers_after_the_warmup(word, name):
    case = SCHEDULE[name]
    total, warmup = case["total_steps"], case["warmup_steps"]
    config = TrainConfig(schedule=word, warmup=warmup / total, final_learning_rate=0.0)
    rates = [case["max_lr"] * learning_rate_share(i, total, config) for i in range(warmup, total + 1)]
    np.testing.assert_allclose(rates, case["lr"][warmup : total + 1], rtol=1e-9, atol=1e-12)


def test_warmup_stable_decay_is_flat_then_falls_to_its_end():
    config = TrainConfig(schedule="wsd", warmup=0.1, cooldown=0.2, final_learning_rate=0.1)
    shares = [learning_rate_share(i, 100, config) for i in range(101)]
    assert shares[0] == pytest.approx(1 / 11)
    assert shares[10] == shares[60] == 1.0
    assert shares[100] == pytest.approx(0.1)
    assert shares[95] < shares[85] < 1.0


def test_losses_match_pytorch():
    vectors = golden("cross_entropy")
    logits, targets, mask = vectors["logits"], vectors["targets"], vectors["mask"]

    def mean(logits):
        return losses.weighted_mean(losses.functional.cross_entropy(logits, targets), None)

    def masked(logits):
        return losses.weighted_mean(losses.functional.cross_entropy(logits, targets), mask)

    for function, value, gradient in ((mean, "mean", "dlogits_mean"), (masked, "masked_mean", "dlogits_masked_mean")):
        loss, d = mx.value_and_grad(function)(logits)
        assert loss.item() == pytest.approx(vectors[value].item(), abs=1e-5)
        np.testing.assert_allclose(d, vectors[gradient], atol=2e-5 * np.abs(np.array(vectors[gradient])).max())
    smoothed = losses.smoothed_cross_entropy(logits, targets, 0.1).mean()
    assert smoothed.item() == pytest.approx(vectors["label_smoothing_0.1_mean"].item(), abs=1e-5)
    assert losses.z_loss(logits).item() == pytest.approx(vectors["mean_squared_logsumexp"].item(), rel=1e-5)
