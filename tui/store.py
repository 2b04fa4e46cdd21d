"""Conversations in SQLite: written as they grow, found by their words.  No Textual here.

    session 1 ── n message (a tree: each names its parent) 1 ── n token

A `Draft` is what is new in a conversation, as plain rows, made where the conversation lives; `Store.write` puts it down in
one transaction, in any thread.  Texts are kept as they are, hostile ones too: whoever shows them makes them `visible`.
WAL lets one app read while another writes; `session.revision` keeps two apps from writing over one another.
"""

import os
import sqlite3
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxgpt.errors import DataError, MlxgptError
from tui.conversation import Conversation
from tui.rows import MESSAGE_COLUMNS, TOKEN_COLUMNS, conversation, folded, sound, split

# Each step leads from one version of the schema, `PRAGMA user_version`, to the next.  Steps are never changed, only added.
MIGRATIONS = (
    """
    CREATE TABLE session (
        id INTEGER PRIMARY KEY, title TEXT NOT NULL, model TEXT NOT NULL, begun REAL NOT NULL, changed REAL NOT NULL,
        leaf INTEGER, revision INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE message (
        row INTEGER PRIMARY KEY, session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE, id INTEGER NOT NULL,
        parent INTEGER, role TEXT NOT NULL, text TEXT NOT NULL, model TEXT NOT NULL, settings TEXT NOT NULL,
        reason TEXT NOT NULL, written REAL NOT NULL, forced INTEGER NOT NULL, notes TEXT NOT NULL, seed INTEGER,
        UNIQUE (session, id)
    );
    CREATE TABLE token (
        session INTEGER NOT NULL REFERENCES session ON DELETE CASCADE, message INTEGER NOT NULL, place INTEGER NOT NULL,
        id INTEGER NOT NULL, text TEXT NOT NULL, token TEXT NOT NULL, probability REAL, rank INTEGER, entropy REAL,
        draw REAL, slice BLOB NOT NULL, alternatives BLOB NOT NULL, slices BLOB NOT NULL,
        PRIMARY KEY (session, message, place)
    ) WITHOUT ROWID;
    CREATE VIRTUAL TABLE words USING fts5 (
        text, content = 'message', content_rowid = 'row', tokenize = "unicode61 remove_diacritics 2"
    );
    CREATE TRIGGER message_added AFTER INSERT ON message BEGIN
        INSERT INTO words (rowid, text) VALUES (new.row, new.text);
    END;
    CREATE TRIGGER message_removed AFTER DELETE ON message BEGIN
        INSERT INTO words (words, rowid, text) VALUES ('delete', old.row, old.text);
    END;
    CREATE TRIGGER message_changed AFTER UPDATE OF text ON message BEGIN
        INSERT INTO words (words, rowid, text) VALUES ('delete', old.row, old.text);
        INSERT INTO words (rowid, text) VALUES (new.row, new.text);
    END;
    """,
)
_FIND = (
    "SELECT message.session, snippet(words, 0, '', '', '…', 12) FROM words JOIN message ON message.row = words.rowid "
    "WHERE words MATCH ? ORDER BY rank DESC"  # the best last: of a conversation's hits the last one stays
)
_LIST = (
    "SELECT id, title, model, begun, changed, (WITH RECURSIVE path (id, parent) AS ("
    "SELECT id, parent FROM message WHERE message.session = session.id AND message.id = session.leaf UNION ALL "
    "SELECT message.id, message.parent FROM message JOIN path ON message.id = path.parent "
    "WHERE message.session = session.id) SELECT count(*) FROM path), "
    "EXISTS (SELECT 1 FROM message WHERE session = session.id AND id = leaf AND role = 'assistant' AND reason = '') "
    "FROM session ORDER BY changed DESC, id DESC"
)
WAIT_SECONDS = 5.0  # for another app that is writing


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A conversation as a list shows it; `found` are the words around what was searched for."""

    id: int
    title: str
    model: str
    begun: float
    changed: float
    messages: int  # on its path: other versions are not counted
    cut_off: bool  # its last answer was being written when the app ended
    found: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is new in a conversation: rows of messages, and rows of tokens by (message, place)."""

    session: int | None
    revision: int
    title: str
    model: str
    leaf: int | None
    messages: tuple[tuple[Any, ...], ...]
    tokens: tuple[tuple[Any, ...], ...]


class Store:
    """The database at `path`, which appears when something is written; each thread has its own connection.

    Every method raises `DataError` when the file is damaged, locked, from a newer mlxgpt or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    def write(self, draft: Draft) -> tuple[int, int]:
        """Put a draft down; the session it is in, and its revision.

        `Overtaken` when the session is gone or somebody else wrote to it: then the conversation has to be a new one.
        """
        now = time.time()
        with self._transaction() as db:
            session, revision = draft.session, draft.revision
            if session is None:
                row = (draft.title, draft.model, now, now)
                added = db.execute("INSERT INTO session (title, model, begun, changed) VALUES (?, ?, ?, ?)", row)
                session, revision = int(added.lastrowid or 0), 0
            known = db.execute("SELECT revision FROM session WHERE id = ?", (session,)).fetchone()
            if known is None or known[0] != revision:
                raise Overtaken("Another app went on with this conversation.", hint="It is kept as a new one.")
            db.execute(
                "UPDATE session SET title = ?, model = ?, leaf = ?, changed = ?, revision = ? WHERE id = ?",
                (draft.title, draft.model, draft.leaf, now, revision + 1, session),
            )
            names = ", ".join(MESSAGE_COLUMNS)
            update = ", ".join(f"{name} = excluded.{name}" for name in MESSAGE_COLUMNS[1:])
            db.executemany(
                f"INSERT INTO message (session, {names}) VALUES (?{', ?' * len(MESSAGE_COLUMNS)}) "
                f"ON CONFLICT (session, id) DO UPDATE SET {update}",
                [(session, *row) for row in draft.messages],
            )
            db.executemany(
                f"INSERT OR REPLACE INTO token VALUES (?, ?, ?{', ?' * len(TOKEN_COLUMNS)})",
                [(session, *row) for row in draft.tokens],
            )
        return session, revision + 1

    def read(self, session: int) -> tuple[Conversation, int]:
        """A conversation and its revision.  An answer that was cut off by a crash is one that was stopped."""
        with self._connected() as db:
            db.execute("BEGIN")  # all of it as of one moment
            try:
                row = db.execute("SELECT title, leaf, revision FROM session WHERE id = ?", (session,)).fetchone()
                if row is None:
                    raise DataError(f"There is no conversation {session}.", hint="Ctrl+S lists those that there are.")
                query = f"SELECT {', '.join(MESSAGE_COLUMNS)} FROM message WHERE session = ? ORDER BY id"
                messages = db.execute(query, (session,)).fetchall()
                query = (
                    f"SELECT message, {', '.join(TOKEN_COLUMNS)} FROM token WHERE session = ? ORDER BY message, place"
                )
                tokens = db.execute(query, (session,)).fetchall()
            finally:
                db.rollback()
        try:
            return conversation(session, row[0], row[1], messages, tokens), row[2]
        except (KeyError, TypeError, ValueError, struct.error) as error:
            raise DataError(
                f"Conversation {session} in {self.path} is damaged.", hint="Delete it in the list."
            ) from error

    def entries(self, words: str = "") -> list[Entry]:
        """All conversations, the newest first; with `words`, those that have each of them somewhere, accents aside.

        A word may be a beginning: what is being typed finds.
        """
        with self._connected() as db:
            found = [dict(db.execute(_FIND, (f'"{word}"*',)).fetchall()) for word in split(words)]
            rows = db.execute(_LIST).fetchall()
        wanted = [folded(word) for word in split(words)]
        entries = [
            Entry(id=id_, title=title, model=model, begun=begun, changed=changed, messages=messages,
                  cut_off=bool(cut_off), found=next((hits[id_] for hits in found if id_ in hits), ""))
            for id_, title, model, begun, changed, messages, cut_off in rows
        ]  # fmt: skip
        asked = list(zip(wanted, found, strict=True))
        return [e for e in entries if all(e.id in hits or word in folded(e.title) for word, hits in asked)]

    def rename(self, session: int, title: str) -> None:
        """Give a conversation another title."""
        with self._transaction() as db:
            db.execute("UPDATE session SET title = ? WHERE id = ?", (sound(title), session))

    def delete(self, session: int) -> None:
        """Remove a conversation for good."""
        with self._transaction() as db:
            db.execute("DELETE FROM message WHERE session = ?", (session,))  # its words go by the trigger
            db.execute("DELETE FROM session WHERE id = ?", (session,))

    def close(self) -> None:
        """Let go of the file in all threads."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections.clear()
        self._local = threading.local()

    # ---- the way to the file -----------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it or nothing; the lock is taken at once, so that nobody else writes in between."""
        with self._connected() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.commit()
            except BaseException:
                db.rollback()
                raise

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """This thread's connection; what SQLite complains about becomes a `DataError`."""
        try:
            if getattr(self._local, "db", None) is None:
                self._local.db = self._open()
            yield self._local.db
        except MlxgptError:
            raise
        except (sqlite3.Error, OSError) as error:
            raise self._problem(error) from error

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))  # conversations are nobody else's business
        db = sqlite3.connect(self.path, timeout=WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA foreign_keys = ON")
            migrate(db, self.path)
        except BaseException:
            db.close()
            raise
        with self._lock:
            self._connections.append(db)
        return db

    def _problem(self, error: Exception) -> DataError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        what, hint = _PROBLEMS.get(code, (f"cannot be used ({error})", "Conversations are not saved."))
        return DataError(f"{self.path} {what}.", hint=hint)


class Overtaken(DataError):
    """A conversation was changed by another app since it was read here."""


_PROBLEMS = {
    sqlite3.SQLITE_NOTADB: ("is no database", "Move the file away: a new one is made.  Conversations are not saved."),
    sqlite3.SQLITE_CORRUPT: ("is damaged", "Move the file away: a new one is made.  Conversations are not saved."),
    sqlite3.SQLITE_BUSY: ("is locked by another program", "Saving is tried again with the next change."),
    sqlite3.SQLITE_READONLY: ("may not be written", "Check its permissions.  Conversations are not saved."),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "Check its folder's permissions.  Conversations are not saved."),
    sqlite3.SQLITE_FULL: ("has no room left on the disk", "Free some space: saving is tried again."),
}


def migrate(db: sqlite3.Connection, path: Path, steps: Sequence[str] = MIGRATIONS) -> None:
    """Bring a database to the newest schema, whole or not at all; `DataError` for one that is newer than that."""

    def version() -> int:
        return int(db.execute("PRAGMA user_version").fetchone()[0])

    if version() == len(steps):
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        known = version()  # another app may have been faster
        if known > len(steps):
            raise DataError(
                f"{path} was written by a newer mlxgpt (schema {known}, this one knows {len(steps)}).",
                hint="Update mlxgpt.  Conversations are not saved until then.",
            )
        for step in steps[known:]:
            for statement in _statements(step):
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {len(steps)}")
        db.commit()
    except BaseException:
        db.rollback()
        raise


def _statements(script: str) -> Iterator[str]:
    """The statements of a script; `executescript` would end the transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
