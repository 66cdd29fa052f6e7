"""Clients that leave: at each frame of a session in turn, nothing of what they began goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from agent_chat.chats.service import ChatService
from agent_chat.storage.memory_store import MemoryStore
from agent_sdk_core import RuntimeConfig
from agent_sdk_testing import MemoryBackend, call, reasoning, text

Client = Any
pytestmark = pytest.mark.anyio
RUNNING = {"running", "requires_action", "opening"}
ALLOWED = {"outcome": {"outcome": "selected", "optionId": "allow"}}


async def conversation(client: Client, cwd: Path, version: int) -> None:
    """Open a session, ask, allow, choose, ask again, close it, load it, and ask once more."""
    client.answers["session/request_permission"] = ALLOWED
    session = await client.session(cwd, version)
    await client.prompt(session, "List them.")
    await client.call("session/set_config_option", sessionId=session, configId="mode", value="plan")
    client.ask(session, "Again.")
    client.notify("session/cancel", sessionId=session)
    await client.quiet()
    await client.call("session/close", sessionId=session)
    opening: dict[str, Any] = {"sessionId": session, "cwd": str(cwd), "mcpServers": []}
    if version == 1:
        await client.call("session/load", **opening)
    else:
        await client.call("session/resume", **opening, replayFrom={"type": "start"})
    await client.prompt(session, "And now?")
    await client.quiet()


@asynccontextmanager
async def served(cwd: Path) -> AsyncGenerator[tuple[ChatService, MemoryBackend]]:
    agent = MemoryBackend()
    agent.on("Bash", "listed")
    agent.reply(reasoning("Hm."), text("I look. "), call("Bash", command="ls"))
    agent.otherwise(text("Here ", "they ", "are."))
    config = RuntimeConfig(flags={"redact_store": False})
    service = ChatService(
        config=config, store=MemoryStore(), make_backend=lambda name: agent, backends=("memory",), cwd=cwd
    )
    async with service:
        yield service, agent


@pytest.mark.parametrize("version", [1, 2])
async def test_a_client_that_leaves_at_any_frame_leaves_nothing_running(
    client_of: Any, tmp_path: Path, version: int
) -> None:
    async with served(tmp_path) as (service, _):
        whole = client_of(service)
        await conversation(whole, tmp_path, version)
        frames = len(whole.frames)
        await whole.aclose()
    assert frames > 20
    for last in range(version - 1, frames, 2):  # Every other, for the two versions are one agent.
        before = asyncio.all_tasks()
        async with served(tmp_path) as (service, agent):
            client = client_of(service)
            client.stays = last
            with suppress(ConnectionAbortedError):
                await conversation(client, tmp_path, version)
            await client.aclose()
            assert {chat.state for chat in service.open_chats} & RUNNING == set(), last
            assert [session.session_id for session in agent.sessions] == [], last
            left = service.open_chats
            if left:  # Who comes next is served.
                other = client_of(service)
                await other.hello(version)
                await other.call("session/resume", sessionId=left[0].id, cwd=str(tmp_path), mcpServers=[])
                other.answers["session/request_permission"] = ALLOWED
                await other.prompt(left[0].id, "Are you there?")
                if version == 2:
                    await other.until_update("state_update", state="idle")
                await other.quiet()
                assert {chat.state for chat in service.open_chats} & RUNNING == set(), last
                await other.aclose()
        assert asyncio.all_tasks() <= before, last
