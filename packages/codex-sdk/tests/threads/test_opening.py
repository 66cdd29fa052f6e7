from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import SessionOptions, ToolRegistry, UnsupportedOptionError, tool
from codex_sdk import protocol
from codex_sdk.threads.opening import opening
from codex_sdk.tools import tool_specs


@tool
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def options(workspace: Path, **fields: Any) -> SessionOptions:
    return SessionOptions(cwd=workspace, **fields)


def test_a_new_session_is_a_thread_that_is_not_stored_yet(workspace: Path) -> None:
    request = opening(options(workspace, model="m"))
    assert (request.method, request.stored) == ("thread/start", False)
    assert request.params == {"cwd": str(workspace), "model": "m", "experimentalRawEvents": True}


def test_a_stored_session_is_resumed_without_its_turns(workspace: Path) -> None:
    request = opening(options(workspace, resume="stored", model="m"))
    assert (request.method, request.stored) == ("thread/resume", True)
    assert request.params == {"cwd": str(workspace), "model": "m", "threadId": "stored", "excludeTurns": True}
    protocol.ThreadResumeParams.model_validate(request.params)


def test_a_fork_copies_all_turns_or_up_to_one(workspace: Path) -> None:
    forked = options(workspace, resume="stored", fork=True)
    request = opening(forked)
    assert (request.method, request.stored) == ("thread/fork", True)
    assert request.params == {"cwd": str(workspace), "threadId": "stored", "excludeTurns": True}
    part = opening(forked.model_copy(update={"fork_at": "turn-3"}))
    assert part.params == {**request.params, "lastTurnId": "turn-3"}
    protocol.ThreadForkParams.model_validate(part.params)


def test_the_servers_of_the_thread_alone_are_known_however_they_are_given(workspace: Path) -> None:
    server = {"command": "true"}
    given: list[dict[str, Any]] = [
        {"mcp_servers": {"one": server}},
        {"settings": {"mcp_servers": {"one": server}}},
        {"native": {"config": {"mcp_servers.one.command": "true", "model": "x"}}},
    ]
    assert [opening(options(workspace, **fields)).servers for fields in given] == [{"one"}] * 3
    assert opening(options(workspace)).servers == frozenset()


def test_tools_are_offered_when_a_thread_starts(workspace: Path) -> None:
    registry = ToolRegistry("calc", [add])
    params = opening(options(workspace, tools=registry)).params
    assert params["dynamicTools"] == tool_specs(registry)
    protocol.ThreadStartParams.model_validate(params)


@pytest.mark.parametrize("tools", [None, ToolRegistry()])
def test_without_tools_none_are_offered(workspace: Path, tools: ToolRegistry | None) -> None:
    assert "dynamicTools" not in opening(options(workspace, tools=tools)).params


def test_tools_in_codexs_own_words_beat_the_registry(workspace: Path) -> None:
    mine = {"type": "function", "name": "mine", "description": "d", "inputSchema": {"type": "object"}}
    native: dict[str, object] = {"dynamicTools": [mine]}
    params = opening(options(workspace, tools=ToolRegistry("calc", [add]), native=native)).params
    assert params["dynamicTools"] == [mine]


@pytest.mark.parametrize("fork", [False, True])
def test_a_stored_session_keeps_the_tools_it_was_started_with(workspace: Path, fork: bool) -> None:
    stored = options(workspace, resume="stored", fork=fork, tools=ToolRegistry("calc", [add]))
    assert "dynamicTools" not in opening(stored).params
    with pytest.raises(UnsupportedOptionError, match="keeps those it was started with"):
        opening(stored.model_copy(update={"native": {"dynamicTools": []}}))
