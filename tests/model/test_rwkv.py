"""RWKV-6 and RWKV-7 against their golden vectors (tests/golden/rwkv6, rwkv7): every quantity, both ways of computing."""

import json
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from mlx.utils import tree_flatten

from mlxgpt.model import functional, wkv6, wkv7
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.model.initialize import build
from mlxgpt.model.shapes import parameter_shapes

GOLDEN = Path(__file__).parents[1] / "golden"
RANKS = {
    "rwkv6": {"mix_rank": 8, "decay_rank": 16},
    "rwkv7": {"decay_rank": 8, "rate_rank": 8, "value_rank": 8, "gate_rank": 16},
}
TOP = {"emb.weight": "embedding.weight", "ln_out.weight": "final_norm.weight", "ln_out.bias": "final_norm.bias"}
SPLIT = 29


class Case:
    """One golden directory."""

    def __init__(self, kind: str) -> None:
        self.kind, self.directory = kind, GOLDEN / kind
        self.values = dict(np.load(self.directory / "golden.npz"))
        table = json.loads((self.directory / "config.json").read_text())
        self.config = ModelConfig(
            block=kind, vocab_size=79, n_layer=3, n_embd=48, n_head=3, d_ffn=table["dim_ffn"], position="none",
            tie_embeddings=False, **RANKS[kind],
        )  # fmt: skip
        self.ids, self.targets = mx.array(self.values["input_ids"]), mx.array(self.values["targets"])

    def tensors(self, file: str) -> dict[str, mx.array]:
        """A file of official names, in ours."""
        shapes = parameter_shapes(self.config)
        arrays = {TOP.get(name, name): array for name, array in mx.load(str(self.directory / file)).items()}
        return {name: array.reshape(shapes[name]) for name, array in arrays.items()}

    def model(self) -> GPT:
        model = GPT(self.config)
        model.load_weights(list(self.tensors("weights.safetensors").items()))
        return model


@pytest.fixture(params=["rwkv6", "rwkv7"])
def case(request):
    return Case(request.param)


def close(a: mx.array, b, tolerance: float) -> None:
    assert a.shape == b.shape
    assert np.abs(np.array(a.astype(mx.float32), np.float64) - np.array(b, np.float64)).max() <= tolerance


def loss_of(model: GPT, case: Case) -> mx.array:
    return functional.cross_entropy(model(case.ids), case.targets).mean()


@pytest.mark.usefixtures("formulation")
class TestGolden:
    def test_logits_and_loss(self, case):
        model = case.model()
        close(model(case.ids), case.values["logits"], 5e-5)
        close(loss_of(model, case), case.values["loss"], 1e-5)

    def test_every_gradient(self, case):
        model = case.model()
        gradients = dict(tree_flatten(nn.value_and_grad(model, lambda m: loss_of(m, case))(model)[1]))
        expected = case.tensors("grads.safetensors")
        assert gradients.keys() == expected.keys()
        for name, gradient in gradients.items():
            close(gradient, expected[name], 5e-5 * mx.abs(expected[name]).max().item())

    @pytest.mark.parametrize("sizes", [[29, 16], [1] * 45, [7, 1, 21, 16]], ids=["halves", "tokens", "pieces"])
    def test_states_wherever_the_text_is_split(self, case, sizes):
        model, cache, pieces, at = case.model(), case.model().make_cache(), [], 0
        for size in sizes:
            pieces.append(model(case.ids[:, at : at + size], cache))
            at += size
            if at in (SPLIT, 45):
                for name in ("att_shift", "wkv", "ffn_shift"):
                    state = mx.stack([getattr(layer, name) for layer in cache])
                    close(state, case.values[f"state{at}.{name}"], 1e-4)
        close(mx.concatenate(pieces, axis=1), case.values["logits"], 5e-5)

    def test_greedy_text(self, case):
        model = case.model()
        cache = model.make_cache()
        token, written = model(case.ids[:, :SPLIT], cache)[:, -1].argmax(axis=-1), []
        for _ in range(24):
            written.append(token)
            token = model(token[:, None], cache)[:, -1].argmax(axis=-1)
        assert np.array_equal(np.array(mx.stack(written, axis=1)), case.values["greedy"])


def test_bfloat16_computes_about_the_same_with_a_state_in_float32(case):
    model, cache = case.model(), case.model().make_cache()
    model.set_dtype(mx.bfloat16)
    logits = model(case.ids[:, :40], cache)
    assert logits.dtype == mx.bfloat16
    assert {layer.wkv.dtype for layer in cache} == {mx.float32}
    one = model(case.ids[:, 40:41], cache)
    scale = np.abs(case.values["logits"]).max()
    close(mx.concatenate([logits, one], axis=1), case.values["logits"][:, :41], 0.1 * scale)
    gradients = tree_flatten(nn.value_and_grad(model, lambda m: loss_of(m, case))(model)[1])
    assert all(mx.isfinite(gradient).all().item() and gradient.dtype == mx.bfloat16 for _, gradient in gradients)


@pytest.mark.usefixtures("formulation")
@pytest.mark.parametrize("size", [16, 32, 64])
@pytest.mark.parametrize("kind", ["rwkv6", "rwkv7"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(mx.float32, 5e-6), (mx.bfloat16, 3e-2)], ids=["float32", "bfloat16"])
def test_the_operator_on_its_hardest_case(kind, size, dtype, tolerance, monkeypatch):
    """Decays down to e^-148; a removal key that repeats 24 times at a rate near 1: where the usual formulas give nan."""
    module, op, name = (wkv6, wkv6.wkv6, "extreme") if kind == "rwkv6" else (wkv7, wkv7.wkv7, "repeat")
    monkeypatch.setattr(module.chunked, "__defaults__", (*(module.chunked.__defaults__[:-1]), size))
    arrays = np.load(GOLDEN / kind / f"wkv{kind[-1]}_op.npz")
    names = ("r", "k", "v", "w") if kind == "rwkv6" else ("r", "lw", "k", "v", "a", "b")

    def get(part, exact=False):
        array = mx.array(arrays[f"{name}.{part}"])
        array = array.swapaxes(1, 2) if array.ndim == 4 and not part.endswith(("s0", "sT")) else array
        return array.astype(dtype if part in ("r", "k", "v", "u", "a", "b") else mx.float32)

    inputs = [*map(get, names), *([get("u")] if kind == "rwkv6" else []), get("s0")]
    outputs, gradients = mx.vjp(lambda *given: list(op(*given)), inputs, [get("dy"), get("dsT")])
    labels = ["y", "sT", *(f"d{part}" for part in names), *(["du"] if kind == "rwkv6" else []), "ds0"]
    for label, found in zip(labels, [*outputs, *gradients], strict=True):
        expected = get(label)
        close(found, expected, tolerance * mx.abs(expected).max().item())


@pytest.mark.parametrize("kind", ["rwkv6", "rwkv7"])
def test_initial_values_are_the_official_ones(kind):
    values = dict(np.load(GOLDEN / kind / "golden.npz"))
    config = ModelConfig(
        block=kind, vocab_size=300, n_layer=4, n_embd=128, n_head=2, position="none", tie_embeddings=False
    )
    model = dict(tree_flatten(build(config).parameters()))
    official = [name for name in values if name.startswith("init.")]
    assert len(official) >= 40
    for name in official:
        _, layer, leaf = name.split(".", 2)
        if leaf.startswith("att.v0") and layer == "0":
            continue  # the first block has none
        close(model[f"blocks.{layer}.{leaf}"], values[name].reshape(model[f"blocks.{layer}.{leaf}"].shape), 2e-6)
    for name, gain in (("att.receptance", 1.0), ("att.key", 0.1), ("ffn.key", 1.0)):
        matrix = model[f"blocks.1.{name}.weight"]
        close(matrix.T @ matrix, gain**2 * mx.eye(128), 1e-5)
    assert mx.abs(model["embedding.weight"]).max().item() <= 1e-4
    close(model["head.weight"].T @ model["head.weight"], 0.25 * 300 / 128 * mx.eye(128), 1e-5)
    for name in ("att.output", "ffn.value", *(["ffn.receptance"] if kind == "rwkv6" else [])):
        assert not model[f"blocks.2.{name}.weight"].any().item()
