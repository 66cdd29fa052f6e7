"""`HostRequests`: what the agent of a session on a host asks, put to whoever answers it here, and the answers back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from time import time
from typing import Any, cast

from agent_fleet.driving.state import SessionState
from agent_fleet.driving.way import ANSWER_SECONDS, BACKEND, HostWay, Json
from agent_sdk_core.asking.permissions import Deny, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest, Ask, refusal_of, request_from_wire
from agent_sdk_core.errors import AgentError, InvalidRequestError, PolicyDeniedError, UnsupportedOptionError
from agent_sdk_core.messages.base import Source
from agent_sdk_core.runtime.driver import SessionSink
from agent_sdk_core.runtime.host import Host

_log = logging.getLogger(__name__)


class HostRequests:
    """What is asked and not answered.

    Args:
        way: The way to the host.
        state: How the session stands.
        host: Runs what nobody waits for.
        sink: Returns what puts a request to who answers it.
    """

    def __init__(self, way: HostWay, state: SessionState, host: Host, sink: Callable[[], SessionSink]) -> None:
        self._way = way
        self._state = state
        self._host = host
        self._sink = sink
        self._asking: set[str] = set()

    def __bool__(self) -> bool:
        """Whether anything is asked."""
        return bool(self._asking)

    def ask(self, entry: Json) -> None:
        """Put what the host asks, once."""
        request = request_from_wire(entry["request"])
        if request.request_id in self._asking:
            return
        self._asking.add(request.request_id)
        self._host.start_soon(self._put, request)

    def withdraw(self, request_id: str) -> None:
        """Note that the host wants no answer any more; what puts the request to somebody may not have begun."""
        self._asking.discard(request_id)
        cast("Any", self._sink()).requests.withdraw(native_id=request_id)

    async def _put(self, request: AgentRequest) -> None:
        if request.request_id not in self._asking:
            return  # Nobody is asked what no longer matters.
        key, sink = self._way.key, self._sink()
        timeout = sink.options.request_timeout
        source = Source(BACKEND, thread_id=self._state.resolved, request_id=request.request_id)
        deadline = None if timeout is None else time() + timeout
        asked = replace(request, source=source, deadline=deadline)
        try:
            body = await sink.ask(Ask(asked, _encode))
            try:
                await self._give(request, body)
            except (InvalidRequestError, UnsupportedOptionError, PolicyDeniedError) as error:
                # What its host alone can tell, such as a rule that cannot be kept there; it would wait for ever.
                reason = f"The answer to this request cannot be used: {error.message}"
                denied = isinstance(request, PermissionRequest) and Deny(reason)
                await self._give(request, _encode(denied or refusal_of(request)))
                _log.error("session %s: the answer to a request was refused by its host: %s", key, error)
        except InvalidRequestError as error:
            _log.debug("session %s: %s", key, error)  # It was withdrawn meanwhile.
        except AgentError as error:
            _log.warning("session %s: an answer did not reach its host: %s", key, error)
        finally:
            self._asking.discard(request.request_id)

    async def _give(self, request: AgentRequest, body: Json) -> None:
        await self._way.call("answer", {"request_id": request.request_id, "answer": body}, timeout=ANSWER_SECONDS)


def _encode(answer: AgentAnswer) -> Json:
    """Return an answer as it crosses; whether it fits its request is looked at as for any other."""
    return cast("Json", answer.to_wire())
