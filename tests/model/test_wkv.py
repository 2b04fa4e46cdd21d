"""The operators of RWKV: chunks of any size are the recurrence, for any decay, any length and wherever a text is cut."""

import mlx.core as mx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxgpt.model import functional, wkv6, wkv7
from mlxgpt.model.rwkv7 import FASTEST

H, N = 2, 16
SIZES = st.sampled_from([16, 32, 64])
LENGTHS = st.integers(2, 150)
SEEDS = st.integers(0, 2**31)
DECAYS = st.tuples(st.floats(-15, 8), st.floats(-15, 8)).map(sorted)
ENDS = st.sampled_from([0.0, 0.05, 0.5, 1.0])  # share of tokens that end a document


def drawn6(seed: int, T: int, decays: list[float]) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    r, k, v = rng.normal(size=(3, 1, H, T, N))
    w = rng.uniform(*decays, size=(1, H, T, N))
    return [x.astype(np.float32) for x in (r, k, v, w, rng.normal(size=(H, N)), rng.normal(size=(1, H, N, N)))]


def drawn7(seed: int, T: int, decays: list[float]) -> list[np.ndarray]:
    """With stretches of one removal key, which is what is hard."""
    rng = np.random.default_rng(seed)
    r, k, v, kk = rng.normal(size=(4, 1, H, T, N))
    kk = kk[:, :, np.arange(T) // int(rng.integers(1, 40))]
    kk /= np.linalg.norm(kk, axis=-1, keepdims=True)
    lw = FASTEST / (1 + np.exp(-rng.uniform(*decays, size=(1, H, T, N))))
    rate = rng.uniform(0, 1, size=(1, H, T, N)) ** float(rng.choice([0.05, 1.0]))
    return [x.astype(np.float32) for x in (r, lw, k, v, -kk, kk * rate, rng.normal(size=(1, H, N, N)))]


def exactly6(r, k, v, w, u, S, ends):
    r, k, v, w, u, S = (x.astype(np.float64) for x in (r, k, v, w, u, S))
    d, ys = np.exp(-np.exp(w)), []
    for t in range(r.shape[2]):
        outer = k[:, :, t, :, None] * v[:, :, t, None, :]
        ys.append(np.einsum("bhi,bhij->bhj", r[:, :, t], S + u[..., None] * outer))
        S = (d[:, :, t, :, None] * S + outer) * (1 - ends[t])
    return np.stack(ys, axis=2), S


def exactly7(r, lw, k, v, a, b, S, ends):
    r, lw, k, v, a, b, S = (x.astype(np.float64) for x in (r, lw, k, v, a, b, S))
    ys = []
    for t in range(r.shape[2]):
        found = np.einsum("bhij,bhj->bhi", S, a[:, :, t])
        S = (
            S * np.exp(lw[:, :, t, None, :])
            + found[..., None] * b[:, :, t, None]
            + v[:, :, t, :, None] * k[:, :, t, None]
        )
        ys.append(np.einsum("bhij,bhj->bhi", S, r[:, :, t]))
        S = S * (1 - ends[t])
    return np.stack(ys, axis=2), S


def error(found: mx.array, expected: np.ndarray) -> float:
    assert np.isfinite(np.array(found)).all()
    return float(np.abs(np.array(found) - expected).max() / max(1e-30, np.abs(expected).max()))


CASES = {
    "rwkv6": (wkv6.wkv6, wkv6.chunked, drawn6, exactly6, 4),
    "rwkv7": (wkv7.wkv7, wkv7.chunked, drawn7, exactly7, 6),
}


@pytest.mark.parametrize("kind", CASES)
@settings(max_examples=60, deadline=None)
@given(seed=SEEDS, T=LENGTHS, decays=DECAYS, size=SIZES, share=ENDS, data=st.data())
def test_any_decay_any_length_any_cut(kind, seed, T, decays, size, share, data):
    op, chunked, draw, exactly, in_time = CASES[kind]
    cut = data.draw(st.integers(1, T - 1), label="cut")
    inputs = draw(seed, T, decays)
    ends = (np.random.default_rng(seed).random(T) < share).astype(np.float32)
    y, S = exactly(*inputs, ends)
    usual = chunked.__defaults__
    chunked.__defaults__ = (*usual[:-1], size)
    try:
        arrays, marks = [mx.array(x) for x in inputs], mx.array(ends[None]) if share else None

        def run(low, high, state):
            part = [x[:, :, low:high] for x in arrays[:in_time]]
            return op(*part, *arrays[in_time:-1], state, None if marks is None else marks[:, low:high])

        whole, after = run(0, T, arrays[-1])
        assert max(error(whole, y), error(after, S)) <= 5e-6
        first, between = run(0, cut, arrays[-1])
        second, after = run(cut, T, between)
        assert max(error(mx.concatenate([first, second], axis=2), y), error(after, S)) <= 5e-6
        gradients = mx.grad(lambda *xs: op(*xs, marks)[0].square().sum(), argnums=range(len(arrays)))(*arrays)
        assert all(mx.isfinite(g).all().item() for g in gradients)
    finally:
        chunked.__defaults__ = usual


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize("share", [0.0, 0.1])
def test_gradients_are_those_of_the_recurrence(kind, share):
    op, _, draw, _, _ = CASES[kind]
    module = wkv6 if kind == "rwkv6" else wkv7
    arrays = [mx.array(x) for x in draw(7, 77, [-6, 3])]
    ends = (mx.random.uniform(shape=(1, 77), key=mx.random.key(1)) < share).astype(mx.float32)

    def gradients():
        def loss(*given):
            y, state = op(*given, ends)
            return (y * mx.sin(mx.arange(y.size)).reshape(y.shape)).sum() + state.square().sum()

        return mx.grad(loss, argnums=range(len(arrays)))(*arrays)

    fast = gradients()
    quick, module.chunked = module.chunked, module.recurrent
    try:
        slow = gradients()
    finally:
        module.chunked = quick
    for one, other in zip(fast, slow, strict=True):
        assert mx.abs(one - other).max().item() <= 1e-5 * mx.abs(other).max().item()


def test_the_inverse_is_exact_where_powers_explode():
    """Every entry 1: powers of A reach 1e18, the inverse is still made of small whole numbers' doubles."""
    A = -mx.tril(mx.ones((64, 64)), -1)
    M = wkv7.inverse_of_one_minus(A)
    assert mx.abs(M @ (mx.eye(64) - A) - mx.eye(64)).max().item() <= 1e-6


@pytest.mark.parametrize("w", [-200.0, 20.0, 100.0, 1e30])
def test_the_gradient_of_a_decay_is_a_number_however_large_it_is(w):
    gradient = mx.grad(lambda x: functional.double_exp(x).sum())(mx.full((8,), w))
    assert mx.isfinite(gradient).all().item()
