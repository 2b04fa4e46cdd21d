"""What every tokenizer of ours keeps: losslessness, ids, streaming, saving."""

import doctest
import importlib
import json
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mlxgpt.errors import TokenizerError
from mlxgpt.tokenizer.base import SPECIALS, StreamDecoder, Tokenizer
from mlxgpt.tokenizer.fast import FastTokenizer, train_bpe
from mlxgpt.tokenizer.registry import load
from mlxgpt.tokenizer.scanner import Scanner
from mlxgpt.tokenizer.simple import byte_tokenizer, train_characters

HARD = "🙂👩‍👩‍👧 学生 e\u0301\r\n\0\x7f\u202e\ufeff\ufffd  \t<EOS><BOS>\U0010ffff نص ▁Ġ"
LOSSLESS = pytest.mark.parametrize("kind", ["bpe", "byte"])


@pytest.fixture(scope="module")
def kinds(trained: FastTokenizer) -> dict[str, FastTokenizer]:
    return {"bpe": trained, "byte": byte_tokenizer()}


@LOSSLESS
@settings(max_examples=200, deadline=None)
@given(text=st.text())
@example(text=HARD)
@example(text="<EOS>")
def test_any_text_comes_back(kinds: dict[str, FastTokenizer], kind: str, text: str) -> None:
    tokenizer = kinds[kind]
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert b"".join(map(tokenizer.token_bytes, ids)) == text.encode("utf-8")
    assert not set(ids) & set(range(len(SPECIALS)))


@LOSSLESS
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_streaming_equals_decoding_at_once_on_any_ids(
    kinds: dict[str, FastTokenizer], kind: str, data: st.DataObject
) -> None:
    tokenizer = kinds[kind]
    ids = data.draw(st.lists(st.integers(0, tokenizer.vocab_size + 3)))
    decoder = StreamDecoder(tokenizer)
    assert "".join(map(decoder.push, ids)) + decoder.flush() == tokenizer.decode(ids)


def test_streaming_shows_whole_characters_only() -> None:
    decoder = StreamDecoder(byte_tokenizer())
    pushed = [decoder.push(9 + byte) for byte in " 🙂\xff".encode() + b"\xe2\x28\xe5\xad"]
    assert pushed == [" ", "", "", "", "🙂", "", "ÿ", "", "\ufffd(", "", ""]
    assert decoder.flush() == "\ufffd"
    assert decoder.push(9 + ord("a")) == "a"


def test_the_character_tokenizer_is_lossless_on_its_corpus(corpus: str) -> None:
    tokenizer = train_characters([corpus])
    ids = tokenizer.encode(corpus)
    assert len(ids) == len(corpus)
    assert tokenizer.decode(ids) == corpus
    assert tokenizer.vocab_size == len(SPECIALS) + len(set(corpus))


def test_special_ids(own_tokenizer: FastTokenizer) -> None:
    tokenizer: Tokenizer = own_tokenizer  # it is what the protocol says
    assert [tokenizer.id_of(token) for token in SPECIALS] == list(range(9))
    ids = (tokenizer.pad_id, tokenizer.unk_id, tokenizer.bos_id, tokenizer.eos_id, tokenizer.chunk_id)
    assert ids == (0, 1, 2, 3, 4)
    assert tokenizer.stop_ids == {3, 8}


def test_specials_are_parsed_only_on_request(own_tokenizer: FastTokenizer) -> None:
    assert own_tokenizer.encode("<BOS><CHUNK><END>", specials=True) == [2, 4, 8]
    ids = own_tokenizer.encode("<EOS>")
    assert 3 not in ids and len(ids) > 1
    assert own_tokenizer.encode("<EOS>", specials=True) == [3]
    assert own_tokenizer.encode("<EOS>") == ids  # asking for specials leaves no trace
    assert own_tokenizer.decode([2, *own_tokenizer.encode("the"), 3]) == "the"
    assert own_tokenizer.decode([2, 3], skip_specials=False) == "<BOS><EOS>"
    assert own_tokenizer.token_bytes(3) == b""
    assert own_tokenizer.token_text(3) == "<EOS>"


def test_ids_without_an_entry_are_nothing(own_tokenizer: FastTokenizer) -> None:
    beyond = own_tokenizer.vocab_size
    assert own_tokenizer.decode([beyond]) == ""
    assert own_tokenizer.token_bytes(beyond) == b""
    assert own_tokenizer.token_text(beyond) == ""


def test_token_text_of_half_a_character_is_an_escape() -> None:
    tokenizer = byte_tokenizer()
    assert [tokenizer.token_text(token_id) for token_id in tokenizer.encode("é a")] == ["\\xc3", "\\xa9", " ", "a"]


def test_byte_b_is_id_nine_plus_b() -> None:
    tokenizer = byte_tokenizer()
    assert [tokenizer.token_bytes(9 + byte) for byte in range(256)] == [bytes([byte]) for byte in range(256)]
    assert tokenizer.vocab_size == 265


def test_unknown_characters_become_unk() -> None:
    tokenizer = train_characters(["abc"])
    assert tokenizer.encode("aжz🙂b") == [9, 1, 1, 1, 10]


def test_the_most_frequent_characters_are_kept() -> None:
    assert train_characters(["aaabbc"], vocab_size=11).encode("abc") == [9, 10, 1]
    assert train_characters(["aaabbc"], min_frequency=3).encode("abc") == [9, 1, 1]


def test_batches_equal_single_texts(own_tokenizer: FastTokenizer, corpus: str) -> None:
    texts = [*corpus.splitlines(keepends=True)[:50], "", "<EOS>"]
    batch = own_tokenizer.encode_batch(texts)
    assert all(ids.dtype == np.uint32 for ids in batch)
    assert [ids.tolist() for ids in batch] == [own_tokenizer.encode(text) for text in texts]
    assert own_tokenizer.encode_batch([]) == []
    assert own_tokenizer.decode(batch[0]) == texts[0]


def test_saving_and_loading(own_tokenizer: FastTokenizer, corpus: str, tmp_path: Path) -> None:
    own_tokenizer.save(tmp_path / "new" / "folder", context_length=256)
    loaded = load(tmp_path / "new" / "folder")
    assert loaded.fingerprint == own_tokenizer.fingerprint
    assert loaded.encode(corpus) == own_tokenizer.encode(corpus)
    assert loaded.chat_template == own_tokenizer.chat_template
    assert loaded.settings["model_max_length"] == 256
    assert (loaded.bos_id, loaded.stop_ids) == (own_tokenizer.bos_id, own_tokenizer.stop_ids)


def test_fingerprints_tell_tokenizers_apart(trained: FastTokenizer, corpus: str) -> None:
    again = train_bpe(corpus.splitlines(keepends=True), 450)
    smaller = train_bpe(corpus.splitlines(keepends=True), 449)
    tokenizers = [trained, smaller, byte_tokenizer(), train_characters(["ab"]), train_characters(["ac"])]
    assert trained.fingerprint == again.fingerprint
    assert len({tokenizer.fingerprint for tokenizer in tokenizers}) == len(tokenizers)
    assert len(trained.fingerprint) == 64


def test_the_order_of_merges_is_part_of_the_fingerprint(trained: FastTokenizer, tmp_path: Path) -> None:
    trained.save(tmp_path)
    path = tmp_path / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"]["merges"].reverse()
    path.write_text(json.dumps(content), encoding="utf-8")
    assert load(tmp_path).fingerprint != trained.fingerprint


def test_lone_surrogates_are_refused(own_tokenizer: FastTokenizer) -> None:
    with pytest.raises(TokenizerError, match=r"U\+D83D\) at character 2"):
        own_tokenizer.encode("ab\ud83d")
    with pytest.raises(TokenizerError, match="lone surrogate"):
        own_tokenizer.encode_batch(["fine", "\udcff"])
    with pytest.raises(TokenizerError, match="lone surrogate"):
        train_bpe(["\udcff"], 300)
    with pytest.raises(TokenizerError, match="lone surrogate"):
        train_characters(["\udcff"])


def test_what_is_not_text_is_a_programmers_mistake(own_tokenizer: FastTokenizer) -> None:
    with pytest.raises(TypeError):
        own_tokenizer.encode(None)  # type: ignore[arg-type]


def test_a_vocabulary_larger_than_the_corpus_supports_is_refused() -> None:
    with pytest.raises(TokenizerError, match="supports a vocabulary of 266 entries, fewer than the 1,000") as caught:
        train_bpe(["abab"], 1000)
    assert "266" in caught.value.hint
    assert train_bpe(["abab"], 266).vocab_size == 266


def test_a_vocabulary_without_room_for_the_bytes_is_refused() -> None:
    with pytest.raises(TokenizerError) as caught:
        train_bpe(["abab"], 264)
    assert "at least 265" in caught.value.hint


def test_no_characters_no_tokenizer() -> None:
    with pytest.raises(TokenizerError, match="no character"):
        train_characters([])


def test_importing_the_package_needs_neither_mlx_nor_transformers() -> None:
    program = (
        "import sys; import mlxgpt.tokenizer.registry, mlxgpt.tokenizer.bpe, mlxgpt.tokenizer.report;"
        "print([name for name in ('mlx', 'mlx.core', 'transformers', 'jinja2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("module", ["base", "bpe", "chat", "simple", "symbols"])
def test_the_worked_examples_are_true(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"mlxgpt.tokenizer.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


def test_a_pickled_tokenizer_is_the_same(trained: FastTokenizer) -> None:
    """`tokenizers` forgets on the way that special tokens in a text are text."""
    copy = pickle.loads(pickle.dumps(trained))
    assert copy.encode(HARD) == trained.encode(HARD)
    assert copy.encode(HARD, specials=True) == trained.encode(HARD, specials=True)
    assert (copy.fingerprint, copy.stop_ids) == (trained.fingerprint, trained.stop_ids)
    assert Scanner(copy).kind == Scanner(trained).kind == "words"
