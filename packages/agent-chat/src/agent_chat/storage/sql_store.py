"""The store on a database: SQLite by default, PostgreSQL by URL. Reads run in threads, writes in one of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar, Unpack

from sqlalchemy import Connection

from agent_chat.storage import rules
from agent_chat.storage.database import schema
from agent_chat.storage.database.connections import Database
from agent_chat.storage.database.places import Place
from agent_chat.storage.database.writer import Writer
from agent_chat.storage.errors import StoreClosedError, StoreReadOnlyError
from agent_chat.storage.interface import LEASE_SECONDS, ChatStore
from agent_chat.storage.records import (
    ChatChanges,
    ChatLease,
    ChatMeta,
    ChatPage,
    ChatReference,
    MessagePage,
    PromptState,
    RetentionPolicy,
    SearchPage,
    StoredPrompt,
    StoreReport,
)
from agent_chat.storage.rows import chats, leases, log, notes, upkeep, words
from agent_chat.storage.texts import terms
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.paths import off_the_loop

T = TypeVar("T")


class SqlStore(ChatStore):
    """A store on SQLite or PostgreSQL; `open_store` makes one.

    Args:
        place: Where it is.
    """

    def __init__(self, place: Place) -> None:
        self.url = place.shown
        self._place = place
        self._database: Database | None = None
        self._writer: Writer | None = None

    async def open(self) -> None:
        if self._database is not None:
            return
        database = Database(self._place)

        def prepared() -> None:
            try:
                database.open()
                schema.prepare(database)
            except BaseException:
                database.close()
                raise

        await off_the_loop(prepared)
        self._database = database
        self._writer = None if database.read_only else Writer(database)

    async def aclose(self) -> None:
        database, self._database = self._database, None
        writer, self._writer = self._writer, None
        if database is None:
            return

        def closed() -> None:
            if writer is not None:
                writer.close()
            database.close()

        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, closed))

    def _opened(self) -> Database:
        if self._database is None:
            raise StoreClosedError("This store is not open. Use it inside `async with store:`.")
        return self._database

    async def _read(self, work: Callable[[Connection], T]) -> T:
        database = self._opened()

        def read() -> T:
            with database.reading() as connection:
                return work(connection)

        return await off_the_loop(read)

    def _writing(self) -> Writer:
        self._opened()
        if self._writer is None:
            raise StoreReadOnlyError(f"The store {self.url} can be read but not written. Check its permissions.")
        return self._writer

    async def _write(self, work: Callable[[Connection], T]) -> T:
        return await self._writing().run(work)

    async def create_chat(self, chat: ChatMeta) -> ChatMeta:
        return await self._write(partial(chats.create, chat=chat))

    async def get_chat(self, chat_id: str) -> ChatMeta:
        return await self._read(partial(chats.get, chat_id=chat_id))

    async def list_chats(
        self,
        *,
        workspace: str | None = None,
        backend: str | None = None,
        session_id: str | None = None,
        tag: str | None = None,
        archived: bool | None = False,
        limit: int = 50,
        cursor: str | None = None,
    ) -> ChatPage:
        limit = rules.require_limit(limit)
        start = rules.position(cursor, float, str)
        return await self._read(
            partial(
                chats.page,
                workspace=workspace,
                backend=backend,
                session_id=session_id,
                tag=tag,
                archived=archived,
                limit=limit,
                start=start,
            )
        )

    async def update_chat(
        self, chat_id: str, *, lease: ChatLease | None = None, **changes: Unpack[ChatChanges]
    ) -> ChatMeta:
        return await self._write(partial(chats.change, chat_id=chat_id, changes=changes, lease=lease))

    async def delete_chat(self, chat_id: str) -> None:
        await self._write(partial(chats.remove, chat_id=chat_id))

    async def append(
        self,
        chat_id: str,
        messages: Sequence[SDKMessage | Mapping[str, object]],
        *,
        at: float | Sequence[float] | None = None,
        lease: ChatLease | None = None,
    ) -> tuple[int, ...]:
        numbers: tuple[int, ...] = await self._writing().batch(log.Append(chat_id, messages, at, lease))
        return numbers

    async def read_messages(
        self, chat_id: str, *, after: int | None = None, before: int | None = None, limit: int = 200
    ) -> MessagePage:
        limit = rules.require_limit(limit)
        rules.require_one_side(after, before)
        after, before = (None if seq is None else rules.bounded(seq) for seq in (after, before))
        return await self._read(partial(log.page, chat_id=chat_id, after=after, before=before, limit=limit))

    async def search(
        self,
        text: str,
        *,
        chat_id: str | None = None,
        workspace: str | None = None,
        limit: int = 20,
        cursor: str | None = None,
    ) -> SearchPage:
        wanted = terms(text)
        limit = rules.require_limit(limit)
        start = rules.position(cursor, int)
        chat_id, workspace = rules.clean(chat_id), rules.clean(workspace)

        def find(connection: Connection) -> SearchPage:
            if chat_id is not None:
                chats.require(connection, chat_id)
            before = None if start is None else start[0]
            hits, following = words.search(
                connection, wanted, chat_id=chat_id, workspace=workspace, limit=limit, before=before
            )
            return SearchPage(hits, None if following is None else str(following))

        return await self._read(find)

    async def set_draft(self, chat_id: str, text: str, *, author: str = "") -> None:
        await self._write(partial(notes.set_draft, chat_id=chat_id, said=text, author=author))

    async def draft(self, chat_id: str, *, author: str = "") -> str:
        return await self._read(partial(notes.draft, chat_id=chat_id, author=author))

    async def mark_read(self, chat_id: str, seq: int, *, reader: str = "") -> int:
        seq = rules.bounded(seq)
        return await self._write(partial(notes.mark_read, chat_id=chat_id, seq=seq, reader=reader))

    async def read_mark(self, chat_id: str, *, reader: str = "") -> int:
        return await self._read(partial(notes.read_mark, chat_id=chat_id, reader=reader))

    async def put_prompt(self, chat_id: str, prompt: StoredPrompt, *, lease: ChatLease | None = None) -> bool:
        content = rules.prompt_text(prompt.content)
        return await self._write(
            partial(notes.put_prompt, chat_id=chat_id, prompt=prompt, content=content, lease=lease)
        )

    async def move_prompt(self, chat_id: str, uuid: str, state: PromptState, *, lease: ChatLease | None = None) -> bool:
        return await self._write(partial(notes.move_prompt, chat_id=chat_id, uuid=uuid, state=state, lease=lease))

    async def prompts(self, chat_id: str, *, state: PromptState | None = None) -> tuple[StoredPrompt, ...]:
        return await self._read(partial(notes.list_prompts, chat_id=chat_id, state=state))

    async def remember(self, workspace: str, reference: ChatReference | None) -> None:
        await self._write(partial(notes.remember, workspace=workspace, reference=reference))

    async def reference(self, workspace: str) -> ChatReference | None:
        return await self._read(partial(notes.reference, workspace=workspace))

    async def acquire(self, chat_id: str, *, name: str = "", seconds: float = LEASE_SECONDS) -> ChatLease:
        rules.require_seconds(seconds)
        return await self._write(partial(leases.acquire, chat_id=chat_id, name=name, seconds=seconds))

    async def renew(self, lease: ChatLease, *, seconds: float = LEASE_SECONDS) -> ChatLease:
        rules.require_seconds(seconds)
        return await self._write(partial(leases.renew, lease=lease, seconds=seconds))

    async def release(self, lease: ChatLease) -> None:
        await self._write(partial(leases.release, lease=lease))

    async def holder(self, chat_id: str) -> ChatLease | None:
        def held(connection: Connection) -> ChatLease | None:
            chats.require(connection, chat_id)
            return leases.holding(connection, chat_id)

        return await self._read(held)

    async def check(self) -> StoreReport:
        look = partial(upkeep.check, shown=self.url)
        return await (self._read(look) if self._writer is None else self._write(look))

    async def rebuild_index(self) -> StoreReport:
        await self._write(upkeep.rebuild)
        return await self.check()

    async def apply_retention(self, policy: RetentionPolicy) -> tuple[str, ...]:
        return await self._write(partial(upkeep.retain, policy=policy))
