"""Conversations come back from the store as they were, are found by their words, and survive a crash."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlxgpt.errors import DataError
from mlxgpt.events import TokenGenerated
from tui.conversation import Conversation
from tui.keeper import Keeper
from tui.modals.sessions import line
from tui.store import MIGRATIONS, Store, migrate

SHARE = st.none() | st.floats(0, 1, width=32)
PAIR = st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32))
TEXT = st.text(max_size=12)  # without lone surrogates, with everything else: ESC, NUL, bidi
TOKENS = st.builds(
    TokenGenerated, id=st.integers(0, 2**32 - 1), text=TEXT, token=TEXT, probability=SHARE,
    rank=st.none() | st.integers(1, 10**6), entropy=SHARE, draw=SHARE, slice=st.none() | PAIR,
    slices=st.lists(PAIR, max_size=3).map(tuple),
    alternatives=st.lists(st.tuples(st.integers(0, 2**32 - 1), st.floats(0, 1, width=32)), max_size=3).map(tuple),
)  # fmt: skip


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path / "folder" / "mlxgpt.db")
    yield store
    store.close()


def keep(keeper, talk):
    return asyncio.run(keeper.save(talk, "nano-pt"))


def told(*texts, title=""):
    """A conversation of these texts, one after the other."""
    talk = Conversation(title=title)
    for number, text in enumerate(texts):
        message = talk.add("assistant" if number % 2 else "user", text=text)
        message.reason = "eos" if number % 2 else ""
    return talk


# One step of a conversation's growth: a message after some earlier one, an answer that goes on, an edit, another path.
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("say", "answer", "beside", "write", "edit", "show")),
        st.integers(0, 9),
        TEXT,
        st.lists(TOKENS, max_size=3),
    ),
    min_size=1,
    max_size=12,
)


def grow(talk, step):
    kind, number, text, tokens = step
    messages = list(talk.messages.values())
    chosen = messages[number % len(messages)] if messages else None
    if kind in ("say", "answer") or chosen is None:
        message = talk.add("user" if kind == "say" else "assistant", text=text)
        message.reason, message.written, message.settings = "length", 1.5 * number, text
        message.notes, message.seed = [text] * (number % 3), number or None
        message.tokens += tokens
    elif kind == "beside":
        talk.sibling(chosen).reason = "stop"
    elif kind == "write":
        chosen.tokens += tokens
        chosen.text += text
        chosen.forced = min(number, len(chosen.tokens))
    elif kind == "edit":
        chosen.text = text
    else:
        talk.show(chosen)


@settings(derandomize=True, max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_a_conversation_saved_bit_by_bit_comes_back_as_it_was(store, steps):
    talk, keeper = Conversation(), Keeper(store)
    for step in steps:
        grow(talk, step)
        assert keep(keeper, talk) == ""
    assert keeper.draft(talk, "nano-pt") is None
    again, _ = store.read(talk.session)
    assert again.messages == talk.messages
    assert [m.id for m in again.path()] == [m.id for m in talk.path()]


def test_only_what_is_new_is_written(store):
    talk, keeper = told("Oi", "Olá"), Keeper(store)
    keep(keeper, talk)
    answer = talk.messages[2]
    answer.tokens.append(TokenGenerated(id=5, text="!"))
    answer.text += "!"
    draft = keeper.draft(talk, "nano-pt")
    assert [row[0] for row in draft.messages] == [2] and len(draft.tokens) == 1
    assert draft.session == talk.session


def test_an_opened_conversation_goes_on_in_its_own_row(store):
    talk = told("Oi", "Olá")
    keep(Keeper(store), talk)
    keeper = Keeper(store)
    opened = asyncio.run(keeper.open(talk.session))
    assert keeper.draft(opened, "") is None
    opened.add("user", text="E agora?")
    keep(keeper, opened)
    assert [entry.messages for entry in store.entries()] == [3]


def test_words_are_found_without_accents_and_case_and_while_they_are_typed(store):
    keep(Keeper(store), told("Era uma vez um dragão", "que comia pão"))
    keep(Keeper(store), told("A lua e o sol", "são AMIGOS"))
    keep(Keeper(store), told("nada", title="Ação"))
    titles = lambda words: [entry.title for entry in store.entries(words)]  # noqa: E731
    assert titles("dragao") == titles("DRAG") == titles("pão dragão") == ["Era uma vez um dragão"]
    assert titles("amigo") == ["A lua e o sol"]
    assert titles("acao") == ["Ação"]
    assert titles("dragao amigos") == []
    assert len(titles("")) == 3
    assert "pão" in store.entries("pao")[0].found
    for syntax in ('"', "a OR", "NEAR(", "*", "text:", "'; DROP TABLE session; --", "\x00", "\ud800"):
        store.entries(syntax)  # what means something to FTS5 means nothing here


def test_what_was_changed_or_deleted_is_found_no_more(store):
    talk, keeper = told("o gato dorme", "sim"), Keeper(store)
    keep(keeper, talk)
    talk.messages[1].text = "o rato corre"
    keep(keeper, talk)
    assert [len(store.entries(word)) for word in ("gato", "rato")] == [0, 1]
    store.rename(talk.session, "Bichos \ud800")
    assert store.entries("bichos")[0].title == "Bichos ?"
    store.delete(talk.session)
    assert store.entries() == [] and store.entries("rato") == []
    with pytest.raises(DataError, match="There is no conversation"):
        store.read(talk.session)


def test_two_apps_do_not_write_over_one_another(store):
    talk, first, second = told("Oi", "Olá"), Keeper(store), Keeper(store)
    keep(first, talk)
    other = asyncio.run(second.open(talk.session))
    talk.add("user", text="daqui")
    keep(first, talk)
    other.add("user", text="dali")
    assert "Another app" in keep(second, other)
    assert other.session != talk.session
    texts = {entry.id: [m.text for m in store.read(entry.id)[0].path()] for entry in store.entries()}
    assert texts == {talk.session: ["Oi", "Olá", "daqui"], other.session: ["Oi", "Olá", "dali"]}


def test_hostile_text_is_kept_as_it_is(store):
    hostile = "\x1b]52;c;aGk=\x07 \x00 \u202e [red]x[/] '; --"
    talk = told(hostile, "ok")
    keep(Keeper(store), talk)
    assert store.read(talk.session)[0].messages[1].text == hostile


# ---- what can go wrong ---------------------------------------------------------------------------------------------


def problem_of(store):
    keeper, talk = Keeper(store), told("Oi", "Olá")
    said = keep(keeper, talk)
    assert said and keeper.problem is not None and talk.session is None
    assert keep(keeper, talk) == ""  # the same trouble is not told twice
    return said


def test_a_file_that_is_no_database_is_said_and_left_alone(store):
    store.path.parent.mkdir()
    store.path.write_bytes(b"no database at all" * 100)
    assert "is no database" in problem_of(store)
    assert store.path.read_bytes().startswith(b"no database")


def test_a_damaged_database_is_said(store):
    keep(Keeper(store), told(*["um texto longo " * 50] * 40))
    store.close()
    content = bytearray(store.path.read_bytes())
    content[4096:-4096] = b"\xff" * (len(content) - 8192)
    store.path.write_bytes(content)
    assert "is damaged" in problem_of(store)


def test_a_database_from_a_newer_version_is_not_touched(store):
    keep(Keeper(store), told("Oi", "Olá"))
    store.close()
    with sqlite3.connect(store.path) as db:
        db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    assert "newer mlxgpt" in problem_of(store)


def test_a_locked_database_is_said_and_saved_to_once_it_is_free(store, monkeypatch):
    monkeypatch.setattr("tui.store.WAIT_SECONDS", 0.05)
    keeper, talk = Keeper(store), told("Oi", "Olá")
    keep(keeper, talk)
    db = sqlite3.connect(store.path, isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    talk.add("user", text="mais")
    store.close()  # so that the short wait counts
    assert "is locked" in keep(keeper, talk)
    db.execute("ROLLBACK")
    db.close()
    assert keep(keeper, talk) == "" and keeper.problem is None
    assert len(store.read(talk.session)[0].messages) == 3


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_said(store):
    store.path.parent.mkdir(mode=0o500)
    assert str(store.path) in problem_of(store)


def test_a_folder_that_is_a_file_is_said(store):
    store.path.parent.write_text("in the way")
    assert str(store.path.parent) in problem_of(store)


def test_a_migration_is_whole_or_not_at_all(tmp_path):
    db = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    migrate(db, tmp_path)
    with pytest.raises(sqlite3.OperationalError):
        migrate(db, tmp_path, (*MIGRATIONS, "CREATE TABLE extra (x);\nINSERT INTO nowhere VALUES (1);"))
    assert db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
    assert not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'extra'").fetchall()
    migrate(db, tmp_path, (*MIGRATIONS, "CREATE TABLE extra (x);"))
    assert db.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS) + 1
    db.close()


def test_threads_have_their_own_connections(store):
    talk = told("Oi", "Olá")
    keep(Keeper(store), talk)
    found = []
    threads = [threading.Thread(target=lambda: found.append(len(store.entries()))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1, 1, 1, 1]


WRITER = """
import asyncio, itertools, sys
from pathlib import Path
from mlxgpt.events import TokenGenerated
from tui.conversation import Conversation
from tui.keeper import Keeper
from tui.modals.sessions import line
from tui.store import Store

async def main():
    keeper, talk = Keeper(Store(Path(sys.argv[1]))), Conversation()
    talk.add("user", text="Conte")
    answer = talk.add("assistant")
    for number in itertools.count():
        answer.tokens.append(TokenGenerated(id=number, text="a"))
        answer.text += "a"
        await keeper.save(talk, "nano-pt")
        print(number + 1, flush=True)

asyncio.run(main())
"""


def test_what_was_saved_survives_kill_9(tmp_path):
    path = tmp_path / "mlxgpt.db"
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        said = [int(writer.stdout.readline()) for _ in range(30)]
        writer.send_signal(signal.SIGKILL)
        said += map(int, writer.stdout.read().split())
    store = Store(path)
    (entry,) = store.entries()
    assert entry.cut_off
    answer = store.read(entry.id)[0].messages[2]
    assert answer.reason == "stopped" and answer.text == "a" * len(answer.tokens)
    assert said[-1] <= len(answer.tokens) <= said[-1] + 1
    store.close()


def test_the_file_is_the_users_own(store):
    keep(Keeper(store), told("segredo", "sim"))
    assert store.path.stat().st_mode & 0o077 == 0
    assert time.time() - store.entries()[0].changed < 60


def test_a_list_counts_the_messages_that_are_shown_and_names_a_model_briefly(tmp_path):
    store = Store(tmp_path / "kept.db")
    talk = Conversation()
    talk.add("user", text="Oi")
    answer = talk.add("assistant", text="Olá")
    for number in range(4):
        talk.sibling(answer).text = f"Olá {number}"
    asyncio.run(Keeper(store).save(talk, "/home/ana/runs/gatos"))
    other = Conversation()
    other.add("user", text="Outra")
    asyncio.run(Keeper(store).save(other, "nano-pt"))
    entries = store.entries()
    assert [entry.messages for entry in entries] == [1, 2]
    assert "gatos · 2 messages" in (shown := line(entries[1], False, 78).plain) and "/home" not in shown
    store.close()
