"""The way of each request of an agent: read, put to whoever answers, encoded, answered once, with one shielded end.

Whatever goes wrong on it, what is sent can be encoded, and tells the agent the true reason where it takes one.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from copy import deepcopy
from dataclasses import replace
from functools import partial
from typing import Any, Final, Protocol, cast

import anyio

from agent_sdk_core.asking.permissions import Allow, PermissionRequest
from agent_sdk_core.asking.questions import ElicitationRequest
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
from agent_sdk_core.runtime.asking.fitting import fitting
from agent_sdk_core.runtime.asking.pending import PendingRequests
from agent_sdk_core.runtime.asking.policing import Police, Ruling
from agent_sdk_core.runtime.asking.updates import SessionUpdates
from agent_sdk_core.runtime.asking.user_code import UserCodeError, call_user_code
from agent_sdk_core.transport.framing import DEFAULT_MAX_LINE
from agent_sdk_core.wire.forms import unsendable
from agent_sdk_core.wire.json_lines import encode_line

_log = logging.getLogger(__name__)

_RESPOND_SECONDS: Final = 5.0
_LONGEST_COMMAND: Final = 20_000
"""Characters of a command that is taken apart for a person; a longer one nobody reads."""

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

    def withdraw(self, request_id: Any, /) -> bool:
        """Forget a request that the agent no longer wants an answer to; False if it waits for none."""
        ...

    def respond(self, request_id: Any, body: Any, /) -> Awaitable[object]:
        """Send an answer's body."""
        ...

    def refuse(self, request_id: Any, message: str, /) -> Awaitable[object]:
        """Answer with the protocol's error, and these words."""
        ...


class Questioned(Protocol):
    """A session, as far as requests are put to its application."""

    options: SessionOptions
    requests: PendingRequests
    police: Police | None
    updates: SessionUpdates


class Asked(Questioned, Protocol):
    """A session, as far as it is asked."""

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

    def withdraw(self, request_id: RequestId) -> bool:
        """Note that the agent no longer wants an answer, and tell whether it waited for one.

        The task that handles the request may not have begun.
        """
        return self._peer().withdraw(request_id)

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
                answer = await put(reading, session)
            elif isinstance(reading, Work):
                refusal = reading.failed
                answer = _because("The call was cut off.", refusal)
                told = await _run(reading)  # A hook that has nothing to say says so with an empty body.
                answer = answer if told is None else told
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


async def put(ask: Ask[AgentRequest], session: Questioned) -> Json:
    """Put a request to whoever answers it for a session, and return the answer's body."""
    request, requests = _whole(ask.request), session.requests
    options, police = session.options, session.police

    fits = await fitting(request)

    def check(answer: AgentAnswer) -> Json:
        fits(answer)
        body = ask.encode(session.updates.fitted(request, answer))
        if (problem := unsendable(body)) is not None:
            raise InvalidRequestError(problem)
        if (size := len(encode_line(body))) > DEFAULT_MAX_LINE:
            raise InvalidRequestError(f"It has {size} bytes, more than the {DEFAULT_MAX_LINE} that a message may have.")
        return body

    async def judge(request: AgentRequest) -> Ruling:
        ruling = Ruling(None) if police is None else await police.decide(request)
        # What the policy has asked about is asked about each time.
        if ruling == Ruling(None) and requests.grants.covers(request):
            return Ruling(Allow(), by="grant")
        # A person whom the policy had asked about this call, with what it lifts, is not asked again by the agent.
        if ruling.answer is None and requests.grants.covers_call(request):
            return Ruling(Allow(), ruling.rule, by="grant")
        return ruling

    async def review(answer: AgentAnswer) -> Ruling:
        ruling = Ruling(None) if police is None else await police.review(request, answer)
        if ruling.answer is None:
            await session.updates.look(request, answer)
        return ruling

    resolution = await requests.resolve(
        apart(request),
        callback=getattr(options, _CALLBACKS[kind_of(request)]),
        check=check,
        timeout=options.request_timeout,
        judge=None if police is None and not requests.grants.covers(request) else judge,
        review=review,
    )
    if resolution.by in ("callback", "answer"):
        requests.grants.note(request, resolution.answer)
        await session.updates.take(request, resolution.answer)
    if ask.before_sending is not None:
        await ask.before_sending(resolution.answer)
    return ask.encode(refusal_of(request)) if resolution.answer is None else cast("Json", resolution.encoded)


def _whole(request: AgentRequest) -> AgentRequest:
    """Return a request with what is told of its command, which waits for nothing: it might be withdrawn meanwhile."""
    command = request.input.get("command") if isinstance(request, PermissionRequest) else None
    if not isinstance(request, PermissionRequest) or not isinstance(command, str) or len(command) > _LONGEST_COMMAND:
        return request
    if request.kind != "execute" or request.command_parts:
        return request
    from agent_sdk_core.policy.command_rules import command_parts

    return replace(request, command_parts=command_parts(command))


def apart(request: AgentRequest) -> AgentRequest:
    """Return a request for whoever answers, which shares no data with what is judged, granted and sent.

    What they do to its input would else run without having been judged, or be taken for what was asked; what they do to
    a form's schema would change what an answer is held against.
    """
    tables: dict[str, Any] = {"raw": request.raw}
    match request:
        case PermissionRequest():
            tables["input"] = request.input
        case ElicitationRequest():
            tables["schema"] = request.schema
        case _:
            pass
    return replace(request, **deepcopy(tables))


async def _run(work: Work) -> Json | str | None:
    try:
        return await call_user_code(work.run, work.what)
    except UserCodeError as error:
        _log.warning("%s failed", work.what, exc_info=error.__cause__)
        return _because(str(error), work.failed)


def _because(reason: str, refusal: Callable[[str], Json | None]) -> Json | str:
    """Return the body that refuses for a reason; the reason alone, where only the protocol's error can tell it."""
    return refusal(reason) or reason
