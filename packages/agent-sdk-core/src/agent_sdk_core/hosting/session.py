"""`HostedSession`: one session of a host, its stream for clients, and what clients do with it."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from math import inf
from typing import Any, Final, cast

import anyio

from agent_sdk_core.asking.requests import answer_from_wire
from agent_sdk_core.errors import AgentError, InvalidRequestError
from agent_sdk_core.hosting.bridge import Bridge
from agent_sdk_core.hosting.calls import SESSION_CALLS
from agent_sdk_core.hosting.forms import Json, message_to_wire, prompt_from_wire
from agent_sdk_core.hosting.journal import Journal
from agent_sdk_core.hosting.options_form import turn_options_from_wire
from agent_sdk_core.hosting.pace import FULL, Pace
from agent_sdk_core.hosting.pieces import piece_of
from agent_sdk_core.hosting.runs import entries_to_wire
from agent_sdk_core.hosting.served import ServedSession
from agent_sdk_core.hosting.stream import Cursor, Entry, EventStream
from agent_sdk_core.interfaces.session import AgentSession, SessionInfo
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.system import InitMessage
from agent_sdk_core.runtime.buffer import HIGH_WATER, MessageBuffer
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.wire.error_form import error_to_wire

_log = logging.getLogger(__name__)

DELTA_SECONDS: Final = 0.03
"""How long deltas gather between two batches of nothing else."""

_TOLD_SECONDS: Final = 0.2
"""How long a compaction may take to be refused."""


class HostedSession(ServedSession):
    """One session on its host, whose messages are noted before they are told.

    Args:
        key: What clients call it.
        stream: Takes what happens.
        bridge: Asks the client.
        session: The session itself.
        journal: Notes what is sent and what ended.
        host: Runs what no client waits for.

    Attributes:
        client: Who uses it.
        seen: When its client was last heard of, on the clock of the event loop.
    """

    def __init__(
        self, key: str, stream: EventStream, bridge: Bridge, session: AgentSession, journal: Journal, host: Host
    ) -> None:
        self.client = ""
        self.seen = anyio.current_time()
        self._stream = stream
        self._bridge = bridge
        self._journal = journal
        self._host = host
        self._usage: Json = {}
        self._info: SessionInfo | None = None
        self._info_data: Json = {}
        self._init: Json | None = None
        self._resolved = session.resolved_session_id
        self._polls = 0
        self._pace = Pace(stream)
        self._hurried = 0.0
        self._unsteered: set[str] = set()
        self._calls: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[Any]]] = {
            "send": self._send,
            "steer": self._steer,
            "interrupt": self._interrupt,
            "answer": self._answer,
            "fits": self._fits,
            "set": self._set,
            "compact": self._compact,
            "rest": self._rest,
        }
        super().__init__(key, session, journal, self._tell, self._end)

    def state(self) -> Json:
        """Return how it stands, as JSON-compatible data."""
        session = self.session
        return {
            "session_id": session.session_id,
            "resolved_session_id": session.resolved_session_id,
            "resumable": session.resumable,
            "state": session.state,
            "info": self._told_info(),
            "usage": self._usage,
        }

    def _told_info(self) -> Json:
        """Return what the session runs with, which is long, and seldom another than with the last batch."""
        info = self.session.info
        if info != self._info:
            self._info, self._info_data = info, info.to_wire()
        return self._info_data

    @property
    def abandoned(self) -> float:
        """For how many seconds its client has been silent; 0 while that waits for something to happen."""
        return 0.0 if self._polls else anyio.current_time() - self.seen

    @property
    def beginning(self) -> str:
        """The cursor of a client that has read nothing."""
        return str(Cursor(self._stream.epoch, 0))

    def snapshot(self) -> Json:
        """Return what a client needs that begins now: with the `init` of the turn that runs."""
        cursor, pending = str(self._stream.cursor), self._bridge.pending
        return {**self.state(), "cursor": cursor, "pending": pending, "init": self._init}

    async def poll(self, cursor: str, seconds: float) -> Json:
        """Return what came after a cursor, once something did or the time is over.

        Deltas gather for a few hundredths of a second; whatever else there is, is told at once.
        """
        self.seen = anyio.current_time()
        place = Cursor.parse(cursor)
        self._polls += 1
        try:
            since = partial(self._since, place)
            entries = await self._pace.read(since, place.seq, gather=DELTA_SECONDS, enough=FULL, wait=seconds)
        finally:
            self._polls -= 1
        if entries is None:
            return {"gap": True, **self.snapshot()}
        last = Cursor(self._stream.epoch, entries[-1].seq if entries else place.seq)
        told = entries_to_wire(entries)
        return {"events": told, "cursor": str(last), "state": self.state(), "over": self._stream.closed and not told}

    def _since(self, place: Cursor) -> list[Entry] | None:
        """Return what came after a cursor: deltas singly, but for those that hold up the end of an interrupted turn."""
        entries = self._stream.since(place, singly=0 if place.seq < self._hurried else FULL)
        return None if entries is None else entries[:FULL]

    async def call(self, name: str, params: Mapping[str, Any]) -> Any:
        """Do what a client asks, by name.

        Raises:
            AgentError: It cannot be done.
        """
        self.seen = anyio.current_time()
        if (do := self._calls.get(name)) is not None:
            return await do(params)
        if (ask := SESSION_CALLS.get(name)) is not None:
            return await ask(self.session, params)
        raise InvalidRequestError(f"A hosted session does not know {name!r}; host and client differ in version.")

    # What clients do

    async def _send(self, params: Mapping[str, Any]) -> Json:
        uuid = str(params["uuid"])
        prompt, options = prompt_from_wire(params["prompt"]), turn_options_from_wire(params.get("options"))
        await self.hand(uuid, partial(self.session.send, prompt, uuid=uuid, options=options))
        return {}

    async def _steer(self, params: Mapping[str, Any]) -> Json:
        uuid = str(params["uuid"])
        prompt = prompt_from_wire(params["prompt"])
        await self.hand(uuid, partial(self.session.send, prompt, priority="steer", uuid=uuid))
        if any(waiting.uuid == uuid for waiting in self.session.queue):  # It waits at its client, not here.
            self._unsteered.add(uuid)
            self.session.queue.remove(uuid)
            await self._journal.refused(self.key, uuid)
            return {"joined": False}
        return {"joined": True, **self.state()}

    async def _interrupt(self, params: Mapping[str, Any]) -> Json:
        if self._init is not None:
            self._hurried = inf
            self._join(0)
        interrupt = partial(self.session.interrupt, cancel_queued=bool(params.get("held")))
        self._host.start_soon(self._quietly, interrupt)
        return {}

    async def _answer(self, params: Mapping[str, Any]) -> Json:
        self._bridge.answer(str(params["request_id"]), answer_from_wire(params["answer"]))
        return {}

    async def _fits(self, params: Mapping[str, Any]) -> Json:
        """Refuse an answer that the agent could not be given, before whoever gives it is told that it counts."""
        session: Any = self.session
        await session.requests.fits(str(params["request_id"]), answer_from_wire(params["answer"]))
        return {}

    async def _set(self, params: Mapping[str, Any]) -> Json:
        change: Any = getattr(self.session, f"set_{params['setting']}")
        await change(params["value"])
        return self.state()

    async def _compact(self, params: Mapping[str, Any]) -> Json:
        del params
        failures: list[AgentError] = []
        over = anyio.Event()

        async def compact() -> None:
            try:
                await self.session.compact()
            except AgentError as error:
                failures.append(error)
            finally:
                over.set()

        self._host.start_soon(compact)
        with anyio.move_on_after(_TOLD_SECONDS):
            await over.wait()
        if failures:
            raise failures[0]
        return {}

    async def _rest(self, params: Mapping[str, Any]) -> Json:
        """Tell whether the session is idle, once it is or the time is over, and how far its stream has come."""
        rests = False
        with anyio.move_on_after(float(params["seconds"])):
            await self.session.wait_idle()
            rests = self._init is None  # Else its result is on its way.
        return {"rests": rests, "cursor": str(self._stream.cursor)}

    # What happens

    async def _tell(self, message: SDKMessage) -> None:
        for passed in self._bridge.passes(message):
            await self._publish(passed)

    def _end(self) -> None:
        reason = AgentError("The session has ended on its host.", code="session_closed")
        self._stream.publish("ended", error_to_wire(reason))
        self._stream.close()

    async def _publish(self, message: SDKMessage) -> None:
        data = message_to_wire(message)
        if isinstance(message, InitMessage) and message.parent_tool_use_id is None:
            self._init = data
        if isinstance(message, ResultMessage) and message.parent_tool_use_id is None:
            self._init = None
            self._hurried = min(self._hurried, self._stream.seq + 1)
            self._join(HIGH_WATER)
            listed = tuple(message.user_message_uuids)
            if listed and self._unsteered.issuperset(listed):
                self._unsteered.difference_update(listed)
                return
            self._usage = cast("Json", (await self.session.usage()).to_wire())
            data["usage"] = self._usage
            if listed:
                await self._quietly(partial(self._journal.ended, self.key, data, listed))
        if self.session.resolved_session_id != self._resolved:
            self._resolved = self.session.resolved_session_id
            await self._quietly(partial(self._journal.opened, self.key, self._resolved))
        self._stream.publish("message", data, piece_of(message))

    def _join(self, high_water: int) -> None:
        """Have deltas come as one that wait together: nothing else costs much of what stands before a result."""
        if isinstance(self.messages, MessageBuffer):
            self.messages.join(high_water)

    async def _quietly(self, do: Callable[[], Awaitable[object]]) -> None:
        """Do what nobody waits for; a result that cannot be noted is told all the same: the next prompt is refused."""
        try:
            await do()
        except AgentError as error:
            _log.error("session %s: %s", self.key, error)
