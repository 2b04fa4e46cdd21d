"""Models made with PyTorch and transformers, loaded and compared number by number (tests/golden/README.md)."""

import json
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import mlx.optimizers as optim
import numpy as np
import pytest
from mlx.utils import tree_flatten

from mlxgpt.convert import huggingface
from mlxgpt.convert.names import to_hf
from mlxgpt.model import functional
from mlxgpt.model.cache import KVCache, RotatingKVCache
from mlxgpt.model.gpt import GPT

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = ("gpt2", "llama", "llama3_rope", "qwen2", "qwen3", "gemma2")


class Watch:
    """A tap that keeps what its names end with."""

    def __init__(self, *endings: str) -> None:
        self.endings, self.kept = endings, {}

    def __call__(self, name, value):
        if name.endswith(self.endings):
            self.kept[name] = value
        return value

    def wants(self, name):
        return name.endswith(self.endings)


class Case:
    """One golden directory."""

    def __init__(self, name: str) -> None:
        self.directory = GOLDEN / name
        self.ids = mx.array(np.load(self.directory / "input_ids.npy"))
        self.arrays = mx.load(str(self.directory / "expected.safetensors"))
        self.values = json.loads((self.directory / "expected.json").read_text())
        self.model_type = json.loads((self.directory / "config.json").read_text())["model_type"]

    def model(self) -> GPT:
        return huggingface.load(self.directory)


@pytest.fixture(params=["kernels", "linux_cpu"], autouse=True)
def formulation(request, monkeypatch):
    """Both ways of computing, whatever the machine and the size of the arrays."""
    monkeypatch.setattr(functional, "on_linux_cpu", lambda x: request.param == "linux_cpu" and x.dtype == mx.float32)


@pytest.fixture(params=CASES, autouse=True)
def case(request):
    device = mx.default_device()
    mx.set_default_device(mx.cpu)
    yield Case(request.param)
    mx.set_default_device(device)


def loss_of(model: GPT, ids: mx.array) -> mx.array:
    return functional.cross_entropy(model(ids[:, :-1]), ids[:, 1:]).mean()


def close(a: mx.array, b: mx.array, tolerance: float) -> None:
    assert a.shape == b.shape
    assert mx.abs(a - b).max().item() <= tolerance


def test_logits_and_losses(case):
    logits = case.model()(case.ids)
    close(logits, case.arrays["logits"], 5e-5)
    per_token = functional.cross_entropy(logits[:, :-1], case.ids[:, 1:])
    close(per_token, case.arrays["per_token_loss"], 1e-5)
    assert abs(per_token.mean().item() - case.values["loss"]) <= 1e-5


def test_hidden_states_and_attention_maps(case):
    model, watch = case.model(), Watch("embed", "resid_post", "final_norm", "pattern")
    logits = model(case.ids, tap=watch)
    layers = range(model.config.n_layer)
    hidden = [
        watch.kept["embed"],
        *(watch.kept[f"blocks.{i}.resid_post"] for i in layers[:-1]),
        watch.kept["final_norm"],
    ]
    close(mx.stack(hidden), case.arrays["hidden_states"], 5e-5)
    close(mx.stack([watch.kept[f"blocks.{i}.attn.pattern"] for i in layers]), case.arrays["attentions"], 1e-5)
    close(logits, case.arrays["logits"], 5e-5)


def test_every_gradient(case):
    model = case.model()
    loss, gradients = nn.value_and_grad(model, loss_of)(model, case.ids)
    assert abs(loss.item() - case.values["loss"]) <= 1e-5
    gradients = to_hf(model.config, dict(tree_flatten(gradients)), case.model_type)
    expected = mx.load(str(case.directory / "grads.safetensors"))
    assert gradients.keys() == expected.keys()
    for name, gradient in gradients.items():
        close(gradient, expected[name], 2e-5 * mx.abs(expected[name]).max().item())
        norm = case.values["grad_norms"][name]
        assert abs(mx.linalg.norm(gradient).item() - norm) <= 1e-5 * norm


def test_five_adamw_steps(case):
    model, settings = case.model(), case.values["adamw"]
    optimizer = optim.AdamW(learning_rate=1e-2, betas=[0.9, 0.95], eps=1e-8, weight_decay=0.1, bias_correction=True)
    step = nn.value_and_grad(model, loss_of)
    for expected in settings["loss_after_step"]:
        optimizer.update(model, step(model, case.ids)[1])
        mx.eval(model.parameters())
        assert abs(loss_of(model, case.ids).item() - expected) <= 1e-4


def test_greedy_continuation(case):
    model, greedy = case.model(), case.values["greedy"]
    ids = list(greedy["prompt"])
    for _ in greedy["continuation"]:
        ids.append(model(mx.array([ids]))[0, -1].argmax().item())
    assert ids[len(greedy["prompt"]) :] == greedy["continuation"]


@pytest.mark.parametrize("chunks", [[1] * 24, [7, 1, 1, 9, 6], [23, 1]], ids=["tokens", "chunks", "prefill"])
@pytest.mark.parametrize("make", [KVCache, lambda: RotatingKVCache(64, keep=4)], ids=["full", "rotating"])
def test_cached_decoding(case, make, chunks):
    model = case.model()
    cache = [make() for _ in model.layers]
    pieces, start = [], 0
    for size in chunks:
        pieces.append(model(case.ids[:, start : start + size], cache))
        start += size
    close(mx.concatenate(pieces, axis=1), case.arrays["logits"][:, :24], 5e-5)


def test_saving_and_loading_changes_nothing(case, tmp_path):
    model = case.model()
    assert huggingface.save(model, tmp_path) == case.model_type or case.model_type == "gemma2"
    again = huggingface.load(tmp_path)
    assert again.config == model.config
    assert mx.array_equal(again(case.ids), model(case.ids))
