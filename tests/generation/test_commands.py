import json

import pytest

from mlxgpt.errors import ConfigError, DataError
from mlxgpt.generation.chat import Chat
from mlxgpt.generation.commands import (
    ALIASES,
    BASIC,
    COMMANDS,
    Command,
    Reply,
    current,
    is_command,
    registry,
    run,
    unescaped,
)
from mlxgpt.generation.config import RANGES, allowed, read


@pytest.fixture
def chat(make, tokenizer):
    return Chat(make(context_length=128), tokenizer, read({"max_tokens": 5, "seed": 1}), mode="chat")


SETTINGS = [command for command in COMMANDS.values() if command.setting in RANGES]


@pytest.mark.parametrize("command", SETTINGS, ids=lambda command: command.name)
def test_a_setting_is_shown_changed_and_its_range_told(chat, command):
    high = RANGES[command.setting][1]
    shown = run(chat, f"/{command.name}").text
    assert allowed(command.setting) in shown
    run(chat, f"/{command.name} 1")
    config = chat.config
    held = current(config, command.setting)
    assert held == 1
    assert f"{command.name} is {held}" in run(chat, f"/{command.name}").text
    for wrong in (str(high * 2), "-5", "nan", "muito"):
        with pytest.raises(ConfigError) as caught:
            run(chat, f"/{command.name} {wrong}")
        assert allowed(command.setting) in caught.value.hint
    assert chat.config == config


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda command: command.name)
def test_every_command_answers_without_an_argument_or_says_what_it_needs(chat, command):
    list(chat.say("Olá!"))
    if command.name == "save":
        with pytest.raises(ConfigError, match="needs the name of a file"):
            run(chat, "/save")
    else:
        reply = run(chat, f"/{command.name}")
        assert reply.exit == (command.name == "exit")
        assert reply.text or reply.exit


@pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda command: command.name)
def test_help_knows_every_command(chat, command):
    assert command.usage in run(chat, "/help").text
    assert command.help in run(chat, f"/help {command.name}").text
    assert command.range in run(chat, f"/help /{command.name}").text


def test_an_unknown_command_names_the_nearest(chat):
    with pytest.raises(ConfigError, match="no command /tmp") as caught:
        run(chat, "/tmp 0.3")
    assert caught.value.hint == "Did you mean /temp?  /help lists all."
    with pytest.raises(ConfigError) as caught:
        run(chat, "/help tmp")
    assert "temp" in caught.value.hint


def test_aliases_lead_to_commands(chat):
    assert set(ALIASES.values()) <= set(COMMANDS)
    assert run(chat, "/quit").exit
    assert run(chat, "/TEMP 0.5").text == "temp is now 0.5, was 0.8"


def test_seed_off_means_another_one_each_time(chat):
    run(chat, "/seed 7")
    assert chat.config.sampling.seed == 7
    run(chat, "/seed off")
    assert chat.config.sampling.seed is None
    *_, last = chat.say("Olá!")
    assert str(last.seed) in run(chat, "/seed").text


def test_show_tokens_is_a_switch(chat):
    assert run(chat, "/show-tokens on").text == "show-tokens is on"
    assert chat.config.show_tokens
    run(chat, "/show-tokens off")
    assert not chat.config.show_tokens
    with pytest.raises(ConfigError) as caught:
        run(chat, "/show-tokens maybe")
    assert "on or off" in caught.value.hint


def test_the_system_message_can_be_set_shown_and_removed(chat):
    run(chat, "/system Responda em versos.")
    assert chat.system == "Responda em versos."
    assert chat.system in run(chat, "/system").text
    run(chat, "/system off")
    assert chat.system == ""


def test_reset_takes_no_argument_and_begins_anew(chat):
    list(chat.say("Olá!"))
    with pytest.raises(ConfigError):
        run(chat, "/reset now")
    run(chat, "/reset")
    assert chat.messages == []


def test_stats_and_memory_show_real_figures(chat):
    *_, last = chat.say("Olá!")
    text = run(chat, "/stats").text
    assert f"{chat.read.tokens:,} tokens" in text
    assert f"{last.tokens_per_second:,.1f} tokens/s" in text
    assert f"context      {chat.window.length:,} of 128 tokens" in text
    memory = run(chat, "/memory").text
    assert f"{chat.window.nbytes / 1e6:,.1f} MB" in memory


def test_save_writes_the_conversation_once(chat, tmp_path):
    chat.system = "breve"
    list(chat.say("Olá!"))
    run(chat, f"/save {tmp_path / 'a b.json'}")
    saved = json.loads((tmp_path / "a b.json").read_text(encoding="utf-8"))
    assert saved == [{"role": "system", "content": "breve"}, *chat.messages]
    with pytest.raises(DataError, match="exists already"):
        run(chat, f"/save {tmp_path / 'a b.json'}")
    with pytest.raises(DataError, match="cannot be written"):
        run(chat, f"/save {tmp_path / 'nowhere' / 'a.txt'}")
    run(chat, f"/save {tmp_path / 'a.txt'}")
    assert "user: Olá!" in (tmp_path / "a.txt").read_text(encoding="utf-8")


def test_commands_are_told_from_text():
    assert is_command("/temp 0.8")
    assert not is_command("temp")
    assert not is_command("//etc/passwd")
    assert not is_command("/usr/bin\n/usr/lib")  # a pasted list of paths
    assert unescaped("//etc/passwd") == "/etc/passwd"
    assert unescaped("a//b") == "a//b"


def test_other_parts_can_add_commands(chat):
    hello = Command(name="hello", kind="none", help="greets", run=lambda session, value: Reply(text="hi"))
    more = registry([*BASIC, hello])
    assert run(chat, "/hello", more).text == "hi"
    assert "greets" in run(chat, "/help", more).text
    assert "greets" not in run(chat, "/help").text
