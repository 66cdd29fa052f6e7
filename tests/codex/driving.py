"""Codex under test: its settings, its sessions, and how to wait for what it tells beside the messages."""

from __future__ import annotations

import re
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

from tests.contract.agents.codex import CodexAgent

from agent_sdk_core import AgentBackend, AgentSession
from agent_sdk_core.runtime.streams import BoundedStream
from agent_sdk_testing import Step, call, write_codex_home
from agent_sdk_testing.contract.watching import Ran
from codex_sdk import CodexBackend, CodexSession
from codex_sdk.routing.receiver import Notification

ASK_ALWAYS: Final = {"approvalPolicy": "untrusted", "sandbox": "danger-full-access"}
"""Native options of a session that asks about everything, and in which whatever is allowed works."""

SERVER: Final = Path(__file__).with_name("mcp_server.py")
"""The program of the MCP server of these tests."""


class Codex(CodexAgent):
    """The real Codex, with what no other agent has."""

    def settings(
        self,
        *,
        slug: str = "gpt-5.5",
        features: Mapping[str, bool] | None = None,
        provider: Mapping[str, Any] | None = None,
        **config: Any,
    ) -> None:
        """Write config.toml again, before the agent starts; see `write_codex_home`."""
        write_codex_home(self.home, self.model, slug=slug, features=features, provider=provider, **config)

    @property
    def mcp_servers(self) -> dict[str, dict[str, Any]]:
        """The configuration of the MCP server of these tests, named "bench"."""
        return {"bench": {"command": sys.executable, "args": ["-B", str(SERVER)]}}

    @asynccontextmanager
    async def session(self, **options: Any) -> AsyncGenerator[CodexSession]:
        """A session on a backend of its own."""
        async with self.backend() as backend, await self.open(backend, **options) as session:
            yield session

    async def open(self, backend: AgentBackend, **options: Any) -> CodexSession:
        """Open a session in the workspace, and record all that it tells."""
        return cast("CodexSession", await super().open(backend, **options))


def backend_of(session: AgentSession) -> CodexBackend:
    """Return the backend of a session, with what only Codex has."""
    assert isinstance(session.backend, CodexBackend)
    return session.backend


async def told(
    stream: BoundedStream[Notification],
    method: str,
    accept: Callable[[Mapping[str, Any]], object] = lambda params: True,
) -> Mapping[str, Any]:
    """Read notifications up to the first of a method that is accepted, and return its parameters."""
    while True:
        notification = await anext(stream)
        params = cast("Mapping[str, Any]", notification.params)
        if notification.method == method and accept(params):
            return params


def mcp(tool: str, **arguments: Any) -> Step:
    """A call of a tool of the MCP server."""
    return call(tool, arguments, namespace="mcp__bench")


def names(ran: Ran) -> list[str]:
    """Return the names of a turn's tool uses, in order."""
    return [use.name for use in ran.uses]


def version_of(told: str | None) -> tuple[int, ...]:
    """Return the first two numbers of a version, in whatever words it stands."""
    return tuple(map(int, re.findall(r"\d+", told or "")[:2]))
