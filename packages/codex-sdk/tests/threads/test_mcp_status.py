from __future__ import annotations

from typing import Any

import pytest

from agent_sdk_core.errors import RequestTimeoutError
from agent_sdk_core.interfaces.mcp import McpServerStatus, McpTool
from codex_sdk.threads.mcp_status import login_url, mcp_status, reload_servers

pytestmark = pytest.mark.anyio


class Codex:
    """Answers requests in order, and keeps them."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.sent: list[tuple[str, Any]] = []

    async def __call__(self, method: str, params: Any, **how: Any) -> object:
        self.sent.append((method, params))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def test_the_state_of_each_server_is_read_page_by_page() -> None:
    tools = {"b": {"name": "b", "description": "Does b."}, "a": {"name": "a", "annotations": {"readOnlyHint": False}}}
    pages = (
        {
            "data": [{"name": "one", "runtimeStatus": "connected", "tools": tools, "serverInfo": {"version": "1"}}],
            "nextCursor": "next",
        },
        {
            "data": [
                {"name": "two", "runtimeStatus": "failed", "toolsError": "no such file", "tools": tools},
                {"name": "three", "runtimeStatus": "authenticationRequired", "toolsError": "Auth required"},
                {"name": "four", "runtimeStatus": None},
                {"name": "five", "toolsError": "it broke"},
            ]
        },
    )
    codex = Codex(*pages)
    assert await mcp_status(codex, "t", {}) == [
        McpServerStatus(
            "one", "connected", tools=(McpTool("a", read_only=False), McpTool("b", "Does b.")), version="1"
        ),
        McpServerStatus("two", "failed", error="no such file"),
        McpServerStatus("three", "needs_login"),
        McpServerStatus("four", "starting"),
        McpServerStatus("five", "failed", error="it broke"),
    ]
    assert codex.sent[1][1] == {"threadId": "t", "detail": "toolsAndAuthOnly", "cursor": "next"}


async def test_while_servers_start_what_was_told_of_them_has_to_do() -> None:
    codex = Codex(RequestTimeoutError("not in time"))
    told = {"a": "starting", "b": "ready", "c": "failed"}
    assert await mcp_status(codex, "t", told) == [
        McpServerStatus("a", "starting"),
        McpServerStatus("b", "connected"),
        McpServerStatus("c", "failed"),
    ]


async def test_a_login_has_a_url_and_servers_are_reloaded_without_a_word() -> None:
    codex = Codex({"authorizationUrl": "https://x.example"}, {})
    assert await login_url(codex, "t", "web") == "https://x.example"
    await reload_servers(codex)
    assert codex.sent == [
        ("mcpServer/oauth/login", {"threadId": "t", "name": "web"}),
        ("config/mcpServer/reload", None),
    ]
