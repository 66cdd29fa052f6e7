"""`FleetDriver`: a session on a host, as the runtime drives any other: calls go out, and batches come back."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import anyio

from agent_fleet.driving.feed import HostFeed
from agent_fleet.driving.prompts import SentPrompts
from agent_fleet.driving.recovery import GRACE_SECONDS, POLL_SECONDS, Recovery
from agent_fleet.driving.requests import HostRequests
from agent_fleet.driving.state import SessionState
from agent_fleet.driving.way import ANSWER_SECONDS, BACKEND, HostWay, Json
from agent_fleet.errors import HostGoneError
from agent_fleet.line import HostLine
from agent_fleet.store.fleet_store import FleetStore
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest
from agent_sdk_core.errors import AgentError, SessionClosedError, SessionNotFoundError
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.interfaces.session import SessionInfo
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.usage import SessionUsage
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.runtime.driver import Away, SessionDriver, SessionSink, Setting
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.structured.answers import AnswerForm

if TYPE_CHECKING:
    from agent_sdk_core.turn_options import TurnOptions

_log = logging.getLogger(__name__)

Redeliver = Literal["never", "if_absent"]

CLOSE_SECONDS: Final = 10.0
_PAUSE: Final = 0.1


class FleetDriver(SessionDriver):
    """Drives one session on a host.

    Args:
        line: The way to the host.
        key: The session.
        store: Keeps its prompts.
        opening: What `open` is called with.
        opened: What it answered.
        host: Runs what nobody waits for.
        elsewhere: Returns the way to where the session may go on, by why its host is gone and for how many seconds, or
            raises `HostLostError`.
        recovery_seconds: How long a host may be gone before that is asked.
        tell: Takes what the host tells of its agent, with the host's name.

    Attributes:
        key: The session.
        prompts: Those on their way to its host.
    """

    name = BACKEND
    keeps_held = True
    brings_context = True
    updates = "passed"

    def __init__(
        self,
        line: HostLine,
        key: str,
        store: FleetStore,
        opening: Mapping[str, Any],
        opened: Json,
        host: Host,
        *,
        elsewhere: Callable[[str, float], Awaitable[HostLine]],
        recovery_seconds: float,
        tell: Callable[[str, Json], None] = lambda host, notices: None,
    ) -> None:
        self.key = key
        self._opening = dict(opening)
        self._opened = opened
        self._host = host
        self._way = way = HostWay(line, key)
        self._state = state = SessionState(opened)
        self.prompts = SentPrompts(way, store, recovery_seconds)
        self._requests = HostRequests(way, state, host, self._its_sink)
        self._feed = HostFeed(way, state, self.prompts, self._requests, self._its_sink, tell, opened)
        self._recovery = Recovery(
            way,
            state,
            self.prompts,
            self._feed,
            store,
            self._opening,
            host,
            self._its_sink,
            elsewhere=elsewhere,
            seconds=recovery_seconds,
        )

    def begin(self) -> None:
        """Begin to read the session's stream, once it has a sink."""
        self._state.sink = self.sink
        self._feed.begin(self._opened)
        self._host.start_soon(self._recovery.follow)

    def _its_sink(self) -> SessionSink:
        return self.sink

    @property
    def line(self) -> HostLine:
        """The way to its host of today."""
        return self._way.line

    @property
    def info(self) -> SessionInfo:
        """What the session runs with, as the host last told."""
        return self._state.info

    @property
    def resolved(self) -> str:
        """What the agent calls the session now."""
        return self._state.resolved

    @property
    def resumable(self) -> bool:
        """Whether the agent has stored it."""
        return self._state.resumable

    @property
    def away(self) -> Away | None:
        """Whether its host is gone, or has it parked."""
        if not self._way.here:
            return "disconnected"
        return "parked" if self._state.parked else None

    @property
    def lasts(self) -> bool:
        """It goes on when its host is back; `HostLostError` says when not."""
        return True

    @property
    def lives(self) -> bool:
        """Whether it is neither closed nor given up."""
        return not self._way.closing and self._way.failure is None

    async def ready(self) -> None:
        """Wait until its host is back."""
        await self._way.ready()

    async def start_turn(
        self, prompt: Prompt, uuid: str, *, options: TurnOptions | None = None, answers: AnswerForm | None = None
    ) -> str | None:
        """Have the host send a prompt; one that it has is never sent again, whatever becomes of the host."""
        del answers
        await self.prompts.send(uuid, prompt, options)
        return None

    async def steer(self, prompt: Prompt, uuid: str, turn_id: str | None) -> bool:
        """Have the host add a prompt to the turn that runs."""
        del turn_id
        answer = await self.prompts.steer(uuid, prompt)
        if "info" in answer:
            self._state.take(answer)
        return bool(answer["joined"])

    def holds(self, uuid: str) -> bool:
        """Tell whether the host has a prompt that has no result: each gets one, be it of a later turn."""
        return uuid in self.prompts

    async def answer_form(self, schema: Mapping[str, object]) -> AnswerForm:
        """Return the schema as it is: the host holds the agent's answers to it."""
        from agent_sdk_core.structured.schema import OutputSchema

        return AnswerForm(OutputSchema(schema), dict(schema), lambda answer: answer)

    async def look_at(self, request: AgentRequest, answer: AgentAnswer) -> None:
        """Have the host look at an answer: it alone knows what the agent there takes, and what is in its folders."""
        source = request.source
        asked = {"request_id": None if source is None else source.request_id, "answer": answer.to_wire()}
        await self._way.call("fits", asked, timeout=ANSWER_SECONDS)

    async def apply(self, setting: Setting, value: str | None) -> None:
        """Change a setting on the host."""
        self._state.take(await self._way.call("set", {"setting": setting, "value": value}))
        changed = dict(self._opening["options"])
        changed[setting] = value  # For the host that the session is opened on again.
        self._opening["options"] = {name: given for name, given in changed.items() if given is not None}

    def fork_place(self, message: SDKMessage) -> str | None:
        """Return the message's own uuid: the host knows its turn."""
        return message.uuid

    async def interrupt(self, turn_id: str | None, *, cancel_held: bool = True) -> None:
        """Have the host interrupt the turn that runs."""
        del turn_id
        await self._way.call("interrupt", {"held": cancel_held}, timeout=ANSWER_SECONDS)

    def abandon(self, turn_id: str | None, *, code: str, message: str, terminal_reason: str) -> Sequence[SDKMessage]:
        """Return what ends a turn on our side, or everything."""
        return self._feed.abandon(turn_id, code=code, message=message, terminal_reason=terminal_reason)

    def forget(self, uuid: str) -> None:
        """Note that a prompt has ended on our side."""
        self.prompts.forget(uuid)

    async def compact(self) -> None:
        """Have the host compact the conversation."""
        await self._way.call("compact", {})

    async def set_goal(self, objective: str, token_budget: int | None) -> None:
        """Have the agent pursue a goal."""
        await self._way.call("set_goal", {"objective": objective, "token_budget": token_budget})

    async def clear_goal(self) -> None:
        """Take the goal away."""
        await self._way.call("clear_goal", {})

    async def close(self) -> None:
        """Close the session on its host."""
        await self._end(kill=False)

    async def kill(self) -> None:
        """End the session on its host at once."""
        await self._end(kill=True)

    async def history(self, *, limit: int | None, cursor: str | None) -> HistoryPage:
        """Return stored messages; of a session that is closed, those that its agent has stored."""
        wanted = {"limit": limit, "cursor": cursor}
        try:
            return HistoryPage.from_wire(await self._way.call("history", wanted))
        except SessionClosedError as error:
            if error.code != "not_hosted":
                raise
        try:
            return HistoryPage.from_wire(await self._way.stored("read_history", self._state.resolved, wanted))
        except SessionNotFoundError:
            if self.resumable:
                raise
            return HistoryPage([])  # Nothing was said in it.

    def usage(self) -> SessionUsage:
        """Return what the session used, as the host last told."""
        return self._state.usage

    async def rest(self) -> bool:
        """Tell whether its host does nothing for it and has nothing more to tell; waits some seconds for that.

        An agent goes on by itself, as when a plan of its was approved.
        """
        if self._requests:
            await anyio.sleep(_PAUSE)
            return False
        try:
            told = await self._way.call("rest", {"seconds": POLL_SECONDS}, timeout=POLL_SECONDS + GRACE_SECONDS)
        except HostGoneError as error:
            self._way.lose(error)
            await self._way.ready()
            return False
        if told["rests"] and told["cursor"] == self._feed.cursor:
            return not self._requests
        await anyio.sleep(_PAUSE)
        return False

    async def ask(self, method: str, params: Mapping[str, Any] | None = None) -> Json:
        """Ask the host for what `SessionDriver` has no word for."""
        return await self._way.call(method, params or {})

    async def _end(self, *, kill: bool) -> None:
        self._way.closing = True
        with anyio.move_on_after(CLOSE_SECONDS):
            try:
                await self._way.call("close", {"kill": kill}, timeout=CLOSE_SECONDS)
            except AgentError as error:
                _log.debug("session %s: closing: %s", self.key, error)
