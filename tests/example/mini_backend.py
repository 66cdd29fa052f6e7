"""A whole backend for an agent that lives in this process: what a new backend writes, and nothing else."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextvars import copy_context
from typing import Final
from uuid import uuid4

import anyio
from tests.example.mini_driver import DEFAULT_MODEL, MiniDriver

from agent_sdk_core import (
    AgentBackend,
    BackendCapabilities,
    BackendEvent,
    ChatModel,
    SessionClosedError,
    SessionInfo,
    SessionOptions,
)
from agent_sdk_core.paths import existing_folder
from agent_sdk_core.runtime import BaseSession, Broadcast, Host

UNSUPPORTED: Final = (
    *("reasoning_effort", "append_system_prompt", "resume", "fork", "session_id", "tools", "add_dirs", "sandbox"),
    *("inherit_env", "mcp_servers", "allowed_tools", "disallowed_tools", "setting_sources", "max_turns"),
    *("max_budget_usd", "output_schema", "native"),
)


class MiniSession(BaseSession):
    """One conversation with the mini agent."""

    def __init__(self, backend: MiniBackend, options: SessionOptions, host: Host, driver: MiniDriver) -> None:
        super().__init__(str(uuid4()), options, host, driver)
        self.backend = backend
        self._mini = driver
        self._forget = backend.forget
        driver.session = self

    @property
    def info(self) -> SessionInfo:
        """What the session runs with."""
        mini = self._mini
        return SessionInfo(model=mini.model, permission_mode=mini.mode, cwd=str(mini.cwd), tools=("Bash",))

    def deadline(self) -> float | None:
        """Return the time after which a request that is made now is denied."""
        timeout = self.options.request_timeout
        return None if timeout is None else time.time() + timeout

    def _on_closed(self) -> None:
        self._forget(self)


class MiniBackend(AgentBackend):
    """The mini agent.

    Args:
        url: A server that speaks the Responses API.
    """

    type = "mini"
    capabilities = BackendCapabilities()

    def __init__(self, *, url: str) -> None:
        self._url = url
        self._sessions: list[MiniSession] = []
        self._host = Host("the mini backend", on_stop=self._stop, on_abort=lambda: None)
        self._starting = anyio.Lock()
        self._events: Broadcast[BackendEvent] = Broadcast()
        self._closed = False

    @classmethod
    def locate(cls) -> None:
        """Return None: there is no executable."""
        return

    @property
    def sessions(self) -> Sequence[MiniSession]:
        """The open sessions."""
        return tuple(self._sessions)

    async def start(self) -> None:
        """Start the host; there is nothing else to start."""
        async with self._starting:
            if self._closed:
                raise SessionClosedError("The backend is closed; create a new one.", backend=self.type)
            if not self._host.running:
                await self._host.start()
                self._events.publish(BackendEvent("started", "The mini agent is ready."))

    async def aclose(self) -> None:
        """Close every session."""
        self._closed = True
        try:
            await self._host.aclose()
        finally:
            self._events.close()

    async def create_session(self, options: SessionOptions | None = None) -> MiniSession:
        """Open a session."""
        wanted = options or SessionOptions()
        wanted.require_supported(self.type, UNSUPPORTED)
        cwd = existing_folder("cwd", wanted.cwd or ".", backend=self.type)
        await self.start()

        async def open_session() -> MiniSession:
            driver = MiniDriver(self._host, self._url, cwd, model=wanted.model, mode=wanted.permission_mode)
            session = MiniSession(self, wanted, self._host, driver)
            self._sessions.append(session)
            return session

        return await self._host.call(open_session, abandoned=lambda session: session.aclose(), context=copy_context())

    def events(self) -> AsyncIterator[BackendEvent]:
        """Return an iterator over what happens from now on."""
        return self._events.subscribe()

    async def list_models(self) -> list[ChatModel]:
        """Return the one model that needs no name; others are taken as they are."""
        return [ChatModel(DEFAULT_MODEL, "Mini", self.type, is_default=True)]

    def forget(self, session: MiniSession) -> None:
        """Take a closed session out of the list."""
        self._sessions.remove(session)

    async def _stop(self) -> None:
        async with anyio.create_task_group() as tasks:
            for session in self.sessions:
                tasks.start_soon(session.aclose)
