"""`HostFeed`: what a host tells of a session, batch by batch, on its way to the session here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from agent_fleet.driving.prompts import SentPrompts
from agent_fleet.driving.requests import HostRequests
from agent_fleet.driving.state import SessionState
from agent_fleet.driving.way import BACKEND, HostWay, Json
from agent_sdk_core.errors import AgentError
from agent_sdk_core.hosting.closing import OpenTurn
from agent_sdk_core.hosting.forms import message_from_wire
from agent_sdk_core.hosting.runs import messages_from_wire
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.result import ResultMessage
from agent_sdk_core.runtime.driver import SessionSink
from agent_sdk_core.wire.error_form import error_from_wire


class HostFeed:
    """Takes what a host tells.

    Args:
        way: The way to the host.
        state: How the session stands.
        prompts: What was sent.
        requests: What is asked.
        sink: Returns what takes messages.
        tell: Takes what the host tells of its agent, with the host's name.
        opened: What the host told when the session was opened.

    Attributes:
        cursor: How far its stream was read.
        notices: How far was read what it tells of its agent.
    """

    def __init__(
        self,
        way: HostWay,
        state: SessionState,
        prompts: SentPrompts,
        requests: HostRequests,
        sink: Callable[[], SessionSink],
        tell: Callable[[str, Json], None],
        opened: Json,
    ) -> None:
        self.cursor = str(opened["cursor"])
        self.notices: Json | None = None
        self._way = way
        self._state = state
        self._prompts = prompts
        self._requests = requests
        self._sink = sink
        self._tell = tell
        self._open = OpenTurn()

    def begin(self, opened: Json) -> None:
        """Take what the host told when the session was opened."""
        if (init := opened.get("init")) is not None:  # It was found in the middle of a turn.
            self._deliver([message_from_wire(init)])
        for entry in opened["pending"]:
            self._requests.ask(entry)

    def take(self, batch: Json) -> bool:
        """Take a batch; True: nothing comes any more."""
        if (notices := batch.get("notices")) is not None:
            self.notices = {"host": notices["host"], "last": notices["last"]}
            self._tell(self._way.line.host, notices)
        if batch.get("gap"):
            self._state.take(batch)
            self.cursor = str(batch["cursor"])
            lost = AgentError("The host told more than it remembers before it was read.", code="messages_lost")
            self._sink().cut_off(lost)
            return False
        self._state.take(batch["state"])
        self.cursor = str(batch["cursor"])
        messages: list[SDKMessage] = []
        for event in batch["events"]:
            if event["kind"] == "message":
                messages += messages_from_wire(event)
                if isinstance(result := messages[-1], ResultMessage):
                    self._note_result(result, event)
                    self._deliver(messages)
                    messages = []
                continue
            self._deliver(messages)
            messages = []
            match event["kind"]:
                case "asked":
                    self._requests.ask(event)
                case "withdrawn":
                    self._requests.withdraw(event["request_id"])
                case _:
                    if not self._way.closing:
                        self._sink().disconnected(error_from_wire(event))
                    return True
        self._deliver(messages)
        return bool(batch.get("over"))

    def settle(self, data: Json) -> None:
        """End a prompt with the result that its host noted, and what of its turn is open before it."""
        if "message" not in data:
            return
        result = message_from_wire(data)
        if not isinstance(result, ResultMessage):
            return
        said = "; ".join(result.errors or ()) or "The turn has ended."
        told = self._close(said, background=False)
        if (source := self._open.source) is not None and (result.source is None or result.source.turn_id is None):
            result.with_origin(
                replace(source, synthetic=True, failure=result.source.failure if result.source else None)
            )
        for uuid in result.user_message_uuids:
            self._prompts.forget(uuid)
        self._deliver([*told, result])

    def abandon(self, turn_id: str | None, *, code: str, message: str, terminal_reason: str) -> Sequence[SDKMessage]:
        """Return what ends a turn on our side, or everything."""
        source = self._open.source
        told = self._close(message, background=turn_id is None)
        if source is None or (turn_id is not None and source.turn_id != turn_id):
            return told
        listed, self._open.source = self._prompts.uuids, None
        for uuid in listed:
            self._prompts.forget(uuid)
        result = ResultMessage.synthesize(
            replace(source, synthetic=True),
            session_id=self._state.resolved,
            subtype="error_during_execution",
            is_error=True,
            num_turns=0,
            errors=[message],
            error_code=code,
            terminal_reason=terminal_reason,
            user_message_uuids=listed,
        )
        return [*told, result]

    def _close(self, why: str, *, background: bool) -> list[SDKMessage]:
        return self._open.close(why, session_id=self._state.resolved, backend=BACKEND, background=background)

    def _deliver(self, messages: list[SDKMessage]) -> None:
        for message in messages:
            self._open.feed(message)
        if messages:
            self._sink().deliver(messages)

    def _note_result(self, message: ResultMessage, event: Json) -> None:
        self._state.take_result(event)
        for uuid in message.user_message_uuids:
            self._prompts.forget(uuid)
