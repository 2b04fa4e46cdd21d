"""A conversation keeps its answers, its question, and its place; padding weighs nothing."""

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from mlxgpt.data.conversations import Conversation, batches, conversation, padded, read_conversations
from mlxgpt.data.documents import Document
from mlxgpt.errors import DataError
from mlxgpt.tokenizer.chat import Message, chat_example
from mlxgpt.tokenizer.simple import byte_tokenizer

SFT = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "sft"


def talk(turns: int, system: str = "") -> list[Message]:
    messages = [Message(role="system", content=system)] if system else []
    for turn in range(turns):
        messages += [
            Message(role="user", content=f"pergunta {turn}"),
            Message(role="assistant", content=f"resposta {turn}"),
        ]
    return messages


def test_ids_and_mask_are_those_of_the_chat_template(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({"messages": talk(n)}) for n in (1, 2, 3)), encoding="utf-8")
    tokenizer = byte_tokenizer()
    found = list(read_conversations([path], tokenizer))
    assert len(found) == 3
    for turns, one in enumerate(found, start=1):
        example = chat_example(tokenizer, talk(turns))
        assert one.ids.tolist() == example.ids
        assert one.mask.tolist() == example.mask
        assert one.where.endswith(f"line {turns}")
        learned = tokenizer.decode(one.ids[one.mask > 0], skip_specials=False)
        assert learned == "".join(f"resposta {turn}<END>" for turn in range(turns))


def test_a_long_one_loses_whole_turns_at_its_beginning_and_keeps_the_system() -> None:
    tokenizer = byte_tokenizer()
    document = Document(messages=tuple(talk(5, "seja breve")), source="a")
    one = conversation(document, tokenizer, most_tokens=70)
    text = tokenizer.decode(one.ids, skip_specials=False)
    assert text == (
        "<BOS><SYSTEM>seja breve<END><USER>pergunta 3<END><ASSISTANT>resposta 3<END>"
        "<USER>pergunta 4<END><ASSISTANT>resposta 4<END>"
    )
    assert (len(one.ids) <= 70, one.dropped_turns) == (True, 6)


def test_one_that_cannot_fit_is_refused_with_its_place() -> None:
    document = Document(messages=tuple(talk(2)), source="a.jsonl", place="line 7")
    with pytest.raises(DataError, match=r"a\.jsonl, line 7 has 25 tokens in its last question and answer; 10 fit"):
        conversation(document, byte_tokenizer(), most_tokens=10)


def test_a_text_is_no_conversation() -> None:
    with pytest.raises(DataError, match="is a text, not a conversation"):
        conversation(Document(text="oi", source="a"), byte_tokenizer())


def made(lengths: list[int]) -> list[Conversation]:
    return [
        Conversation(ids=np.arange(n, dtype=np.int32) + 100 * at, mask=np.ones(n, np.uint8), where="")
        for at, n in enumerate(lengths, start=1)
    ]


def test_padding_weighs_nothing_and_targets_follow_inputs() -> None:
    batch = padded(made([3, 6]), multiple=4)
    assert batch.inputs.tolist() == [[100, 101, 0, 0, 0, 0, 0, 0], [200, 201, 202, 203, 204, 0, 0, 0]]
    assert batch.targets.tolist() == [[101, 102, 0, 0, 0, 0, 0, 0], [201, 202, 203, 204, 205, 0, 0, 0]]
    assert batch.weights is not None
    assert batch.weights.sum(axis=1).tolist() == [2, 5]


def test_an_epoch_has_each_once_and_the_next_another_order() -> None:
    rows = made([3] * 50)
    drawn = [b.inputs[:, 0].tolist() for b in islice(batches(rows, 8, seed=1), 14)]
    first, second = ([start for batch in part for start in batch] for part in (drawn[:7], drawn[7:]))
    assert sorted(first) == sorted(second) == sorted(100 * n for n in range(1, 51))
    assert first != second
    assert next(islice(batches(rows, 8, seed=1), 9, None)).inputs[:, 0].tolist() == drawn[9]


@pytest.mark.skipif(not SFT.is_dir(), reason="the shared data is not here")
def test_real_files_are_read_to_their_end() -> None:
    tokenizer = byte_tokenizer()
    for path in sorted(SFT.glob("*.jsonl")):
        found = list(read_conversations([path], tokenizer))
        assert len(found) == len([line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()])
        assert all(one.learned > 1 for one in found)
