"""What a backend declares holds, and what it does not declare raises: every field of `BackendCapabilities` has a proof.

`PROOFS` names them; a field that is missing there fails the suite of this project, and the cases that it would have.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import (
    AgentError,
    AgentSession,
    Allow,
    AssistantMessage,
    AudioInput,
    DocumentInput,
    ImageInput,
    InvalidRequestError,
    MentionInput,
    PermissionRequest,
    ResultMessage,
    SessionNotFoundError,
    SkillInput,
    TextInput,
    UnsupportedOptionError,
)
from agent_sdk_core.prompts import PromptBlock
from agent_sdk_testing import Gate, text
from agent_sdk_testing.contract.agent import Agent
from agent_sdk_testing.contract.process_agent import ProcessAgent
from agent_sdk_testing.contract.traits import CAPABILITIES, lacks, needs
from agent_sdk_testing.contract.watching import run, until

pytestmark = pytest.mark.anyio

_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_UNKNOWN = "01a1fb00-0000-7000-8000-000000000000"


@dataclass(frozen=True)
class Proof:
    """What shows that a capability is there, and what shows that it is not."""

    holds: Callable[[Agent], Awaitable[None]]
    raises: Callable[[Agent], Awaitable[None]]


async def resume_holds(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        await run(session, "Remember the word apple.")
    async with agent.backend() as backend, await agent.open(backend, resume=session.resolved_session_id) as resumed:
        await run(resumed, "Which word?")
    assert "Remember the word apple." in agent.model.requests[-1].text


async def resume_raises(agent: Agent) -> None:
    async with agent.backend() as backend:
        with pytest.raises(UnsupportedOptionError, match="resume"):
            await agent.open(backend, resume=_UNKNOWN)
        assert not backend.sessions


async def fork_holds(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        await run(session, "Remember the word apple.")
        async with await session.fork() as fork:
            assert fork.session_id != session.session_id
            await run(fork, "Only here.")
            assert "Remember the word apple." in agent.model.requests[-1].text
        await run(session, "Which word?")
    assert "Only here." not in agent.model.requests[-1].text


async def fork_raises(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        await run(session, "Remember the word apple.")
        with pytest.raises(UnsupportedOptionError, match="fork"):
            await session.fork()
        with pytest.raises(UnsupportedOptionError):
            await agent.open(session.backend, resume=session.session_id, fork=True)


async def steer_holds(agent: Agent) -> None:
    feed = agent.feed("feed")
    agent.model.reply(agent.command(f"read line <'{feed.path}'")).reply(text("Both answered."))
    async with agent.session(permission_mode="bypass") as session:
        watch = session.messages()
        first = await session.send("First.")
        await until(watch, AssistantMessage, lambda message: message.tool_uses)
        second = await session.send("And this.", priority="steer")
        feed.line()
        assert sorted((await until(watch, ResultMessage)).user_message_uuids) == sorted([first, second])


async def steer_does_not_hold(agent: Agent) -> None:
    """Either it raises, or the prompt waits for the end of the turn, and has one of its own; it never joins."""
    gate = Gate()
    agent.model.reply(text("One", gate, ".")).otherwise(text("Two."))
    async with agent.session() as session:
        watch = session.messages()
        first = await session.send("First.")
        await gate.reached()
        waiting: list[str] = []
        with suppress(UnsupportedOptionError):
            waiting.append(await session.send("And this.", priority="steer"))
        assert [each.uuid for each in session.queue] == waiting
        gate.open()
        for uuid in (first, *waiting):
            assert (await until(watch, ResultMessage)).user_message_uuids == [uuid]


async def compact_holds(agent: Agent) -> None:
    agent.model.reply(text("A long story.")).reply(text("The summary.")).otherwise(text("Fine."))
    async with agent.session() as session:
        await run(session, "Tell me a story.")
        await session.compact()
        assert session.state == "idle"
        await run(session, "Go on.")
    assert "The summary." in agent.model.requests[-1].text
    assert "A long story." not in agent.model.requests[-1].text


async def compact_raises(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        await run(session, "Tell me a story.")
        with pytest.raises(UnsupportedOptionError, match="compact"):
            await session.compact()
        assert (await run(session, "Go on.")).result.outcome == "completed"


async def shared_process_holds(agent: Agent) -> None:
    assert isinstance(agent, ProcessAgent)
    async with agent.backend() as backend, await agent.open(backend) as one, await agent.open(backend) as two:
        assert agent.pid(one) == agent.pid(two)


async def shared_process_does_not_hold(agent: Agent) -> None:
    """Nobody asks for a shared process, so nothing raises: each session has its own, if there is any."""
    if isinstance(agent, ProcessAgent):
        async with agent.backend() as backend, await agent.open(backend) as one, await agent.open(backend) as two:
            assert agent.pid(one) != agent.pid(two)


def block_of(agent: Agent, kind: str) -> PromptBlock:
    """Return a block of a prompt, as an application would give it."""
    file = agent.workspace / {"images": "pixel.png", "audio": "sound.wav"}.get(kind, "file.txt")
    file.write_bytes(_PIXEL if kind == "images" else b"bytes")
    return {
        "images": lambda: ImageInput(data=_PIXEL, media_type="image/png"),
        "documents": lambda: DocumentInput(data=b"%PDF", media_type="application/pdf"),
        "audio": lambda: AudioInput(path=file),
        "skills": lambda: agent.skill("parrot", "Say everything twice.") or _skill(agent.workspace),
        "mentions": lambda: MentionInput("file.txt", str(file)),
    }[kind]()


def _skill(folder: Path) -> SkillInput:
    path = folder / "SKILL.md"
    path.write_text("---\nname: parrot\ndescription: Speak.\n---\nSay everything twice.\n")
    return SkillInput("parrot", str(path))


def block(kind: str, reached: Callable[[Agent], object]) -> Proof:
    """Return the proof for a block of a prompt: it is taken and reaches the model, or it raises and nothing is lost."""

    async def holds(agent: Agent) -> None:
        agent.model.otherwise(text("Fine."))
        block = block_of(agent, kind)  # A skill has to be there before the agent starts.
        async with agent.session() as session:
            ran = await run(session, [TextInput("Look."), block])
        assert ran.result.outcome == "completed"
        assert "Look." in agent.model.requests[0].text
        assert reached(agent)

    async def raises(agent: Agent) -> None:
        agent.model.otherwise(text("Fine."))
        async with agent.session() as session:
            with pytest.raises(UnsupportedOptionError, match=kind.rstrip("s")):
                await run(session, [TextInput("Look."), block_of(agent, kind)])
            assert session.state == "idle"
            assert not agent.model.requests
            assert (await run(session, "Without it.")).result.outcome == "completed"

    return Proof(holds, raises)


async def list_sessions_holds(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.session() as session:
        await run(session, "Talk.")
        stored = session.resolved_session_id
        backend = session.backend
        assert [summary.session_id for summary in (await backend.list_sessions()).sessions] == [stored]
        assert await backend.read_history(stored)


async def list_sessions_raises(agent: Agent) -> None:
    async with agent.backend() as backend:
        with pytest.raises(UnsupportedOptionError, match="list"):
            await backend.list_sessions()
        # Some read the history of a session that they are told of all the same.
        with pytest.raises((UnsupportedOptionError, SessionNotFoundError), match=f"read|{_UNKNOWN}"):
            await backend.read_history(_UNKNOWN)


async def edit_sessions_holds(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        async with await agent.open(backend) as session:
            await run(session, "Talk.")
        await backend.rename_session(session.resolved_session_id, "A better name")
        await backend.delete_session(session.resolved_session_id)


async def edit_sessions_raises(agent: Agent) -> None:
    async with agent.backend() as backend:
        with pytest.raises(UnsupportedOptionError, match="rename"):
            await backend.rename_session(_UNKNOWN, "A better name")
        with pytest.raises(UnsupportedOptionError, match="archive"):
            await backend.archive_session(_UNKNOWN)
        with pytest.raises(UnsupportedOptionError, match="delete"):
            await backend.delete_session(_UNKNOWN)


async def tag_sessions_holds(agent: Agent) -> None:
    agent.model.otherwise(text("Fine."))
    async with agent.backend() as backend:
        async with await agent.open(backend) as session:
            await run(session, "Talk.")
        stored = session.resolved_session_id
        for tag in ("first", "for later", None):
            await backend.tag_session(stored, tag)
            assert (await backend.session_info(stored)).tag == tag
            assert [listed.tag for listed in await backend.list_sessions()] == [tag]
        with pytest.raises(InvalidRequestError, match="blank"):
            await backend.tag_session(stored, " ")
        with pytest.raises(SessionNotFoundError):
            await backend.tag_session(_UNKNOWN, "lost")


async def tag_sessions_raises(agent: Agent) -> None:
    async with agent.backend() as backend:
        with pytest.raises(UnsupportedOptionError, match="tag"):
            await backend.tag_session(_UNKNOWN, "first")


async def search_sessions_holds(agent: Agent) -> None:
    agent.model.reply(text("A heron stands there.")).otherwise(text("A heron too."))
    async with agent.backend() as backend:
        ids: list[str] = []
        for prompt in ("Look at the river.", "Look at the bird.", "Talk."):
            async with await agent.open(backend) as session:
                await run(session, prompt)
            ids.append(session.resolved_session_id)
        (found,) = await backend.search_sessions("RIVER")
        assert (found.session_id, found.snippet) == (ids[0], "Look at the river.")
        page = await backend.search_sessions("heron", limit=2)
        assert page.cursor is not None
        rest = await backend.search_sessions("heron", limit=2, cursor=page.cursor)
        assert [each.session_id for each in (*page, *rest)] == ids[::-1]
        assert len(await backend.search_sessions("nobody said this")) == 0
        for wrong in (backend.search_sessions(" "), backend.search_sessions("heron", limit=0)):
            with pytest.raises(InvalidRequestError):
                await wrong


async def search_sessions_raises(agent: Agent) -> None:
    async with agent.backend() as backend:
        with pytest.raises(UnsupportedOptionError, match="search"):
            await backend.search_sessions("heron")


async def background_tasks_hold(agent: Agent) -> None:
    async with agent.session() as session:
        assert list(await session.background_tasks()) == []
        with pytest.raises(InvalidRequestError):
            await session.stop_task("unknown")


async def background_tasks_raise(agent: Agent) -> None:
    async with agent.session() as session:
        with pytest.raises(UnsupportedOptionError, match="background tasks"):
            await session.background_tasks()
        with pytest.raises(UnsupportedOptionError, match="background tasks"):
            await session.stop_task("unknown")


async def mcp_status_holds(agent: Agent) -> None:
    async with agent.session() as session:
        assert list(await session.mcp_status()) == []
        await session.reload_mcp_servers()


async def mcp_status_raises(agent: Agent) -> None:
    async with agent.session() as session:
        with pytest.raises(UnsupportedOptionError, match="MCP servers"):
            await session.mcp_status()
        with pytest.raises(UnsupportedOptionError, match="MCP servers"):
            await session.reload_mcp_servers()


def _mcp(error: type[AgentError], *calls: Callable[[AgentSession], Awaitable[object]]) -> Callable[[Agent], Any]:
    """Return what shows how calls fail that name an MCP server that is not there."""

    async def fails(agent: Agent) -> None:
        async with agent.session() as session:
            for call in calls:
                with pytest.raises(error, match=r"unknown|cannot"):
                    await call(session)

    return fails


_Call = Callable[[AgentSession], Awaitable[object]]
_SWITCHES: tuple[_Call, ...] = (
    lambda it: it.enable_mcp_server("unknown"),
    lambda it: it.disable_mcp_server("unknown"),
)
_LOGIN: tuple[_Call, ...] = (lambda it: it.login_mcp_server("unknown"),)


PROOFS: Mapping[str, Proof] = {
    "resume": Proof(resume_holds, resume_raises),
    "fork": Proof(fork_holds, fork_raises),
    "steer": Proof(steer_holds, steer_does_not_hold),
    "compact": Proof(compact_holds, compact_raises),
    "shared_process": Proof(shared_process_holds, shared_process_does_not_hold),
    "images": block("images", lambda agent: agent.images_of(agent.model.requests[0]) == 1),
    "documents": block("documents", lambda agent: agent.documents_of(agent.model.requests[0]) == 1),
    "audio": block("audio", lambda agent: b"audio" in agent.model.requests[0].body),
    "skills": block("skills", lambda agent: "Say everything twice." in agent.model.requests[0].text),
    # What a mention adds is the agent's affair.
    "mentions": block("mentions", lambda agent: True),
    "background_tasks": Proof(background_tasks_hold, background_tasks_raise),
    "mcp_status": Proof(mcp_status_holds, mcp_status_raises),
    "mcp_switching": Proof(_mcp(InvalidRequestError, *_SWITCHES), _mcp(UnsupportedOptionError, *_SWITCHES)),
    "mcp_login": Proof(_mcp(InvalidRequestError, *_LOGIN), _mcp(UnsupportedOptionError, *_LOGIN)),
    "list_sessions": Proof(list_sessions_holds, list_sessions_raises),
    "edit_sessions": Proof(edit_sessions_holds, edit_sessions_raises),
    "tag_sessions": Proof(tag_sessions_holds, tag_sessions_raises),
    "search_sessions": Proof(search_sessions_holds, search_sessions_raises),
}
"""The proofs of all that is declared by yes or no."""

_YES_OR_NO = [name for name in CAPABILITIES if name in PROOFS]


@pytest.mark.parametrize("capability", [pytest.param(name, marks=needs(name)) for name in _YES_OR_NO])
async def test_a_declared_capability_holds(agent: Agent, capability: str) -> None:
    await PROOFS[capability].holds(agent)


@pytest.mark.parametrize("capability", [pytest.param(name, marks=lacks(name)) for name in _YES_OR_NO])
async def test_an_undeclared_capability_raises(agent: Agent, capability: str) -> None:
    await PROOFS[capability].raises(agent)


async def test_a_backend_declares_the_permission_modes_that_it_has(agent: Agent) -> None:
    assert set(agent.backend_class().capabilities.permission_modes) == set(agent.modes)


async def test_a_backend_has_the_capabilities_of_its_class(agent: Agent) -> None:
    assert agent.backend().capabilities == agent.backend_class().capabilities


@needs("policy_scope:asked_only")
async def test_an_agent_that_asks_about_some_calls_only_runs_the_others_unseen(agent: Agent) -> None:
    seen: list[PermissionRequest] = []

    async def callback(request: PermissionRequest) -> Allow:
        seen.append(request)
        return Allow()

    agent.model.reply(agent.command("echo unseen")).reply(text("Done."))
    async with agent.session(permission_mode="bypass", can_use_tool=callback) as session:
        ran = await run(session, "Act.")
    assert ran.results[0].text.strip() == "unseen"
    assert not seen
