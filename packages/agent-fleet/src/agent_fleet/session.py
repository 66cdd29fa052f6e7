"""`FleetSession`: a session of a fleet, which is like any other, and on a host."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import anyio

from agent_fleet.driving.driver import FleetDriver
from agent_fleet.store.fleet_store import FleetStore
from agent_sdk_core.errors import AgentError
from agent_sdk_core.hosting.forms import message_from_wire, message_to_wire, prompt_from_wire, prompt_to_wire
from agent_sdk_core.hosting.options_form import turn_options_from_wire, turn_options_to_wire
from agent_sdk_core.interfaces.mcp import McpServerStatus
from agent_sdk_core.interfaces.session import (
    AgentCommand,
    BackgroundTask,
    InterruptReceipt,
    SessionInfo,
)
from agent_sdk_core.interfaces.turn import Priority
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.prompts import Prompt, clean_prompt
from agent_sdk_core.runtime.asking.policing import Police, Reviewer
from agent_sdk_core.runtime.buffer import MessageBuffer
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.session import BaseSession
from agent_sdk_core.runtime.turns.handle import SessionTurn
from agent_sdk_core.runtime.turns.meter import Meter
from agent_sdk_core.runtime.turns.records import PromptRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from agent_fleet.backend import FleetBackend
    from agent_fleet.store.records import FleetPromptRow
    from agent_sdk_core.turn_options import TurnOptions


class FleetTurn(SessionTurn):
    """A turn of a `FleetSession`, whose prompt is stored before it is sent or waits."""

    def __init__(
        self, session: FleetSession, buffer: MessageBuffer, record: PromptRecord, may_wait: Callable[[], None]
    ) -> None:
        super().__init__(session.turns, buffer, record, may_wait)
        self._session = session
        self._storing = anyio.Lock()

    async def _send(self) -> PromptRecord:
        if self._record is None:
            async with self._storing:
                if self._record is None:
                    self._tried = True
                    await self._session.store_prompt(self._prepared)
                    self._turns.submit(self._prepared, watcher=self._buffer)
                    self._record = self._prepared
        return await super()._send()


class FleetSession(BaseSession):
    """One conversation with an agent on a host.

    Attributes:
        asked: What it was opened with; `options` is what of it is held to here, and not on the host.
    """

    def __init__(
        self, session_id: str, options: SessionOptions, asked: SessionOptions, host: Host, driver: FleetDriver
    ) -> None:
        self.asked = asked
        super().__init__(session_id, options, host, driver)
        self.driver = driver
        self.resolved_session_id = driver.resolved
        self.turns = self._turns

    @property
    def host(self) -> str:
        """Name of the host that it is on now."""
        return self.driver.line.host

    @property
    def key(self) -> str:
        """The fleet's own id of it, which stays whatever the agent calls it."""
        return self.driver.key

    @property
    def info(self) -> SessionInfo:
        """What the session runs with."""
        return self.driver.info

    @property
    def options_now(self) -> SessionOptions:
        """What it was opened with, with what was set since."""
        return self.asked.model_copy(update=self._settings.chosen)

    def _policed(self, options: SessionOptions, meter: Meter | None) -> Police | None:
        return Reviewer.of(self.asked)

    def query(self, prompt: Prompt, *, options: TurnOptions | None = None, output_type: Any = None) -> Any:
        """Return a turn that sends the prompt when it is entered, awaited or first iterated."""
        self._require_open()
        asked = self._asked(options, output_type)
        buffer = self._buffer()
        record = PromptRecord(str(uuid4()), clean_prompt(prompt), *asked)
        return FleetTurn(self, buffer, record, self._require_outside)

    async def send(
        self,
        prompt: Prompt,
        *,
        priority: Priority = "queue",
        uuid: str | None = None,
        options: TurnOptions | None = None,
    ) -> str:
        """Store a prompt, send it without watching it, and return its uuid."""
        self._require_open()
        self._require_sendable(priority, uuid, options)
        uuid = uuid or str(uuid4())
        await self.store_prompt(PromptRecord(uuid, clean_prompt(prompt), self._asked(options, None)[0]), fresh=True)
        try:
            return await super().send(prompt, priority=priority, uuid=uuid, options=options)
        except AgentError as error:
            await self.driver.prompts.refuse(uuid, error)
            raise

    async def interrupt(self, *, cancel_queued: bool = True, now: bool = False) -> InterruptReceipt:
        """End the running turn, and return when it has ended; a plan that waits on the host is withdrawn there.

        Raises:
            HostGoneError: The host that has the plan is gone.
        """
        if self._turns.running is None and len(self.requests):
            await self.driver.interrupt(None, cancel_held=cancel_queued)
        return await super().interrupt(cancel_queued=cancel_queued, now=now)

    async def store_prompt(self, record: PromptRecord, *, fresh: bool = False) -> None:
        """Store a prompt before it is sent or waits.

        Args:
            record: The prompt.
            fresh: Whether one that is stored already is refused.
        """
        content = {
            "prompt": prompt_to_wire(record.prompt),
            "options": turn_options_to_wire(record.options),
            "uuid": record.uuid,
        }
        if fresh:
            await self.store.accept(self.key, record.uuid, content)
        else:
            await self.driver.prompts.accept(record.uuid, content)

    @property
    def _fleet(self) -> FleetBackend:
        return cast("FleetBackend", self.backend)

    @property
    def store(self) -> FleetStore:
        """The store of its fleet."""
        return self._fleet.store

    async def result_of(self, uuid: str) -> ResultMessage | None:
        """Return how a prompt of this session ended, whichever program sent it; None: it has not, or was never sent.

        Raises:
            FleetStoreError: The store cannot be reached.
        """
        for row in await self.store.prompts(self.key, uuids=[uuid]):
            if row.result is not None and "message" in row.result:
                return cast("ResultMessage", message_from_wire(row.result))
        return None

    def go_on(self, rows: Iterable[FleetPromptRow]) -> None:
        """Send the prompts that were accepted before, by a program that is gone."""
        for row in rows:
            prompt, options = prompt_from_wire(row.content["prompt"]), row.content.get("options")
            self._turns.submit(PromptRecord(row.uuid, prompt, turn_options_from_wire(options)))

    async def wait_idle(self) -> None:
        """Return when no turn runs here or on its host, none is queued, and no background work goes on."""
        await super().wait_idle()
        while not self._closing and self.driver.lives and not await self.driver.rest():
            await super().wait_idle()

    async def commands(self) -> list[AgentCommand]:
        """Return the commands and skills that there are in this session."""
        told = await self.driver.ask("commands")
        return [AgentCommand.from_wire(each) for each in told["commands"]]

    async def background_tasks(self) -> list[BackgroundTask]:
        """Return the commands that run in the background."""
        told = await self.driver.ask("background_tasks")
        return [BackgroundTask.from_wire(each) for each in told["tasks"]]

    async def stop_task(self, task_id: str) -> None:
        """End a background task."""
        await self.driver.ask("stop_task", {"task_id": task_id})

    async def mcp_status(self) -> list[McpServerStatus]:
        """Return what the session's MCP servers do."""
        told = await self.driver.ask("mcp_status")
        return [McpServerStatus.from_wire(each) for each in told["servers"]]

    async def reload_mcp_servers(self) -> None:
        """Start anew the MCP servers that failed, died, or wait for a login."""
        await self.driver.ask("mcp", {"do": "reload"})

    async def enable_mcp_server(self, name: str) -> None:
        """Let an MCP server run that is disabled."""
        await self.driver.ask("mcp", {"do": "enable", "name": name})

    async def disable_mcp_server(self, name: str) -> None:
        """End an MCP server of the session."""
        await self.driver.ask("mcp", {"do": "disable", "name": name})

    async def login_mcp_server(self, name: str) -> str:
        """Begin a login by OAuth, and return the URL to open in a browser of the host."""
        return str((await self.driver.ask("mcp", {"do": "login", "name": name}))["url"])

    async def _fork(self, at: str | None, options: SessionOptions | None) -> Any:
        self._require_open()
        changed = options or self.options_now.model_copy(update={"session_id": None})
        return await self._fleet.fork_of(self, at, changed)

    def _publish(self, result: ResultMessage) -> None:
        """Note also in the store how a prompt ended that no host was given."""
        super()._publish(result)
        if self._host.running:
            self._host.start_soon(partial(self._note_end, result))

    async def _note_end(self, result: ResultMessage) -> None:
        try:
            await self.store.end(self.key, result.user_message_uuids, message_to_wire(cast("Any", result)))
        except AgentError:
            return  # It is sent by who resumes the session; it was not told to have been.
