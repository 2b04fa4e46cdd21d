"""Documents in one stream of tokens, with the bytes they stand for."""

import numpy as np
import pytest
from tokenizers import Tokenizer as Backend
from tokenizers import models

from mlxgpt.chunking.registry import CHUNKERS, create
from mlxgpt.data.documents import Document
from mlxgpt.data.packing import pack, require_context
from mlxgpt.errors import DataError, TokenizerError
from mlxgpt.tokenizer.chat import Message, chat_example
from mlxgpt.tokenizer.fast import FastTokenizer
from mlxgpt.tokenizer.simple import byte_tokenizer

SOURCE = "a.txt"
EOS, CHUNK = 3, 4
BYTES = byte_tokenizer()
CHAT = (Message(role="user", content="Oi?"), Message(role="assistant", content="Olá!"))


def text(content: str) -> Document:
    return Document(text=content, source=SOURCE)


def test_each_document_is_followed_by_eos() -> None:
    stream = pack([text("lua"), text("é")], BYTES)
    assert stream.ids.tolist() == [*BYTES.encode("lua"), EOS, *BYTES.encode("é"), EOS]
    assert stream.mask is None
    assert stream.ends.tolist() == [4, 7]
    assert stream.text_bytes == 5


def test_chunks_are_joined_by_the_chunk_token() -> None:
    stream = pack([text("abcdef"), text("gh")], BYTES, create("fixed", max_size=4))
    expected = [*BYTES.encode("abcd"), CHUNK, *BYTES.encode("ef"), EOS, *BYTES.encode("gh"), EOS]
    assert stream.ids.tolist() == expected
    assert stream.text_bytes == 8


@pytest.mark.parametrize("strategy", CHUNKERS)
def test_every_strategy_packs_its_chunks(strategy: str) -> None:
    text = "O rio subiu. — E agora? — disse Zé.\n\nNinguém soube dizer; a água, sim.\n\n" * 8
    tokenizer = byte_tokenizer()
    chunks = [chunk.text for chunk in create(strategy, max_size=64).split(text, tokenizer)]
    ids = pack([Document(text=text, source="a.txt")], tokenizer, create(strategy, max_size=64)).ids.tolist()
    assert ids.count(tokenizer.chunk_id) == len(chunks) - 1 > 3
    joined = [token for chunk in chunks for token in (*tokenizer.encode(chunk), tokenizer.chunk_id)]
    assert ids == [*joined[:-1], tokenizer.eos_id]


def test_overlapping_chunks_count_the_bytes_that_are_there_twice() -> None:
    stream = pack([text("abcdef")], BYTES, create("overlapping", max_size=4, overlap_ratio=0.5))
    assert stream.ids.tolist() == [*BYTES.encode("abcd"), CHUNK, *BYTES.encode("cdef"), EOS]
    assert stream.text_bytes == 8


def test_chats_bring_a_mask_and_count_only_their_answers() -> None:
    stream = pack([text("lua"), Document(messages=CHAT, source=SOURCE)], BYTES, create("fixed", max_size=2))
    chat = chat_example(BYTES, CHAT)
    assert stream.ids.tolist()[-len(chat.ids) - 1 :] == [*chat.ids, EOS]
    assert stream.mask is not None
    assert stream.mask.tolist() == [1] * (len("lua") + 2) + [*chat.mask, 0]
    assert stream.text_bytes == len("lua") + len("Olá!".encode())


def test_small_vocabularies_take_two_bytes_a_token_and_large_ones_four() -> None:
    assert pack([text("a")], BYTES).ids.dtype == np.uint16
    large = Backend(models.WordLevel({"a": 0, **{f"w{i}": i for i in range(1, 65_537)}}, unk_token="a"))
    stream = pack([text("w65536")], FastTokenizer(large, {}))
    assert stream.ids.dtype == np.uint32
    assert stream.ids.tolist() == [65_536]  # this tokenizer has no EOS


def test_a_tokenizer_without_a_chunk_token_cannot_pack_chunks() -> None:
    foreign = FastTokenizer(Backend(models.WordLevel({"a": 0}, unk_token="a")), {})
    with pytest.raises(TokenizerError, match="no <CHUNK> token"):
        pack([text("a")], foreign, create("fixed"))


def test_bytes_before_are_exact_at_the_end_of_a_document_and_in_proportion_inside() -> None:
    stream = pack([text("abc"), text("defghij")], BYTES)
    assert [stream.bytes_before(tokens) for tokens in (0, 4, 8, 12, 10**9)] == [0, 3, 6.5, 10, 10]


def test_no_documents_make_an_empty_stream() -> None:
    stream = pack([], BYTES)
    assert len(stream.ids) == stream.text_bytes == 0
    assert stream.bytes_before(5) == 0.0


def test_a_stream_shorter_than_a_context_says_what_would_fit() -> None:
    stream = pack([text("abcdefgh")], BYTES)  # 9 tokens
    require_context(len(stream.ids), 8)
    with pytest.raises(DataError, match=r"The validation text has 9 tokens; one context needs 10 ") as caught:
        require_context(len(stream.ids), 9, "validation")
    assert caught.value.hint == "Lower --context-length to 8 or less, or give more text."
