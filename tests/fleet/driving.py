"""An agent on a fleet, with its scripted model: backends, sessions, and what its model says."""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import anyio
import anyio.to_thread
import pytest
from tests.fleet.cluster import Cluster, gone, kill

from agent_fleet import FleetBackend, FleetSession
from agent_sdk_core import DEFER, ResultMessage, RuntimeConfig, SDKMessage, SessionOptions, create_backend
from agent_sdk_testing import (
    ScriptedModel,
    Step,
    call,
    clean_env,
    find_claude,
    find_codex,
    write_claude_config,
    write_codex_home,
)

AGENTS = ("codex", "claude")


class FleetAgent:
    """One agent on the cluster.

    Attributes:
        workspace: Where its sessions work.
    """

    def __init__(self, name: str, cluster: Cluster, model: ScriptedModel, folder: Path) -> None:
        self.name = name
        self.cluster = cluster
        self.model = model
        self.folder = folder
        self.workspace = folder / "workspace"
        self.workspace.mkdir()
        self.store = str(folder / "fleet.db")
        self._backends: list[FleetBackend] = []
        if name == "codex":
            write_codex_home(folder / "home", model)
            self.executable, self.env = find_codex(), clean_env(codex_home=folder / "home")
        else:
            config = write_claude_config(folder / "config")
            self.executable, self.env = find_claude(), clean_env(claude_config_dir=config, model=model)

    def arguments(self, **settings: Any) -> dict[str, Any]:
        fleet = {"backend": self.name, "store": self.store, "hosts": ["one"], "lease_seconds": 3.0}
        # As long as a case may take: a host is back when its machine has the time for it.
        agent = {"executable": str(self.executable), "env": self.env, "recovery_seconds": 240.0}
        return {**fleet, **agent, **settings}

    def arguments_as_json(self, **settings: Any) -> str:
        return json.dumps({**self.arguments(**settings), "env": dict(self.env)})

    def backend(self, **settings: Any) -> FleetBackend:
        made = cast("FleetBackend", create_backend("fleet", config=RuntimeConfig(), **self.arguments(**settings)))
        self._backends.append(made)
        return made

    async def open(self, backend: FleetBackend, **options: Any) -> FleetSession:
        given = {"cwd": self.workspace, "permission_mode": "default", "can_use_tool": DEFER, **options}
        return await backend.create_session(SessionOptions.model_validate(given))

    def asks(self, command: str) -> Step:
        """A step that runs a command which somebody has to allow."""
        if self.name == "codex":
            return call("exec_command", cmd=command, sandbox_permissions="require_escalated", justification="A test.")
        return call("Bash", command=command, description="A command of the test.")

    def prompts(self) -> list[str]:
        """What the model was asked, the last text of the user in each request."""
        return [request.text for request in self.model.requests]

    async def finish(self) -> None:
        for name in self.cluster.nodes:  # A test that failed may have stopped them, and nothing would end.
            for pid in (*self.cluster.workers(name), *self.cluster.agents(name)):
                kill(pid, signal.SIGCONT)
        left: list[int] = []
        for backend in self._backends:
            await backend.aclose()
        for name in self.cluster.nodes:
            for pid in self.cluster.agents(name):
                if not await anyio.to_thread.run_sync(gone, pid):
                    left.append(pid)
        assert not left, "processes of the agent are left"


def results(messages: Sequence[SDKMessage]) -> list[ResultMessage]:
    return [message for message in messages if isinstance(message, ResultMessage)]


async def result_of(messages: AsyncIterator[SDKMessage], uuid: str) -> ResultMessage:
    async for message in messages:
        if isinstance(message, ResultMessage) and uuid in message.user_message_uuids:
            return message
    raise AssertionError("the session ended without the result")


async def until(session: FleetSession, uuid: str, state: str) -> None:
    """Wait until a prompt is as far as this in the store."""
    while [row.state for row in await session.store.prompts(session.key, uuids=[uuid])] != [state]:
        await anyio.sleep(0.02)


def until_handed(session: FleetSession, monkeypatch: pytest.MonkeyPatch) -> anyio.Event:
    """Return what is set once the next prompt is on its way to its host, and all is done that its program stores."""
    line, handed = session.driver.line, anyio.Event()
    request = line.request

    async def noting(method: str, params: Mapping[str, Any], *, timeout: float) -> Any:
        if method == "send":
            handed.set()
        return await request(method, params, timeout=timeout)

    monkeypatch.setattr(line, "request", noting)
    return handed


async def ended(session: FleetSession, uuid: str) -> int:
    """Return which generation of its host sent a prompt that has ended."""
    [row] = await session.store.prompts(session.key, uuids=[uuid])
    assert row.state == "ended"
    return row.generation


def arguments_from(path: str) -> dict[str, Any]:
    """Return the arguments of a backend that another program wrote down."""
    return cast("dict[str, Any]", json.loads(Path(path).read_text()))
