"""A Claude session: one conversation in a process of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any, Final

import anyio

from agent_sdk_core.arguments import checked
from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.interfaces.mcp import McpServerStatus
from agent_sdk_core.interfaces.session import AgentCommand, BackgroundTask, SessionInfo
from agent_sdk_core.mcp_servers import McpServer
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import Informational
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.rpc.receiver import Run
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.session import BaseSession
from agent_sdk_core.wire.reading import Json, filled_text, records_of
from claude_sdk.asking.requests import SessionRequests
from claude_sdk.driver import ClaudeDriver
from claude_sdk.mcp import SessionServers
from claude_sdk.normalizer.closer import Closer
from claude_sdk.normalizer.session_facts import SessionFacts
from claude_sdk.process.control_requests import Controls

_STARTING_SECONDS: Final = 120.0
"""How long servers are watched that have not started when the first turn begins, which waits some seconds (2.1.332)."""

_PAUSE: Final = 0.5


class ClaudeSession(Controls, BaseSession):
    """One conversation with one claude process. Made by `ClaudeBackend.create_session`.

    Args:
        session_id: Its id.
        options: What it was opened with.
        host: The backend's host.
        driver: Talks to the process.
        closer: Makes messages of its frames.
        facts: What its frames told of the session.
        env: The environment of the backend.

    Attributes:
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
        *,
        env: Mapping[str, str],
    ) -> None:
        super().__init__(session_id, options, host, driver)
        self.driver = driver
        self._closer = closer
        self._facts = facts
        self.reader = SessionRequests(
            options,
            session_id=lambda: self.resolved_session_id,
            cwd=lambda: self.info.cwd,
            parent_of_agent=closer.tool_use_of,
            run_tool=partial(self.run_tool, asks=False),
            police=lambda: self.police,
            hooks=self.hooks,
            added_dirs=lambda: self.updates.directories,
        )
        self._batch: list[SDKMessage] = []
        self._servers = SessionServers(options.servers, env, self.control)
        self._odd_servers: set[str] = set()

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

    async def mcp_status(self) -> list[McpServerStatus]:
        """Return what the session's MCP servers do; claude starts them with the first turn at the latest."""
        self._require_open()
        return await self._servers.status()

    async def reload_mcp_servers(self) -> None:
        """Start anew the MCP servers that failed, or wait for a login."""
        self._require_open()
        await self._servers.reload()

    async def enable_mcp_server(self, name: str) -> None:
        """Let an MCP server run that is disabled.

        One that is configured elsewhere than in `SessionOptions.mcp_servers` is enabled for its folder for good.

        Raises:
            InvalidRequestError: There is no such server.
        """
        self._require_open()
        await self._servers.switch(name, enabled=True)

    async def disable_mcp_server(self, name: str) -> None:
        """End an MCP server.

        One that is configured elsewhere than in `SessionOptions.mcp_servers` is disabled for its folder until it is
        enabled again, in later sessions too: claude keeps that in its own configuration.

        Raises:
            InvalidRequestError: There is no such server.
        """
        self._require_open()
        await self._servers.switch(name, enabled=False)

    async def login_mcp_server(self, name: str) -> str:
        """Begin a login by OAuth, and return the URL to open in a browser of this machine.

        Raises:
            InvalidRequestError: There is no such server, or it takes no login.
        """
        self._require_open()
        return await self._servers.login(name)

    @checked
    async def set_mcp_servers(self, servers: Mapping[str, McpServer | Mapping[str, object]]) -> Mapping[str, Any]:
        """Replace the servers of `SessionOptions.mcp_servers`; returns those `added`, `removed`, and `errors`.

        Raises:
            InvalidRequestError: A server cannot be used.
        """
        self._require_open()
        return await self._servers.set(SessionOptions(mcp_servers=servers).servers)

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
        elif kind == "system" and frame.get("subtype") == "init":
            self._watch_servers(records_of(frame.get("mcp_servers")))
        elif kind == "result":
            # Who still waits is asked when a turn ends, and a later frame of the same chunk may take that prompt up.
            self.flush()

    def feed_run(self, run: Run) -> bool:
        """Take deltas on end of one block; False, with nothing done: each is to be fed."""
        messages = self._closer.feed_run(run)
        if messages is None:
            return False
        self._batch.extend(messages)
        return True

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

    def _watch_servers(self, servers: Sequence[Json]) -> None:
        """Tell once of each server that fails; why, and whether one that still starts does, its status alone tells."""
        odd = {str(server.get("name")) for server in servers if server.get("status") in ("failed", "pending")}
        if odd - self._odd_servers and self._host.running:
            self._host.start_soon(self._tell_failed, odd - self._odd_servers)
        self._odd_servers = odd

    async def _tell_failed(self, names: Collection[str]) -> None:
        left = set(names)
        with anyio.move_on_after(_STARTING_SECONDS), contextlib.suppress(AgentError):
            while True:
                for server in await self._servers.status():
                    if server.name in left and server.state != "starting":
                        left.remove(server.name)
                        if server.state == "failed":
                            self._tell_server(server)
                if not left:
                    return
                await anyio.sleep(_PAUSE)

    def _tell_server(self, server: McpServerStatus) -> None:
        content = f"The MCP server {server.name} did not start: {server.error or 'no reason was told'}"
        source = Source("claude", thread_id=self.resolved_session_id, synthetic=True)
        fields: Json = {"session_id": self.resolved_session_id, "content": content, "level": "warning"}
        self.deliver((Informational.synthesize(source, **fields),))

    @property
    def _busy(self) -> bool:
        return super()._busy or (self._failure is None and self._closer.working)

    def cut_off(self, error: AgentError) -> None:
        """Note that the process is gone for now, after what it said last."""
        self.flush()
        super().cut_off(error)
        self.driver.cut_off()

    def disconnected(self, error: AgentError) -> None:
        """Note that the process is gone for good, after what it said last."""
        self.flush()
        super().disconnected(error)
        self.driver.cut_off()
