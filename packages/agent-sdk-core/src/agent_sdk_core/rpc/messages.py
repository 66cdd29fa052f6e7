"""What a peer hands to its owner: requests of the other side, and what it could not make sense of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

JsonObject: TypeAlias = dict[str, object]
"""A JSON object as it was received. Shared, not copied: do not change it."""

RequestId: TypeAlias = int | str
"""Id of a request. Codex counts from 0, and both directions use the same numbers at the same time."""

IssueKind: TypeAlias = Literal[
    "not_an_object",
    "unknown_shape",
    "unknown_response",
    "duplicate_request",
    "oversized_line",
    "callback_failed",
]


@dataclass(frozen=True, slots=True)
class ServerRequest:
    """A request of the other side, which waits for one answer.

    Attributes:
        id: Its id, to answer with; may be 0.
        method: Its method.
        params: Its parameters; empty if it has none.
        raw: The whole message.
    """

    id: RequestId
    method: str
    params: JsonObject
    raw: JsonObject


@dataclass(frozen=True, slots=True)
class ProtocolIssue:
    """Something received that is no valid message, or that its receiver failed on. The stream goes on.

    Attributes:
        kind: What is wrong, for programs.
        detail: What is wrong, for people.
        raw: What was received.
        error: What the receiver raised, if it did.
    """

    kind: IssueKind
    detail: str
    raw: object = None
    error: Exception | None = None
