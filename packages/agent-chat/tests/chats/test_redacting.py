"""Secrets in a chat: neither stored nor told, also where two deltas share one; the agent gets what was said."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from agent_chat.chats.chat import Chat
from agent_chat.chats.prompts import ChatPrompt
from agent_chat.chats.service import ChatService
from agent_chat.storage.memory_store import MemoryStore
from agent_sdk_core import RuntimeConfig
from agent_sdk_testing import MemoryBackend, text

pytestmark = pytest.mark.anyio

SECRET = "sk-abcdefgh12345678"
Service = Callable[..., ChatService]
Watch = Callable[[Chat], Any]


async def told(service: ChatService, chat: Chat, watch: Watch) -> str:
    seen = watch(chat)
    await chat.send(ChatPrompt(f"Use {SECRET} for it"), uuid="first")
    await seen.until_done()
    assert chat.log is not None
    assert await chat.log.flush(30)
    stored = [each.body for each in await service.store.read_messages(chat.id)]
    prompts = [each.to_wire() for each in await service.store.prompts(chat.id)]
    meta = (await service.store.get_chat(chat.id)).to_wire()
    return json.dumps([seen.events, stored, prompts, meta, chat.snapshot()])


async def test_a_secret_is_neither_stored_nor_told_and_reaches_the_agent(
    make_service: Service, agent: MemoryBackend, watch: Watch, store: MemoryStore
) -> None:
    agent.otherwise(text("The key ", "is sk-abc", "defgh123", "45678, well."))
    async with make_service() as service:
        found = await told(service, await service.create(), watch)
    assert "abcdefgh" not in found
    assert "45678" not in found
    assert "well." in found
    assert "**********" in found


async def test_without_the_flag_all_is_kept(make_service: Service, agent: MemoryBackend, watch: Watch) -> None:
    agent.otherwise(text(f"The key is {SECRET}."))
    async with make_service(config=RuntimeConfig(flags={"redact_store": False})) as service:
        assert SECRET in await told(service, await service.create(), watch)
