"""A session of an agent."""

from __future__ import annotations

from acp_sdk.asking.requests import SessionRequests
from acp_sdk.driver import AcpDriver
from acp_sdk.modes import values_of
from acp_sdk.protocol import methods
from acp_sdk.protocol.asking import CommandSubject, ToolCallSubject
from acp_sdk.protocol.asking import PermissionRequest as Asked
from acp_sdk.protocol.tool_calls import ToolCall
from acp_sdk.protocol.updates import StateUpdate, read_update
from acp_sdk.protocol.upgrade import upgrade_permission
from agent_sdk_core.interfaces.session import AgentCommand, SessionInfo
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.conversation import UnknownMessage
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.rpc.receiver import ServerRequest
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.runtime.session import BaseSession
from agent_sdk_core.wire.reading import Json, record_of


class AcpSession(BaseSession):
    """One session of an agent. Made by `AcpBackend.create_session`.

    Args:
        options: What it was opened with.
        host: The backend's host.
        driver: Talks to the agent.

    Attributes:
        context: The context in which it was made; what answers its requests runs in copies of it.
        reader: Reads its requests.
    """

    def __init__(self, options: SessionOptions, host: Host, driver: AcpDriver) -> None:
        super().__init__(driver.session_id, options, host, driver)
        self.driver = driver
        self._normalizer = driver.normalizer
        self._batch: list[SDKMessage] = []
        self.reader = SessionRequests(
            options,
            self._normalizer.facts,
            interrupting=lambda: driver.stopping,
            refuse=self._normalizer.refuse,
            stop_turn=driver.stop_turn,
        )

    @property
    def info(self) -> SessionInfo:
        """What the session runs with, as the agent last told."""
        facts = self._normalizer.facts
        return SessionInfo(
            model=facts.model,
            reasoning_effort=facts.effort,
            permission_mode=facts.mode,
            cwd=facts.cwd,
            mcp_servers=facts.mcp_servers,
            version=facts.version,
            title=facts.title,
        )

    @property
    def settings(self) -> dict[str, str | bool]:
        """The agent's configuration options as they are chosen, by its ids; `SessionOptions.settings` takes them."""
        return values_of(self._normalizer.facts.options)

    async def commands(self) -> list[AgentCommand]:
        """Return the commands that a prompt may begin with."""
        self._require_open()
        return [
            AgentCommand(each.name, each.description, argument_hint=_hint(each.input))
            for each in self._normalizer.facts.commands
        ]

    def feed(self, params: Json) -> None:
        """Take an update; its messages go out with the next `flush`."""
        if self._version == 1:
            update = self.driver.upgrade.update(params)
        else:
            update = read_update(record_of(params.get("update")))
        self._batch.extend(self._normalizer.feed(update, params))
        if self._version > 1 and isinstance(update, StateUpdate) and update.state == "idle":
            self.driver.idled()

    def pass_on(self, method: str, params: Json) -> None:
        """Take a notification that is no update, and that nobody here knows."""
        source = Source(self.driver.name, thread_id=self.resolved_session_id)
        session_id = self.session_id
        told = UnknownMessage.synthesize(source, params, session_id=session_id, type=f"acp/{method}", params=params)
        self._batch.append(told)

    def announce(self, request: ServerRequest) -> None:
        """Tell of the call that a permission is asked for, in the wire's order; an agent may tell nothing before."""
        if request.method != methods.REQUEST_PERMISSION:
            return
        params = upgrade_permission(request.params) if self._version == 1 else request.params
        asked = Asked.read(params)
        if asked is None:
            return
        call = _call_of(asked, request)
        messages, facts, tool = self._normalizer.asked(call, request.params)
        self._batch.extend(messages)
        turn = self._normalizer.turn
        turn_id = None if turn is None else turn.id
        self.reader.announce(request.id, (asked, facts, tool, call.tool_call_id, turn_id))

    def flush(self) -> None:
        """Hand on what the last chunk brought, as one batch."""
        self._batch.extend(self._normalizer.settle())
        batch, self._batch = self._batch, []
        self.driver.deliver(batch)

    @property
    def _version(self) -> int:
        return self.driver.link.today.version

    def moved(self) -> None:
        """Note that the agent calls the session otherwise now."""
        self.resolved_session_id = self.driver.session_id


def _call_of(asked: Asked, request: ServerRequest) -> ToolCall:
    match asked.subject:
        case ToolCallSubject():
            return asked.subject.tool_call
        case CommandSubject():
            subject = asked.subject
            return ToolCall(
                tool_call_id=subject.tool_call_id or f"command_{request.id}",
                kind="execute",
                title=asked.title,
                raw_input={"command": subject.command, "cwd": subject.cwd},
            )
        case _:
            return ToolCall(tool_call_id=f"request_{request.id}", title=asked.title)


def _hint(given: Json | None) -> str | None:
    hint = (given or {}).get("hint")
    return hint if isinstance(hint, str) else None
