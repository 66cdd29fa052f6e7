"""Forms and pages that an agent asks its user for. Pure."""

from __future__ import annotations

from acp_sdk.asking.envelope import Envelope
from acp_sdk.protocol.asking import ElicitationRequest as Asked
from agent_sdk_core.asking.questions import ElicitationAnswer, ElicitationRequest
from agent_sdk_core.asking.requests import AgentAnswer, Ask, expect
from agent_sdk_core.wire.reading import Json

DECLINED: Json = {"action": "decline"}


def elicitation(envelope: Envelope, asked: Asked) -> Ask[ElicitationRequest] | None:
    """Return a form or a page for the caller; None for another kind."""
    if asked.mode not in ("form", "url"):
        return None
    request = envelope.elicitation(
        asked.mode, server=envelope.backend, message=asked.message, schema=asked.requested_schema, url=asked.url
    )

    def encode(answer: AgentAnswer) -> Json:
        answer = expect(answer, ElicitationAnswer)
        if answer.action == "accept" and answer.content is not None:
            return {"action": "accept", "content": dict(answer.content)}
        return {"action": answer.action}

    return Ask(request, encode)
