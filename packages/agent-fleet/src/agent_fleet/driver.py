"""`FleetDriver`: a session on a host, as the runtime drives any other: calls go out, batches of its stream come back.

When its host is gone, the session waits for it, or for another one, and goes on there: prompts that were handed to the
agent end with a result that says what became of them, those that were not are sent.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from time import time
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import anyio

from agent_fleet.closing import OpenTurn
from agent_fleet.errors import FleetStoreError, HostGoneError, HostLostError
from agent_fleet.line import HostLine
from agent_fleet.store.fleet_store import FleetStore
from agent_sdk_core.asking.permissions import Deny, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest, Ask, refusal_of, request_from_wire
from agent_sdk_core.errors import (
    AgentError,
    InvalidRequestError,
    PolicyDeniedError,
    SessionBusyError,
    SessionClosedError,
    UnsupportedOptionError,
)
from agent_sdk_core.hosting.forms import message_from_wire, prompt_to_wire
from agent_sdk_core.hosting.options_form import turn_options_to_wire
from agent_sdk_core.hosting.runs import messages_from_wire
from agent_sdk_core.interfaces.pages import HistoryPage
from agent_sdk_core.interfaces.session import SessionInfo
from agent_sdk_core.messages.base import Source
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.messages.usage import SessionUsage, Usage
from agent_sdk_core.prompts import Prompt
from agent_sdk_core.runtime.driver import Away, SessionDriver, Setting
from agent_sdk_core.runtime.host import Host
from agent_sdk_core.structured.answers import AnswerForm
from agent_sdk_core.wire.error_form import error_from_wire

if TYPE_CHECKING:
    from agent_sdk_core.turn_options import TurnOptions

_log = logging.getLogger(__name__)

Json = dict[str, Any]
Redeliver = Literal["never", "if_absent"]

CALL_SECONDS: Final = 60.0
POLL_SECONDS: Final = 5.0
GRACE_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 10.0
CLOSE_SECONDS: Final = 10.0
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 1.0


class FleetDriver(SessionDriver):
    """Drives one session on a host.

    Args:
        line: The way to the host.
        key: The session.
        store: Keeps its prompts.
        opening: What `open` is called with.
        opened: What it answered.
        host: Runs what nobody waits for.
        elsewhere: Returns the way to another host that may have the session, or raises `HostLostError`.
        recovery_seconds: How long a host may be gone before that is asked.
        tell: Takes what the host tells of its agent, with the host's name.

    Attributes:
        info: What the session runs with, as the host last told.
        resolved: What the agent calls the session now.
        line: The way to its host of today.
    """

    name = "fleet"
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
        elsewhere: Callable[[str], Awaitable[HostLine]],
        recovery_seconds: float,
        tell: Callable[[str, Json], None] = lambda host, notices: None,
    ) -> None:
        self.line = line
        self.key = key
        self.info = SessionInfo()
        self.resolved = str(opened["resolved_session_id"])
        self._store = store
        self._opening = dict(opening)
        self._host = host
        self._elsewhere = elsewhere
        self._recovery_seconds = recovery_seconds
        self._tell = tell
        self._notices: Json | None = None
        self._opened = opened
        self._cursor = str(opened["cursor"])
        self._state: Json = {}
        self._usage = SessionUsage(Usage())
        self._open = OpenTurn()
        self._sent: dict[str, Json] = {}
        self._sending: set[str] = set()
        self._held: set[str] = set()
        self._asking: set[str] = set()
        self._here = anyio.Event()
        self._here.set()
        self._failure: AgentError | None = None
        self._closing = False
        self._take_state(opened)

    def begin(self) -> None:
        """Begin to read the session's stream, once it has a sink."""
        if (init := self._opened.get("init")) is not None:  # It was found in the middle of a turn.
            self._deliver([message_from_wire(init)])
        for entry in self._opened["pending"]:
            self._ask(entry)
        self._host.start_soon(self._follow)

    @property
    def resumable(self) -> bool:
        """Whether the agent has stored it."""
        return bool(self._state.get("resumable"))

    @property
    def away(self) -> Away | None:
        """Whether its host is gone, or has it parked."""
        if not self._here.is_set():
            return "disconnected"
        return "parked" if self._state.get("state") == "parked" else None

    @property
    def lasts(self) -> bool:
        """It goes on when its host is back; `HostLostError` says when not."""
        return True

    @property
    def lives(self) -> bool:
        """Whether it is neither closed nor given up."""
        return not self._closing and self._failure is None

    async def ready(self) -> None:
        """Wait until its host is back."""
        await self._here.wait()
        if self._failure is not None:
            raise self._failure

    async def start_turn(
        self, prompt: Prompt, uuid: str, *, options: TurnOptions | None = None, answers: AnswerForm | None = None
    ) -> str | None:
        """Have the host send a prompt; one that it has is never sent again, whatever becomes of the host."""
        del answers
        sent: Json = {"prompt": prompt_to_wire(prompt), "options": turn_options_to_wire(options), "uuid": uuid}
        await self.accept(uuid, sent)
        self._sent[uuid] = sent
        try:
            await self._send(uuid, sent)
        except AgentError as error:
            self._sent.pop(uuid, None)
            await self.refused(uuid, error)
            raise
        return None

    async def refused(self, uuid: str, error: AgentError) -> None:
        """Note that a prompt ends unsent, for its sender was told so; one that a host has is the host's."""
        try:
            await self._store.end(self.key, [uuid], {"refused": error.message})
        except FleetStoreError as failed:
            _log.warning("session %s: prompt %s may be sent when it is resumed: %s", self.key, uuid, failed)

    async def accept(self, uuid: str, content: Mapping[str, Any]) -> None:
        """Store a prompt, unless that was done.

        Raises:
            FleetStoreError: It cannot be stored.
        """
        known = await self._store.prompts(self.key, uuids=[uuid])
        if not known:
            await self._store.accept(self.key, uuid, content)

    async def _send(self, uuid: str, sent: Json) -> None:
        self._sending.add(uuid)
        try:
            await self._send_once(uuid, sent)
        finally:
            self._sending.discard(uuid)

    async def _send_once(self, uuid: str, sent: Json) -> None:
        deadline = anyio.current_time() + self._recovery_seconds
        while True:
            try:
                await self._call("send", sent)
            except HostGoneError as error:
                self._lose(error)
                await self.ready()
                if uuid not in self._sent or await self._state_of(uuid) != "accepted":
                    return  # It has a result, or the agent has it.
            except AgentError as error:
                # It was not given to the agent, for that could not be noted: it waits in the store as it did.
                if error.code != FleetStoreError.default_code or anyio.current_time() >= deadline:
                    raise
                _log.warning("session %s: prompt %s waits for the store: %s", self.key, uuid, error)
                await anyio.sleep(_LONGEST_PAUSE)
            else:
                return

    async def _state_of(self, uuid: str) -> str:
        rows = await self._store.prompts(self.key, uuids=[uuid])
        return rows[0].state if rows else "ended"

    async def steer(self, prompt: Prompt, uuid: str, turn_id: str | None) -> bool:
        """Have the host add a prompt to the turn that runs."""
        del turn_id
        sent: Json = {"prompt": prompt_to_wire(prompt), "uuid": uuid}
        await self.accept(uuid, sent)
        self._sent[uuid] = sent
        try:
            answer = await self._call("steer", sent)
        except HostGoneError as error:
            self._lose(error)
            await self.ready()
            if uuid not in self._sent or await self._state_of(uuid) != "accepted":
                return True
            answer = {"joined": False}
        except AgentError as error:
            self._sent.pop(uuid, None)
            await self.refused(uuid, error)
            raise
        if not answer["joined"]:
            self._sent.pop(uuid, None)
            return False
        self._take_state(answer)
        return True

    def holds(self, uuid: str) -> bool:
        """Tell whether the agent keeps a steering prompt for a turn of its own."""
        return uuid in self._held

    async def answer_form(self, schema: Mapping[str, object]) -> AnswerForm:
        """Return the schema as it is: the host holds the agent's answers to it."""
        from agent_sdk_core.structured.schema import OutputSchema

        return AnswerForm(OutputSchema(schema), dict(schema), lambda answer: answer)

    async def apply(self, setting: Setting, value: str | None) -> None:
        """Change a setting on the host."""
        self._take_state(await self._call("set", {"setting": setting, "value": value}))
        changed = dict(self._opening["options"])
        changed[setting] = value  # For the host that the session is opened on again.
        self._opening["options"] = {name: given for name, given in changed.items() if given is not None}

    def fork_place(self, message: SDKMessage) -> str | None:
        """Return the message's own uuid: the host knows its turn."""
        return message.uuid

    async def interrupt(self, turn_id: str | None, *, cancel_held: bool = True) -> None:
        """Have the host interrupt the turn that runs."""
        del turn_id
        await self._call("interrupt", {"held": cancel_held}, timeout=ANSWER_SECONDS)

    def abandon(self, turn_id: str | None, *, code: str, message: str, terminal_reason: str) -> Sequence[SDKMessage]:
        """Return what ends a turn on our side, or everything."""
        source = self._open.source
        told = self._open.close(message, session_id=self.resolved, backend=self.name, background=turn_id is None)
        if source is None or (turn_id is not None and source.turn_id != turn_id):
            return told
        listed, self._open.source = list(self._sent), None
        self._sent.clear()
        result = ResultMessage.synthesize(
            replace(source, synthetic=True),
            session_id=self.resolved,
            subtype="error_during_execution",
            is_error=True,
            num_turns=0,
            errors=[message],
            error_code=code,
            terminal_reason=terminal_reason,
            user_message_uuids=listed,
        )
        return [*told, result]

    def forget(self, uuid: str) -> None:
        """Note that a prompt has ended on our side."""
        self._sent.pop(uuid, None)

    async def compact(self) -> None:
        """Have the host compact the conversation."""
        await self._call("compact", {})

    async def set_goal(self, objective: str, token_budget: int | None) -> None:
        """Have the agent pursue a goal."""
        await self._call("set_goal", {"objective": objective, "token_budget": token_budget})

    async def clear_goal(self) -> None:
        """Take the goal away."""
        await self._call("clear_goal", {})

    async def close(self) -> None:
        """Close the session on its host."""
        await self._end(kill=False)

    async def kill(self) -> None:
        """End the session on its host at once."""
        await self._end(kill=True)

    async def history(self, *, limit: int | None, cursor: str | None) -> HistoryPage:
        """Return stored messages."""
        return HistoryPage.from_wire(await self._call("history", {"limit": limit, "cursor": cursor}))

    def usage(self) -> SessionUsage:
        """Return what the session used, as the host last told."""
        return self._usage

    async def rest(self) -> bool:
        """Tell whether its host does nothing for it and has nothing more to tell; waits some seconds for that.

        An agent goes on by itself, as when a plan of its was approved.
        """
        if self._asking:
            await anyio.sleep(_FIRST_PAUSE)
            return False
        try:
            told = await self._call("rest", {"seconds": POLL_SECONDS}, timeout=POLL_SECONDS + GRACE_SECONDS)
        except HostGoneError as error:
            self._lose(error)
            await self.ready()
            return False
        if told["rests"] and told["cursor"] == self._cursor:
            return not self._asking
        await anyio.sleep(_FIRST_PAUSE)
        return False

    async def ask(self, method: str, params: Mapping[str, Any] | None = None) -> Json:
        """Ask the host for what `SessionDriver` has no word for."""
        return await self._call(method, params or {})

    # The way to the host

    async def _call(self, method: str, params: Mapping[str, Any], *, timeout: float = CALL_SECONDS) -> Json:
        return await self.line.request(method, {"key": self.key, **params}, timeout=timeout)

    async def _end(self, *, kill: bool) -> None:
        self._closing = True
        with anyio.move_on_after(CLOSE_SECONDS):
            try:
                await self._call("close", {"kill": kill}, timeout=CLOSE_SECONDS)
            except AgentError as error:
                _log.debug("session %s: closing: %s", self.key, error)

    async def _follow(self) -> None:
        """Read the stream batch by batch, for as long as the session is open."""
        while not self._closing and self._failure is None:
            try:
                asked = {"cursor": self._cursor, "seconds": POLL_SECONDS, "client": self._opening["client"]}
                asked["notices"] = self._notices
                batch = await self._call("poll", asked, timeout=POLL_SECONDS + GRACE_SECONDS)
            except HostGoneError as error:
                await self._recover(error)
            except SessionClosedError as error:
                if self._closing:
                    return
                await (self._recover(error) if error.code == "not_hosted" else self._give_up(error))
            except AgentError as error:
                await self._give_up(error)
            else:
                if self._take(batch):
                    return

    def _take(self, batch: Json) -> bool:
        """Take a batch; True: nothing comes any more."""
        if (notices := batch.get("notices")) is not None:
            self._notices = {"host": notices["host"], "last": notices["last"]}
            self._tell(self.line.host, notices)
        if batch.get("gap"):
            self._take_state(batch)
            self._cursor = str(batch["cursor"])
            lost = AgentError("The host told more than it remembers before it was read.", code="messages_lost")
            self.sink.cut_off(lost)
            return False
        self._take_state(batch["state"])
        self._cursor = str(batch["cursor"])
        messages: list[SDKMessage] = []
        for event in batch["events"]:
            match event["kind"]:
                case "message":
                    messages += messages_from_wire(event)
                    if isinstance(result := messages[-1], ResultMessage):
                        self._note_result(result, event)
                        self._deliver(messages)
                        messages = []
                case "asked":
                    self._deliver(messages)
                    messages = []
                    self._ask(event)
                case "withdrawn":
                    self._deliver(messages)
                    messages = []
                    cast("Any", self.sink).requests.withdraw(native_id=event["request_id"])
                case _:
                    self._deliver(messages)
                    messages = []
                    if not self._closing:
                        self.sink.disconnected(error_from_wire(event))
                    return True
        self._deliver(messages)
        return bool(batch.get("over"))

    def _deliver(self, messages: list[SDKMessage]) -> None:
        for message in messages:
            self._open.feed(message)
        if messages:
            self.sink.deliver(messages)

    def _note_result(self, message: ResultMessage, event: Json) -> None:
        if (usage := event.get("usage")) is not None:
            self._usage = SessionUsage.from_wire(usage)
        self._held = set(event.get("held") or ())
        for uuid in message.user_message_uuids:
            self._sent.pop(uuid, None)

    def _take_state(self, state: Mapping[str, Any]) -> None:
        self._state = dict(state)
        self.info = SessionInfo.from_wire(state["info"])
        self._held = set(state.get("held") or ())
        if state.get("usage"):
            self._usage = SessionUsage.from_wire(state["usage"])
        self.resolved = str(state["resolved_session_id"])
        if (sink := getattr(self, "sink", None)) is not None:
            sink.resolved_session_id = self.resolved

    # What the agent asks

    def _ask(self, entry: Json) -> None:
        request = request_from_wire(entry["request"])
        if request.request_id in self._asking:
            return
        self._asking.add(request.request_id)
        self._host.start_soon(self._put, request)

    async def _put(self, request: AgentRequest) -> None:
        timeout = self.sink.options.request_timeout
        source = Source(self.name, thread_id=self.resolved, request_id=request.request_id)
        deadline = None if timeout is None else time() + timeout
        asked = replace(request, source=source, deadline=deadline)
        try:
            body = await self.sink.ask(Ask(asked, _encode))
            try:
                await self._give(request, body)
            except (InvalidRequestError, UnsupportedOptionError, PolicyDeniedError) as error:
                # What its host alone can tell, such as a rule that cannot be kept there; it would wait for ever.
                reason = f"The answer to this request cannot be used: {error.message}"
                denied = isinstance(request, PermissionRequest) and Deny(reason)
                await self._give(request, _encode(denied or refusal_of(request)))
                _log.error("session %s: the answer to a request was refused by its host: %s", self.key, error)
        except InvalidRequestError as error:
            _log.debug("session %s: %s", self.key, error)  # It was withdrawn meanwhile.
        except AgentError as error:
            _log.warning("session %s: an answer did not reach its host: %s", self.key, error)
        finally:
            self._asking.discard(request.request_id)

    async def _give(self, request: AgentRequest, body: Json) -> None:
        await self._call("answer", {"request_id": request.request_id, "answer": body}, timeout=ANSWER_SECONDS)

    # When the host is gone

    def _lose(self, error: AgentError) -> None:
        if self._here.is_set():
            _log.warning("session %s: host %s is gone: %s", self.key, self.line.host, error)
            self._here = anyio.Event()

    async def _recover(self, error: AgentError) -> None:
        """Open the session again, on its host or on another one, and settle what ran."""
        self._lose(error)
        deadline = anyio.current_time() + self._recovery_seconds
        pause = _FIRST_PAUSE
        while not self._closing:
            try:
                opened = await self._call("open", {**self._opening, "anew": not self.resumable}, timeout=CALL_SECONDS)
                await self._restore(opened, error)
            except (HostGoneError, SessionBusyError, FleetStoreError) as again:
                if anyio.current_time() >= deadline:
                    try:
                        self.line = await self._elsewhere(str(again.message))
                    except AgentError as lost:
                        await self._give_up(lost)
                        return
                    deadline = anyio.current_time() + self._recovery_seconds
            except AgentError as fatal:
                await self._give_up(self._lost(fatal))
                return
            else:
                return
            await anyio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _lost(self, error: AgentError) -> HostLostError:
        reason = error.message
        return HostLostError(
            f"Session {self.key} does not go on: host {self.line.host} is back, and cannot open it again: {reason}",
            resumable=False,
            reason=reason,
            backend=self.name,
        )

    async def _restore(self, opened: Json, error: AgentError) -> None:
        """Go on with a session that was opened again."""
        cursor = str(opened["cursor"])
        if opened["attached"] and cursor.partition(".")[0] == self._cursor.partition(".")[0]:
            self._here.set()  # Only the way to it was broken.
            return
        self.sink.withdraw()
        rows = {row.uuid: row for row in await self._store.prompts(self.key, uuids=list(self._sent))}
        again: list[str] = []
        for uuid in list(self._sent):
            row = rows.get(uuid)
            if row is not None and row.state == "accepted":
                again.append(uuid)
            elif row is not None and row.result is not None:
                self._settle(row.result)
        self._take_state(opened)
        self._cursor = cursor
        if not again or opened["attached"]:
            self.sink.cut_off(error)
        self._here.set()
        for uuid in again:
            # Who is still about to send it does so by itself.
            if uuid in self._sent and uuid not in self._sending and opened["ended"].get(uuid, "") is None:
                self._host.start_soon(self._redeliver, uuid)

    async def _redeliver(self, uuid: str) -> None:
        """Send a prompt again that the agent's own history does not show; it was asked for."""
        try:
            await self._send(uuid, self._sent[uuid])
        except AgentError as error:
            _log.warning("session %s: prompt %s was not sent again: %s", self.key, uuid, error)
            self.sink.cut_off(error)

    def _settle(self, data: Json) -> None:
        """End a prompt with the result that its host noted, and what of its turn is open before it."""
        if "message" not in data:
            return
        result = message_from_wire(data)
        if not isinstance(result, ResultMessage):
            return
        said = "; ".join(result.errors or ()) or "The turn has ended."
        told = self._open.close(said, session_id=self.resolved, backend=self.name, background=False)
        if (source := self._open.source) is not None and (result.source is None or result.source.turn_id is None):
            result.with_origin(
                replace(source, synthetic=True, failure=result.source.failure if result.source else None)
            )
        for uuid in result.user_message_uuids:
            self._sent.pop(uuid, None)
        self._deliver([*told, result])

    async def _give_up(self, error: AgentError) -> None:
        self._failure = error
        self._here.set()
        if not self._closing:
            self.sink.disconnected(error)


def _encode(answer: AgentAnswer) -> Json:
    """Return an answer as it crosses; whether it fits its request is looked at as for any other."""
    return cast("Json", answer.to_wire())
