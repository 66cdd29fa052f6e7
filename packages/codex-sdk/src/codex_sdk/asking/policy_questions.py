"""What a policy has a person asked about a call that Codex itself would not ask about. Pure."""

from __future__ import annotations

from dataclasses import replace

from agent_sdk_core.asking.approvals import ALLOW, DENY, DENY_AND_STOP, Offers
from agent_sdk_core.asking.permissions import Deny, PermissionRequest
from agent_sdk_core.asking.requests import AgentAnswer, Ask
from agent_sdk_core.hooks.events import PreToolUseEvent
from agent_sdk_core.runtime.asking.hooking import HookOutcome
from agent_sdk_core.wire.reading import Json
from codex_sdk.asking.envelope import Envelope

_OFFERS = Offers[None]([(ALLOW, None), (DENY, None), (DENY_AND_STOP, None)])


def policy_approval(
    event: PreToolUseEvent,
    outcome: HookOutcome,
    *,
    timeout: float | None,
    parent_tool_use_id: str | None,
    lifts: str | None = None,
    changeable: tuple[str, ...] | None = None,
) -> Ask[PermissionRequest]:
    """Return the request for a person, about the input as hooks left it.

    Args:
        event: The call.
        outcome: What hooks and policy said of it.
        timeout: Seconds after which it is denied.
        parent_tool_use_id: The tool use that started the sub-agent which calls.
        changeable: The arguments that Codex can change; None: all.
        lifts: Why the call asks to run outside of the sandbox, which an allow then lifts; None: an allow lifts nothing.
    """
    envelope = Envelope.of(
        event.tool_use_id,
        dict(event.raw),
        session_id=event.session_id,
        timeout=timeout,
        parent_tool_use_id=parent_tool_use_id,
    )
    given = event.input if outcome.input is None else outcome.input
    request = envelope.permission(
        event.tool_name,
        given,
        tool_use_id=event.tool_use_id,
        reason=f"{outcome.ask}; the agent says: {lifts}" if lifts else outcome.ask,
        escalates=frozenset() if lifts is None else frozenset({"sandbox"}),
        cwd=event.cwd,
        options=_OFFERS.options,
        changeable=changeable,
    )

    def encode(answer: AgentAnswer) -> Json:
        answer, _, _ = _OFFERS.chosen(answer)
        if isinstance(answer, Deny):
            return {"refused": answer.message or "Nobody allowed it.", "stop": answer.interrupt}
        return {} if answer.updated_input is None else {"input": dict(answer.updated_input)}

    return Ask(request, encode)


def decided(outcome: HookOutcome, answer: Json | None) -> HookOutcome:
    """Return an outcome as a person decided; None for an answer that did not come in time."""
    if answer is None:
        return replace(outcome, block="Nobody allowed it.")
    if (refused := answer.get("refused")) is not None:
        return replace(outcome, block=str(refused), stop=str(refused) if answer.get("stop") else None)
    return replace(outcome, input=answer["input"]) if "input" in answer else outcome
