"""Tokenizers that several tests share, trained once."""

from pathlib import Path

import pytest

from mlxgpt.tokenizer.fast import FastTokenizer, train_bpe
from mlxgpt.tokenizer.simple import byte_tokenizer, train_characters

GOLDEN = Path(__file__).parent.parent / "golden" / "tokenizer"


@pytest.fixture(scope="session")
def corpus() -> str:
    return (GOLDEN / "corpus.txt").read_text(encoding="utf-8") + (
        "O coração da moça não é de pedra; é de açúcar, e derrete à chuva de verão.\n" * 3
        + "It's they're we'll I'd you've — 2024, 3.14, 一二三, ½ Ⅷ, नमस्ते, e\u0301, 👩‍👩‍👧\n" * 3
        + "aaaa aaaaa aaaaaaa\r\n\r\n\t x\n" * 3
    )


@pytest.fixture(scope="session")
def trained(corpus: str) -> FastTokenizer:
    return train_bpe(corpus.splitlines(keepends=True), vocab_size=450)


@pytest.fixture(scope="session", params=["bpe", "byte", "char"])
def own_tokenizer(request: pytest.FixtureRequest, corpus: str, trained: FastTokenizer) -> FastTokenizer:
    """Each kind of tokenizer that we make."""
    match request.param:
        case "bpe":
            return trained
        case "byte":
            return byte_tokenizer()
        case _:
            return train_characters([corpus])
