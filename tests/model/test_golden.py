"""The building blocks against PyTorch (tests/golden/README.md), as kernels and as formulated for Linux CPUs."""

from pathlib import Path

import mlx.core as mx
import pytest

from mlxgpt.model import functional
from mlxgpt.model.attention import explicit, fused
from mlxgpt.model.cache import causal_mask
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.layers import GatedFeedForward
from mlxgpt.model.positions import RotaryPositions, sinusoids
from mlxgpt.model.tap import NO_TAP

pytestmark = pytest.mark.usefixtures("formulation")
NN = Path(__file__).parents[1] / "golden" / "nn"


def golden(name: str) -> dict[str, mx.array]:
    return mx.load(str(NN / f"{name}.safetensors"))


def close(a: mx.array, b: mx.array, tolerance: float = 1e-5) -> None:
    assert a.shape == b.shape
    assert mx.abs(a - b).max().item() <= tolerance


def agree(function, arrays: dict[str, mx.array], names: tuple[str, ...]) -> None:
    """y = f(inputs), and the gradient of sum(y * dy) for each input."""
    inputs = [arrays[name] for name in names]
    (y,), gradients = mx.vjp(lambda *given: [function(*given)], inputs, [arrays["dy"]])
    close(y, arrays["y"])
    for name, gradient in zip(names, gradients, strict=True):
        expected = arrays[f"d{name}"]
        close(gradient, expected, 2e-5 * mx.abs(expected).max().item())


def test_layer_norm():
    agree(lambda x, w, b: functional.layer_norm(x, w, b, 1e-3), golden("layer_norm"), ("x", "weight", "bias"))


def test_rms_norm():
    agree(lambda x, w: functional.rms_norm(x, w, 1e-3), golden("rms_norm"), ("x", "weight"))


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("gelu_exact", functional.gelu),
        ("gelu_tanh", functional.gelu_tanh),
        ("silu", functional.silu),
        ("relu_squared", functional.relu_squared),
    ],
)
def test_activation(name, function):
    agree(function, golden(name), ("x",))


@pytest.mark.parametrize(("name", "activation"), [("swiglu_mlp", functional.silu), ("geglu_mlp", functional.gelu_tanh)])
def test_gated_feed_forward(name, activation):
    layer = GatedFeedForward(ModelConfig(n_embd=16, d_ffn=40, ffn="swiglu", bias="none"), activation)

    def run(x, gate, up, down):
        layer.gate_proj.weight, layer.up_proj.weight, layer.down_proj.weight = gate, up, down
        return layer(x, NO_TAP)

    agree(run, golden(name), ("x", "gate", "up", "down"))


def test_sinusoidal():
    close(sinusoids(50, 16), golden("sinusoidal")["interleaved"])


@pytest.mark.parametrize(
    ("name", "theta", "offset"),
    [("halves_base10000", 1e4, 0), ("halves_base500", 500.0, 0), ("halves_base10000_offset5", 1e4, 5)],
)
def test_rope(name, theta, offset):
    arrays = golden("rope")
    positions = RotaryPositions(ModelConfig(n_embd=32, n_head=4, position="rope", rope_theta=theta))
    close(positions.rotate(arrays["x"], offset), arrays[name])
    close(positions.rotate(arrays["x"], mx.array([offset, offset])), arrays[name])


@pytest.mark.parametrize(("name", "window"), [("causal", 0), ("gqa", 0), ("window4", 4)])
def test_fused_attention(name, window):
    mask = causal_mask(9, window=window) if window else "causal"
    agree(
        lambda q, k, v: fused(q, k, v, scale=8**-0.5, mask=mask, window=window),
        golden(f"attention_{name}"),
        ("q", "k", "v"),
    )


@pytest.mark.parametrize(
    ("name", "window", "softcap"), [("causal", 0, 0.0), ("gqa", 0, 0.0), ("window4", 4, 0.0), ("softcap2", 0, 2.0)]
)
def test_explicit_attention(name, window, softcap):
    arrays = golden(f"attention_{name}")
    mask = causal_mask(9, window=window) if window else "causal"
    seen = {}

    class Tap:
        def __call__(self, name, value):
            return seen.setdefault(name, value)

        def wants(self, name):
            return True

    def run(q, k, v, tap=NO_TAP):
        return explicit(q, k, v, scale=8**-0.5, mask=mask, softcap=softcap, tap=tap)

    agree(run, arrays, ("q", "k", "v"))
    run(arrays["q"], arrays["k"], arrays["v"], Tap())
    close(seen["pattern"], arrays["probs"])


def test_cross_entropy():
    arrays = golden("cross_entropy")
    logits, targets, mask = arrays["logits"], arrays["targets"], arrays["mask"]
    close(functional.cross_entropy(logits, targets), arrays["per_token"])

    def mean(logits):
        return functional.cross_entropy(logits, targets).mean()

    def masked_mean(logits):
        return (functional.cross_entropy(logits, targets) * mask).sum() / mask.sum()

    for function, name in ((mean, "mean"), (masked_mean, "masked_mean")):
        value, gradient = mx.value_and_grad(function)(logits)
        close(value.reshape(1), arrays[name])
        expected = arrays[f"dlogits_{name}"]
        close(gradient, expected, 2e-5 * mx.abs(expected).max().item())
