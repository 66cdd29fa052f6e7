"""A Codex session: one thread of the backend's app-server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.models import ReasoningEffort
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.permissions import PermissionMode
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.session import BaseSession
from agent_sdk_core.session import SessionInfo
from codex_sdk.driver import CodexDriver
from codex_sdk.normalizer import ThreadNormalizer

Json = dict[str, Any]


class CodexSession(BaseSession):
    """One thread. Made by `CodexBackend.create_session`.

    Args:
        options: What it was opened with.
        host: The backend's host.
        driver: Talks to the thread.
        normalizer: Makes messages of the thread's events.
        touched: Told when messages wait for `flush`.
        closed: Told when the session is closed.
    """

    def __init__(
        self,
        options: SessionOptions,
        host: Host,
        driver: CodexDriver,
        normalizer: ThreadNormalizer,
        *,
        touched: Callable[[CodexSession], None],
        closed: Callable[[CodexSession], None],
    ) -> None:
        super().__init__(driver.thread_id, options, host, driver)
        self.driver = driver
        self.normalizer = normalizer
        self._batch: list[SDKMessage] = []
        self._touched = touched
        self._forget = closed

    @property
    def thread_id(self) -> str:
        """Codex's id of the thread."""
        return self.driver.thread_id

    @property
    def info(self) -> SessionInfo:
        """What the session runs with, as Codex last told."""
        facts = self.normalizer.facts
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
        )

    async def set_model(self, model: str | None) -> None:
        """Use this model from the next turn; None: the one Codex is configured for."""
        self._require_open()
        if model is None:
            await self.driver.reset("model")
        else:
            self.driver.changes["model"] = model

    async def set_reasoning_effort(self, effort: ReasoningEffort | None) -> None:
        """Use this effort from the next turn; None: the one Codex is configured for."""
        self._require_open()
        if effort is None:
            await self.driver.reset("effort")
        else:
            self.driver.changes["effort"] = effort

    async def set_permission_mode(self, mode: PermissionMode | None) -> None:
        """Use this permission mode from the next turn; None: what Codex is configured for."""
        self._require_open()
        if mode is None:
            await self.driver.reset("mode")
        else:
            self.driver.set_mode(mode)

    def feed(self, method: str, params: Json, raw: Json) -> None:
        """Take a notification of the thread; its messages go out with the next `flush`."""
        messages = self.normalizer.feed(method, params, raw)
        if messages:
            if not self._batch:
                self._touched(self)
            self._batch.extend(messages)

    def flush(self) -> None:
        """Hand on what the last chunk brought, as one batch."""
        batch, self._batch = self._batch, []
        self.deliver(batch)

    def _on_closed(self) -> None:
        self._forget(self)
