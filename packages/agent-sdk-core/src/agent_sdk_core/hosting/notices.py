"""`Notices`: what happens to a host's agent, kept for the clients whose sessions it may concern."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, Final, cast
from uuid import uuid4

from agent_sdk_core.errors import InvalidRequestError
from agent_sdk_core.hosting.forms import Json, plain
from agent_sdk_core.interfaces.events import BackendEvent

TOLD: Final = frozenset(
    {"restarted", "exited", "account", "rate_limits", "warning", "protocol_error", "messages_dropped"}
)
"""Events that clients hear of; that an agent has started or is gone they see from their sessions."""

_KEPT: Final = 200


class Notices:
    """The last events of a host's agent, numbered.

    Attributes:
        id: Names this host, whose numbers mean nothing to another one.
        last: The number of the last event.
    """

    def __init__(self) -> None:
        self.id = uuid4().hex
        self.last = 0
        self._events: deque[Json] = deque(maxlen=_KEPT)

    def add(self, event: BackendEvent) -> None:
        """Keep an event, if clients hear of it."""
        if event.kind not in TOLD:
            return
        self.last += 1
        try:
            details: Any = plain(event.details)
        except InvalidRequestError:
            details = {}
        self._events.append({"seq": self.last, "kind": event.kind, "message": event.message, "details": details})

    def since(self, place: object, otherwise: int) -> Json:
        """Return what came after a place, as a client was told it.

        Args:
            place: What this returned before; anything else stands for `otherwise`.
            otherwise: The number from which a client is told that knows no place here.
        """
        known: Json = cast("Json", place) if isinstance(place, Mapping) else {}
        seq = int(known["last"]) if known.get("host") == self.id else otherwise
        return {"host": self.id, "last": self.last, "events": [each for each in self._events if each["seq"] > seq]}
