"""A Claude session: one conversation in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import copy_context
from typing import Any

from agent_sdk_core.arguments import checked
from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.interfaces.session import AgentCommand, BackgroundTask, SessionInfo
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.session import BaseSession
from agent_sdk_core.wire.reading import Json, filled_text
from claude_sdk.asking.requests import SessionRequests
from claude_sdk.driver import ClaudeDriver
from claude_sdk.normalizer.closer import Closer
from claude_sdk.normalizer.session_facts import SessionFacts
from claude_sdk.process.control_requests import Controls


class ClaudeSession(Controls, BaseSession):
    """One conversation with one claude process. Made by `ClaudeBackend.create_session`.

    Args:
        session_id: Its id.
        options: What it was opened with.
        host: The backend's host.
        driver: Talks to the process.
        closer: Makes messages of its frames.
        facts: What its frames told of the session.

    Attributes:
        context: The context in which it was made; what answers its requests runs in copies of it.
        reader: Reads its requests.
    """

    def __init__(
        self,
        session_id: str,
        options: SessionOptions,
        host: Host,
        driver: ClaudeDriver,
        closer: Closer,
        facts: SessionFacts,
    ) -> None:
        super().__init__(session_id, options, host, driver)
        self.driver = driver
        self.context = copy_context()
        self._closer = closer
        self._facts = facts
        self.reader = SessionRequests(
            options,
            session_id=lambda: self.resolved_session_id,
            cwd=lambda: self.info.cwd,
            parent_of_agent=closer.tool_use_of,
            run_in_turn=self.run_in_turn,
        )
        self._batch: list[SDKMessage] = []

    @property
    def pid(self) -> int | None:
        """Process id of its claude, while it runs."""
        return self.driver.link.pid

    @property
    def info(self) -> SessionInfo:
        """What the session runs with, as claude last told."""
        return self._facts.info

    @checked
    async def control(self, subtype: str, **fields: object) -> Mapping[str, Any]:
        """Send a control request of claude's protocol, and return the payload of its answer.

        Args:
            subtype: Its subtype, such as "get_context_usage".
            fields: Its other fields, as the wire spells them.

        Raises:
            ProtocolError: Claude refused it, or does not know it; `details["error_code"]` is its code.
            AgentError: It could not be sent, or was not answered in time.
        """
        self._require_open()
        return await self.driver.control(subtype, **fields)

    async def compact(self) -> None:
        """Replace the conversation so far by a summary, and return when that is done.

        Raises:
            AgentError: It failed, or there was nothing to compact; the conversation is as it was.
        """
        self._closer.compaction = {}
        await super().compact()
        ended = self._closer.compaction  # The result is a success either way.
        if ended.get("subtype") != "compact_boundary":
            raise AgentError(
                filled_text(ended.get("compact_error")) or "There is nothing to compact.", backend="claude"
            )

    async def commands(self) -> list[AgentCommand]:
        """Return the commands that there are, skills among them, as claude told last."""
        self._require_open()
        return list(self._facts.commands)

    async def background_tasks(self) -> list[BackgroundTask]:
        """Return the commands and sub-agents that run in the background."""
        self._require_open()
        return self._closer.background_tasks

    async def stop_task(self, task_id: str) -> None:
        """End a background command or sub-agent, by its id or that of the tool use that started it.

        Raises:
            InvalidRequestError: No such task runs.
        """
        self._require_open()
        for task in self._closer.background_tasks:
            if task_id in (task.task_id, self._closer.tool_use_of(task.task_id)):
                await self.control("stop_task", task_id=task.task_id)
                return
        raise InvalidRequestError(f"No background task {task_id!r} runs.", backend="claude")

    def greeted(self, greeting: Json) -> None:
        """Take what claude said when it started.

        Raises:
            InvalidRequestError: It has no model that takes the effort of the options.
        """
        self._facts.take_initialize(greeting)
        self._facts.require_effort(self.options.reasoning_effort)

    def feed(self, frame: Json) -> None:
        """Take a frame; its messages go out with the next `flush`."""
        self._batch.extend(self._closer.feed(frame))
        kind = frame.get("type")
        if kind == "command_lifecycle":
            self.driver.note_lifecycle(frame)
        elif kind == "result":
            # Who still waits is asked when a turn ends, and a later frame of the same chunk may take that prompt up.
            self.flush()

    def flush(self) -> None:
        """Hand on what the last chunk brought, as one batch."""
        batch, self._batch = self._batch, []
        self.resolved_session_id = self._closer.session_id
        if batch:
            self.deliver(batch)
        for uuid in self._closer.take_dropped():
            self.drop_prompt(uuid)
        if not self._closer.working:
            self._note_idle()

    @property
    def _busy(self) -> bool:
        return super()._busy or (self._failure is None and self._closer.working)

    def disconnected(self, error: AgentError) -> None:
        """Note that the process is gone, after what it said last."""
        self.flush()
        super().disconnected(error)
        self.driver.disconnected()
