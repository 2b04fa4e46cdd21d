"""Ids of long texts, made in pieces, are the ids of the whole."""

import random

import numpy as np
import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers

from mlxgpt.chunking import encoding
from mlxgpt.chunking.encoding import encode_texts
from mlxgpt.tokenizer.base import Tokenizer
from mlxgpt.tokenizer.fast import FastTokenizer

WORDS = [
    "lua",
    " mar",
    "\n",
    "\n\n",
    " \n",
    "A",
    "é",
    ".",
    ",\n",
    "\r\n",
    "  ",
    "'s",
    "1",
    "—",
    "\n\t",
    "\u00a0",
    "\x1c",
]


def test_pieces_joined_equal_the_whole(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "PIECE_CHARACTERS", 20)
    draw = random.Random(1)
    texts = ["".join(draw.choices(WORDS, k=400)) for _ in range(20)]
    assert sum(len(encoding._pieces(text, tokenizer)) for text in texts) > 5 * len(texts)
    for text, ids in zip(texts, encode_texts(texts, tokenizer), strict=True):
        assert ids.tolist() == tokenizer.encode(text)


def test_short_and_empty_texts_come_back_in_order(tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "BATCH_CHARACTERS", 5)
    texts = ["lua", "", "e o mar", "A", ""]
    assert [ids.tolist() for ids in encode_texts(texts, tokenizer)] == [tokenizer.encode(text) for text in texts]
    assert list(encode_texts([], tokenizer)) == []


def test_a_tokenizer_that_puts_a_space_before_each_text_gets_texts_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoding, "PIECE_CHARACTERS", 8)
    backend = Backend(models.WordLevel({"▁a": 0, "▁b": 1, "▁a.\nb": 2, "a": 3, "b": 4, "<UNK>": 5}, unk_token="<UNK>"))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    backend.decoder = decoders.Metaspace()
    tokenizer = FastTokenizer(backend, {})
    text = "a.\nb " * 20
    assert np.array_equal(next(encode_texts([text], tokenizer)), tokenizer.encode(text))
    assert encoding._pieces(text, tokenizer) == [text]
