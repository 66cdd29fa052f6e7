"""The log of an open chat when its store is slow, fails, or belongs to another process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from agent_chat.chats import log as log_module
from agent_chat.chats.chat import Chat
from agent_chat.chats.log import ChatLog
from agent_chat.chats.prompts import ChatPrompt
from agent_chat.chats.service import ChatService
from agent_chat.storage.errors import LeaseLostError, StoreFullError
from agent_chat.storage.memory_store import MemoryStore
from agent_chat.storage.records import ChatLease, ChatMeta
from agent_sdk_core.errors import AgentError, SessionClosedError
from agent_sdk_core.messages.parse import SDKMessage, parse_message
from agent_sdk_testing import MemoryBackend, text

pytestmark = pytest.mark.anyio
Watch = Callable[[Chat], Any]


def said(text: str) -> SDKMessage:
    return parse_message({"type": "assistant", "uuid": text, "message": {"content": [{"type": "text", "text": text}]}})


async def test_messages_are_stored_in_order_and_the_tail_is_bounded(
    service: ChatService, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "TAIL", 3)
    chat = await service.create()
    for number in range(10):
        chat.take(said(f"{number}"))
    assert chat.log is not None
    assert await chat.log.flush(30)
    page = await store.read_messages(chat.id)
    assert [each.uuid for each in page] == [f"{number}" for number in range(10)]
    snapshot = chat.snapshot()
    assert [each["index"] for each in snapshot["messages"]] == [8, 9, 10]
    assert snapshot["before"] == 8
    earlier = await service.messages(chat.id, before=8, limit=5)
    assert [each["index"] for each in earlier["messages"]] == [3, 4, 5, 6, 7]
    assert earlier["before"] == 3
    assert (await service.messages(chat.id, before=3))["before"] is None


async def test_a_store_that_fails_is_told_of_and_gets_everything_later(
    service: ChatService, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_module, "RETRY_SECONDS", 0.01)
    chat = await service.create()
    append, failures = store.append, [StoreFullError("The disk is full."), OSError("odd")]

    async def failing(*args: Any, **fields: Any) -> Any:
        if failures:
            raise failures.pop(0)
        return await append(*args, **fields)

    monkeypatch.setattr(store, "append", failing)
    assert chat.log is not None
    chat.take(said("one"))
    assert not await chat.log.flush(0)
    while len(failures) == 2:
        await asyncio.sleep(0)
    assert "The disk is full" in chat.view()["reason"]
    chat.take(said("two"))
    assert await chat.log.flush(30)
    assert chat.view()["reason"] == ""
    assert [each.uuid for each in await store.read_messages(chat.id)] == ["one", "two"]


async def test_a_chat_that_another_process_took_over_can_only_be_read(
    service: ChatService, store: MemoryStore, agent: MemoryBackend, watch: Watch
) -> None:
    agent.otherwise(text("ok"))
    chat = await service.create()
    watcher = watch(chat)
    await chat.send(ChatPrompt("Hi"))
    await watcher.until_done()
    assert chat.log is not None
    await chat.log.flush(30)
    await store.release(chat.log.lease)
    await store.acquire(chat.id, name="another")
    chat.take(said("mine"))
    await watcher.until_state("read_only")
    assert "another" in chat.view()["reason"]
    assert not await chat.log.flush(5)
    with pytest.raises(SessionClosedError, match="another"):
        await chat.send(ChatPrompt("Hi"))


async def test_a_lease_that_cannot_be_renewed_ends_the_session(
    service: ChatService, store: MemoryStore, agent: MemoryBackend, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.otherwise(text("ok"))
    chat = await service.create()
    watcher = watch(chat)
    await chat.send(ChatPrompt("Hi"))
    await watcher.until_done()

    async def lost(*_: Any, **__: Any) -> Any:
        raise LeaseLostError("It has passed to another.")

    monkeypatch.setattr(store, "renew", lost)
    await service.renew_leases()
    assert chat.state == "read_only"
    assert chat.session is None
    assert "passed to another" in chat.view()["reason"]
    await service.renew_leases()


async def test_a_lease_that_a_broken_store_does_not_renew_leaves_the_others_renewed(
    service: ChatService, store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    chats = [await service.create() for _ in range(2)]
    renewed: list[str] = []

    async def renew(lease: ChatLease, *, seconds: float) -> ChatLease:
        renewed.append(lease.chat_id)
        if len(renewed) == 1:
            raise OSError("odd")
        return lease

    monkeypatch.setattr(store, "renew", renew)
    await service.renew_leases()
    assert renewed == [chat.id for chat in chats]
    assert {chat.state for chat in chats} == {"closed"}


async def test_a_log_that_is_closed_leaves_no_writer(store: MemoryStore) -> None:
    failed: list[AgentError | None] = []
    async with store:
        await store.create_chat(ChatMeta("c"))
        log = ChatLog(store, "c", await store.acquire("c"), failed.append)
        await log.aclose()
        log.add(said("x"), {"message": {}})
        await log.aclose()
        assert [each.uuid for each in await store.read_messages("c")] == ["x"]
    assert failed == []
    assert [task for task in asyncio.all_tasks() if "_write" in repr(task)] == []
