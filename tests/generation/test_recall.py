"""What of a long conversation is kept: never more than fits, the last message always, and what was asked about."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlxgpt.chunking.registry import CHUNKERS
from mlxgpt.errors import ConfigError
from mlxgpt.generation.recall import Chunking, recall
from mlxgpt.tokenizer.simple import byte_tokenizer

BYTES = byte_tokenizer()


def count(messages):
    return sum(len(BYTES.encode(message["content"])) + 3 for message in messages)


def turns(*contents):
    return [{"role": "user" if i % 2 == 0 else "assistant", "content": text} for i, text in enumerate(contents)]


def kept(messages, room, strategy="sentence", size=40):
    return recall(messages, room, count, BYTES, Chunking(strategy=strategy, size=size))


def test_what_fits_is_left_as_it_is():
    messages = turns("a", "b", "c")
    assert kept(messages, 100).messages == tuple(messages)
    assert kept(messages, 100).note == ""


def test_without_a_strategy_the_oldest_turns_go_whole():
    result = recall(turns("um", "dois", "três", "quatro", "cinco"), 25, count, BYTES, Chunking())
    assert [message["content"] for message in result.messages] == ["três", "quatro", "cinco"]
    assert result.left_out == (0, 1)
    assert "the oldest turn." in result.note


def test_the_sentence_that_is_asked_about_is_kept_in_its_message():
    old = "O rio corre para o mar. A chave azul está na gaveta. O sol nasce a leste."
    messages = turns(old, "Entendi tudo.", *["Nada de novo por aqui hoje.", "Certo."] * 4, "Onde está a chave azul?")
    result = kept(messages, 150)
    assert result.messages[0]["content"].startswith("… A chave azul está na gaveta.")
    assert 0 in result.shortened and 0 not in result.left_out
    assert result.messages[-1]["content"] == "Onde está a chave azul?"


def test_of_chunks_worth_the_same_the_later_ones_stay():
    messages = turns(*[f"Dia {i}." if i % 2 == 0 else "Sim." for i in range(20)], "E agora?")
    result = kept(messages, 60)
    assert result.left_out == tuple(range(len(result.left_out)))


def test_a_message_too_long_by_itself_keeps_its_end_and_what_belongs_to_it():
    long = " ".join(f"O dia {i} passou sem nada." for i in range(30)) + " O tesouro fica na ilha verde. "
    messages = turns(long + " ".join(f"Noite {i} calma." for i in range(30)) + " Onde fica o tesouro?")
    (message,) = kept(messages, 200).messages
    assert message["content"].endswith("Onde fica o tesouro?")
    assert "ilha verde" in message["content"]


@pytest.mark.parametrize("strategy", CHUNKERS)
@settings(derandomize=True, max_examples=15, deadline=None)
@given(contents=st.lists(st.text(alphabet="ab cé. \n", max_size=60), min_size=1, max_size=9), room=st.integers(20, 200))
def test_never_more_than_fits_roles_alternate_and_the_last_message_stays(strategy, contents, room):
    messages = turns(*contents[: len(contents) - (len(contents) % 2 == 0)])
    result = kept(messages, room, strategy)
    assert count(result.messages) <= room
    assert [message["role"] for message in result.messages] == [
        "user" if i % 2 == 0 else "assistant" for i in range(len(result.messages))
    ]
    if count(messages[-1:]) <= room:
        assert result.messages[-1] == messages[-1]


def test_wrong_settings_say_what_is_allowed():
    with pytest.raises(ConfigError, match="semantik"):
        Chunking(strategy="semantik")
    with pytest.raises(ConfigError):
        Chunking(strategy="fixed", size=0)
    with pytest.raises(ConfigError):
        Chunking(size=0)
