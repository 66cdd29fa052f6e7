"""`Bridge`: the requests of a hosted session on their way to a client and back, each asked once.

The host's session asks policy, grants and hooks as any other; what they leave open goes to the client as an entry of
the stream, and the client's answer comes back by a call.
"""

from __future__ import annotations

from typing import Any

import anyio

from agent_sdk_core.asking.requests import AgentAnswer, AgentRequest, kind_of
from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.hosting.forms import Json
from agent_sdk_core.hosting.stream import EventStream
from agent_sdk_core.messages.parse import SDKMessage
from agent_sdk_core.messages.system import RequestOpened, RequestResolved


class _Asked:
    def __init__(self, request: AgentRequest) -> None:
        self.request = request
        self.answered = anyio.Event()
        self.answer: AgentAnswer | None = None


class Bridge:
    """What a hosted session asks its client.

    Args:
        stream: Takes what is asked and what is withdrawn.
    """

    def __init__(self, stream: EventStream) -> None:
        self._stream = stream
        self._asked: dict[str, _Asked] = {}
        self._told: dict[str, RequestOpened] = {}
        self._ours: set[str] = set()

    @property
    def pending(self) -> list[Json]:
        """What waits for an answer, as the entries that asked."""
        return [_entry(asked.request) for asked in self._asked.values()]

    async def ask(self, request: Any) -> Any:
        """Put a request to the client and return its answer; a callback of the session. Cancelled, it is withdrawn."""
        asked = self._asked[request.request_id] = _Asked(request)
        self._ours.add(request.request_id)
        self._told.pop(request.request_id, None)
        self._stream.publish("asked", _entry(request))
        try:
            await asked.answered.wait()
            return asked.answer
        finally:
            del self._asked[request.request_id]
            if asked.answer is None:
                self._stream.publish("withdrawn", {"request_id": request.request_id})

    def answer(self, request_id: str, answer: AgentAnswer) -> None:
        """Answer a request; the first answer wins.

        Raises:
            InvalidRequestError: It is not open.
        """
        asked = self._asked.get(request_id)
        if asked is None or asked.answer is not None:
            raise InvalidRequestError(f"No request {request_id!r} is open; it was answered, withdrawn or never asked.")
        asked.answer = answer
        asked.answered.set()

    def passes(self, message: SDKMessage) -> list[SDKMessage]:
        """Return what goes on to the client of a message: of what it is asked, it makes such messages itself."""
        if isinstance(message, RequestOpened):
            if message.request_id not in self._ours:
                self._told[message.request_id] = message
            return []
        if isinstance(message, RequestResolved):
            opened = self._told.pop(message.request_id, None)
            self._ours.discard(message.request_id)
            return [] if opened is None else [opened, message]
        return [message]


def _entry(request: AgentRequest) -> Json:
    return {"request": request.to_wire(), "request_kind": kind_of(request)}
