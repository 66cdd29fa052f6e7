"""The way of each request of an agent: read, put to whoever answers, encoded, answered once, with one shielded end.

Whatever goes wrong on it, what is sent can be encoded, and tells the agent the true reason where it takes one.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Final, Protocol, cast

import anyio

from agent_sdk_core.asking.requests import (
    LEFT_OPEN,
    AgentAnswer,
    AgentRequest,
    Ask,
    Json,
    Reading,
    Work,
    kind_of,
    refusal_of,
)
from agent_sdk_core.errors import FrameTooLargeError, InvalidRequestError
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.rpc.receiver import RequestId, ServerRequest
from agent_sdk_core.runtime.asking.pending import PendingRequests
from agent_sdk_core.runtime.asking.policing import Police
from agent_sdk_core.runtime.asking.user_code import UserCodeError, call_user_code
from agent_sdk_core.transport.framing import DEFAULT_MAX_LINE
from agent_sdk_core.wire.forms import unsendable
from agent_sdk_core.wire.json_lines import encode_line

_log = logging.getLogger(__name__)

_RESPOND_SECONDS: Final = 5.0
_CALLBACKS: Final = {"permission": "can_use_tool", "question": "on_question", "elicitation": "on_elicitation"}


class RequestReader(Protocol):
    """What a backend knows of its agent's requests."""

    def read(self, request: ServerRequest) -> Reading:
        """Return what a request asks; None for one that is refused unasked, or that nobody knows."""
        ...

    def refusal(self, request: ServerRequest, reason: str = "") -> Json | None:
        """Return the body that refuses a request; None for the protocol's error, on which agents fail closed.

        Args:
            request: The request.
            reason: Why, for the agent where the body can tell it.
        """
        ...


class Peer(Protocol):
    """The conversation with an agent, as far as it asks."""

    def awaits(self, request_id: RequestId, /) -> bool:
        """Tell whether the agent waits for an answer."""
        ...

    def withdraw(self, request_id: Any, /) -> object:
        """Forget a request that the agent no longer wants an answer to."""
        ...

    def respond(self, request_id: Any, body: Any, /) -> Awaitable[object]:
        """Send an answer's body."""
        ...

    def refuse(self, request_id: Any, message: str, /) -> Awaitable[object]:
        """Answer with the protocol's error, and these words."""
        ...


class Asked(Protocol):
    """A session, as far as it is asked."""

    options: SessionOptions
    requests: PendingRequests

    @property
    def reader(self) -> RequestReader:
        """What reads the requests of the session."""
        ...


class RequestBroker:
    """Answers the requests of one agent.

    Args:
        peer: Returns the conversation with it of today, in which a request is answered that has just come.
        reader: Reads what belongs to no session.
    """

    def __init__(self, peer: Callable[[], Peer], reader: RequestReader | None = None) -> None:
        self._peer = peer
        self._reader = reader

    def withdraw(self, request_id: RequestId) -> None:
        """Note that the agent no longer wants an answer; the task that handles the request may not have begun."""
        self._peer().withdraw(request_id)

    async def handle(self, request: ServerRequest, session: Asked | None) -> None:
        """Answer one request; runs as a task of its own, so that a waiting callback holds up nothing else."""
        reader, peer = self._reader if session is None else session.reader, self._peer()
        if reader is None or not peer.awaits(request.id):
            return  # Withdrawn before its turn came: nobody is asked what no longer matters.
        refusal: Callable[[str], Json | None] = partial(reader.refusal, request)
        answer = reader.refusal(request) or f"This client does not answer {request.method}."
        reading: Reading = None
        try:
            reading = reader.read(request)
            if isinstance(reading, Ask) and session is not None:
                answer = await put(reading, session.requests, session.options)
            elif isinstance(reading, Work):
                refusal = reading.failed
                answer = _because("The call was cut off.", refusal)
                answer = await _run(reading) or answer
        except Exception:
            _log.exception("%s could not be handled and is refused", request.method)
        finally:
            # Also when this task is cancelled: an unanswered request would leave the agent waiting for ever.
            if reading is not LEFT_OPEN:
                with anyio.move_on_after(_RESPOND_SECONDS, shield=True):
                    await _end(peer, request, answer, refusal)


async def _end(peer: Peer, request: ServerRequest, answer: Json | str, refusal: Callable[[str], Json | None]) -> None:
    try:
        await _respond(peer, request.id, answer)
    except (TypeError, ValueError, FrameTooLargeError) as error:
        reason = error.message if isinstance(error, FrameTooLargeError) else unsendable(answer) or str(error)
        _log.error("the answer to %s cannot be sent: %s", request.method, reason)
        await _respond(peer, request.id, _because(f"The answer cannot be sent: {reason}", refusal))


async def _respond(peer: Peer, request_id: RequestId, answer: Json | str) -> None:
    await (peer.refuse(request_id, answer) if isinstance(answer, str) else peer.respond(request_id, answer))


async def put(ask: Ask[AgentRequest], requests: PendingRequests, options: SessionOptions) -> Json:
    """Put a request to whoever answers it for a session, and return the answer's body."""
    request = ask.request

    def check(answer: AgentAnswer) -> Json:
        body = ask.encode(answer)
        if (problem := unsendable(body)) is not None:
            raise InvalidRequestError(problem)
        if (size := len(encode_line(body))) > DEFAULT_MAX_LINE:
            raise InvalidRequestError(f"It has {size} bytes, more than the {DEFAULT_MAX_LINE} that a message may have.")
        return body

    police = Police.of(options)
    resolution = await requests.resolve(
        request,
        callback=getattr(options, _CALLBACKS[kind_of(request)]),
        check=check,
        timeout=options.request_timeout,
        judge=None if police is None else police.decide,
    )
    answer = resolution.answer if police is None else await police.review(request, resolution.answer)
    if ask.before_sending is not None:
        await ask.before_sending(answer)
    if answer is None:
        return ask.encode(refusal_of(request))
    return cast("Json", resolution.encoded) if answer is resolution.answer else check(answer)


async def _run(work: Work) -> Json | str | None:
    try:
        return await call_user_code(work.run, work.what)
    except UserCodeError as error:
        _log.warning("%s failed", work.what, exc_info=error.__cause__)
        return _because(str(error), work.failed)


def _because(reason: str, refusal: Callable[[str], Json | None]) -> Json | str:
    """Return the body that refuses for a reason; the reason alone, where only the protocol's error can tell it."""
    return refusal(reason) or reason
