"""A Codex session: one thread of the backend's app-server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import copy_context

from agent_sdk_core.interfaces.session import AgentCommand, BackgroundTask, SessionInfo
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.session import BaseSession
from agent_sdk_core.wire.reading import Json
from codex_sdk.asking.requests import ThreadRequests
from codex_sdk.driver import CodexDriver
from codex_sdk.normalizer import ThreadFamily


class CodexSession(BaseSession):
    """One thread, and those of its sub-agents. Made by `CodexBackend.create_session`.

    Args:
        options: What it was opened with.
        host: The backend's host.
        driver: Talks to the thread.
        family: Makes messages of the threads' events.
        touched: Told when messages wait for `flush`.

    Attributes:
        context: The context in which it was made; what answers its requests runs in copies of it.
        reader: Reads the requests of its threads.
    """

    def __init__(
        self,
        options: SessionOptions,
        host: Host,
        driver: CodexDriver,
        family: ThreadFamily,
        *,
        touched: Callable[[CodexSession], None],
    ) -> None:
        super().__init__(driver.thread_id, options, host, driver)
        self.driver = driver
        self.context = copy_context()
        self._family = family
        self._batch: list[SDKMessage] = []
        self.reader = ThreadRequests(
            options,
            family,
            session_id=lambda: self.resolved_session_id,
            run_in_turn=self.run_in_turn,
            stop_turn=driver.stop_turn,
        )
        self._touched = touched

    @property
    def thread_id(self) -> str:
        """Codex's id of the thread."""
        return self.driver.thread_id

    @property
    def info(self) -> SessionInfo:
        """What the session runs with, as Codex last told."""
        facts = self._family.main.facts
        return SessionInfo(
            model=facts.model,
            reasoning_effort=facts.reasoning_effort,
            permission_mode=facts.permission_mode,
            cwd=facts.cwd,
            sandbox=facts.sandbox,
            approval_policy=facts.approval_policy,
            tools=facts.tools,
            mcp_servers=tuple(facts.mcp_servers),
            version=facts.version,
            title=facts.title,
        )

    async def commands(self) -> list[AgentCommand]:
        """Return the skills that there are in the session's folder; Codex has no commands here."""
        self._require_open()
        return await self.driver.skills()

    async def background_tasks(self) -> list[BackgroundTask]:
        """Return the commands that run in the background."""
        self._require_open()
        return await self.driver.background_tasks()

    async def stop_task(self, task_id: str) -> None:
        """End a background command."""
        self._require_open()
        await self.driver.stop_task(task_id)

    def claims(self, thread_id: str, method: str, params: Json) -> bool:
        """Tell whether a thread that is nobody's is a sub-agent's of this session."""
        return self._family.claims(thread_id, method, params)

    def thread_of(self, params: Json) -> str | None:
        """Return the thread of this session whose turn a notification names, whatever thread it names."""
        return self._family.thread_of(params)

    def take_adopted(self) -> list[str]:
        """Return the sub-agents' threads that were met since the last call."""
        return self._family.take_adopted()

    def feed(self, thread_id: str, method: str, params: Json, raw: Json) -> Sequence[str]:
        """Take a notification of one of the threads; its messages go out with the next `flush`.

        Returns:
            The sub-agents' threads that it made known, which `take_adopted` hands over.
        """
        messages = self._family.feed(thread_id, method, params, raw)
        if messages:
            if not self._batch:
                self._touched(self)
            self._batch.extend(messages)
        return self._family.adopted

    def flush(self) -> None:
        """Hand on what the last chunk brought, as one batch."""
        batch, self._batch = self._batch, []
        self.deliver(batch)
