"""Tokenizers of each kind: one token a byte, one a character, and BPE with merges over spaces and newlines."""

import pytest

from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.fast import train_bpe
from mlxgpt.tokenizer.simple import byte_tokenizer, train_characters

SAMPLE = (
    "A lua nasceu devagar.\n\nO barco de Amélia voltou — disse o pai — com três peixes e uma história.\n"
    "Ninguém acreditou; todos ouviram.\r\n\r\n   Depois, silêncio…\n\n\nFim 123,45.\n"
) * 4


@pytest.fixture(scope="session", params=["byte", "char", "bpe"])
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    match request.param:
        case "byte":
            return byte_tokenizer()
        case "char":
            return train_characters([SAMPLE])
        case _:
            return train_bpe([SAMPLE], 380)
