"""Which requests an agent makes of a session: each is read as what a person answers, or refused.

Files and terminals are not lent: what an agent does with them would pass every policy by.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

from acp_sdk.asking.elicitations import DECLINED, elicitation
from acp_sdk.asking.envelope import Envelope
from acp_sdk.asking.permissions import REFUSED, permission
from acp_sdk.normalizer.facts import SessionFacts
from acp_sdk.normalizer.tools import Facts, Tool
from acp_sdk.protocol import methods
from acp_sdk.protocol.asking import ElicitationRequest
from acp_sdk.protocol.asking import PermissionRequest as Asked
from agent_sdk_core.asking.approvals import ends_turn
from agent_sdk_core.asking.escalations import absolute_folders
from agent_sdk_core.asking.permissions import Deny, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, Ask, Reading
from agent_sdk_core.options import SessionOptions
from agent_sdk_core.rpc.receiver import RequestId, ServerRequest
from agent_sdk_core.wire.reading import Json, optional_text_at, record_of

REFUSALS: Final[dict[str, Json]] = {methods.REQUEST_PERMISSION: REFUSED, methods.CREATE_ELICITATION: DECLINED}
"""What each request gets when nobody answers it."""

Announced = tuple[Asked, Facts, Tool, str | None, str | None]
"""A permission request with what is known of its call, the call's id, and the turn's."""


class UnownedRequests:
    """Reads requests that belong to no session: none of them is answered but by a refusal."""

    def read(self, request: ServerRequest) -> Reading:
        """Return None."""
        return None

    def refusal(self, request: ServerRequest, reason: str = "") -> Json | None:
        """Return the body that refuses a request; see `RequestReader`."""
        return REFUSALS.get(request.method)


class SessionRequests:
    """Reads the requests of one session.

    Args:
        options: The session's options.
        facts: What is known of it.
        interrupting: Tells whether the turn was asked to end.
        refuse: Notes that a call was refused, by its id.
        stop_turn: Ends the running turn.
    """

    def __init__(
        self,
        options: SessionOptions,
        facts: SessionFacts,
        *,
        interrupting: Callable[[], bool],
        refuse: Callable[[str], None],
        stop_turn: Callable[[], Awaitable[None]],
    ) -> None:
        self._options = options
        self._facts = facts
        self._interrupting = interrupting
        self._refuse = refuse
        self._stop_turn = stop_turn
        self._add_dirs = absolute_folders(options.add_dirs)
        self._announced: dict[RequestId, Announced] = {}

    def announce(self, request_id: RequestId, announced: Announced) -> None:
        """Keep what is known of a permission request until it is read."""
        self._announced[request_id] = announced

    def refusal(self, request: ServerRequest, reason: str = "") -> Json | None:
        """Return the body that refuses a request; see `RequestReader`."""
        return REFUSALS.get(request.method)

    def read(self, request: ServerRequest) -> Reading:
        """Return what a request asks; None for one that is refused unasked."""
        if request.method == methods.REQUEST_PERMISSION:
            return self._permission(request)
        if request.method == methods.CREATE_ELICITATION:
            asked = ElicitationRequest.read(request.params)
            return None if asked is None else elicitation(self._envelope(request, asked.tool_call_id, None), asked)
        return None

    def _permission(self, request: ServerRequest) -> Ask[PermissionRequest] | None:
        announced = self._announced.pop(request.id, None)
        if announced is None or self._interrupting():  # Nobody can judge what cannot be read, nor is asked of an end.
            return None
        asked, facts, tool, call_id, turn_id = announced
        found = permission(
            self._envelope(request, call_id, turn_id),
            asked,
            facts,
            tool,
            cwd=self._facts.cwd,
            add_dirs=self._add_dirs,
            interrupting=self._interrupting,
        )

        async def before_sending(answer: AgentAnswer | None) -> None:
            if not isinstance(answer, Deny):
                return
            if call_id is not None:
                self._refuse(call_id)
            if ends_turn(found.request, answer):
                await self._stop_turn()

        return replace(found, before_sending=before_sending)

    def _envelope(self, request: ServerRequest, call_id: str | None, turn_id: str | None) -> Envelope:
        return Envelope.of(
            request.id,
            request.params,
            session_id=self._facts.own_id,
            timeout=self._options.request_timeout,
            backend=self._facts.backend,
            turn_id=turn_id,
            call_id=call_id,
        )


def session_of(params: Json) -> str | None:
    """Return the session that a request or an update names."""
    return optional_text_at(record_of(params), "sessionId")
