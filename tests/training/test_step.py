"""One step, several ways: compiled and accumulated steps give what the plain one gives."""

import mlx.core as mx
import numpy as np
import pytest

from mlxgpt.data.loader import Batch
from mlxgpt.model import initialize
from mlxgpt.model.config import ModelConfig
from mlxgpt.training.optimizers import AdamW, Muon, Optimizer
from mlxgpt.training.step import Stepper

CONFIG = ModelConfig(
    vocab_size=40,
    n_layer=2,
    n_head=2,
    n_embd=16,
    context_length=12,
    norm="rmsnorm",
    ffn="swiglu",
    position="rope",
    bias="none",
)


def batch(rows, seed=0, masked=False):
    random = np.random.default_rng(seed)
    ids = random.integers(0, 40, (rows, 13)).astype(np.int32)
    weights = (random.random((rows, 12)) < 0.6).astype(np.float32) if masked else None
    return Batch(inputs=ids[:, :-1], targets=ids[:, 1:], weights=weights, epoch=0.0)


def pieces(whole, n):
    def part(array, i):
        return None if array is None else np.split(array, n)[i]

    return [
        Batch(inputs=part(whole.inputs, i), targets=part(whole.targets, i), weights=part(whole.weights, i), epoch=0.0)
        for i in range(n)
    ]


def stepper(muon=True, **options):
    optimizer = Optimizer(adamw=AdamW(), muon=Muon() if muon else None)
    return Stepper(initialize.build(CONFIG, seed=3), optimizer, **options)


def after(stepper, batches_of_steps):
    losses = []
    for batches in batches_of_steps:
        loss, norm = stepper.step(batches, 1e-2, 2e-2)
        stepper.evaluate(loss, norm)
        losses.append((loss.item(), norm.item()))
    return losses, stepper.parameters


def assert_same(one, other, atol):
    losses, parameters = one
    np.testing.assert_allclose(losses, other[0], rtol=1e-5)
    for name, p in parameters.items():
        np.testing.assert_allclose(p, other[1][name], atol=atol, err_msg=name)


STEPS = [batch(4, seed) for seed in range(3)]
MASKED = [batch(4, seed, masked=True) for seed in range(3)]


@pytest.mark.parametrize("steps", [STEPS, MASKED], ids=["plain", "masked"])
@pytest.mark.parametrize("muon", [False, True], ids=["adamw", "muon"])
def test_compiled_and_accumulated_steps_equal_the_plain_one(steps, muon):
    plain = after(stepper(muon, compiled=False), [[step] for step in steps])
    assert_same(plain, after(stepper(muon, compiled=True), [[step] for step in steps]), atol=1e-4)
    assert_same(plain, after(stepper(muon, compiled=True), [pieces(step, 4) for step in steps]), atol=1e-4)


def test_the_same_steps_give_the_same_bits():
    one, other = (after(stepper(), [[step] for step in STEPS]) for _ in range(2))
    assert one[0] == other[0]
    assert all(mx.array_equal(p, other[1][name]) for name, p in one[1].items())


def test_a_step_lowers_the_loss_on_its_own_batch():
    trained = stepper()
    losses, _ = after(trained, [[STEPS[0]]] * 10)
    assert losses[-1][0] < losses[0][0] - 0.5


def test_bfloat16_steps_keep_float32_weights_and_follow_the_float32_loss():
    full, _ = after(stepper(muon=False), [[step] for step in STEPS])
    half = stepper(muon=False, dtype=mx.bfloat16)
    losses, parameters = after(half, [[step] for step in STEPS])
    assert all(p.dtype == mx.float32 for p in parameters.values())
    np.testing.assert_allclose([loss for loss, _ in losses], [loss for loss, _ in full], rtol=2e-2)


def test_dropout_needs_a_key_and_follows_it():
    config = CONFIG.with_(dropout=0.5)
    made = Stepper(initialize.build(config, seed=3), Optimizer(adamw=AdamW()))
    keys = [None, None, mx.random.key(1), mx.random.key(1), mx.random.key(2)]
    losses = [made.step([STEPS[0]], 0.0, 0.0, key)[0].item() for key in keys]
    assert losses[0] == losses[1] and losses[2] == losses[3]
    assert len(set(losses)) == 3
