"""The control protocol of `claude --input-format stream-json`: control requests both ways, between ordinary frames.

Envelope, both ways: ``{"type": "control_request", "request_id", "request": {"subtype", …}}``, answered by
``{"type": "control_response", "response": {"subtype": "success" | "error", "request_id", …}}`` and withdrawn by
``{"type": "control_cancel_request", "request_id"}`` (claude 2.1).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, cast

import anyio

from agent_sdk_core.errors import AgentError, ProtocolError, RequestTimeoutError
from agent_sdk_core.rpc.correlation import Correlation, Tap
from agent_sdk_core.rpc.receiver import JsonObject, Receiver, Run, ServerRequest
from agent_sdk_core.wire.reading import Json

_CONTROL: Final = frozenset({"control_request", "control_response", "control_cancel_request"})
_OURS: Final = re.compile(r"[0-9]{1,18}")
"""An id of ours. Python refuses to read numbers of thousands of digits."""
_ANSWER: Final = re.compile(
    rb'\{"type":"control_response","response":\{"subtype":"(?:success|error)","request_id":"([0-9]{1,18})"'
)
"""How claude begins the answer to a request of ours (2.1.329)."""


class ControlPeer(Correlation):
    """Our side of the conversation with one claude process.

    Args:
        write: Sends one encoded line; concurrent calls must not mix.
        receiver: Is told what claude sends: each frame that is not of the control protocol, by its type and as its
            own body; each control request, whose method is the subtype, and which the owner answers. What it raises is
            reported.
        name: Name of the other side, for errors.
        tap: Sees each frame in both directions.

    Attributes:
        on_message: Takes the frames; the receiver's, unless its owner replaces it for a while.
    """

    def __init__(
        self,
        write: Callable[[bytes], Awaitable[None]],
        receiver: Receiver,
        *,
        name: str = "claude",
        tap: Tap | None = None,
    ) -> None:
        super().__init__(write, receiver, name=name, tap=tap)
        self.on_message = receiver.on_message

    def fail(self, error: AgentError) -> None:
        """End the conversation, as every peer does; the error names the backend."""
        error.backend = error.backend or "claude"
        super().fail(error)

    async def request(
        self,
        subtype: str,
        fields: Mapping[str, object] | None = None,
        *,
        timeout: float = 60.0,
        counted: bool = True,
    ) -> Json:
        """Send a control request, and return the payload of its answer, empty if it has none.

        Args:
            subtype: What is asked.
            fields: Its other fields.
            timeout: Seconds for all of it.
            counted: Whether it takes one of the places in flight; False for what must not wait behind others.

        Raises:
            ProtocolError: Claude refused it; `details["error_code"]` is Claude's code, where it gives one.
            RequestTimeoutError: There was no answer in time.
            FrameTooLargeError: It, or its answer, is longer than a line may be.
            ProcessExitedError: Claude is gone. Other errors given to `fail` are raised as well.
        """
        body = {"subtype": subtype, **(fields or {})}
        with anyio.move_on_after(timeout):
            answer = await self._exchange(
                lambda request_id: {"type": "control_request", "request_id": str(request_id), "request": body},
                counted=counted,
            )
            return self._payload(subtype, cast("Json", answer["response"]))
        raise RequestTimeoutError(
            f"{self.name} did not answer {subtype} within {timeout:g} s.",
            backend="claude",
            details={"subtype": subtype, "timeout": timeout},
        )

    async def send(self, frame: Json) -> None:
        """Send a frame that is not answered; raises what `request` raises for a line that cannot be sent."""
        self.require_open()
        await self._send(frame)

    async def respond(self, request_id: str, payload: Mapping[str, object]) -> bool:
        """Answer a control request; False if it has been answered or withdrawn, or nobody is there any more."""
        response = {"subtype": "success", "request_id": request_id, "response": dict(payload)}
        return await self._answer(request_id, {"type": "control_response", "response": response})

    async def refuse(self, request_id: str, message: str) -> bool:
        """Refuse a control request; see `respond`. Claude fails closed on it (2.1.329)."""
        response = {"subtype": "error", "request_id": request_id, "error": message}
        return await self._answer(request_id, {"type": "control_response", "response": response})

    def receive(self, values: Iterable[object]) -> None:
        """Take what was received, in order; never raises."""
        on_message = self.on_message
        for value in values:
            if type(value) is not dict:
                self.report("not_an_object", "A frame is an object, this is not.", value)
                continue
            frame = cast("Json", value)
            if self._tap is not None:
                self._tap_safely("in", frame)
            kind = frame.get("type")
            if not isinstance(kind, str):
                kind = ""
            elif kind in _CONTROL:
                self._receive_control(frame)
                continue
            try:
                on_message(kind, frame, frame)
            except Exception as error:
                what = f"A frame of type {frame.get('type')!r}"
                self.report("callback_failed", f"{what} could not be handled: {error!r}", frame, error)

    def receive_run(self, run: Run) -> None:
        """Take deltas on end; while another than the receiver takes the frames, it gets each."""
        if self.on_message == self.receiver.on_message:
            super().receive_run(run)
        else:
            self.receive(run.messages())

    def _answered_by(self, head: bytes) -> int | None:
        answer = _ANSWER.match(head)
        return None if answer is None else int(answer[1])

    def _receive_control(self, frame: Json) -> None:
        if frame["type"] == "control_response":
            self._receive_response(frame)
            return
        request_id = frame.get("request_id")
        if type(request_id) is not str:
            self.report("unknown_shape", "The id of a control request is a string.", frame)
        elif frame["type"] == "control_cancel_request":
            self.withdraw(request_id)
            self._call("A withdrawal", frame, lambda: self.receiver.on_withdrawn(request_id))
        else:
            body = frame.get("request")
            subtype = cast("Json", body).get("subtype") if type(body) is dict else None
            if type(subtype) is not str:
                self.report("unknown_shape", "A control request has a body with a subtype.", frame)
            elif self._take_request(request_id, frame):
                request = ServerRequest(request_id, subtype, cast("JsonObject", body), frame)
                self._call(subtype, frame, lambda: self.receiver.on_request(request))

    def _receive_response(self, frame: Json) -> None:
        body = frame.get("response")
        request_id = cast("Json", body).get("request_id") if type(body) is dict else None
        if type(request_id) is not str:
            self.report("unknown_shape", "A control response says what it answers.", frame)
        elif not (_OURS.fullmatch(request_id) and self._settle(int(request_id), frame)):
            self.report("unknown_response", f"No request of ours has the id {request_id!r}.", frame)

    def _payload(self, subtype: str, response: Json) -> Json:
        if response.get("subtype") == "success":
            payload = response.get("response")
            return cast("Json", payload) if isinstance(payload, dict) else {}
        message, code = response.get("error"), response.get("error_code")
        raise ProtocolError(
            f"{self.name} refused {subtype}: {message}",
            backend="claude",
            details={"subtype": subtype, "error": message, "error_code": code, "response": response},
        )
