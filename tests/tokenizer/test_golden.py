"""Our loader against ids, texts and chats that transformers made (tests/golden/tokenizer)."""

import json
from pathlib import Path

import pytest

from mlxgpt.tokenizer import bpe
from mlxgpt.tokenizer.chat import chat_example, chat_ids, render_text
from mlxgpt.tokenizer.fast import FastTokenizer
from mlxgpt.tokenizer.registry import load

GOLDEN = Path(__file__).parent.parent / "golden" / "tokenizer"
CASES = json.loads((GOLDEN / "cases.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def tokenizer() -> FastTokenizer:
    return load(GOLDEN)


def test_special_ids_and_size(tokenizer: FastTokenizer) -> None:
    ids = CASES["special_ids"]
    assert tokenizer.vocab_size == CASES["vocab_size"]
    assert tokenizer.pad_id == ids["<PAD>"]
    assert tokenizer.unk_id == ids["<UNK>"]
    assert tokenizer.bos_id == ids["<BOS>"]
    assert tokenizer.eos_id == ids["<EOS>"]
    assert tokenizer.chunk_id == ids["<CHUNK>"]
    assert tokenizer.stop_ids == {ids["<EOS>"]}


@pytest.mark.parametrize("case", CASES["encode"], ids=lambda case: repr(case["text"])[:30])
def test_encoding_and_decoding(tokenizer: FastTokenizer, case: dict) -> None:
    assert tokenizer.encode(case["text"], specials=True) == case["ids"]
    assert tokenizer.decode(case["ids"], skip_specials=False) == case["decoded"]
    assert tokenizer.decode(case["ids"]) == case["decoded_skip_special"]


@pytest.mark.parametrize("case", CASES["encode"], ids=lambda case: repr(case["text"])[:30])
def test_step_by_step_encoding_follows_foreign_merges_too(tokenizer: FastTokenizer, case: dict) -> None:
    assert bpe.encode(case["text"], bpe.Merges.of(tokenizer)) == tokenizer.encode(case["text"])


@pytest.mark.parametrize("case", CASES["chat"])
def test_chats_through_the_template_of_the_directory(tokenizer: FastTokenizer, case: dict) -> None:
    prompt = case["add_generation_prompt"]
    assert render_text(tokenizer, case["messages"], add_generation_prompt=prompt) == case["text"]
    assert chat_ids(tokenizer, case["messages"], add_generation_prompt=prompt) == case["ids"]


def test_the_mask_of_a_foreign_chat_is_what_the_assistant_wrote(tokenizer: FastTokenizer) -> None:
    messages = [
        {"role": "user", "content": "the sho"},
        {"role": "assistant", "content": "ka lo"},
        {"role": "user", "content": "mi"},
        {"role": "assistant", "content": "ra"},
    ]
    example = chat_example(tokenizer, messages)
    learned = [token_id for token_id, kept in zip(example.ids, example.mask, strict=True) if kept]
    assert tokenizer.decode(learned, skip_specials=False) == "ka lo<EOS>\nra<EOS>\n"
