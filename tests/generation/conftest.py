"""Tiny models with random weights, large enough for their choices to differ from token to token."""

import mlx.core as mx
import pytest
from mlx.utils import tree_map

from mlxgpt.model.config import ModelConfig
from mlxgpt.model.gpt import GPT
from mlxgpt.model.initialize import build
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.simple import byte_tokenizer


def tiny(position: str = "rope", **changes: object) -> GPT:
    """A model with byte vocabulary and a context of 16 tokens; weights are 8 times their usual size."""
    chosen: dict[str, object] = {"context_length": 16, "n_layer": 2, "n_head": 2, "n_embd": 32, "position": position}
    model = build(ModelConfig(vocab_size=265, **(chosen | changes)))
    model.update(tree_map(lambda array: array * 8 if array.ndim == 2 else array, model.parameters()))
    mx.eval(model.parameters())
    return model


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return byte_tokenizer()


@pytest.fixture(scope="session")
def make():
    return tiny
