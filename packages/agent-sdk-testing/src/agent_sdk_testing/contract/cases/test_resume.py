"""Conversations that go on later, in another session or another process, and their history."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import anyio
import pytest

from agent_sdk_core import (
    AgentBackend,
    AssistantMessage,
    SDKMessage,
    SessionBusyError,
    SessionClosedError,
    SessionNotFoundError,
    SessionOptions,
    UserMessage,
)
from agent_sdk_testing import Gate, reasoning, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.traits import needs
from agent_sdk_testing.contract.watching import Ran, run

pytestmark = [pytest.mark.anyio, needs("resume")]

_UNKNOWN = "01a1fb00-0000-7000-8000-000000000000"


def conversation(messages: Sequence[SDKMessage]) -> list[object]:
    """What a history keeps of what was watched: who said what, and what tools gave."""
    kept: list[object] = []
    for message in messages:
        if isinstance(message, AssistantMessage):
            kept.append(("assistant", message.message.id, [block.to_wire() for block in message.content]))
        elif isinstance(message, UserMessage):
            kept.append(("user", [block.to_wire() for block in message.content], message.tool_use_result))
    return kept


async def first_part(agent: Agent) -> tuple[str, list[Ran]]:
    """Have a conversation of two turns with every kind of card, and return its id and what was watched."""
    agent.write("poem.txt", "roses\nare\nred\n")
    thought = [reasoning("Let me see.")] if "thinking" in agent.traits else []
    agent.model.reply(*thought, text("I look."), agent.command("echo found; exit 2"))
    if "edits" in agent.traits:
        agent.model.reply(*agent.patch(add={"new.txt": "new\n"}, update={"poem.txt": [("red", "blue")]}))
    agent.model.reply(text("All done."))
    agent.model.reply(text("Hello again."))
    async with agent.session(permission_mode="bypass") as session:
        assert not session.resumable
        rans = [await run(session, "Remember the word apple."), await run(session, "And now?")]
        assert session.resumable
        return session.resolved_session_id, rans


async def test_the_history_in_a_new_process_equals_what_was_watched(agent: Agent) -> None:
    session_id, rans = await first_part(agent)
    watched = [message for ran in rans for message in ran.messages]
    async with agent.backend() as backend, await agent.open(backend, resume=session_id) as session:
        assert session.session_id == session_id
        assert session.resumable
        history = await session.history()
        assert conversation(history) == conversation(watched)
        assert history.cursor is None


async def test_a_resumed_conversation_goes_on(agent: Agent) -> None:
    session_id, _ = await first_part(agent)
    agent.model.reply(text("Apple."))
    async with agent.backend() as backend, await agent.open(backend, resume=session_id) as session:
        ran = await run(session, "Which word?")
    assert ran.result.result == "Apple."
    said = agent.model.requests[-1].text
    for words in ("Remember the word apple.", "All done.", "found", "Which word?"):
        assert words in said


@needs("list_sessions")
async def test_a_stored_session_is_read_without_being_opened(agent: Agent) -> None:
    session_id, rans = await first_part(agent)
    watched = [message for ran in rans for message in ran.messages]
    async with agent.backend() as backend:
        assert conversation(await backend.read_history(session_id)) == conversation(watched)
        assert not backend.sessions


@needs("list_sessions")
async def test_a_history_is_read_page_by_page(agent: Agent) -> None:
    session_id, rans = await first_part(agent)
    async with agent.backend() as backend:
        first = await backend.read_history(session_id, limit=1)
        assert first.cursor is not None
        second = await backend.read_history(session_id, limit=1, cursor=first.cursor)
        assert conversation(first) == conversation(rans[0].messages)
        assert conversation(second) == conversation(rans[1].messages)


@needs("list_sessions")
async def test_a_stored_session_is_listed(agent: Agent) -> None:
    session_id, _ = await first_part(agent)
    async with agent.backend() as backend:
        page = await backend.list_sessions(cwd=agent.workspace)
        assert [summary.session_id for summary in page.sessions] == [session_id]
        assert page.sessions[0].cwd == str(agent.workspace)
        assert not (await backend.list_sessions(cwd=agent.outside)).sessions


@pytest.mark.parametrize("session_id", [_UNKNOWN, "no-such-session", "../../etc/passwd"])
async def test_an_unknown_session_is_not_found(agent: Agent, session_id: str) -> None:
    async with agent.backend() as backend:
        with pytest.raises(SessionNotFoundError, match="session"):
            await agent.open(backend, resume=session_id)
        assert not backend.sessions


@needs("list_sessions")
@pytest.mark.parametrize("session_id", [_UNKNOWN, "no-such-session", "../../etc/passwd", "", "half \ud800", "nul\0"])
async def test_the_history_of_an_unknown_session_is_not_found(agent: Agent, session_id: str) -> None:
    async with agent.backend() as backend:
        with pytest.raises(SessionNotFoundError, match="session") as caught:
            await backend.read_history(session_id)
    assert str(caught.value).encode()  # Whatever the id is, the error can be written.


LOOK_UPS: Mapping[str, Callable[[AgentBackend, str], Awaitable[object]]] = {
    "resume": lambda backend, session_id: backend.create_session(SessionOptions(resume=session_id)),
    "fork": lambda backend, session_id: backend.create_session(SessionOptions(resume=session_id, fork=True)),
    "read": lambda backend, session_id: backend.read_history(session_id),
    "rename": lambda backend, session_id: backend.rename_session(session_id, "A name"),
    "archive": lambda backend, session_id: backend.archive_session(session_id),
    "delete": lambda backend, session_id: backend.delete_session(session_id),
}
"""What can be done with a stored session."""


@pytest.mark.parametrize(
    "what",
    [
        "resume",
        pytest.param("fork", marks=needs("fork")),
        pytest.param("read", marks=needs("list_sessions")),
        pytest.param("rename", marks=needs("edit_sessions")),
        pytest.param("archive", marks=needs("archive")),
        pytest.param("delete", marks=needs("edit_sessions")),
    ],
)
async def test_a_session_whose_file_is_gone_is_not_found(agent: Agent, what: str) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        async with await agent.open(backend) as session:
            await run(session, "Talk.")
            session_id = session.resolved_session_id
        await agent.forget(backend, session_id)
        with pytest.raises(SessionNotFoundError, match=session_id):
            await LOOK_UPS[what](backend, session_id)
        assert not backend.sessions


async def test_a_session_without_a_finished_turn_is_not_found(agent: Agent) -> None:
    async with agent.session() as session:
        session_id = session.session_id
        assert not session.resumable
    async with agent.backend() as backend:
        with pytest.raises(SessionNotFoundError, match="session"):
            await agent.open(backend, resume=session_id)


async def test_a_session_that_is_open_in_the_same_backend_is_busy(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend, await agent.open(backend) as session:
        await run(session, "Talk.")
        with pytest.raises(SessionBusyError, match=session.session_id):
            await agent.open(backend, resume=session.session_id)
        assert list(backend.sessions) == [session]
        assert (await run(session, "Talk.")).result.outcome == "completed"


async def test_a_session_that_is_open_in_another_process_is_busy(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as one, agent.backend() as two:
        session = await agent.open(one)
        await run(session, "Talk.")
        with pytest.raises(SessionBusyError, match="another"):
            await agent.open(two, resume=session.session_id)
        await one.aclose()
        async with await agent.open(two, resume=session.session_id) as resumed:
            assert (await run(resumed, "Talk.")).result.outcome == "completed"


@needs("edit_sessions")
async def test_a_session_that_is_open_is_neither_deleted_nor_archived(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend, agent.backend() as other:
        async with await agent.open(backend) as session:
            await run(session, "Talk.")
            session_id = session.resolved_session_id
            for each in (backend, other):
                archive = [each.archive_session] if "archive" in agent.traits else []
                for take_away in (each.delete_session, *archive):
                    with pytest.raises(SessionBusyError, match=session_id):
                        await take_away(session_id)
                if "archive" in agent.traits:
                    await each.unarchive_session(session_id)  # It is in the list, so that there is nothing to do.
            assert (await run(session, "Talk.")).result.outcome == "completed"
            assert len(await session.history()) == 4
        await backend.delete_session(session_id)
        with pytest.raises(SessionNotFoundError):
            await backend.read_history(session_id)


async def test_a_closed_session_is_resumed_in_the_same_backend(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        async with await agent.open(backend) as session:
            await run(session, "Talk.")
        async with await agent.open(backend, resume=session.session_id) as resumed:
            ran = await run(resumed, "Talk.")
            assert ran.result.outcome == "completed"
            assert len(await resumed.history()) == 4


async def test_a_session_that_is_on_its_way_out_is_resumed_once_it_is_gone(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        session = await agent.open(backend)
        await run(session, "Talk.")
        stored = session.resolved_session_id
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.aclose)
            await anyio.wait_all_tasks_blocked()
            session = await agent.open(backend, resume=stored)
        await session.aclose()
        for steps in (30, 1000):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(partial(agent.open, backend, resume=stored))
                for _ in range(steps):
                    await anyio.lowlevel.checkpoint()
                tasks.cancel_scope.cancel()
            for session in backend.sessions:  # Where it was open in so few steps already.
                await session.aclose()
            async with await agent.open(backend, resume=stored) as resumed:
                assert (await run(resumed, "Talk.")).result.outcome == "completed"


async def test_a_closed_session_is_resumed_elsewhere_at_once(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as one, agent.backend() as two:
        session = await agent.open(one)
        for backend in (two, one, two):
            await run(session, "Talk.")
            await session.aclose()
            session = await agent.open(backend, resume=session.resolved_session_id)
        assert len(await session.history()) == 6


@needs("list_sessions")
async def test_the_history_of_a_session_that_was_never_used_is_empty(agent: Agent) -> None:
    async with agent.backend() as backend:
        async with await agent.open(backend) as session:
            assert list(await session.history()) == []
        assert list(await session.history()) == []


@needs("list_sessions")
async def test_the_history_of_a_session_is_read_when_it_is_closed(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        async with await agent.open(backend) as session:
            await run(session, "Talk.")
            told = conversation(await session.history())
        assert conversation(await session.history()) == told != []


async def test_a_closed_backend_reads_no_history(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        session = await agent.open(backend)
        await run(session, "Talk.")
    with pytest.raises(SessionClosedError, match="The backend is closed; create a new one"):
        await session.history()


@needs("list_sessions")
async def test_a_closed_backend_lists_and_reads_no_sessions(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend, await agent.open(backend) as session:
        await run(session, "Talk.")
    calls: list[Callable[[], Awaitable[Any]]] = [backend.list_sessions, backend.list_models]
    calls += [partial(call, session.session_id) for call in (backend.read_history, backend.session_info)]
    for call in calls:
        with pytest.raises(SessionClosedError, match="The backend is closed; create a new one"):
            await call()


async def test_an_interrupted_turn_is_in_the_history(agent: Agent) -> None:
    gate = Gate()
    agent.model.reply(text("Fine.")).reply(text("Half ", gate, "of it.")).reply(text("Next."))
    async with agent.session() as session:
        await run(session, "Talk.")
        async with session.query("More."):
            await gate.reached()
        await run(session, "Again.")
        history = conversation(await session.history())
    prompts = [entry[1] for entry in history if entry[0] == "user"]  # type: ignore[index]  # a shape that the case knows
    said: list[str] = [prompt[0]["text"] for prompt in prompts]  # type: ignore[index]  # a shape that the case knows
    # An agent may note the interrupt in the user's name.
    assert [words for words in said if not words.startswith("[")] == ["Talk.", "More.", "Again."]


async def test_usage_counts_from_the_resume_on(agent: Agent) -> None:
    session_id, _ = await first_part(agent)
    agent.model.reply(text("Apple."))
    async with agent.backend() as backend, await agent.open(backend, resume=session_id) as session:
        ran = await run(session, "Which word?")
        assert ran.result.usage is not None
        assert (ran.result.usage.input_tokens, ran.result.usage.output_tokens) == (10, 5)
