"""What a client is asked by: a request for permission, or a form of the protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

SKIP: Final = "skip"
"""The option that answers nothing."""


@dataclass(frozen=True, slots=True)
class Asking:
    """One thing to ask a client.

    Attributes:
        method: The request's method.
        params: Its parameters, in the words of the second version, without the session.
    """

    method: Literal["session/request_permission", "elicitation/create"]
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Forms:
    """What a client can show beside options.

    Attributes:
        form: Forms.
        url: Links to visit.
    """

    form: bool = False
    url: bool = False


def form(message: str, properties: dict[str, Any], required: list[str], *, tool_call: str | None) -> Asking:
    """Return a form.

    Args:
        message: What is asked.
        properties: Its fields, as JSON Schema.
        required: Those that have to be filled in.
        tool_call: The call that waits for it.
    """
    schema = {"type": "object", "properties": properties, "required": required}
    params: dict[str, Any] = {"mode": "form", "message": message, "requestedSchema": schema}
    if tool_call is not None:
        params["toolCallId"] = tool_call
    return Asking("elicitation/create", params)
