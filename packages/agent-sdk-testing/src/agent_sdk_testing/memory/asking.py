"""What the agent in memory asks: whether a tool may run, what the user chooses, whether a plan is carried out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from agent_sdk_core import Allow, Answers, Deny, PermissionMode, PermissionOption, Question
from agent_sdk_core.asking.approvals import ALLOW, DENY, DENY_AND_STOP, Offers, ends_turn, plan_offers
from agent_sdk_core.asking.escalations import absolute_folders, is_within
from agent_sdk_core.asking.permissions import Escalation
from agent_sdk_core.asking.questions import Choice
from agent_sdk_core.asking.requests import AgentAnswer, Ask, Envelope, expect
from agent_sdk_core.messages.kinds import tool_kind

Json = dict[str, Any]

_KEPT: Final = "in memory, until the session ends"
_UNTOLD: Final = "Nobody allowed it."


def outside(name: str, given: Mapping[str, object], cwd: str, add_dirs: Any) -> str | None:
    """Return the path that a tool would change outside of the session's folders; None if there is none."""
    path = given.get("file_path")
    if tool_kind(name) not in ("edit", "delete", "move") or not isinstance(path, str):
        return None
    return None if is_within(path, cwd, absolute_folders(add_dirs)) else path


def permission(envelope: Envelope, name: str, given: Json, *, asked: Json, leaves: str | None) -> Ask[Any]:
    """Return what is asked before a tool runs; its answer has `input` and `granted`, or `refusal` and `stop`.

    Args:
        envelope: What every request shares.
        name: The tool.
        given: Its input.
        asked: What else the request tells.
        leaves: The path outside of the session's folders that it would change.
    """
    session = PermissionOption("allow_session", f"Yes, and so for the session: {name}", Allow("session"), _KEPT)
    offers = Offers[None]([(ALLOW, None), (session, None), (DENY, None), (DENY_AND_STOP, None)])
    lifted: frozenset[Escalation] = frozenset() if leaves is None else frozenset({"path"})
    request = envelope.permission(name, given, options=offers.options, escalates=lifted, blocked_path=leaves, **asked)

    def encode(answer: AgentAnswer) -> Json:
        chosen, option, _ = offers.chosen(answer)
        if isinstance(chosen, Deny):
            return {"refusal": chosen.message or _UNTOLD, "stop": ends_turn(request, chosen)}
        changed = given if chosen.updated_input is None else chosen.updated_input
        return {"input": dict(changed), "granted": option is session}

    return Ask(request, encode)


def plan(envelope: Envelope, given: Json, *, asked: Json) -> Ask[Any]:
    """Return what is asked about a plan; its answer has the `mode` that follows, or `refusal` and `stop`."""
    offers = plan_offers(_KEPT)
    request = envelope.permission("ExitPlanMode", given, options=offers.options, requires_person=True, **asked)

    def encode(answer: AgentAnswer) -> Json:
        chosen, _, mode = offers.chosen(answer)
        if isinstance(chosen, Deny):
            return {"refusal": chosen.message or _UNTOLD, "stop": ends_turn(request, chosen)}
        told: PermissionMode | None = mode
        return {"mode": told, "plan": str((chosen.updated_input or given).get("plan", ""))}

    return Ask(request, encode)


def questions(envelope: Envelope, given: Json) -> Ask[Any]:
    """Return what the user is asked; its answer has the `answers` by question."""
    asked = [
        Question(
            str(each["question"]),
            header=str(each.get("header", "")),
            choices=tuple(Choice(option["label"], option.get("description", "")) for option in each.get("options", ())),
            multi_select=each.get("multiSelect") is True,
            allow_other=True,
        )
        for each in given["questions"]
    ]

    def encode(answer: AgentAnswer) -> Json:
        return {"answers": {key: list(texts) for key, texts in expect(answer, Answers).answers.items()}}

    return Ask(envelope.question(asked), encode)
