"""What an agent asks its client: permissions, and forms to fill in."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import PlainValidator

from acp_sdk.protocol.model import AcpModel, one_of
from acp_sdk.protocol.tool_calls import ToolCall

OPTION_KINDS: Final = ("allow_once", "allow_always", "reject_once", "reject_always")
"""What an option of a permission does; other words may come, and are no consent."""


class PermissionOption(AcpModel, frozen=True):
    """An answer that is offered; ids differ from agent to agent, the kind says what it means."""

    option_id: str
    name: str = ""
    kind: str


class ToolCallSubject(AcpModel, frozen=True):
    """The call that is asked about."""

    type: Literal["tool_call"] = "tool_call"
    tool_call: ToolCall


class CommandSubject(AcpModel, frozen=True):
    """The command that is asked about."""

    type: Literal["command"] = "command"
    command: str
    cwd: str = ""
    tool_call_id: str | None = None
    terminal_id: str | None = None


class UnknownSubject(AcpModel, frozen=True):
    """What is asked about and not known, with all its fields."""


_SUBJECTS: Final = {"tool_call": ToolCallSubject, "command": CommandSubject}
PermissionSubject = Annotated[
    ToolCallSubject | CommandSubject | UnknownSubject, PlainValidator(one_of("type", _SUBJECTS, UnknownSubject))
]


class PermissionRequest(AcpModel, frozen=True):
    """`session/request_permission`: may this be done? Nothing that is not understood is consent."""

    session_id: str
    title: str = ""
    description: str | None = None
    subject: PermissionSubject | None = None
    options: list[PermissionOption] = []


class PermissionOutcome(AcpModel, frozen=True):
    """`selected` with the id of an option, `cancelled`, or another word, which is no consent."""

    outcome: str
    option_id: str | None = None


class PermissionResponse(AcpModel, frozen=True):
    """The answer to a permission request."""

    outcome: PermissionOutcome

    @classmethod
    def selected(cls, option_id: str) -> PermissionResponse:
        """Return the answer that chooses an option."""
        return cls(outcome=PermissionOutcome(outcome="selected", option_id=option_id))

    @classmethod
    def cancelled(cls) -> PermissionResponse:
        """Return the answer that chooses none: the thing is not done."""
        return cls(outcome=PermissionOutcome(outcome="cancelled"))


class ElicitationRequest(AcpModel, frozen=True):
    """`elicitation/create`: a form (`mode` form, with `requested_schema`) or a page to visit (url, with `url`).

    It belongs to a session, or to the request `request_id` of the client's, such as a login.
    """

    message: str = ""
    mode: str
    requested_schema: dict[str, Any] | None = None
    elicitation_id: str | None = None
    url: str | None = None
    session_id: str | None = None
    tool_call_id: str | None = None
    request_id: str | int | None = None


class ElicitationResponse(AcpModel, frozen=True):
    """The answer: `accept` with the form's values, `decline`, or `cancel`."""

    action: str
    content: dict[str, Any] | None = None


class ElicitationCompleted(AcpModel, frozen=True):
    """`elicitation/complete`: what the page was for is done."""

    elicitation_id: str
