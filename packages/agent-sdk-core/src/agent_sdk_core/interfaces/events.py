"""Events of a backend, whatever session is open."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from types import MappingProxyType
from typing import Literal

from agent_sdk_core.arguments import checked_class
from agent_sdk_core.records import dataclass

BackendEventKind = Literal[
    "started",
    "restarted",
    "dead",
    "exited",
    "account",
    "rate_limits",
    "warning",
    "protocol_error",
    "log",
    "messages_dropped",
]


def _no_details() -> Mapping[str, object]:
    return MappingProxyType({})


@checked_class()
@dataclass(frozen=True, slots=True)
class BackendEvent:
    """Something that happened to a backend, whatever session was open.

    Attributes:
        kind: What happened; "account": somebody logged in or out. "exited": an agent ended that comes back,
            "restarted": it did, "dead": none will.
        message: One sentence.
        details: Native data.
    """

    kind: BackendEventKind
    message: str
    details: Mapping[str, object] = field(default_factory=_no_details)

    def __reduce__(self) -> tuple[object, ...]:
        """Copy and pickle by value, a read-only view of nothing included."""
        return (type(self), (self.kind, self.message, dict(self.details)))
