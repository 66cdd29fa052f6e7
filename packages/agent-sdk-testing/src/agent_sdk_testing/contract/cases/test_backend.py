"""A backend with its sessions: made, listed, closed, and closed when the agent answers nothing any more."""

from __future__ import annotations

import time
from uuid import uuid4

import anyio
import pytest

from agent_sdk_core import (
    AgentBackend,
    AgentCommand,
    InvalidRequestError,
    SessionNotFoundError,
    SessionTitleChanged,
    StoredSession,
    UnsupportedError,
    UnsupportedOptionError,
    UserMessage,
    available_backends,
)
from agent_sdk_testing import Tokens, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.process_agent import ProcessAgent
from agent_sdk_testing.contract.traits import lacks, needs
from agent_sdk_testing.contract.watching import run, until

pytestmark = pytest.mark.anyio


async def stored(agent: Agent, backend: AgentBackend) -> str:
    """Have a conversation of one turn, and return its id."""
    agent.model.otherwise(text("Fine."))
    async with await agent.open(backend) as session:
        await run(session, "Talk.")
        return session.resolved_session_id


@needs("installed")
async def test_the_backend_is_found_by_its_entry_point(agent: ProcessAgent) -> None:
    [found] = [entry for entry in available_backends() if entry.type == agent.name]
    assert found.problem is None
    assert found.executable == str(agent.real_executable())


async def test_models_are_listed_with_one_default(agent: Agent) -> None:
    async with agent.backend() as backend:
        models = await backend.list_models()
    assert models
    assert len({model.id for model in models}) == len(models)
    assert [model.is_default for model in models].count(True) == 1


async def test_the_usage_of_a_session_sums_its_turns(agent: Agent) -> None:
    agent.model.reply(agent.command("echo one"), usage=Tokens(input=100, output=10))
    agent.model.reply(text("Fine."), usage=Tokens(input=200, cached=150, output=20))
    agent.model.reply(text("Fine."), usage=Tokens(input=300, cached=250, output=30))
    async with agent.session(permission_mode="bypass") as session:
        first, second = await run(session, "Talk."), await run(session, "Talk.")
        total = (await session.usage()).total
    assert first.result.usage is not None
    assert second.result.usage is not None
    assert (first.result.usage.input_tokens, first.result.usage.output_tokens) == (150, 30)
    assert (second.result.usage.input_tokens, second.result.usage.output_tokens) == (50, 30)
    assert (total.input_tokens, total.cache_read_input_tokens, total.output_tokens) == (200, 400, 60)


@needs("process", "shared_process")
async def test_events_tell_that_the_agent_started(agent: ProcessAgent) -> None:
    backend = agent.backend()
    events = backend.events()
    async with backend, await agent.open(backend) as session:
        pid = agent.pid(session)
    told = [event async for event in events]  # Warnings about the machine may come before.
    [started] = [event for event in told if event.kind == "started"]
    assert agent.called in started.message
    assert started.details["pid"] == pid
    assert "dead" not in [event.kind for event in told]


async def test_events_asked_for_after_the_start_begin_with_it_once(agent: Agent) -> None:
    async with agent.backend() as backend:
        first, second = backend.events(), backend.events()
    assert "started" in [event.kind async for event in first]
    assert [event async for event in second] == []


@needs("edit_sessions")
async def test_a_new_title_of_an_open_session_is_told_and_known(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend, await agent.open(backend) as session:
        await run(session, "Talk.")
        stream = session.messages()
        await backend.rename_session(session.resolved_session_id, "A better name")
        assert (await until(stream, SessionTitleChanged)).title == "A better name"
        assert session.info.title == "A better name"


@needs("edit_sessions", "resume")
async def test_a_session_that_is_resumed_knows_its_title(agent: Agent) -> None:
    async with agent.backend() as backend:
        session_id, unnamed = await stored(agent, backend), await stored(agent, backend)
        await backend.rename_session(session_id, "A better name")
        async with await agent.open(backend, resume=session_id) as session:
            assert session.info.title == "A better name"
        async with await agent.open(backend, resume=unnamed) as session:
            assert session.info.title is None


async def test_a_session_tells_its_commands_before_its_first_turn(agent: Agent) -> None:
    skill = agent.skill("greet", "Say hello.")
    async with agent.session() as session:
        commands = await session.commands()
        if skill is not None:
            [found] = [command for command in commands if command.name == skill.name]
            assert found.description.startswith("A skill.")
        for command in commands:
            assert command.name
            assert not command.name.startswith("/")
            assert AgentCommand.from_wire(command.to_wire()) == command


async def test_a_prompt_is_the_users_and_a_result_of_a_tool_is_not(agent: Agent) -> None:
    agent.model.reply(agent.command("echo one")).otherwise(text("Fine."))
    async with agent.session(permission_mode="bypass") as session:
        ran = await run(session, "Talk.")
    written = [message.written_by for message in ran.messages if isinstance(message, UserMessage)]
    assert written == ["user", "tool"]
    [result] = [block for message in ran.messages if isinstance(message, UserMessage) for block in message.tool_results]
    assert result.is_error is False


@lacks("goals")
async def test_an_agent_without_goals_says_so(agent: Agent) -> None:
    async with agent.session() as session:
        assert session.goal is None
        with pytest.raises(UnsupportedError):
            await session.set_goal("Get there.")
        with pytest.raises(UnsupportedError):
            await session.clear_goal()


@needs("edit_sessions", "list_sessions")
async def test_a_stored_session_is_renamed_and_deleted(agent: Agent) -> None:
    async with agent.backend() as backend:
        renamed, deleted = await stored(agent, backend), await stored(agent, backend)
        await backend.rename_session(renamed, "A better name")
        for unseen in (" \n", "\0", "\u200b"):
            with pytest.raises(InvalidRequestError, match="not blank"):
                await backend.rename_session(renamed, unseen)
        await backend.delete_session(deleted)
        page = await backend.list_sessions()
        assert [(summary.session_id, summary.title) for summary in page.sessions] == [(renamed, "A better name")]
        with pytest.raises(SessionNotFoundError):
            await backend.read_history(deleted)


@needs("archive", "list_sessions")
async def test_an_archived_session_is_left_out_of_the_list_and_can_be_read(agent: Agent) -> None:
    async with agent.backend() as backend:
        kept, archived = await stored(agent, backend), await stored(agent, backend)
        await backend.archive_session(archived)
        assert [summary.session_id for summary in (await backend.list_sessions()).sessions] == [kept]
        assert await backend.read_history(archived)


@needs("archive", "list_sessions")
async def test_an_archived_session_is_told_as_such_and_comes_back(agent: Agent) -> None:
    async with agent.backend() as backend:
        session_id = await stored(agent, backend)
        for _ in range(2):  # What is done already is no mistake.
            await backend.archive_session(session_id)
            assert (await backend.session_info(session_id)).archived
        for _ in range(2):
            await backend.unarchive_session(session_id)
        assert not (await backend.session_info(session_id)).archived
        [listed] = await backend.list_sessions()
        assert listed == await backend.session_info(session_id)
        for call in (backend.unarchive_session, backend.archive_session):
            with pytest.raises(SessionNotFoundError):
                await call(str(uuid4()))


@needs("list_sessions")
async def test_what_is_known_of_a_stored_session_is_told_without_opening_it(agent: Agent) -> None:
    began = time.time()
    for arguments in (["init", "-q", "-b", "work"], ["commit", "-q", "--allow-empty", "-m", "Begin"]):
        await anyio.run_process(
            ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", *arguments], cwd=agent.workspace
        )
    async with agent.backend() as backend:
        told = await backend.session_info(await stored(agent, backend))
        with pytest.raises(SessionNotFoundError):
            await backend.session_info(str(uuid4()))
    assert (told.first_prompt, told.title) == ("Talk.", "Talk.")
    assert told.branch == ("work" if agent.tells_branches else None)
    assert told.cwd == str(agent.workspace)
    assert told.model
    assert told.updated_at is not None
    assert began - 2 <= told.updated_at <= time.time() + 2
    assert StoredSession.from_wire(told.to_wire()) == told


@lacks("archive")
async def test_an_agent_that_cannot_archive_a_session_says_so(agent: Agent) -> None:
    async with agent.backend() as backend:
        with pytest.raises(UnsupportedOptionError, match="archive"):
            await backend.archive_session(str(uuid4()))


@needs("list_sessions")
async def test_sessions_are_listed_page_by_page_newest_first(agent: Agent) -> None:
    async with agent.backend() as backend:
        ids = [await stored(agent, backend) for _ in range(3)]
        listed: list[str] = []
        cursor: str | None = None
        for _ in range(3):
            page = await backend.list_sessions(limit=1, cursor=cursor)
            listed += [summary.session_id for summary in page.sessions]
            cursor = page.cursor
        assert sorted(listed) == sorted(ids)


@needs("list_sessions")
@pytest.mark.parametrize("limit", [0, -1])
async def test_a_page_without_a_session_is_refused(agent: Agent, limit: int) -> None:
    async with agent.backend() as backend:
        with pytest.raises(InvalidRequestError, match="at least one session"):
            await backend.list_sessions(limit=limit)


@needs("list_sessions")
@pytest.mark.parametrize("folder", ["", " ", "half \ud800", "nul\0", "~nobody-at-all/x"])
async def test_a_folder_that_cannot_be_named_is_refused(agent: Agent, folder: str) -> None:
    async with agent.backend() as backend:
        with pytest.raises(InvalidRequestError):
            await backend.list_sessions(cwd=folder)


@pytest.mark.parametrize("timeout", [0, -1, float("nan"), float("inf")])
async def test_a_time_that_is_none_is_refused(agent: Agent, timeout: float) -> None:
    async with agent.backend() as backend:
        for use in (backend.diagnose, backend.login):
            with pytest.raises(InvalidRequestError, match="timeout must be a finite number greater than 0"):
                await use(timeout=timeout)


async def test_a_uuid_that_cannot_be_told_is_refused(agent: Agent) -> None:
    async with agent.session() as session:
        for uuid in ("", " ", "half \ud800", "nul\0"):
            with pytest.raises(InvalidRequestError, match="uuid"):
                await session.send("Talk.", uuid=uuid)
        assert session.state == "idle"
    assert not agent.model.requests


async def test_a_session_knows_its_folder_without_symbolic_links(agent: Agent) -> None:
    link = agent.workspace / "link"
    (agent.workspace / "real").mkdir()
    link.symlink_to(agent.workspace / "real")
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        async with await agent.open(backend, cwd=link) as session:
            for _ in range(2):
                assert session.info.cwd == str(agent.workspace / "real")
                await run(session, "Talk.")
        if backend.capabilities.list_sessions:
            for folder in (link, agent.workspace / "real"):
                [stored] = await backend.list_sessions(cwd=folder)
                assert (stored.session_id, stored.cwd) == (session.resolved_session_id, str(agent.workspace / "real"))


@needs("process")
async def test_an_agent_that_answers_nothing_any_more_is_closed_in_bounded_time(agent: ProcessAgent) -> None:
    async with agent.backend() as backend:
        session = await agent.open(backend)
        with agent.frozen(), anyio.fail_after(60):
            await backend.aclose()
            assert session.state == "closed"
            await agent.lifeline.gone()
