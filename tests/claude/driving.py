"""Claude under test: its settings, its sessions, and the steps that only its model knows."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, cast

from tests.contract.agents.claude import ClaudeAgent

from agent_sdk_core import AgentBackend, CommandLifecycle, MessageStream
from agent_sdk_testing import ModelRequest, ScriptedModel, Step, call, write_claude_config
from agent_sdk_testing.contract.pipes import Feed
from agent_sdk_testing.contract.watching import Ran, until
from agent_sdk_testing.model.steps import JsonValue
from claude_sdk import ClaudeBackend, ClaudeSession

_SERVER: Final = Path(__file__).with_name("mcp_server.py")


class Claude(ClaudeAgent):
    """The real Claude Code, with what no other agent has.

    Attributes:
        variables: What is added to its environment.
    """

    def __init__(self, model: ScriptedModel, folder: Path) -> None:
        super().__init__(model, folder)
        self.variables: dict[str, str] = {}
        self._named: dict[str, Feed] = {}

    @property
    def env(self) -> dict[str, str]:
        return {**super().env, **self.variables}

    def settings(self, **settings: JsonValue) -> None:
        """Write the user's settings again, before claude starts; see `write_claude_config`."""
        write_claude_config(self.config, settings=settings)

    @property
    def mcp_servers(self) -> dict[str, dict[str, Any]]:
        """The configuration of the MCP server of these tests, named "bench"."""
        return {"bench": {"command": sys.executable, "args": ["-B", str(_SERVER)]}}

    def backend(self, **arguments: Any) -> ClaudeBackend:
        """Return a backend that is not started."""
        return cast("ClaudeBackend", super().backend(**arguments))

    @asynccontextmanager
    async def session(self, **options: Any) -> AsyncGenerator[ClaudeSession]:
        """A session on a backend of its own."""
        async with self.backend() as backend, await self.open(backend, **options) as session:
            yield session

    async def open(self, backend: AgentBackend, **options: Any) -> ClaudeSession:
        """Open a session in the workspace, and record all that it tells."""
        return cast("ClaudeSession", await super().open(backend, **options))

    def proc(self, session: ClaudeSession) -> Path:
        """Return the folder in which the system describes the process of a session."""
        return Path("/proc", str(self.pid(session)))

    def waiting(self, name: str, **how: Any) -> Step:
        """A step that runs a command which waits until the test says `go`."""
        self._named[name] = feed = self.feed(name)
        return self.command(f"read line <'{feed.path}'; echo went on", **how)

    def go(self, name: str) -> None:
        """Let a command of `waiting` go on."""
        self._named[name].line()


def agent(prompt: str = "The child's task.", **options: JsonValue) -> Step:
    """A step that starts a sub-agent."""
    return call("Agent", {"description": "A task", "prompt": prompt, "subagent_type": "general-purpose", **options})


def by_child(request: ModelRequest) -> bool:
    """Tell whether a sub-agent asks."""
    return "x-claude-code-agent-id" in request.headers


def names(ran: Ran) -> list[str]:
    """Return the names of a turn's tool uses, in order."""
    return [use.name for use in ran.uses]


def wire(message: object) -> Mapping[str, Any]:
    """Return a message's fields as the wire has them."""
    return cast("Mapping[str, Any]", cast("Any", message).to_wire())


async def stands(stream: MessageStream, uuid: str, state: str) -> None:
    """Read up to the word of claude that a prompt stands there: queued, started, completed or cancelled."""
    await until(stream, CommandLifecycle, lambda told: (told.command_uuid, told.state) == (uuid, state))
