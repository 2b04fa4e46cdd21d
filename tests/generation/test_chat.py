"""A conversation against generation from scratch on the same conversation."""

import pytest

from mlxgpt.errors import ConfigError, DataError
from mlxgpt.events import GenerationFinished, Noted, PromptRead, TokenGenerated
from mlxgpt.generation.chat import Chat
from mlxgpt.generation.config import read
from mlxgpt.generation.generate import generate
from mlxgpt.generation.recall import Chunking
from mlxgpt.tokenizer.chat import chat_ids

GREEDY = read({"temperature": 0.0, "max_tokens": 8})


def answer(events):
    return "".join(event.text for event in events if isinstance(event, TokenGenerated))


@pytest.fixture
def chat(make, tokenizer):
    return Chat(make(context_length=256), tokenizer, GREEDY, system="seja breve", mode="chat")


def from_scratch(chat, messages):
    ids = chat_ids(chat.tokenizer, [{"role": "system", "content": chat.system}, *messages])
    return answer(generate(chat.model, chat.tokenizer, ids, chat.config))


def test_each_turn_equals_generation_from_scratch_and_reads_only_what_is_new(chat):
    for turn, text in enumerate(["Olá!", "Como vai?", "E o tempo?"]):
        before = list(chat.messages)
        events = list(chat.say(text))
        assert answer(events) == from_scratch(chat, [*before, {"role": "user", "content": text}])
        assert chat.messages[-1] == {"role": "assistant", "content": answer(events)}
        (read_,) = [event for event in events if isinstance(event, PromptRead)]
        assert (read_.reused_tokens > 0) == (turn > 0)
    assert [message["role"] for message in chat.messages] == ["user", "assistant"] * 3


def test_settings_changed_between_turns_hold_from_the_next_turn(chat):
    list(chat.say("Olá!"))
    chat.config = chat.config.with_(max_tokens=3, overflow="chunked")
    chat.system = "outro papel"
    before = list(chat.messages)
    events = list(chat.say("Mais"))
    assert events[-1].tokens <= 3
    assert answer(events) == from_scratch(chat, [*before, {"role": "user", "content": "Mais"}])


def test_the_oldest_turns_are_left_out_whole_and_it_is_said(make, tokenizer):
    chat = Chat(make(context_length=64), tokenizer, GREEDY, system="s", mode="chat")
    said = []
    for turn in range(12):
        events = list(chat.say(f"pergunta {turn}"))
        said += [event.text for event in events if isinstance(event, Noted)]
        (read_,) = [event for event in events if isinstance(event, PromptRead)]
        assert read_.dropped_tokens == 0
        assert read_.tokens + 8 <= 64
    assert "the oldest turn." in said[0]
    assert len(chat.messages) == 24  # the model forgets, the session does not


def test_one_message_longer_than_the_context_is_cut_not_refused(make, tokenizer):
    chat = Chat(make(), tokenizer, GREEDY, mode="chat")
    events = list(chat.say("muito " * 50))
    assert events[0].dropped_tokens > 0
    assert isinstance(events[-1], GenerationFinished)


def test_a_closed_answer_is_kept_and_the_next_turn_is_exact(chat):
    job = chat.say("Olá!")
    shown = [next(job) for _ in range(4)]
    job.close()
    assert chat.messages[-1]["content"] == answer(shown)
    before = list(chat.messages)
    assert answer(chat.say("E?")) == from_scratch(chat, [*before, {"role": "user", "content": "E?"}])


def test_a_message_that_got_no_answer_was_not_said(chat):
    job = chat.say("Olá!")
    assert isinstance(next(job), PromptRead)
    job.close()
    assert chat.messages == []


def test_a_role_token_ends_the_answer(make, tokenizer, monkeypatch):
    chat = Chat(make(context_length=256), tokenizer, GREEDY, mode="chat")
    monkeypatch.setattr("mlxgpt.generation.generate.sample", always(tokenizer.id_of("<USER>")))
    *_, last = chat.say("Olá!")
    assert (last.reason, last.tokens, last.text) == ("eos", 1, "")


def always(token):
    import mlx.core as mx

    from mlxgpt.generation.facts import Drawn

    return lambda *_, **__: Drawn(mx.array([[token]]))


def test_completion_goes_on_with_the_text_on_an_empty_message(make, tokenizer):
    chat = Chat(make(context_length=256), tokenizer, GREEDY, mode="completion")
    first = answer(chat.say("Era uma vez"))
    second = answer(chat.say(""))
    begin = [tokenizer.eos_id, *tokenizer.encode("Era uma vez")]
    whole = generate(chat.model, tokenizer, begin, GREEDY.with_(max_tokens=16))
    assert first + second == answer(whole)
    assert answer(chat.say("Era uma vez")) == first  # a new text


def test_reset_forgets_the_conversation_and_keeps_the_settings(chat):
    list(chat.say("Olá!"))
    chat.reset()
    assert (chat.messages, chat.window.length, chat.finished) == ([], 0, None)
    assert chat.system == "seja breve"


def test_an_unknown_mode_names_the_nearest(make, tokenizer):
    with pytest.raises(ConfigError) as caught:
        Chat(make(), tokenizer, mode="completions")
    assert "'completion'" in caught.value.hint


def test_mode_auto_asks_the_tokenizer(make, tokenizer):
    assert not Chat(make(), tokenizer).completes


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def test_a_conversation_from_elsewhere_is_answered_and_taken_over(chat):
    path = [user("Olá!"), assistant("Oi."), user("Tudo bem?")]
    written = answer(chat.write(path))
    assert written == from_scratch(chat, path)
    assert chat.messages == [*path, assistant(written)]
    with pytest.raises(DataError):
        list(chat.write(path[:2]))


def test_an_answer_goes_on_from_what_it_has(chat):
    path = [user("Olá!")]
    events = [event for event in chat.write(path) if isinstance(event, TokenGenerated)]
    kept = [event.id for event in events[:3]]
    rest = list(chat.write(path, kept=kept, most=len(events) - 3))
    (read_,) = [event for event in rest if isinstance(event, PromptRead)]
    assert read_.reused_tokens == read_.tokens - 1  # nothing was read again
    assert answer(rest) == "".join(event.text for event in events[3:])
    assert chat.messages[-1] == assistant(answer(events))


def test_an_answer_goes_on_from_a_forced_token(chat):
    path = [user("Olá!")]
    events = [event for event in chat.write(path) if isinstance(event, TokenGenerated)]
    (other,) = chat.tokenizer.encode("Z")
    branched = list(chat.write(path, kept=[event.id for event in events[:2]], forced=[other]))
    tokens = [event for event in branched if isinstance(event, TokenGenerated)]
    assert tokens[0].id == other and len(tokens) == 9
    assert chat.messages[-1]["content"].startswith(answer(events[:2]) + "Z")


def test_stopping_keeps_at_most_one_more_token(chat):
    import threading

    stop, seen = threading.Event(), 0
    for event in chat.write([user("Olá!")], stop=stop):
        if isinstance(event, TokenGenerated):
            seen += 1
            if seen == 2:
                stop.set()
    assert seen == 3
    assert chat.finished.reason == "stopped"


def test_completion_begins_a_new_text_with_each_message_and_says_what_is_not_seen(make, tokenizer):
    chat = Chat(make(context_length=256), tokenizer, GREEDY, mode="completion")
    alone = answer(chat.write([user("Era uma vez")]))
    events = list(chat.write([user("Outro"), assistant("texto"), user("Era uma vez")]))
    assert answer(events) == alone
    (read_,) = [event for event in events if isinstance(event, PromptRead)]
    assert read_.left_out == (0, 1)


def test_with_a_chunk_strategy_old_messages_are_looked_through(make, tokenizer):
    chat = Chat(make(context_length=256), tokenizer, GREEDY, mode="chat")
    chat.chunking = Chunking(strategy="sentence", size=40)
    path = []
    for turn in range(8):
        fact = "A chave azul está na gaveta." if turn == 2 else f"Nada aconteceu no dia {turn} da viagem."
        path += [user(fact), assistant("Entendi.")]
    events = list(chat.write([*path, user("Onde está a chave azul?")]))
    (said,) = [event.text for event in events if isinstance(event, Noted)]
    (read_,) = [event for event in events if isinstance(event, PromptRead)]
    assert "chunks" in said
    assert 4 not in read_.left_out and len(read_.left_out) > 0
    assert read_.dropped_tokens == 0
