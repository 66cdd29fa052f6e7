"""What an import of an agent's own sessions has to do, on whichever agent."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

from agent_chat.storage.opening import open_store
from agent_chat.storage.sessions import import_sessions
from agent_sdk_core import AgentBackend, AgentSession
from agent_sdk_testing import text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.watching import run


async def sessions_become_chats(agent: Agent, file: Path) -> None:
    """Talk in two sessions, take them into a store, talk on, and take in what is new."""
    agent.model.reply(agent.command("echo one")).reply(text("The needle is here."))
    agent.model.otherwise(text("Again."))
    async with agent.backend() as backend, open_store(file) as store:
        first = await talked(agent.open(backend, permission_mode="bypass"), "Look for it.")
        await talked(agent.open(backend), "Something else.")
        report = await import_sessions(store, backend)
        assert (report.chats, report.problems) == (2, ())
        (chat,) = await store.list_chats(session_id=first)
        assert (chat.backend, chat.last_session_id, chat.cwd) == (backend.type, first, str(agent.workspace))
        assert chat.title.startswith("Look for it")
        assert await stored(store, chat.id) == await history(backend, first)
        assert [hit.chat_id for hit in await store.search("needle")] == [chat.id]
        assert (await import_sessions(store, backend)).messages == 0
        before = chat.last_seq
        await talked(agent.open(backend, resume=first), "And now?")
        await import_sessions(store, backend)
        now = await stored(store, chat.id)
        assert now == await history(backend, first)
        assert len(now) > before
        assert (await store.check()).problems == ()


async def talked(opening: Any, prompt: str) -> str:
    """Run one prompt in a session that is being opened, and return the agent's id of it."""
    session: AbstractAsyncContextManager[AgentSession] = await opening
    async with session as opened:
        await run(opened, prompt)
        return opened.resolved_session_id


async def stored(store: Any, chat_id: str) -> list[dict[str, object]]:
    return [dict(each.body) for each in await store.read_messages(chat_id)]


async def history(backend: AgentBackend, session_id: str) -> list[dict[str, object]]:
    return [message.to_wire() for message in await backend.read_history(session_id)]
