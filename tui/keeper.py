"""Saves the conversation on the screen as it grows: a thread writes, the app goes on, and a problem is said once."""

import asyncio
from typing import Any

from mlxgpt.errors import MlxgptError
from tui.conversation import Conversation
from tui.rows import message_row, title_of, token_row
from tui.store import Draft, Overtaken, Store


class Keeper:
    """What of a conversation the store has already; `save` writes the rest.

    `problem` is why the last attempt failed, None when all is saved; the next attempt writes what is missing.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.problem: MlxgptError | None = None
        self._lock = asyncio.Lock()
        self._talk: Conversation | None = None
        self._revision = 0
        self._head: tuple[str, str, int | None] = ("", "", None)  # title, model, leaf as they are written
        self._messages: dict[int, tuple[Any, ...]] = {}
        self._tokens: dict[int, int] = {}  # how many of each message

    async def save(self, talk: Conversation, model: str = "") -> str:
        """Write what is new; a line about a problem that was not told before, else empty.

        A conversation nobody wrote to yet is not kept.
        """
        async with self._lock:
            draft = self.draft(talk, model)
            if draft is None:
                return ""
            before, self.problem = self.problem, None
            try:
                await self._write(talk, draft)
            except Overtaken as error:
                talk.session = None
                if (again := self.draft(talk, model)) is not None:
                    await self._attempt(talk, again)
                return f"{error.message}  {error.hint}"
            except MlxgptError as error:
                self.problem = error
            return self._news(before)

    async def _attempt(self, talk: Conversation, draft: Draft) -> None:
        try:
            await self._write(talk, draft)
        except MlxgptError as error:
            self.problem = error

    async def _write(self, talk: Conversation, draft: Draft) -> None:
        lengths = {message.id: len(message.tokens) for message in talk.messages.values()}
        talk.session, self._revision = await asyncio.to_thread(self.store.write, draft)
        self._talk, self._head = talk, (draft.title, draft.model, draft.leaf)
        for row in draft.messages:
            self._messages[row[0]] = row
        self._tokens |= lengths

    def _news(self, before: MlxgptError | None) -> str:
        if self.problem is None or (before is not None and before.message == self.problem.message):
            return ""
        return f"{self.problem.message}  {self.problem.hint}"

    async def open(self, session: int) -> Conversation:
        """A conversation of the store, which is saved from now on."""
        async with self._lock:
            talk, revision = await asyncio.to_thread(self.store.read, session)
            self._forget(talk)
            self._revision = revision
            self._messages = {message.id: message_row(message) for message in talk.messages.values()}
            self._tokens = {message.id: len(message.tokens) for message in talk.messages.values()}
            self._head = (title_of(talk), self._head[1], talk.leaf)
            return talk

    def draft(self, talk: Conversation, model: str) -> Draft | None:
        """What of `talk` is not written yet; None when nothing is."""
        if talk is not self._talk or talk.session is None:
            self._forget(talk)
        messages, tokens = [], []
        for message in list(talk.messages.values()):
            if self._messages.get(message.id) != (row := message_row(message)):
                messages.append(row)
            known = self._tokens.get(message.id, 0)
            new = enumerate(message.tokens[known:], known)
            tokens += [token_row(message.id, place, token) for place, token in new]
        head = (title_of(talk), model or self._head[1], talk.leaf)
        if not talk.messages or not (messages or tokens or head != self._head):
            return None
        return Draft(
            session=talk.session, revision=self._revision, title=head[0], model=head[1], leaf=head[2],
            messages=tuple(messages), tokens=tuple(tokens),
        )  # fmt: skip

    def _forget(self, talk: Conversation) -> None:
        """Nothing of `talk` is known to be written."""
        self._talk, self._revision, self._head = talk, 0, ("", "", None)
        self._messages, self._tokens = {}, {}
