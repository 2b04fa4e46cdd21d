"""Small models to look into: one of today's parts and one of GPT-2's, so that no lesson leans on the shipped one."""

from functools import cache
from pathlib import Path

import pytest

from mlxgpt import checkpoint
from mlxgpt.backend import places
from mlxgpt.lessons.config import LessonConfig
from mlxgpt.lessons.subject import Subject
from mlxgpt.model import initialize
from mlxgpt.model.config import ModelConfig
from mlxgpt.tokenizer.fast import train_bpe
from mlxgpt.tokenizer.simple import byte_tokenizer

SHAPES = {
    "modern": {
        "norm": "rmsnorm", "position": "rope", "ffn": "swiglu", "bias": "none", "n_kv_head": 2, "qk_norm": "head",
    },
    "gpt2": {"norm": "layernorm", "position": "learned", "ffn": "gelu_tanh", "bias": "all", "tie_embeddings": False},
    "first": {"norm_placement": "residual", "position": "sinusoidal", "ffn": "relu", "attn_softcap": 20.0},
}  # fmt: skip


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A directory for each of SHAPES, with random weights and a small tokenizer of the corpus."""
    tokenizer = train_bpe([places.corpus().read_text(encoding="utf-8")[:20_000]], 400)
    folders = {}
    for name, words in SHAPES.items():
        shape = ModelConfig(
            name=name, vocab_size=400, n_layer=2, n_head=4, n_embd=32, context_length=48, init="gpt2", **words
        )  # fmt: skip
        folders[name] = tmp_path_factory.mktemp(name)
        checkpoint.save(folders[name], initialize.build(shape, seed=1), tokenizer, {})
    for block in ("rwkv6", "rwkv7"):
        folders[block] = tmp_path_factory.mktemp(block)
        shape = ModelConfig(
            name=block, block=block, position="none", vocab_size=400, n_layer=2, n_head=2, n_embd=32, context_length=48
        )
        checkpoint.save(folders[block], initialize.build(shape, seed=1), tokenizer, {})
    folders["short"] = tmp_path_factory.mktemp("short")  # sees fewer tokens than the lessons' sentence has bytes
    shape = ModelConfig(name="short", vocab_size=265, n_layer=1, n_head=1, n_embd=16, context_length=16)
    checkpoint.save(folders["short"], initialize.build(shape, seed=1), byte_tokenizer(), {})
    return folders


@pytest.fixture(scope="session")
def given(models):
    """The events of a lesson on a model, given once for all tests."""
    from mlxgpt.lessons.teach import teach

    @cache
    def give(lesson: str, model: str = "", lang: str = "pt", **panels: bool):
        model = model or ("rwkv7" if lesson == "recurrent_memory" else "modern")
        config = LessonConfig(modules=(lesson,), lang=lang, model=str(models[model]), **panels)
        return list(teach(config, device="cpu"))

    return give


@pytest.fixture(scope="session")
def subject(models):
    """The small modern model, opened."""
    return Subject.load(str(models["modern"]), "cpu")


@pytest.fixture(scope="session")
def shipped():
    """The model that ships with mlxgpt."""
    return Subject.load("nano-pt", "cpu")
