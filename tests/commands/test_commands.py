"""The slash commands that look inside, cut, and write again: each on a real model, with real figures."""

import math
import threading

import pytest

from mlxgpt import jobs
from mlxgpt.chunking.registry import CHUNKERS
from mlxgpt.commands.registry import COMMANDS, run
from mlxgpt.commands.talk import Talk
from mlxgpt.errors import ConfigError, DataError, MlxgptError
from mlxgpt.events import GenerationFinished, TokenGenerated
from mlxgpt.generation.commands import ALIASES, BASIC


@pytest.fixture(scope="module")
def inspector():
    return jobs.open_inspector("nano-pt")


@pytest.fixture
def fresh(inspector):
    """A conversation with the shipped model, before a word was said."""
    chat = jobs.open_chat("nano-pt", {"max_tokens": 12, "seed": 3, "temperature": 0.7, "show_tokens": True})
    return Talk(chat, "nano-pt", lambda word: inspector if word in ("", "nano-pt") else jobs.open_inspector(word))


@pytest.fixture
def talk(fresh):
    """The same, after a turn."""
    fresh.events = [event for event in fresh.chat.say("Era uma vez um gato") if isinstance(event, TokenGenerated)]
    return fresh


def play(talk, line):
    """The events of the job that a command answers with."""
    reply = run(talk, line)
    assert reply.job is not None
    return list(reply.job(threading.Event()))


def mean_surprisal(talk):
    """Of the last answer, as the chat measured it while it was written."""
    return sum(-math.log(event.probability) for event in talk.events) / len(talk.events)


def drawn(reply):
    """The views of a reply as text."""
    from io import StringIO

    from rich.console import Console

    console = Console(file=StringIO(), width=100)
    for view in reply.views:
        console.print(view, markup=False)
    return console.file.getvalue()


NEEDS_ARGUMENT = {"save", "load"}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda command: command.name)
def test_every_command_says_something_without_an_argument(talk, command):
    line = f"/{command.name}"
    if command.app:
        with pytest.raises(ConfigError, match="needs the full-screen app"):
            run(talk, line)
    elif command.name in NEEDS_ARGUMENT or command.name == "undo":
        with pytest.raises(MlxgptError) as caught:
            run(talk, line)
        assert caught.value.hint
    else:
        reply = run(talk, line)
        assert reply.text or reply.views or reply.job or reply.exit


@pytest.mark.parametrize(
    "name", ["explain", "lens", "tokens-demo", "chunk-stats", "optimize-chunks", "retry", "continue"]
)
def test_what_looks_at_an_answer_says_when_there_is_none(fresh, name):
    with pytest.raises(DataError, match="no answer"):
        run(fresh, f"/{name}")


def test_all_commands_of_a_chat_are_here_and_aliases_lead_to_some():
    assert {command.name for command in BASIC} <= set(COMMANDS)
    assert set(ALIASES.values()) <= set(COMMANDS)
    assert all(command.help for command in COMMANDS.values())


def test_a_wrong_argument_is_answered_with_the_range_and_the_present_value(talk):
    for line in ("/temp muito", "/temp 11"):
        with pytest.raises(ConfigError) as caught:
            run(talk, line)
        assert "from 0 to 10" in caught.value.hint and "Now it is 0.7" in caught.value.hint
    for line, now in (("/chunk-size 0", "64"), ("/chunk-strategy semantico", "off")):
        with pytest.raises(ConfigError) as caught:
            run(talk, line)
        assert f"Now it is {now}" in caught.value.hint
    assert "semantic" in caught.value.hint


def test_tokens_are_shown_with_their_ids(talk):
    text = "O gato\nsobe no telhado com \x1b[31m pressa e volta para casa antes do sol se pôr."
    ids = talk.chat.tokenizer.encode(text)
    shown = run(talk, f'/tokens-demo "{text}"').text
    *lines, _, summary = shown.split("\n")
    assert [int(number) for line in lines[1::2] for number in line.split()] == ids
    assert all(len(line) <= 76 for line in lines)
    assert f"{len(ids)} tokens" in summary and "\x1b" not in shown


def test_chunks_are_those_of_the_chosen_strategy_and_size(talk):
    text = "Era uma vez um gato. Ele dormia. O rei chegou. Todos riram muito."
    assert run(talk, "/chunk-size 8").text == "chunk-size is now 8, was 64"
    run(talk, "/chunk-strategy sentence")
    chunks = list(CHUNKERS["sentence"](max_size=8).split(text, talk.chat.tokenizer))
    shown = run(talk, f"/chunk-demo {text}").text
    assert f"{len(chunks)} chunks of at most 8 tokens (sentence)" in shown and len(chunks) > 1
    assert all(f"{chunk.n_tokens:5} tokens" in shown for chunk in chunks)


def test_chunk_statistics_and_search_are_measured_on_the_conversation(talk, tmp_path):
    run(talk, "/chunk-size 8")
    shown = drawn(run(talk, "/chunk-stats"))
    assert f"{len(talk.whole):,} characters" in shown and "over the limit              0" in shown
    assert "other settings tried" in drawn(run(talk, "/optimize-chunks"))
    path = tmp_path / "a.txt"
    path.write_text("# Um\n\nEra uma vez. O gato dormia.\n\n# Dois\n\nO rei chegou. Todos riram. Fim." * 3)
    found = drawn(run(talk, f"/optimize-chunks {path}"))
    assert "now" in found and "then" in found


def test_an_explanation_has_three_levels_and_the_figures_of_the_report(talk, inspector):
    text = run(talk, "/explain").text
    assert [block.split(":")[0] for block in text.split("\n\n")] == ["plain", "maths", "code"]
    loss = run(talk, "/explain loss").text
    assert f"{mean_surprisal(talk):.2f} nats" in loss
    assert "head 2 of layer 1" in run(talk, "/explain head 1.2").text
    for wrong in ("/explain tudo", "/explain head", "/explain head 99.0", "/explain loss 3"):
        with pytest.raises(ConfigError) as caught:
            run(talk, wrong)
        assert "head" in caught.value.hint


def test_a_head_can_be_seen_and_left_out(talk, inspector):
    assert "layer 0, head 1" in drawn(run(talk, "/attn 0.1"))
    report = inspector.ablation(talk.heard, position=-2)
    assert f"{report.values[2, 3]:.4f} instead of {report.clean:.4f}" in run(talk, "/ablate L2.H3").text
    for wrong in ("/attn 0", "/attn 7.0", "/ablate x"):
        with pytest.raises(ConfigError, match="no head"):
            run(talk, wrong)


@pytest.mark.parametrize("system", ["", "Responda em português."])
def test_the_commands_look_at_the_ids_that_the_chat_read_and_find_its_numbers(fresh, inspector, system):
    chat = fresh.chat
    chat.system, chat.completes = system, False  # with the layout of a conversation
    list(chat.say("Oi."))
    events = [event for event in chat.say("Era uma vez") if isinstance(event, TokenGenerated)]
    ids, _, _ = chat.prompt(chat.messages[:-1])
    assert fresh.heard.ids == (*ids, *(event.id for event in events)) and fresh.heard.answer == len(ids)
    report = inspector.tokens(fresh.heard)
    for event, surprisal in zip(events, report.surprisal[len(ids) :], strict=True):
        assert surprisal == pytest.approx(-math.log(event.probability), abs=1e-4)
    assert report.loss == pytest.approx(sum(-math.log(event.probability) for event in events) / len(events), abs=1e-4)
    assert f"{report.loss:.2f} nats" in run(fresh, "/explain loss").text
    last = inspector.lens(fresh.heard)
    assert float(last.probability[-1, fresh.step]) == pytest.approx(events[-1].probability, abs=1e-4)


def test_what_another_model_wrote_is_read_anew_in_the_layout_of_this_one(talk):
    other = Talk(jobs.open_chat("nano-pt", {}), "nano-pt", talk.inspector)
    other.take_over(talk)
    assert other.heard.ids == (*talk.chat.asked, *talk.chat.tokenizer.encode(talk.chat.messages[-1]["content"]))


def test_two_models_are_compared_in_bits_a_byte(talk, inspector):
    report = inspector.tokens(talk.heard)
    answer = talk.chat.messages[-1]["content"]
    bits = float(report.surprisal[len(talk.chat.asked) :].sum()) / math.log(2) / len(answer.encode())
    shown = run(talk, "/compare nano-pt nano-pt").text.split("\n")
    assert shown[1] == shown[2] and f"{bits:.3f}" in shown[1]
    with pytest.raises(ConfigError, match="one or two models"):
        run(talk, "/compare a b c")


def test_retry_answers_the_same_message_anew(talk):
    before = list(talk.chat.messages)
    run(talk, "/seed 99")
    assert isinstance(play(talk, "/retry")[-1], GenerationFinished)
    assert talk.chat.messages[:-1] == before[:-1] and len(talk.chat.messages) == len(before)


def test_continue_goes_on_with_the_answer(talk):
    before = talk.chat.messages[-1]["content"]
    play(talk, "/continue")
    assert talk.chat.messages[-1]["content"].startswith(before) and len(talk.chat.messages) == 2


def test_a_file_becomes_a_message(talk, tmp_path):
    path = tmp_path / "carta.txt"
    path.write_text("Querido gato,", encoding="utf-8")
    play(talk, f"/load {path}")
    assert talk.chat.messages[-2]["content"] == "Querido gato,"
    (tmp_path / "nada.txt").write_text(" \n")
    for name, said in (("nada.txt", "is empty"), ("fehlt.txt", "cannot be read"), (".", "cannot be read")):
        with pytest.raises(DataError, match=said):
            run(talk, f"/load {tmp_path / name}")


def test_settings_can_be_taken_back_one_by_one(talk):
    run(talk, "/temp 0.1")
    run(talk, "/temp")  # shows only: nothing to take back
    run(talk, "/chunk-strategy semantic")
    assert run(talk, "/undo").text == "Taken back: chunk-strategy is off again, was semantic"
    assert talk.chat.chunking.strategy == "off" and talk.config.sampling.temperature == 0.1
    run(talk, "/undo")
    assert talk.config.sampling.temperature == 0.7
    with pytest.raises(DataError, match="nothing to take back"):
        run(talk, "/undo")


def test_every_setting_that_is_taken_back_is_named(talk):
    for line in ("/repeat 1.3", "/seed off", "/system Seja breve.", "/tokens 7", "/chunk-size 99", "/show-tokens off"):
        run(talk, line)
    said = [run(talk, "/undo").text.removeprefix("Taken back: ") for _ in range(6)]
    assert said == [
        "show-tokens is on again, was off", "chunk-size is 64 again, was 99", "tokens is 12 again, was 7",
        "system is off again, was 'Seja breve.'", "seed is 3 again, was off", "repeat is 1.0 again, was 1.3",
    ]  # fmt: skip


def test_a_wrong_command_or_size_says_what_there_is(talk):
    with pytest.raises(ConfigError) as caught:
        run(talk, "/foo")
    assert caught.value.hint == "/help lists all."
    with pytest.raises(ConfigError) as caught:
        run(talk, "/help nope")
    assert "inspect" not in caught.value.hint
    with pytest.raises(ConfigError) as caught:
        run(talk, "/tmep 1")
    assert "/temp" in caught.value.hint
    with pytest.raises(ConfigError) as caught:
        run(talk, "/chunk-size abc")
    assert "from 1 to 1,000,000" in caught.value.hint and "Now it is 64" in caught.value.hint
    run(talk, "/seed off")
    assert run(talk, "/seed 42").text == "seed is now 42, was off"
    assert "no checkpoint of a run" in run(talk, "/ckpt").text
    assert run(talk, "/compare").text.count("\n") == 2  # this model alone


def test_a_model_that_is_not_there_is_refused_before_anything_changes(talk):
    assert "nano-pt" in run(talk, "/model").text
    assert run(talk, "/model nano-pt").model == "nano-pt"
    with pytest.raises(MlxgptError, match="is not a model directory"):
        run(talk, "/model gpt-9")
    with pytest.raises(DataError, match="no checkpoint of a run"):
        run(talk, "/ckpt 100")


def test_another_model_takes_over_messages_and_settings(talk):
    run(talk, "/temp 0.3")
    other = Talk(jobs.open_chat("nano-pt", {}), "nano-pt", talk.inspector)
    other.take_over(talk)
    assert other.chat.messages == talk.chat.messages and other.config.sampling.temperature == 0.3


def test_the_bench_leaves_the_conversation_alone(talk):
    before = list(talk.chat.messages), talk.chat.window.length
    assert "tokens/s" in run(talk, "/bench").text
    assert (talk.chat.messages, talk.chat.window.length) == before
