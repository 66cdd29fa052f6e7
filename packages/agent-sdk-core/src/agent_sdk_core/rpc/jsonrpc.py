"""JSON-RPC as `codex app-server` speaks it: requests, notifications and answers in both directions.

Its owner passes in what was received, in batches, and is called back synchronously and in order. Codex sends and wants
no `jsonrpc` member, and silently drops what it does not understand, so that only a deadline ends a wait (0.163). Agents
and clients of ACP want the member, and are told of a request that nobody waits for any more.
"""

from __future__ import annotations

import contextlib
import random
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, cast

import anyio

from agent_sdk_core.errors import AgentError, ProtocolError, RequestTimeoutError
from agent_sdk_core.rpc.correlation import MAX_IN_FLIGHT, Correlation, Tap
from agent_sdk_core.rpc.receiver import JsonObject, Receiver, RequestId, ServerRequest
from agent_sdk_core.transport.framing import DEFAULT_MAX_LINE

__all__ = ["CANCEL_REQUEST", "MAX_IN_FLIGHT", "METHOD_NOT_FOUND", "OVERLOADED", "Peer", "Tap"]

METHOD_NOT_FOUND: Final = -32601

CANCEL_REQUEST: Final = "$/cancel_request"
"""Notification by which ACP tells that a request wants no answer any more, its id being `requestId`."""

OVERLOADED: Final = -32001
"""Codex's error code for a full request queue; the request was not looked at (0.163: it holds 128)."""

_ANSWER: Final = re.compile(
    rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*)?"id"\s*:\s*([0-9]{1,18})\s*,\s*"(?:result|error)"'
)
"""How an answer to a request of ours begins, as Codex and ACP's agents write it."""

_CANCEL_SECONDS: Final = 1.0
"""What telling of a request that was given up may take."""

_ATTEMPTS: Final = 6
_FIRST_DELAY: Final = 0.1
_MAX_DELAY: Final = 2.0


class Peer(Correlation):
    """Our side of a conversation.

    Args:
        write: Sends one encoded line; concurrent calls must not mix.
        receiver: Is told what the other side sends: a notification as method, params and the whole message; a request,
            which the owner answers through `respond`. What it raises is reported, not raised.
        name: Name of the other side, for errors.
        max_line: Bytes that one line of ours may have.
        max_in_flight: Requests that may wait for an answer at once; more wait to be sent.
        tap: Sees each message in both directions.
        version: The `jsonrpc` member of each message of ours; None: none.
        cancels: Whether the other side is told, by `CANCEL_REQUEST`, of a request that was given up.
        jitter: Returns numbers from 0 to 1 that the delays between attempts are multiplied by.
        sleep: Waits between attempts.
    """

    def __init__(
        self,
        write: Callable[[bytes], Awaitable[None]],
        receiver: Receiver,
        *,
        name: str = "The agent",
        max_line: int = DEFAULT_MAX_LINE,
        max_in_flight: int = MAX_IN_FLIGHT,
        tap: Tap | None = None,
        version: str | None = None,
        cancels: bool = False,
        jitter: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        super().__init__(write, receiver, name=name, max_line=max_line, max_in_flight=max_in_flight, tap=tap)
        self._on_message = receiver.on_message
        self._head: JsonObject = {} if version is None else {"jsonrpc": version}
        self._cancels = cancels
        self._jitter = jitter
        self._sleep = sleep

    async def request(
        self,
        method: str,
        params: object = None,
        *,
        timeout: float | None = 30.0,
        idempotent: bool = False,
        counted: bool = True,
    ) -> object:
        """Send a request and return its result.

        Args:
            method: Its method.
            params: Its parameters; None leaves them out.
            timeout: Seconds for all of it: waiting for a free place, writing, the answer, further attempts. None: any.
            idempotent: Whether it may be sent again when the other side is overloaded.
            counted: Whether it takes one of the places in flight. False for what must not wait behind others, an
                interrupt, and for what is answered only when the process ends.

        Raises:
            ProtocolError: The other side refused it; has `rpc_code` and `rpc_data`.
            RequestTimeoutError: There was no answer in time.
            FrameTooLargeError: It, or its answer, is longer than a line may be.
            ProcessExitedError: The other side is gone. Other errors given to `fail` are raised as well.
            ValueError: Its parameters cannot be expressed in JSON.
        """
        with anyio.move_on_after(timeout):
            for attempt in range(_ATTEMPTS):
                try:
                    return await self._attempt(method, params, counted=counted)
                except ProtocolError as error:
                    if error.rpc_code != OVERLOADED or not idempotent or attempt == _ATTEMPTS - 1:
                        raise
                # Not stamina: its jitter and sleep cannot be given, and it would load in the middle of an overload.
                await self._sleep(self._jitter() * min(_MAX_DELAY, _FIRST_DELAY * 2**attempt))
        raise RequestTimeoutError(
            f"{self.name} did not answer {method} within {timeout:g} s.",
            retryable=idempotent,
            details={"method": method, "timeout": timeout},
        )

    async def notify(self, method: str, params: object = None) -> None:
        """Send a notification; raises what `request` raises for a line that cannot be sent."""
        self.require_open()
        await self._send(self._message({"method": method}, params))

    async def respond(self, request_id: RequestId, result: object) -> bool:
        """Answer a request of the other side; False if it has been answered, withdrawn, or nobody is there any more.

        Cancelled while it waits to be written, the request stays unanswered: shield it where that matters.
        """
        return await self._answer(request_id, {**self._head, "id": request_id, "result": result})

    async def refuse(
        self, request_id: RequestId, message: str, *, code: int = METHOD_NOT_FOUND, data: object = None
    ) -> bool:
        """Refuse a request of the other side, if nothing else is said as one of an unknown method; see `respond`."""
        error: JsonObject = {"code": code, "message": message}
        if data is not None:
            error["data"] = data
        return await self._answer(request_id, {**self._head, "id": request_id, "error": error})

    async def complain(self, message: str, *, code: int, request_id: RequestId | None = None) -> None:
        """Tell the other side that something it sent is no message, as JSON-RPC does; raises what `notify` raises.

        Args:
            message: What is wrong with it.
            code: An error code of JSON-RPC.
            request_id: Its id, if it has one that nothing else answers.
        """
        self.require_open()
        await self._send({**self._head, "id": request_id, "error": {"code": code, "message": message}})

    def receive(self, values: Iterable[object]) -> None:
        """Take what was received, in order; never raises."""
        on_message = self._on_message
        for value in values:
            if type(value) is not dict:
                self.report("not_an_object", "A message is an object, this is not.", value)
                continue
            message = cast("JsonObject", value)
            if self._tap is not None:
                self._tap_safely("in", message)
            method = message.get("method")
            if type(method) is str and "id" not in message:
                params = message.get("params")
                if type(params) is dict:
                    try:
                        on_message(method, cast("JsonObject", params), message)
                    except Exception as error:
                        self.report("callback_failed", f"{method} could not be handled: {error!r}", message, error)
                    continue
            self._receive_rest(method, message)

    def _receive_rest(self, method: object, message: JsonObject) -> None:
        """Take anything but a plain notification."""
        if "method" not in message:
            self._receive_response(message)
            return
        params = message.get("params")
        if params is None:
            params = cast("JsonObject", {})
        request_id = message.get("id")
        if type(method) is not str or type(params) is not dict:
            self.report("unknown_shape", "A method is a string, and its params are an object.", message)
            return
        params = cast("JsonObject", params)
        if "id" not in message:
            self._call(method, message, lambda: self._on_message(method, params, message))
            return
        if type(request_id) not in (int, str):
            self.report("unknown_shape", "The id of a request is an integer or a string.", message)
            return
        request_id = cast("RequestId", request_id)
        if self._take_request(request_id, message):
            self._call(
                method, message, lambda: self.receiver.on_request(ServerRequest(request_id, method, params, message))
            )

    def _receive_response(self, message: JsonObject) -> None:
        if "result" not in message and "error" not in message:
            self.report("unknown_shape", "This is neither a request nor a notification nor a response.", message)
            return
        response_id = message.get("id")
        # Identity of types, because True == 1 and 1.0 == 1.
        if type(response_id) is not int or not self._settle(response_id, message):
            self.report("unknown_response", f"No request of ours has the id {response_id!r}.", message)

    def _answered_by(self, head: bytes) -> int | None:
        answer = _ANSWER.match(head)
        return None if answer is None else int(answer[1])

    async def _attempt(self, method: str, params: object, *, counted: bool) -> object:
        sent: RequestId | None = None

        def request(request_id: int) -> JsonObject:
            nonlocal sent
            sent = request_id
            return self._message({"method": method, "id": request_id}, params)

        try:
            response = await self._exchange(request, counted=counted)
        except anyio.get_cancelled_exc_class():
            if self._cancels and sent is not None and not self.failed:
                with anyio.move_on_after(_CANCEL_SECONDS, shield=True), contextlib.suppress(AgentError):
                    await self.notify(CANCEL_REQUEST, {"requestId": sent})
            raise
        error = response.get("error")
        if error is not None or "result" not in response:
            raise self._refusal(method, error)
        return response["result"]

    def _refusal(self, method: str, error: object) -> ProtocolError:
        fields = cast("JsonObject", error if isinstance(error, dict) else {})
        code, text = fields.get("code"), fields.get("message")
        overloaded = code == OVERLOADED
        return ProtocolError(
            f"{self.name} refused {method}: {text if isinstance(text, str) else error}",
            rpc_code=code if type(code) is int else None,
            rpc_data=fields.get("data"),
            code="overloaded" if overloaded else None,
            retryable=overloaded,
            details={"method": method, "error": cast("object", error)},
        )

    def _message(self, fields: JsonObject, params: object) -> JsonObject:
        message = {**self._head, **fields} if self._head else fields
        if params is not None:
            message["params"] = params
        return message
