from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from agent_sdk_core.errors import InvalidRequestError, ProtocolError
from agent_sdk_core.interfaces.mcp import McpServerStatus, McpTool
from agent_sdk_core.mcp_servers import McpServer
from claude_sdk.mcp import SessionServers

pytestmark = pytest.mark.anyio

ONE, TWO = McpServer(command="one"), McpServer(command="two")


class Claude:
    """Answers control requests, and keeps them."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers
        self.sent: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, subtype: str, **fields: Any) -> Mapping[str, Any]:
        self.sent.append((subtype, fields))
        answer = self.answers.get(subtype, {})
        if isinstance(answer, Exception):
            raise answer
        return answer

    def names(self) -> list[list[str]]:
        """Return the servers that were set, by name."""
        return [sorted(fields["servers"]) for subtype, fields in self.sent if subtype == "mcp_set_servers"]


def servers(claude: Claude, **given: McpServer) -> SessionServers:
    return SessionServers(given, {}, claude)


async def test_the_state_of_each_server_is_read_and_what_cannot_be_read_has_failed() -> None:
    tools = [{"name": "greet", "annotations": {"readOnly": True}}, {"name": "odd", "annotations": {"readOnly": 1}}]
    told = [
        {"name": "a", "status": "connected", "tools": tools, "serverInfo": {"version": "1"}},
        {"name": "b", "status": "pending"},
        {"name": "c", "status": "needs-auth"},
        {"name": "d", "status": "new", "error": "key sk-abcdefghijk is wrong"},
    ]
    claude = Claude(mcp_status={"mcpServers": told})
    off = McpServer(command="x", enabled=False)
    assert await servers(claude, off=off, a=off).status() == [
        McpServerStatus("a", "connected", tools=(McpTool("greet", read_only=True), McpTool("odd")), version="1"),
        McpServerStatus("b", "starting"),
        McpServerStatus("c", "needs_login"),
        McpServerStatus("d", "failed", error="key ********** is wrong"),
        McpServerStatus("off", "disabled"),
    ]


async def test_a_server_of_the_options_is_switched_by_setting_the_others() -> None:
    claude = Claude()
    ours = servers(claude, one=ONE, two=TWO)
    await ours.switch("one", enabled=True)  # It is.
    assert claude.sent == []
    await ours.switch("one", enabled=False)
    await ours.switch("one", enabled=False)
    assert claude.names() == [["one", "two"], ["two"]]  # Taken over first, then without it.
    await ours.switch("one", enabled=True)
    assert claude.names()[2:] == [["one", "two"]]


async def test_a_server_from_elsewhere_is_toggled_and_an_unknown_one_is_refused_with_those_there_are() -> None:
    claude = Claude()
    await servers(claude).switch("theirs", enabled=False)
    assert claude.sent == [("mcp_toggle", {"serverName": "theirs", "enabled": False})]
    refused = ProtocolError("claude refused it", details={"error": "Server not found: x"})
    claude = Claude(mcp_toggle=refused, mcp_status={"mcpServers": [{"name": "a", "status": "connected"}]})
    with pytest.raises(InvalidRequestError, match="Server not found: x; the session's MCP servers: a"):
        await servers(claude).switch("x", enabled=True)


async def test_what_failed_is_started_anew_and_one_that_fails_again_holds_up_nothing() -> None:
    told = [{"name": name, "status": status} for name, status in (("a", "failed"), ("b", "connected"), ("c", "failed"))]
    claude = Claude(mcp_status={"mcpServers": told}, mcp_reconnect=ProtocolError("it failed again"))
    await servers(claude).reload()
    assert [fields["serverName"] for subtype, fields in claude.sent if subtype == "mcp_reconnect"] == ["a", "c"]


async def test_a_login_has_a_url() -> None:
    claude = Claude(mcp_authenticate={"authUrl": "https://x.example/authorize", "state": "s"})
    assert await servers(claude).login("a") == "https://x.example/authorize"
    with pytest.raises(InvalidRequestError, match="'a' wants no login"):
        await servers(Claude()).login("a")
