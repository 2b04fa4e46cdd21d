"""Tiny models with random weights, large enough for their choices to differ from token to token."""

import mlx.core as mx
import pytest
from mlx.utils import tree_flatten, tree_unflatten

from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.simple import byte_tokenizer


def tiny(position: str = "rope", **changes: object) -> GPT:
    """A model of bytes with a context of 16 and matrices from N(0, 0.3), so that greedy text is not one token."""
    chosen: dict[str, object] = {
        "context_length": 16, "n_layer": 2, "n_head": 2, "n_embd": 32, "norm": "rmsnorm", "bias": "none",
        "tie_embeddings": False,
    }  # fmt: skip
    model = GPT(ModelConfig(vocab_size=265, position=position, **(chosen | changes)))
    matrices = [(name, value.shape) for name, value in tree_flatten(model.parameters()) if value.ndim == 2]
    values = [(name, mx.random.normal(shape, key=mx.random.key(i)) * 0.3) for i, (name, shape) in enumerate(matrices)]
    model.update(tree_unflatten(values))
    mx.eval(model.parameters())
    return model


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return byte_tokenizer()


@pytest.fixture(scope="session")
def make():
    return tiny
