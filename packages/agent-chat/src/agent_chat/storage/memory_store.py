"""A store in this process alone: for tests, and for whoever wants no disk. It keeps every rule of the others."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import time
from typing import Unpack

from agent_chat.storage import rules
from agent_chat.storage.errors import StoreClosedError
from agent_chat.storage.holders import this_process
from agent_chat.storage.interface import LEASE_SECONDS, ChatStore
from agent_chat.storage.records import (
    ChatChanges,
    ChatLease,
    ChatMeta,
    ChatPage,
    ChatReference,
    LeaseHolder,
    MessagePage,
    PromptState,
    RetentionPolicy,
    SearchHit,
    SearchPage,
    StoredMessage,
    StoredPrompt,
    StoreReport,
)
from agent_chat.storage.retention import Candidate, removed
from agent_chat.storage.texts import searchable_text, snippet, terms, words
from agent_sdk_core.messages.parse import SDKMessage

_STATES: tuple[PromptState, ...] = ("accepted", "dispatched", "ended")


@dataclass
class _Chat:
    meta: ChatMeta
    log: list[StoredMessage] = field(default_factory=list[StoredMessage])
    numbers: dict[str, int] = field(default_factory=dict[str, int])
    size: int = 0
    drafts: dict[str, str] = field(default_factory=dict[str, str])
    marks: dict[str, int] = field(default_factory=dict[str, int])
    prompts: dict[str, StoredPrompt] = field(default_factory=dict[str, StoredPrompt])
    lease: ChatLease | None = None


class MemoryStore(ChatStore):
    """A store that ends with its process; opening it again, before that, finds what it held."""

    def __init__(self) -> None:
        self.url = "memory:"
        self._kept: dict[str, _Chat] = {}
        self._references: dict[str, ChatReference] = {}
        self._is_open = False

    async def open(self) -> None:
        self._is_open = True

    async def aclose(self) -> None:
        self._is_open = False

    @property
    def _chats(self) -> dict[str, _Chat]:
        self._opened()
        return self._kept

    def _opened(self) -> bool:
        if not self._is_open:
            raise StoreClosedError("This store is not open. Use it inside `async with store:`.")
        return True

    def _chat(self, chat_id: str, lease: ChatLease | None = None) -> _Chat:
        if (chat := self._chats.get(rules.clean(chat_id))) is None:
            raise rules.not_found(chat_id)
        if lease is not None and not self._is_held(chat, lease):
            raise rules.lost(lease, chat.lease.holder if chat.lease else None)
        return chat

    @staticmethod
    def _is_held(chat: _Chat, lease: ChatLease) -> bool:
        return chat.lease is not None and chat.lease.generation == lease.generation == chat.meta.generation

    async def create_chat(self, chat: ChatMeta) -> ChatMeta:
        made = rules.new_chat(chat)
        if made.id in self._chats:
            raise rules.exists(made.id)
        self._chats[made.id] = _Chat(made)
        return made

    async def get_chat(self, chat_id: str) -> ChatMeta:
        return self._chat(chat_id).meta

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
        rules.require_limit(limit)
        start = rules.position(cursor, float, str)
        found = [
            chat.meta
            for chat in self._chats.values()
            if workspace in (None, chat.meta.workspace)
            and backend in (None, chat.meta.backend)
            and (session_id is None or session_id in (chat.meta.last_session_id, *chat.meta.lineage))
            and (tag is None or tag in chat.meta.tags)
            and archived in (None, chat.meta.archived)
            and (start is None or (chat.meta.last_active_at, chat.meta.id) < start)
        ]
        found.sort(key=lambda meta: (meta.last_active_at, meta.id), reverse=True)
        page = found[:limit]
        more = f"{page[-1].last_active_at!r}~{page[-1].id}" if len(found) > limit else None
        return ChatPage(page, more)

    async def update_chat(
        self, chat_id: str, *, lease: ChatLease | None = None, **changes: Unpack[ChatChanges]
    ) -> ChatMeta:
        chat = self._chat(chat_id, lease)
        chat.meta = rules.changed_chat(chat.meta, changes)
        return chat.meta

    async def delete_chat(self, chat_id: str) -> None:
        chat = self._chat(chat_id)
        if (held := self._holding(chat)) is not None:
            raise rules.busy(chat_id, held.holder)
        self._remove(chat.meta.id)

    def _remove(self, chat_id: str) -> None:
        del self._chats[chat_id]
        self._references = {key: each for key, each in self._references.items() if each.chat_id != chat_id}

    async def append(
        self,
        chat_id: str,
        messages: Sequence[SDKMessage | Mapping[str, object]],
        *,
        at: float | Sequence[float] | None = None,
        lease: ChatLease | None = None,
    ) -> tuple[int, ...]:
        chat = self._chat(chat_id, lease)
        written = rules.times(at, len(messages))
        numbers: list[int] = []
        for (_, text), when in zip(rules.bodies(messages), written, strict=True):
            body = rules.stored_object(text, "The message")
            stored = StoredMessage(chat.meta.id, len(chat.log) + 1, when, body)
            number = stored.seq if stored.uuid is None else chat.numbers.setdefault(stored.uuid, stored.seq)
            if number == stored.seq:
                chat.log.append(stored)
                chat.size += len(text.encode())
                active = max(chat.meta.last_active_at, when)
                chat.meta = replace(chat.meta, last_seq=number, last_active_at=active)
            numbers.append(number)
        return tuple(numbers)

    async def read_messages(
        self, chat_id: str, *, after: int | None = None, before: int | None = None, limit: int = 200
    ) -> MessagePage:
        rules.require_limit(limit)
        rules.require_one_side(after, before)
        log = self._chat(chat_id).log
        if after is not None:
            page = log[max(0, after) :][:limit]
            return MessagePage(page, str(page[-1].seq) if page and page[-1].seq < len(log) else None)
        end = len(log) if before is None else max(0, min(before - 1, len(log)))
        page = log[max(0, end - limit) : end]
        return MessagePage(page, str(page[0].seq) if page and page[0].seq > 1 else None)

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
        rules.require_limit(limit)
        start = rules.position(cursor, int)
        if chat_id is not None:
            chat_id = self._chat(chat_id).meta.id
        found: list[tuple[float, SearchHit]] = []
        for chat in self._chats.values():
            if chat_id not in (None, chat.meta.id) or workspace not in (None, chat.meta.workspace):
                continue
            for stored in chat.log:
                said = searchable_text(stored.body)
                split = words(said)
                if all(term.stands_in(split) for term in wanted):
                    hit = SearchHit(
                        chat.meta.id, stored.seq, stored.at, str(stored.body["type"]), snippet(said, wanted)
                    )
                    found.append((stored.at, hit))
        found.sort(key=lambda each: (each[0], each[1].seq), reverse=True)
        skipped = 0 if start is None else start[0]
        page = [hit for _, hit in found[skipped : skipped + limit]]
        more = skipped + limit
        return SearchPage(page, str(more) if len(found) > more else None)

    async def set_draft(self, chat_id: str, text: str, *, author: str = "") -> None:
        drafts = self._chat(chat_id).drafts
        text, author = rules.clean(text), rules.clean(author)
        drafts.pop(author, None)
        if text:
            drafts[author] = text

    async def draft(self, chat_id: str, *, author: str = "") -> str:
        return self._chat(chat_id).drafts.get(rules.clean(author), "")

    async def mark_read(self, chat_id: str, seq: int, *, reader: str = "") -> int:
        chat = self._chat(chat_id)
        chat.marks[reader] = max(chat.marks.get(reader, 0), min(seq, chat.meta.last_seq))
        return chat.marks[reader]

    async def read_mark(self, chat_id: str, *, reader: str = "") -> int:
        return self._chat(chat_id).marks.get(reader, 0)

    async def put_prompt(self, chat_id: str, prompt: StoredPrompt, *, lease: ChatLease | None = None) -> bool:
        chat = self._chat(chat_id, lease)
        stored = replace(prompt, content=json.loads(rules.prompt_text(prompt.content)))
        stored = replace(stored, at=prompt.at or time())
        return chat.prompts.setdefault(prompt.uuid, stored) is stored

    async def move_prompt(self, chat_id: str, uuid: str, state: PromptState, *, lease: ChatLease | None = None) -> bool:
        chat = self._chat(chat_id, lease)
        prompt = chat.prompts.get(uuid)
        if prompt is None or _STATES.index(prompt.state) >= _STATES.index(state):
            return False
        chat.prompts[uuid] = replace(prompt, state=state)
        return True

    async def prompts(self, chat_id: str, *, state: PromptState | None = None) -> tuple[StoredPrompt, ...]:
        stored = self._chat(chat_id).prompts.values()
        return tuple(prompt for prompt in stored if state in (None, prompt.state))

    async def remember(self, workspace: str, reference: ChatReference | None) -> None:
        if reference is None:
            self._references.pop(workspace, None)
        else:
            self._chat(reference.chat_id)
            self._references[workspace] = reference

    async def reference(self, workspace: str) -> ChatReference | None:
        return self._references.get(workspace) if self._opened() else None

    async def acquire(self, chat_id: str, *, name: str = "", seconds: float = LEASE_SECONDS) -> ChatLease:
        chat = self._chat(chat_id)
        if (held := self._holding(chat)) is not None:
            raise rules.busy(chat_id, held.holder)
        rules.require_seconds(seconds)
        me, now = this_process(), time()
        chat.meta = replace(chat.meta, generation=chat.meta.generation + 1)
        holder = LeaseHolder(rules.clean(name), me.host, me.pid, now, now + seconds)
        chat.lease = ChatLease(chat.meta.id, chat.meta.generation, holder)
        return chat.lease

    async def renew(self, lease: ChatLease, *, seconds: float = LEASE_SECONDS) -> ChatLease:
        chat = self._chat(lease.chat_id, lease)
        rules.require_seconds(seconds)
        chat.lease = replace(lease, holder=replace(lease.holder, expires_at=time() + seconds))
        return chat.lease

    async def release(self, lease: ChatLease) -> None:
        chat = self._chats.get(rules.clean(lease.chat_id))
        if chat is not None and self._is_held(chat, lease):
            chat.lease = None

    async def holder(self, chat_id: str) -> ChatLease | None:
        return self._holding(self._chat(chat_id))

    @staticmethod
    def _holding(chat: _Chat) -> ChatLease | None:
        return chat.lease if chat.lease is not None and chat.lease.holder.expires_at > time() else None

    async def check(self) -> StoreReport:
        chats = self._chats.values()
        messages = sum(len(chat.log) for chat in chats)
        return StoreReport(self.url, "memory", len(chats), messages, sum(chat.size for chat in chats))

    async def rebuild_index(self) -> StoreReport:
        return await self.check()

    async def apply_retention(self, policy: RetentionPolicy) -> tuple[str, ...]:
        gone = removed(
            policy,
            [
                Candidate(
                    chat.meta.id,
                    chat.meta.last_active_at,
                    chat.size,
                    chat.meta.archived,
                    self._holding(chat) is not None,
                )
                for chat in self._chats.values()
            ],
            time(),
        )
        for chat_id in gone:
            self._remove(chat_id)
        return gone
