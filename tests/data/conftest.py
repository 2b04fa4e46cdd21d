"""Texts to build from, and a build of them."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mlxgpt.data.build import build_dataset
from mlxgpt.data.config import BuildConfig, SourceConfig
from mlxgpt.events import Event
from mlxgpt.tokenizer import registry
from mlxgpt.tokenizer.fast import FastTokenizer

WORDS = (
    "a",
    "casa",
    "o",
    "rio",
    "uma",
    "menina",
    "abriu",
    "viu",
    "porta",
    "mar",
    "azul",
    "grande",
    "e",
    "de",
    "não",
    "é",
)


def text(number: int, words: int = 60) -> str:
    """A text that no other number gives."""
    draw = random.Random(number)
    return f"Texto {number}. <EOS> " + " ".join(draw.choice(WORDS) for _ in range(words)) + "."


@pytest.fixture(scope="session")
def tokenizer() -> FastTokenizer:
    from mlxgpt.tokenizer.config import TokenizerConfig

    return registry.train(map(text, range(30)), TokenizerConfig(algorithm="bpe", vocab_size=310))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three files with 120 texts."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for part in range(3):
        (folder / f"{part}.txt").write_text("\n\n\n".join(text(40 * part + n) for n in range(40)), encoding="utf-8")
    return folder


Build = Callable[..., list[Event]]


@pytest.fixture
def build(tmp_path: Path, corpus: Path, tokenizer: FastTokenizer) -> Build:
    """Builds a dataset of the corpus at `out`, or with other settings."""

    def run(**settings: Any) -> list[Event]:
        restart, stop = settings.pop("restart", False), settings.pop("stop", None)
        usual = {
            "sources": (SourceConfig(paths=(str(corpus),)),),
            "output": tmp_path / "out",
            "val": 0.1,
            "shard_size": "5kB",
        }
        return list(build_dataset(BuildConfig(**{**usual, **settings}), tokenizer, restart=restart, stop=stop))

    return run


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a dataset."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
