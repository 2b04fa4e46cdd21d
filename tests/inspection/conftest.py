"""Models to look into: the golden ones, made by PyTorch, and the one that is shipped."""

import json
from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_map

from mlxgpt import jobs
from mlxgpt.convert import huggingface
from mlxgpt.inspection.inspector import Inspector
from mlxgpt.inspection.reports import Passage
from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.model.initialize import build
from mlxgpt.tokenizer.simple import byte_tokenizer

GOLDEN = Path(__file__).parents[1] / "golden"
CASES = ("gpt2", "llama", "llama3_rope", "qwen2", "qwen3", "gemma2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A golden model, the ids it read and what PyTorch found."""

    model: GPT
    ids: np.ndarray  # (B, T)
    expected: dict[str, np.ndarray]
    values: dict

    def passage(self, row: int = 0) -> Passage:
        """One row as a text; golden models have no tokenizer."""
        ids = tuple(int(token) for token in self.ids[row])
        return Passage(model="golden", text="x" * len(ids), ids=ids, pieces=tuple(map(str, ids)))


@pytest.fixture(autouse=True)
def on_the_cpu():
    device = mx.default_device()
    mx.set_default_device(mx.cpu)
    yield
    mx.set_default_device(device)


@pytest.fixture(params=CASES)
def case(request) -> Case:
    directory = GOLDEN / request.param
    arrays = mx.load(str(directory / "expected.safetensors"))
    return Case(
        model=huggingface.load(directory),
        ids=np.load(directory / "input_ids.npy"),
        expected={name: np.array(array) for name, array in arrays.items()},
        values=json.loads((directory / "expected.json").read_text()),
    )


@pytest.fixture(scope="session")
def nano() -> Inspector:
    return jobs.open_inspector("nano-pt", device="cpu")


@pytest.fixture(scope="session", params=["rwkv6", "rwkv7"])
def recurrent(request) -> Inspector:
    """A tiny recurrent model whose weights are far from their initial values."""
    return tiny_recurrent(request.param)


@pytest.fixture(scope="session", params=["nano", "rwkv6", "rwkv7"])
def either(request, nano) -> Inspector:
    """A model with attention, and those without."""
    return nano if request.param == "nano" else tiny_recurrent(request.param)


def tiny_recurrent(block: str) -> Inspector:
    """See `recurrent`."""
    tokenizer = byte_tokenizer()
    shape = {"vocab_size": tokenizer.vocab_size, "n_layer": 2, "n_embd": 32, "n_head": 2, "context_length": 8}
    model = build(ModelConfig(name="tiny", block=block, position="none", **shape))
    keys = iter(mx.random.split(mx.random.key(1), 200))
    model.update(tree_map(lambda p: p + 0.1 * mx.random.normal(p.shape, key=next(keys)), model.parameters()))
    return Inspector(model, tokenizer, "tiny")
